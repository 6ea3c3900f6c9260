"""The fleet's report: the outcome of every target, as frozen data.

Its JSON is `fleet.json`; the page, the Markdown, the metrics and the mail are functions of it.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Final, Literal, Self

import msgspec
from msgspec import UNSET, UnsetType

from northflank_audit.model import Severity, Status, Struct
from northflank_audit.periods import checked_time
from northflank_audit.report import Report, RuleSummary, Summary, Tool
from northflank_audit.resources import TYPES

SCHEMA_VERSION: Final = "1.0"
"""The version of `fleet.json`. The first number changes if a field is removed or changes its meaning."""
INCOMPLETE: Final = 3


class FleetRun(Struct, frozen=True, kw_only=True):
    """The run of a fleet, or of one of its targets. Nothing else in the report depends on time."""

    id: str
    started_at: dt.datetime
    finished_at: dt.datetime

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations, since reports are read from files."""
        checked_time(self.started_at)
        checked_time(self.finished_at)


class FamilyVerdicts(Struct, frozen=True, rename={"passed": "pass"}, kw_only=True):
    """The verdicts of the rules about one family of resource types, such as `network`."""

    passed: int = 0
    fail: int = 0
    """Violations that are not waived."""
    unknown: int = 0
    """Verdicts that are unknown, or an error."""
    waived: int = 0
    worst: Severity | None = None
    """The highest severity of its violations that are not waived."""


class Target(Struct, frozen=True, kw_only=True):
    """The outcome of one target."""

    name: str
    exit_code: int
    """As of `run`; 2 if it could not start."""
    complete: bool
    summary: Summary | None
    """None if it could not start."""
    incomplete_reasons: list[str]
    report: str | None
    """The path of its JSON report, else of its first one, from the fleet's report; None without any."""
    reports: dict[str, str] = msgspec.field(default_factory=dict)
    """The paths of its reports by format, from the fleet's report."""
    families: dict[str, FamilyVerdicts] = msgspec.field(default_factory=dict)
    """The verdicts by family of resource types, for the families that rules were about."""
    run: FleetRun

    @property
    def sort_key(self) -> tuple[object, ...]:
        """The order of targets: without a verdict, incomplete, violated, green; then by violations and name."""
        violations = self.summary.fail_by_severity if self.summary else {}
        return (
            -(self.exit_code if self.complete else INCOMPLETE),
            self.summary is not None,
            [-violations.get(severity, 0) for severity in reversed(Severity)],
            self.name,
        )


class Shard(Struct, frozen=True, kw_only=True):
    """Which part of the fleet a report is about."""

    part: int
    """From 1 to `of`."""
    of: int
    names: str
    """SHA-256 of the names of all targets of the fleet, sorted, each on a line: 64 hexadecimal digits."""


class FleetReport(Struct, frozen=True, kw_only=True):
    """The outcome of a fleet."""

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    tool: Tool
    run: FleetRun
    targets: list[Target]
    """The worst first."""
    exit_code: int
    shard: Shard | UnsetType = UNSET
    """For a part of a fleet."""
    undelivered: list[str] | UnsetType = UNSET
    """Why something of the fleet's own could not be written or sent, for a person."""

    @classmethod
    def of(cls, tool: Tool, run: FleetRun, targets: Iterable[Target], shard: Shard | UnsetType = UNSET) -> Self:
        """Sum up targets."""
        ordered = sorted(targets, key=lambda each: each.sort_key)
        return cls(tool=tool, run=run, targets=ordered, exit_code=exit_code(ordered), shard=shard)


def exit_code(targets: Iterable[Target]) -> int:
    """Return 3 if a target is incomplete or could not start, else 1 if one is violated, else 0."""
    codes = {each.exit_code if each.complete else INCOMPLETE for each in targets}
    if codes - {0, 1}:
        return INCOMPLETE
    return max(codes, default=0)


def target_of(name: str, report: Report, reports: dict[str, str], run: FleetRun) -> Target:
    """Return the outcome of a target by its report; `reports` are the paths of its files by format."""
    return Target(
        name=name,
        exit_code=report.exit_code,
        complete=report.run.complete,
        summary=report.summary,
        incomplete_reasons=report.run.incomplete_reasons,
        report=reports.get("json", next(iter(reports.values()), None)),
        reports=reports,
        families=families(report.rules),
        run=run,
    )


def not_started(name: str, reason: str, run: FleetRun, code: int = 2) -> Target:
    """Return the outcome of a target without a report: it could not start, or (code 3) did not end."""
    return Target(
        name=name,
        exit_code=code,
        complete=False,
        summary=None,
        incomplete_reasons=[reason],
        report=None,
        run=run,
    )


def families(rules: Iterable[RuleSummary]) -> dict[str, FamilyVerdicts]:
    """Return the verdicts of rules by the family of the types that they are about, in the catalogue's order."""
    found: dict[str, list[RuleSummary]] = {kind.family: [] for kind in TYPES.values()}
    for rule in rules:
        found[TYPES[rule.resource].family].append(rule)
    return {family: _verdicts(own) for family, own in found.items() if own}


def _verdicts(rules: list[RuleSummary]) -> FamilyVerdicts:
    def count(*statuses: str) -> int:
        return sum(rule.counts.get(status, 0) for rule in rules for status in statuses)

    return FamilyVerdicts(
        passed=count(Status.PASS),
        fail=count(Status.FAIL),
        unknown=count(Status.UNKNOWN, Status.ERROR),
        waived=count("waived"),
        worst=max(
            (rule.severity for rule in rules if rule.counts.get(Status.FAIL)), key=lambda each: each.rank, default=None
        ),
    )


def digest_of(names: Iterable[str]) -> str:
    """Return the SHA-256 of targets' names, in any order: 64 hexadecimal digits."""
    return hashlib.sha256("".join(f"{name}\n" for name in sorted(names)).encode()).hexdigest()
