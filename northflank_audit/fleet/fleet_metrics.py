"""Writes a fleet's metrics for Prometheus: one file, or one push, with a label `target` on each target's series.

Each means the same as of a run. The label `fleet` distinguishes fleets, and `shard` the parts of one that several
machines audit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Final

from msgspec import UNSET
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.samples import Sample

from northflank_audit.delivery import files
from northflank_audit.delivery.metrics import HELP, LAST_SUCCESS
from northflank_audit.delivery.prometheus_text import (
    PREFIX,
    READABLE,
    exposition,
    file_samples,
    gateway_samples,
    gauge,
    push_groups,
)
from northflank_audit.fleet.fleet_outcome import by_verdict, complete
from northflank_audit.fleet.fleet_report import FleetReport, Target

JOB: Final = "northflank_audit_fleet"
SUCCESS_JOB: Final = "northflank_audit_fleet_success"
"""The Pushgateway's group of the times of last successes, which stays when the other group is replaced."""
FLEET: Final = "fleet"
TARGET: Final = "target"


def write(path: str, report: FleetReport, fleet: str) -> None:
    """Replace the file for the node exporter; `fleet` is the fleet's name. Raises NotWritten.

    A target that is incomplete keeps the time of its last success in the file that is replaced.
    """
    labels = _labels(report, fleet)
    successes = _successes(report, fleet, file_samples(path, LAST_SUCCESS))
    text = exposition(chain(_families(report, labels), _success(labels, successes)))
    files.write(path, text, mode=READABLE)


def push(gateway: str, report: FleetReport, fleet: str) -> None:
    """Push to the Pushgateway at this address; `fleet` is the fleet's name. Raises DeliveryError.

    The times of last successes have a group of their own. A push replaces all of it, so those of targets that are
    incomplete are read from the gateway first.
    """
    labels = _labels(report, fleet)
    push_groups(gateway, {JOB: _families(report, labels)}, labels)
    earlier = [] if all(each.complete for each in report.targets) else gateway_samples(gateway, LAST_SUCCESS)
    if successes := _successes(report, fleet, earlier):
        push_groups(gateway, {SUCCESS_JOB: _success(labels, successes)}, labels)


def _successes(report: FleetReport, fleet: str, earlier: Iterable[Sample]) -> dict[str, float]:
    """Return when each target was last complete, by this report and by earlier metrics of this fleet."""
    known: dict[str, float] = {}
    now = report.run.finished_at.timestamp()
    for sample in earlier:
        target = sample.labels.get(TARGET)
        if target is not None and sample.labels.get(FLEET) == fleet and 0 < sample.value <= now:
            known[target] = max(sample.value, known.get(target, 0))
    for each in report.targets:
        if each.complete:
            known[each.name] = each.run.finished_at.timestamp()
    return {each.name: known[each.name] for each in _by_name(report) if each.name in known}


def _success(labels: Mapping[str, str], successes: Mapping[str, float]) -> Iterator[GaugeMetricFamily]:
    name = LAST_SUCCESS.removeprefix(PREFIX)
    yield gauge(labels, name, HELP[name], {(target,): when for target, when in successes.items()}, TARGET)


def _families(report: FleetReport, labels: Mapping[str, str]) -> Iterator[GaugeMetricFamily]:
    yield from _of_fleet(report, partial(gauge, labels))
    targets = _by_name(report)
    figures: dict[str, Callable[[Target], float]] = {
        "last_run_timestamp_seconds": lambda each: each.run.finished_at.timestamp(),
        "duration_seconds": lambda each: (each.run.finished_at - each.run.started_at).total_seconds(),
        "complete": lambda each: each.complete,
        "exit_code": lambda each: each.exit_code,
    }
    for name, value in figures.items():
        yield gauge(labels, name, HELP[name], {(each.name,): value(each) for each in targets}, TARGET)
    yield gauge(
        labels,
        "violations",
        "Violations of the last run that are not waived. No 0 if some may not have been seen.",
        {
            (each.name, severity): count
            for each in targets
            if each.summary
            for severity, count in each.summary.fail_by_severity.items()
            if count or each.complete
        },
        TARGET,
        "severity",
    )


def _of_fleet(report: FleetReport, made: "partial[GaugeMetricFamily]") -> Iterator[GaugeMetricFamily]:
    """Yield what is about the fleet as a whole."""
    run = report.run
    yield made("build_info", HELP["build_info"], {(report.tool.version,): 1}, "version")
    yield made(
        "fleet_targets",
        "Targets of the fleet's last run by their verdict.",
        {(verdict.value,): count for verdict, count in by_verdict(report).items()},
        "verdict",
    )
    yield made(
        "fleet_complete",
        "1 if every target could be seen and evaluated, and all was delivered, else 0.",
        {(): complete(report)},
    )
    yield made("fleet_exit_code", "The fleet's exit code: 0, 1 (violations) or 3 (incomplete).", {(): report.exit_code})
    yield made(
        "fleet_last_run_timestamp_seconds", "When the fleet's last run ended.", {(): run.finished_at.timestamp()}
    )
    seconds = (run.finished_at - run.started_at).total_seconds()
    yield made("fleet_duration_seconds", "How long the fleet's last run took.", {(): seconds})


def _by_name(report: FleetReport) -> list[Target]:
    return sorted(report.targets, key=lambda each: each.name)


def _labels(report: FleetReport, fleet: str) -> dict[str, str]:
    shard = report.shard
    return {FLEET: fleet} | ({} if shard is UNSET else {"shard": f"{shard.part}-of-{shard.of}"})
