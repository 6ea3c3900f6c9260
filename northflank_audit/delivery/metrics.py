"""Metrics of a run for Prometheus: as a file for the node exporter, and to a Pushgateway.

A scheduled job has no process to scrape, so everything here is a gauge of the last run. What must never be is an old
green: a run that is incomplete says `complete 0`, and the time of the last success stays what it was.

Both ways carry two labels that tell scheduled audits apart: `source` (`api`, `demo`, `input`) and `scope` (the teams).
"""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from northflank_audit.delivery import files
from northflank_audit.delivery.request import NotSent, send
from northflank_audit.errors import DeliveryError
from northflank_audit.report import Report

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

PREFIX: Final = "northflank_audit_"
JOB: Final = "northflank_audit"
LAST_SUCCESS: Final = PREFIX + "last_success_timestamp_seconds"
SUFFIX: Final = ".prom"
"""The node exporter reads the files that end so, and no others."""
OWN_ACCOUNT: Final = "account"
ALL_TEAMS: Final = "all-teams"
TEAM: Final = "team:"
"""Before a team's id that is one of the other scopes' names."""
READABLE: Final = 0o644
"""The node exporter runs as a user of its own."""


def scope(teams: Collection[str], *, all_teams: bool) -> str:
    """Return the label that tells what was audited: `account`, `all-teams`, or the teams' ids with commas between.

    Whatever the ids are, no two audits share a label: `team:` stands before an id that would be read as something
    else, and a comma in an id is `%2C`.
    """
    if all_teams:
        return ALL_TEAMS
    return ",".join(map(_spelt, sorted(set(teams)))) or OWN_ACCOUNT


def _spelt(team: str) -> str:
    escaped = team.replace("%", "%25").replace(",", "%2C")
    ambiguous = team in (OWN_ACCOUNT, ALL_TEAMS) or team.startswith(TEAM)
    return f"{TEAM}{escaped}" if ambiguous else escaped


def write(path: str, report: Report, scope: str, before: float | None) -> None:
    """Replace the file for the node exporter; `before` is what `last_success` gave. Raises NotWritten."""
    files.write(path, _text(report, scope, _finished(report) if report.run.complete else before), mode=READABLE)


def last_success(path: str, report: Report, scope: str) -> float | None:
    """Return when the last success was by the file that is there; None where it does not say that of this audit.

    The file is replaced whole, so a run that is no success has to write this again.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - as above

    if not Path(path).is_file():  # a pipe would have to be waited for
        return None
    try:
        samples = [
            sample
            for family in text_string_to_metric_families(Path(path).read_text(encoding="utf-8"))
            for sample in family.samples
        ]
    except (OSError, ValueError, LookupError):  # no such file, or none of ours
        return None
    labels = _labels(report, scope)
    found = [sample.value for sample in samples if sample.name == LAST_SUCCESS and sample.labels == labels]
    return next((value for value in found if 0 < value <= _finished(report)), None)


def push(gateway: str, report: Report, scope: str) -> None:
    """Push to the Pushgateway at this address. Raises DeliveryError.

    POST replaces metrics by their names, so a last success that is not pushed stays (PUT would take it away); but then
    everything else is pushed every time, lest an old value stay.
    """
    from prometheus_client import pushadd_to_gateway  # noqa: PLC0415 - only where metrics are wanted
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4  # noqa: PLC0415 - as above

    def post(url: str, method: str, timeout: Any, headers: Any, data: bytes) -> Any:  # noqa: ARG001 - its signature
        return lambda: send(method, url, data, CONTENT_TYPE_PLAIN_0_0_4)

    registry = _registry(report, scope, _finished(report) if report.run.complete else None)
    try:
        pushadd_to_gateway(gateway, JOB, registry, _labels(report, scope), handler=post)
    except NotSent as problem:
        raise DeliveryError(f"the metrics could not be pushed to {problem}") from None


def _text(report: Report, scope: str, succeeded: float | None) -> str:
    from prometheus_client import generate_latest  # noqa: PLC0415 - as above

    return generate_latest(_registry(report, scope, succeeded)).decode()


def _registry(report: Report, scope: str, succeeded: float | None) -> Any:
    """Return a registry of its own: the library's shared one would add metrics of this Python process."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - as above
    from prometheus_client.registry import Collector  # noqa: PLC0415 - as above

    class Families(Collector):
        def collect(self) -> "Iterator[GaugeMetricFamily]":
            return _families(report, _labels(report, scope), succeeded)

    registry = CollectorRegistry()
    registry.register(Families())
    return registry


def _families(report: Report, labels: Mapping[str, str], succeeded: float | None) -> "Iterator[GaugeMetricFamily]":
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as above

    def gauge(name: str, text: str, values: Mapping[tuple[str, ...], float], *names: str) -> GaugeMetricFamily:
        family = GaugeMetricFamily(PREFIX + name, text, labels=[*labels, *names])
        for own, value in values.items():
            family.add_metric([*labels.values(), *own], value)
        return family

    run, coverage = report.run, report.coverage
    seconds = (run.finished_at - run.started_at).total_seconds()
    yield gauge(
        "build_info", "Always 1; the version of the tool that ran last.", {(report.tool.version,): 1}, "version"
    )
    yield gauge("last_run_timestamp_seconds", "When the last run ended.", {(): _finished(report)})
    if succeeded is not None:
        yield gauge(
            LAST_SUCCESS.removeprefix(PREFIX),
            "When the last run that could see and judge everything ended.",
            {(): succeeded},
        )
    yield gauge("duration_seconds", "How long the last run took.", {(): seconds})
    yield gauge("complete", "Whether the last run could see and judge everything (1), or not (0).", {(): run.complete})
    yield gauge(
        "exit_code", "The exit code of the last run: 0, 1 (violations) or 3 (incomplete).", {(): report.exit_code}
    )
    yield gauge("requests", "Requests that the last run sent, tries included.", {(): coverage.requests})
    yield gauge("retries", "Requests that the last run sent again.", {(): coverage.retries})
    yield gauge("pages", "Pages of lists that the last run used.", {(): coverage.pages})
    yield gauge(
        "credentials", "Registry credentials that the last run judged.", {(): _seen(report, coverage.resources)}
    )
    yield gauge(
        "results",
        "Verdicts of the last run; fail leaves out what is waived. NaN where there may be some that were not seen.",
        {
            (rule.id, rule.severity, status): _seen(report, count)
            for rule in report.rules
            for status, count in rule.counts.items()
        },
        "rule",
        "severity",
        "status",
    )
    yield gauge(
        "compared_violations",
        "Violations of the last run against an earlier report; NaN where none was compared.",
        {(state,): count for state, count in _compared(report).items()},
        "state",
    )


def _seen(report: Report, count: int) -> float:
    """Return a count, but no 0 of what could not be seen: there may be some."""
    return count or (math.nan if report.run.blind else 0)


def _compared(report: Report) -> dict[str, float]:
    """Return how many violations are in each state. What was not compared is no number: 0 would say that it was."""
    states = ("new", "ongoing", "resolved", "unsettled")
    found = report.comparison
    if found is UNSET or found.refused is not None:
        return dict.fromkeys(states, math.nan)
    return {state: getattr(found, state) for state in states}


def _labels(report: Report, scope: str) -> dict[str, str]:
    return {"scope": scope, "source": report.run.source.kind}


def _finished(report: Report) -> float:
    return report.run.finished_at.timestamp()
