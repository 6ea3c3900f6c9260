"""Reads the fleet report of an earlier run, or of a shard, strictly."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET

from northflank_audit import jsontext, typed
from northflank_audit.errors import StartError
from northflank_audit.fleet.fleet_matrix import is_below
from northflank_audit.fleet.fleet_report import SCHEMA_VERSION, FleetReport, Target, exit_code
from northflank_audit.fleet.target_name import is_target_name
from northflank_audit.printable import printable, shortened, spelt
from northflank_audit.reading import LARGEST_DATA, read_text

FILE: Final = "fleet.json"
_VERSION: Final = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}")


def read_fleet_report(path: str) -> FleetReport:
    """Read a fleet.json. Raises StartError for other files, and for one that contradicts itself."""
    where = printable(spelt(path))
    try:
        report = fleet_report_of(jsontext.decode(read_text(path, largest=LARGEST_DATA).encode()))
    except (jsontext.InvalidJSON, msgspec.ValidationError, RecursionError) as error:
        raise StartError(f"{where}: not a {FILE} of this tool ({printable(shortened(str(error), 300))})") from None
    if problem := next(_contradictions(report), None):
        raise StartError(f"{where}: not a {FILE} of this tool ({problem})")
    return report


def fleet_report_of(value: Any) -> FleetReport:
    """Return a decoded fleet.json as a report. Raises msgspec.ValidationError for anything else."""
    version = value.get("schemaVersion") if isinstance(value, dict) else None
    if version is None:
        raise msgspec.ValidationError("it has no schemaVersion")
    if isinstance(version, str) and version != SCHEMA_VERSION and _VERSION.fullmatch(version):
        raise msgspec.ValidationError(
            f"its schemaVersion is {version}, and this version of the tool reads {SCHEMA_VERSION}; "
            "use the version that wrote it"
        )
    return typed.convert(value, FleetReport)


def _contradictions(report: FleetReport) -> Iterator[str]:
    """Yield what no report of this tool says."""
    for target in report.targets:
        yield from _faults(target)
    repeated = [name for name, count in Counter(each.name for each in report.targets).items() if count > 1]
    if repeated:
        yield f"the target {repeated[0]} occurs twice"
    least = exit_code(report.targets)
    if report.exit_code != (3 if report.undelivered is not UNSET else least):
        yield f"its exitCode is {report.exit_code}, and its targets say {least}"
    if report.undelivered == []:
        yield "its undelivered is empty"
    shard = report.shard
    if shard is not UNSET and not (1 <= shard.part <= shard.of and re.fullmatch("[0-9a-f]{64}", shard.names)):
        yield "its shard is none"


def _faults(target: Target) -> Iterator[str]:
    if not is_target_name(target.name):
        yield f"'{printable(shortened(target.name, 60))}' is no name of a target"
    if target.complete and (target.summary is None or target.exit_code not in (0, 1)):
        yield f"the target {target.name} is complete, with exit code {target.exit_code} and without what was found"
    if not target.complete and target.exit_code in (0, 1):
        yield f"the target {target.name} is incomplete, with exit code {target.exit_code}"
    paths = [*target.reports.values(), *([] if target.report is None else [target.report])]
    yield from (
        f"the target {target.name} has a report outside of the fleet's folder" for each in paths if not is_below(each)
    )
    if target.complete and target.incomplete_reasons:
        yield f"the target {target.name} is complete, with reasons why it is not"
    yield from _miscounts(target)


def _miscounts(target: Target) -> Iterator[str]:
    counts = [] if target.summary is None else [*_numbers(msgspec.to_builtins(target.summary))]
    for each in target.families.values():
        counts += [each.passed, each.fail, each.unknown, each.waived]
    if min(counts, default=0) < 0:
        yield f"the target {target.name} has a count below 0"
    fail = 0 if target.summary is None else target.summary.fail
    by_severity = 0 if target.summary is None else sum(target.summary.fail_by_severity.values())
    if not fail == by_severity == sum(each.fail for each in target.families.values()):
        yield f"the target {target.name} has other violations by severity or by family than in all"


def _numbers(summary: dict[str, Any]) -> Iterator[int]:
    for value in summary.values():
        if isinstance(value, dict):
            yield from value.values()
        else:
            yield value
