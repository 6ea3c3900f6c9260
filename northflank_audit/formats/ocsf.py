"""The report as OCSF Compliance Findings, for a SIEM.

The version is OCSF 1.5.0, class `compliance_finding` (2003) with the profile `cloud`; times are in milliseconds since
1970. A finding keeps its `finding_info.uid` from run to run: it is created, updated while it goes on, and closed when
it is resolved. An unsettled one is never closed: an unknown verdict updates it; otherwise it has no event.
Source: https://schema.ocsf.io/1.5.0/classes/compliance_finding.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import UNSET

from northflank_audit.formats.headline import headline
from northflank_audit.formats.text import BECAME, STATUSES, annotated, label
from northflank_audit.model import Result, Severity, Status
from northflank_audit.report import Report, RuleSummary
from northflank_audit.resolution import Became

VERSION: Final = "1.5.0"
"""Of the schema."""

_CLASS: Final = 2003
_CREATE, _UPDATE, _CLOSE = (1, "Create"), (2, "Update"), (3, "Close")
_NEW, _IN_PROGRESS, _SUPPRESSED, _RESOLVED = (1, "New"), (2, "In Progress"), (3, "Suppressed"), (4, "Resolved")
_SEVERITIES: Final = {
    Severity.INFO: (1, "Informational"),
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_UNKNOWN, _PASS, _FAIL = (0, "Unknown"), (1, "Pass"), (3, "Fail")
_OTHER: Final = 99
_VERDICTS: Final = {
    Status.PASS: _PASS,
    Status.FAIL: _FAIL,
    Status.UNKNOWN: (2, "Warning"),  # "did not yield a result due to missing information"
    Status.ERROR: (_OTHER, STATUSES["error"].capitalize()),
    Status.NOTAPPLICABLE: (_OTHER, STATUSES["notapplicable"].capitalize()),
}
_SOUND: Final = (Status.PASS, Status.NOTAPPLICABLE)
_ENDINGS: Final = {
    Became.FIXED: _PASS,
    Became.NOTAPPLICABLE: (_OTHER, BECAME[Became.NOTAPPLICABLE].capitalize()),
    Became.GONE: (_OTHER, BECAME[Became.GONE].capitalize()),
}


def render(report: Report) -> str:
    """Return a JSON list of events, one per line: each listed result, each resolved violation.

    A verdict that resolves a violation has only the closing event, so that no finding has two in one run.
    An incomplete audit is an event of its own, and marks all others.
    """
    events = ",\n".join(msgspec.json.encode(event).decode() for event in _events(report))
    return f"[\n{events}\n]\n" if events else "[]\n"


def _events(report: Report) -> Iterator[dict[str, Any]]:
    if not report.run.complete:
        yield _incomplete(report)
    titles = {framework.id: framework.title for framework in report.compliance}
    about = {rule.id: _about(rule, titles) for rule in report.rules}
    resolved = report.resolved_results
    closed = {each.fingerprint for each in resolved}
    unsettled = {each.fingerprint for each in report.unsettled_results}
    for each in report.results:
        if each.fingerprint not in closed:
            goes_on = each.state == "ongoing" or each.fingerprint in unsettled
            yield _event(report, each, about[each.rule_id], _UPDATE if goes_on else _CREATE)
    for each in resolved:
        yield _event(report, each, about.get(each.rule_id, {}), _CLOSE)


def _about(rule: RuleSummary, titles: dict[str, str]) -> dict[str, Any]:
    """Return what every event says about a rule."""
    guidance = {"desc": rule.remediation, **_some(references=rule.references)} if rule.remediation else {}
    return {
        "title": rule.title,
        "heading": rule.heading,
        "compliance": {
            "control": rule.title,
            **_some(
                desc=rule.rationale,
                standards=[titles.get(key, key) for key in rule.controls],
                requirements=[f"{titles.get(key, key)} {each}" for key, ids in rule.controls.items() for each in ids],
            ),
        },
        "remediation": guidance,
    }


def _event(report: Report, result: Result, about: dict[str, Any], activity: tuple[int, str]) -> dict[str, Any]:
    """Return what an event says about a result."""
    became, waiver = result.became, result.waiver
    title = about.get("heading" if result.status is Status.FAIL else "title", result.rule_id)
    now = _time(report.run.finished_at)
    seen = now
    if became is not UNSET:
        status, verdict = _RESOLVED, _ENDINGS.get(became, _UNKNOWN)
        seen = now if report.comparison is UNSET else _time(report.comparison.baseline.finished_at)
    else:
        status = _NEW if activity is _CREATE else _IN_PROGRESS
        status, verdict = _SUPPRESSED if waiver else status, _VERDICTS[result.status]
    severity = Severity.INFO if became is UNSET and result.status in _SOUND else result.severity
    return {
        **_head(report, activity, status, _SEVERITIES[severity], result.fingerprint),
        "message": result.message,
        "status_code": result.status if became is UNSET else became,
        **_some(comment="; ".join(_comments(result))),
        "compliance": {**about.get("compliance", {}), "status_id": verdict[0], "status": verdict[1]},
        "finding_info": {
            "uid": result.fingerprint,
            "title": title,
            "desc": result.message,
            "types": [result.resource.type],
            "analytic": {"uid": result.rule_id, "name": title, "type_id": 1, "type": "Rule"},
            **({"created_time": now} if activity is _CREATE else {"modified_time": now}),
            **({} if result.first_seen is UNSET else {"first_seen_time": _time(result.first_seen)}),
            "last_seen_time": seen,
        },
        "resources": [_resource(result)],
        "cloud": _cloud(result.resource.team),
        **_some(
            evidences=[{"data": result.evidence}] if result.evidence else [],
            remediation=about.get("remediation"),
            unmapped=_some(waiver=waiver, annotation=None if result.annotation is UNSET else result.annotation),
        ),
    }


def _comments(result: Result) -> Iterator[str]:
    waiver = result.waiver
    if waiver is not None:
        yield f"{waiver.reason} (waived by {waiver.owner} until {waiver.expires})"
    if result.annotation is not UNSET:
        yield annotated(result)


def _incomplete(report: Report) -> dict[str, Any]:
    """Return the event that an audit is incomplete, as a finding of high severity."""
    title = headline(report)
    return {
        **_head(report, _CREATE, _NEW, _SEVERITIES[Severity.HIGH], "incomplete"),
        "message": title,
        "status_code": "incomplete",
        "compliance": {
            "control": "The audit is complete",
            "status_id": _UNKNOWN[0],
            "status": _UNKNOWN[1],
            "status_details": report.run.incomplete_reasons,
        },
        "finding_info": {
            "uid": f"{report.run.id}-incomplete",
            "title": "The audit is incomplete",
            "desc": "\n".join([title, *report.run.incomplete_reasons]),
            "types": ["audit"],
            "created_time": _time(report.run.finished_at),
        },
        "cloud": _cloud(None),
    }


def _head(
    report: Report, activity: tuple[int, str], status: tuple[int, str], severity: tuple[int, str], uid: str
) -> dict[str, Any]:
    """Return what all events have in common; `uid` identifies this one among those of the run."""
    complete = report.run.complete
    return {
        "activity_id": activity[0],
        "activity_name": activity[1],
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Compliance Finding",
        "type_uid": _CLASS * 100 + activity[0],
        "type_name": f"Compliance Finding: {activity[1]}",
        "time": _time(report.run.finished_at),
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        **({} if complete else {"status_detail": "The audit is incomplete: not everything could be seen or evaluated"}),
        "metadata": {
            "version": VERSION,
            "product": {
                "name": report.tool.name,
                "vendor_name": report.tool.name,
                "version": report.tool.version,
            },
            "profiles": ["cloud"],
            "uid": f"{report.run.id}-{uid}",
            "correlation_uid": report.run.id,
            "labels": ["complete" if complete else "incomplete"],
        },
    }


def _resource(result: Result) -> dict[str, Any]:
    name = result.resource
    return {
        "name": name.title or label(name),
        "type": name.type,
        **_some(
            uid=name.id,
            namespace=name.project,
            group=name.team and {"uid": name.team, "name": name.team, "type": "team"},
        ),
    }


def _cloud(team: str | None) -> dict[str, Any]:
    account = {"uid": team, "name": team, "type_id": _OTHER, "type": "Northflank team"} if team else {}
    return {"provider": "Northflank", **_some(account=account)}


def _some(**attributes: Any) -> dict[str, Any]:
    """Return the attributes that have a value; OCSF has no null."""
    return {name: value for name, value in attributes.items() if value}


def _time(when: dt.datetime) -> int:
    """Return a time in milliseconds since 1970."""
    return round(when.timestamp() * 1000)
