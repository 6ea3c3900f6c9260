"""Writes metrics for Prometheus, to a file or a Pushgateway.

A scheduled job has no process to scrape, so every metric is a gauge of the last run. An incomplete run has `complete
0`, and leaves the time of the last success unchanged, so no old success looks current. An unknown value has no series:
NaN would spoil every sum, and 0 would claim that it was seen.

Two labels distinguish scheduled audits: `source` (`api`, `demo`, `input`) and `scope` (the teams).
"""

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Final

from msgspec import UNSET
from prometheus_client.core import GaugeMetricFamily

from northflank_audit.delivery import files
from northflank_audit.delivery.prometheus_text import PREFIX, READABLE, exposition, file_samples, gauge, push_groups
from northflank_audit.model import RESOURCE_TYPE
from northflank_audit.report import Report

JOB: Final = "northflank_audit"
SUCCESS_JOB: Final = "northflank_audit_success"
"""The Pushgateway's group of the last success, which stays when the other group is replaced."""
LAST_SUCCESS: Final = PREFIX + "last_success_timestamp_seconds"
OWN_ACCOUNT: Final = "account"
ALL_TEAMS: Final = "all-teams"
TEAM: Final = "team:"
"""The prefix of a team's id that equals another scope's name."""
HELP: Final = {
    "build_info": "Always 1; the version of the tool that ran last.",
    "last_run_timestamp_seconds": "When the last run ended.",
    "last_success_timestamp_seconds": "When the last run that could see and evaluate everything ended.",
    "duration_seconds": "How long the last run took.",
    "complete": "1 if the last run could see and evaluate everything, else 0.",
    "exit_code": "The exit code of the last run: 0, 1 (violations), 2 (could not start; in a fleet) or 3 (incomplete).",
}
"""What the metrics mean that a fleet's targets have, too. Prometheus wants one text for one name."""


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
    labels = _labels(report, scope)
    values = [each.value for each in file_samples(path, LAST_SUCCESS) if each.labels == labels]
    return next((value for value in values if 0 < value <= _finished(report)), None)


def push(gateway: str, report: Report, scope: str) -> None:
    """Push to the Pushgateway at this address. Raises DeliveryError.

    PUT replaces a group whole, so no old value remains for what is now unknown (POST would keep it). The last success
    has a group of its own, which an incomplete run does not touch.
    """
    labels = _labels(report, scope)
    groups = {JOB: _families(report, labels)}
    if report.run.complete:  # last, so that it is only pushed if everything else was
        groups[SUCCESS_JOB] = _success(labels, _finished(report))
    push_groups(gateway, groups, labels)


def _text(report: Report, scope: str, succeeded: float | None) -> str:
    labels = _labels(report, scope)
    success = () if succeeded is None else _success(labels, succeeded)
    return exposition(chain(_families(report, labels), success))


def _success(labels: Mapping[str, str], when: float) -> Iterator[GaugeMetricFamily]:
    name = LAST_SUCCESS.removeprefix(PREFIX)
    yield gauge(labels, name, HELP[name], {(): when})


def _families(report: Report, labels: Mapping[str, str]) -> Iterator[GaugeMetricFamily]:
    made = partial(gauge, labels)
    run, coverage = report.run, report.coverage
    seconds = (run.finished_at - run.started_at).total_seconds()
    yield made("build_info", HELP["build_info"], {(report.tool.version,): 1}, "version")
    run_figures = {
        "last_run_timestamp_seconds": _finished(report),
        "duration_seconds": seconds,
        "complete": run.complete,
        "exit_code": report.exit_code,
    }
    for name, value in run_figures.items():
        yield made(name, HELP[name], {(): value})
    yield made("requests", "Requests that the last run sent, every attempt included.", {(): coverage.requests})
    yield made("retries", "Requests that the last run sent again.", {(): coverage.retries})
    yield made("pages", "Pages of lists that the last run used.", {(): coverage.pages})
    seen = coverage.resources or not run.has_gaps
    resources: dict[tuple[str, ...], float] = {
        (kind,): count for kind, count in report.resource_counts.items() if count or seen
    }
    own: dict[tuple[str, ...], float] = {(): resources[RESOURCE_TYPE,]} if (RESOURCE_TYPE,) in resources else {}
    yield made("credentials", "Registry credentials that the last run evaluated; also in resources.", own)
    yield made("resources", "Resources that the last run evaluated.", resources, "type")
    whole: dict[tuple[str, ...], float] = {(each.type,): int(each.complete) for each in coverage.types}
    yield made("type_complete", "1 if the last run could read all of a type, else 0.", whole, "type")
    yield made(
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
    yield made(
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
