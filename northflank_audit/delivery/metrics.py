"""Writes metrics for Prometheus, to a file or a Pushgateway.

A scheduled job has no process to scrape, so every metric is a gauge of the last run. An incomplete run has `complete
0`, and leaves the time of the last success unchanged, so no old success looks current. An unknown value has no series:
NaN would spoil every sum, and 0 would claim that it was seen.

Two labels distinguish scheduled audits: `source` (`api`, `demo`, `input`) and `scope` (the teams).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET
from prometheus_client import CollectorRegistry, generate_latest, push_to_gateway
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from northflank_audit.delivery import files
from northflank_audit.delivery.http_request import NotSent, send
from northflank_audit.errors import DeliveryError
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.report import Report

PREFIX: Final = "northflank_audit_"
JOB: Final = "northflank_audit"
SUCCESS_JOB: Final = "northflank_audit_success"
"""The Pushgateway's group of the last success, which stays when the other group is replaced."""
LAST_SUCCESS: Final = PREFIX + "last_success_timestamp_seconds"
OWN_ACCOUNT: Final = "account"
ALL_TEAMS: Final = "all-teams"
TEAM: Final = "team:"
"""The prefix of a team's id that equals another scope's name."""
READABLE: Final = 0o644
"""Readable by the node exporter, which runs as another user."""


def scope(teams: Collection[str], *, all_teams: bool) -> str:
    """Return the label of what was audited: `account`, `all-teams`, or the teams' ids, separated by commas.

    No two scopes share a label, whatever the ids are: an ambiguous id is prefixed with `team:`, and a comma in an id
    is `%2C`.
    """
    if all_teams:
        return ALL_TEAMS
    return ",".join(map(_spelt, sorted(set(teams)))) or OWN_ACCOUNT


def _spelt(team: str) -> str:
    escaped = team.replace("%", "%25").replace(",", "%2C")
    ambiguous = team in (OWN_ACCOUNT, ALL_TEAMS) or team.startswith(TEAM)
    return f"{TEAM}{escaped}" if ambiguous else escaped


def write(path: str, report: Report, scope: str, before: float | None) -> None:
    """Replace the file for the node exporter; `before` is the result of `last_success`. Raises NotWritten."""
    files.write(path, _text(report, scope, _finished(report) if report.run.complete else before), mode=READABLE)


def last_success(path: str, report: Report, scope: str) -> float | None:
    """Return the time of the last success by the existing file; None if it has none for this audit.

    The file is replaced whole, so an incomplete run must repeat this value.
    """
    if not Path(path).is_file():  # reading a pipe might block
        return None
    try:
        samples = [
            sample
            for family in text_string_to_metric_families(Path(path).read_text(encoding="utf-8"))
            for sample in family.samples
        ]
    except (OSError, ValueError, LookupError):  # no such file, or not one of this tool
        return None
    labels = _labels(report, scope)
    values = [sample.value for sample in samples if sample.name == LAST_SUCCESS and sample.labels == labels]
    return next((value for value in values if 0 < value <= _finished(report)), None)


def push(gateway: str, report: Report, scope: str) -> None:
    """Push to the Pushgateway at this address. Raises DeliveryError.

    PUT replaces a group whole, so no old value remains for what is now unknown (POST would keep it). The last success
    has a group of its own, which an incomplete run does not touch.
    """

    def post(url: str, method: str, timeout: Any, headers: Any, data: bytes) -> Any:  # noqa: ARG001 - its signature
        return lambda: send(method, url, data, CONTENT_TYPE_PLAIN_0_0_4)

    labels = _labels(report, scope)
    groups = {JOB: _families(report, labels)}
    if report.run.complete:  # last, so that it is only pushed if everything else was
        groups[SUCCESS_JOB] = _success(labels, _finished(report))
    try:
        for job, families in groups.items():
            push_to_gateway(gateway, job, _registry(families), labels, handler=post)
    except NotSent as problem:
        raise DeliveryError(f"the metrics could not be pushed to {problem}") from None


def _text(report: Report, scope: str, succeeded: float | None) -> str:
    labels = _labels(report, scope)
    success = () if succeeded is None else _success(labels, succeeded)
    return generate_latest(_registry(chain(_families(report, labels), success))).decode()


def _registry(families: Iterable[GaugeMetricFamily]) -> Any:
    """Return a separate registry: the library's shared one would add metrics of this Python process."""
    made = list(families)

    class Families(Collector):
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return made

    registry = CollectorRegistry()
    registry.register(Families())
    return registry


def _gauge(
    labels: Mapping[str, str], name: str, text: str, values: Mapping[tuple[str, ...], float], *names: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, text, labels=[*labels, *names])
    for own, value in values.items():
        family.add_metric([*labels.values(), *own], value)
    return family


def _success(labels: Mapping[str, str], when: float) -> Iterator[GaugeMetricFamily]:
    yield _gauge(
        labels,
        LAST_SUCCESS.removeprefix(PREFIX),
        "When the last run that could see and evaluate everything ended.",
        {(): when},
    )


def _families(report: Report, labels: Mapping[str, str]) -> Iterator[GaugeMetricFamily]:
    gauge = partial(_gauge, labels)
    run, coverage = report.run, report.coverage
    seconds = (run.finished_at - run.started_at).total_seconds()
    yield gauge(
        "build_info", "Always 1; the version of the tool that ran last.", {(report.tool.version,): 1}, "version"
    )
    yield gauge("last_run_timestamp_seconds", "When the last run ended.", {(): _finished(report)})
    yield gauge("duration_seconds", "How long the last run took.", {(): seconds})
    yield gauge("complete", "1 if the last run could see and evaluate everything, else 0.", {(): run.complete})
    yield gauge(
        "exit_code", "The exit code of the last run: 0, 1 (violations) or 3 (incomplete).", {(): report.exit_code}
    )
    yield gauge("requests", "Requests that the last run sent, every attempt included.", {(): coverage.requests})
    yield gauge("retries", "Requests that the last run sent again.", {(): coverage.retries})
    yield gauge("pages", "Pages of lists that the last run used.", {(): coverage.pages})
    seen = coverage.resources or not run.has_gaps
    resources: dict[tuple[str, ...], float] = {
        (kind,): count for kind, count in report.resource_counts.items() if count or seen
    }
    own: dict[tuple[str, ...], float] = {(): resources[RESOURCE_TYPE,]} if (RESOURCE_TYPE,) in resources else {}
    yield gauge("credentials", "Registry credentials that the last run evaluated; also in resources.", own)
    yield gauge("resources", "Resources that the last run evaluated.", resources, "type")
    whole: dict[tuple[str, ...], float] = {(each.type,): int(each.complete) for each in coverage.types}
    yield gauge("type_complete", "1 if the last run could read all of a type, else 0.", whole, "type")
    yield gauge(
        "results",
        "Verdicts of the last run; fail omits what is waived. No 0 if some may not have been seen.",
        {
            (rule.id, rule.severity, status): count
            for rule in report.rules
            for status, count in rule.counts.items()
            if count or not run.has_gaps
        },
        "rule",
        "severity",
        "status",
    )
    yield gauge(
        "compared_violations",
        "Violations of the last run compared with an earlier report; absent if nothing was compared.",
        _compared(report),
        "state",
    )


def _compared(report: Report) -> dict[tuple[str, ...], float]:
    """Return the number of violations in each state; empty if nothing was compared, since 0 would claim it was."""
    comparison = report.comparison
    if comparison is UNSET or comparison.refused is not None:
        return {}
    return {(state,): getattr(comparison, state) for state in ("new", "ongoing", "resolved", "unsettled")}


def _labels(report: Report, scope: str) -> dict[str, str]:
    return {"scope": scope, "source": report.run.source.kind}


def _finished(report: Report) -> float:
    return report.run.finished_at.timestamp()
