"""The report as SARIF 2.1.0, also for GitHub code scanning.

GitHub ignores invocations, kinds and baselines: every result is an alert, and an alert that is missing from an upload
is closed as fixed. So what an incomplete audit did not see must not just be missing: the incomplete audit is a result
of its own, and earlier violations that this audit can't see or evaluate are kept. Resolved ones are omitted, although
the specification would allow them with the baseline state `absent`.

Readers distinguish results by rule and location, so a result is at its resource, and its rule's file is a related
location. Some validate by drafts of the schema, so properties that these lack (`suppressions[].status`) are not used.
"""

import datetime as dt
import gzip
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from northflank_audit.formats.headline import explanation
from northflank_audit.formats.link import address
from northflank_audit.formats.locations import RuleLocations, SourceLocation, resource_uri, scope_path
from northflank_audit.formats.text import annotated, changes, label, plural, qualifiers, reasons, seen_times
from northflank_audit.model import RESOURCE_TYPE, Result, Severity, Status, fingerprint
from northflank_audit.printable import printable, sarif_text, shortened
from northflank_audit.remarks import Waiver
from northflank_audit.report import Report, RuleSummary

MOST_RESULTS: Final = 25_000
"""Results of a run; GitHub rejects a file with more."""
MOST_SHOWN: Final = 5_000
"""Results of a run that GitHub shows: the most severe ones."""
MOST_BYTES: Final = 10_000_000
"""Bytes of a file, compressed with gzip; GitHub rejects a larger one."""
_MOST_TAGS: Final = 20
_LONGEST: Final = 1024
"""Characters of a rule's descriptions."""
_LONGEST_TEXT: Final = 10_000
"""Characters of any other text, and bytes of a result's evidence, so that no single one fills the file: GitHub closes
an omitted violation as fixed."""

_LEVELS: Final = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SCORES: Final = {Severity.LOW: "2.0", Severity.MEDIUM: "5.5", Severity.HIGH: "8.0", Severity.CRITICAL: "9.5"}
"""GitHub's security severity: the middle of its range of the same name; below `low` it has none."""
_KINDS: Final = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.UNKNOWN: "open",
    Status.ERROR: "open",
    Status.NOTAPPLICABLE: "notApplicable",
}
_STATES: Final = {"new": "new", "ongoing": "unchanged", "reopened": "new"}

_AUDIT: Final = "audit-incomplete"
_AUDIT_URI: Final = "northflank/audit"
INFORMATION: Final = "https://northflank.com/docs"
"""The page of what the tool audits, for lack of one of its own; also for rules without a reference."""
_RUNS: Final = uuid.UUID("f3f1a1f7-2b4e-5c0e-9d53-6f0f3a1c7a10")
"""The namespace (RFC 9562) of runs' ids."""


def render(report: Report) -> str:
    """Return the report as SARIF; if there are more results than GitHub accepts, the most urgent ones."""
    findings = _findings(report)
    results = findings[: MOST_RESULTS - (not report.run.complete)]
    while True:
        log = msgspec.json.format(msgspec.json.encode(_log(report, results, len(findings))), indent=2)
        if not results or len(log) <= MOST_BYTES or len(gzip.compress(log, mtime=0)) <= MOST_BYTES:
            return log.decode() + "\n"
        results = results[: len(results) // 2]


def _log(report: Report, results: Sequence[Result], total: int) -> dict[str, Any]:
    comparison = report.comparison
    ran = [rule.id for rule in report.rules]
    former = dict.fromkeys(each.rule_id for each in results if each.rule_id not in ran)
    rules = [*map(_rule, report.rules), *map(_former, former), *([] if report.run.complete else [_INCOMPLETE])]
    run = {
        "tool": {
            "driver": {
                "name": printable(report.tool.name),
                "version": printable(report.tool.version),
                "informationUri": INFORMATION,
                "rules": rules,
            }
        },
        # GitHub takes what precedes the last slash as the category, so an upload replaces only those of the same scope.
        "automationDetails": {
            "id": "/".join([_cut(report.tool.name), scope_path(report), _cut(report.run.id)]),
            "guid": _guid(report.run.id),
        },
        **({} if comparison is UNSET or comparison.refused else {"baselineGuid": _guid(comparison.baseline.id)}),
        "invocations": [
            {
                "executionSuccessful": report.run.complete,
                "exitCode": report.exit_code,
                "exitCodeDescription": explanation(report),
                "startTimeUtc": _moment(report.run.started_at),
                "endTimeUtc": _moment(report.run.finished_at),
                "toolExecutionNotifications": list(_notifications(report, len(results), total)),
            }
        ],
        "results": list(_results(report, results, {rule["id"]: index for index, rule in enumerate(rules)})),
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _guid(run_id: str) -> str:
    return str(uuid.uuid5(_RUNS, run_id))


def _moment(when: dt.datetime) -> str:
    return f"{when.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _notifications(report: Report, count: int, total: int) -> Iterator[dict[str, Any]]:
    notes = [("error", reason) for reason in reasons(report)]
    notes += [("warning", warning) for warning in report.warnings]
    notes += [("note", f"{rule.id} is not configured: {rule.why}") for rule in report.not_configured]
    if count < total:
        rest = plural(total - count, "result")
        notes.append(("warning", f"{rest} of {total} exceed GitHub's limits, and are only in the JSON report"))
    if count > MOST_SHOWN:
        notes.append(("note", f"GitHub shows {MOST_SHOWN} of {count} results; the JSON report has them all"))
    comparison = report.comparison
    if comparison is not UNSET:
        notes += [("warning", each) for each in (comparison.refused, *comparison.cautions) if each is not None]
        since = ", ".join(changes(report))
        notes += [("note", f"since run {comparison.baseline.id}: {since}")] if since else []
    for level, text in notes:
        yield {"level": level, "message": _text(text)}


def _rule(rule: RuleSummary) -> dict[str, Any]:
    controls = [f"{framework}/{control}" for framework, ids in rule.controls.items() for control in ids]
    links = [url for url in map(address, filter(str.isprintable, rule.references)) if url is not None]
    score = _SCORES.get(rule.severity)
    return {
        "id": rule.id,
        **_name(rule.id),
        "shortDescription": _text(rule.heading, _LONGEST),
        "fullDescription": _text(rule.rationale or rule.title, _LONGEST),
        "help": _text(" ".join(filter(None, [rule.remediation or rule.title, *links]))),
        "helpUri": links[0] if links else INFORMATION,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", *map(printable, controls)][:_MOST_TAGS],
            "precision": "very-high",
            **({"security-severity": score} if score else {}),
        },
    }


def _former(rule_id: str) -> dict[str, Any]:
    """Return the rule of an earlier report's result; it did not run now, so only its id is known."""
    title = _text(f"{rule_id} did not run", _LONGEST)
    return {
        "id": rule_id,
        **_name(rule_id),
        **dict.fromkeys(("shortDescription", "fullDescription", "help"), title),
        "helpUri": INFORMATION,
        "defaultConfiguration": {"level": "none"},
        "properties": {"tags": ["security"], "precision": "very-high"},
    }


_INCOMPLETE: Final = {
    "id": _AUDIT,
    "name": "AuditIncomplete",
    "shortDescription": {"text": "The audit saw everything"},
    "fullDescription": {"text": "What an audit did not see or could not evaluate may be violated."},
    "help": {"text": "The results say what was missing. Fix that and audit again."},
    "helpUri": INFORMATION,
    "defaultConfiguration": {"level": "error"},
    "properties": {"tags": ["security"], "precision": "very-high", "security-severity": "9.5"},
}


def _findings(report: Report) -> list[Result]:
    """Return the results, the most urgent first, otherwise in the report's order."""
    listed = {each.fingerprint for each in report.results}
    unsettled = report.unsettled_results
    return sorted([*report.results, *(each for each in unsettled if each.fingerprint not in listed)], key=_urgency)


def _urgency(result: Result) -> int:
    """Return a rank for sorting; the most urgent is 0."""
    if result.became is not UNSET:
        return 2
    if result.violates:
        return 0
    return {Status.UNKNOWN: 1, Status.ERROR: 1, Status.FAIL: 3}.get(result.status, 4)


def _results(report: Report, results: Sequence[Result], indices: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    locations = RuleLocations(report)
    if not report.run.complete:
        yield {
            "ruleId": _AUDIT,
            "ruleIndex": indices[_AUDIT],
            "kind": "fail",
            "level": "error",
            "message": _text(f"the audit is incomplete: {'; '.join(reasons(report))}"),
            "locations": [{"physicalLocation": _physical(_AUDIT_URI)}],
            "relatedLocations": [_related(locations.audit)],
            "partialFingerprints": _fingerprints(fingerprint(_AUDIT, (RESOURCE_TYPE, None, None, _AUDIT))),
        }
    for each in results:
        yield _result(each, indices[each.rule_id], locations.of(each.rule_id))


def _result(result: Result, index: int, place: SourceLocation) -> dict[str, Any]:
    earlier, resource, waiver = result.became is not UNSET, result.resource, result.waiver
    full = (resource.team, resource.project, resource.type, resource.id)
    kind = "open" if earlier else _KINDS[result.status]
    about = filter(None, [label(resource), *qualifiers(result), annotated(result)])
    state = "updated" if earlier else None if result.state is UNSET else _STATES[result.state]
    return {
        "ruleId": result.rule_id,
        "ruleIndex": index,
        "kind": kind,
        "level": _LEVELS[result.severity] if kind == "fail" else "none",
        "message": _text(f"{result.message} ({'; '.join(about)})"),
        "locations": [
            {
                "physicalLocation": _physical(resource_uri(resource)),
                "logicalLocations": [
                    {
                        "name": _cut(resource.title or label(resource)),
                        "fullyQualifiedName": _cut("/".join(filter(None, full))),
                        "kind": "resource",
                    }
                ],
            }
        ],
        "relatedLocations": [_related(place)],
        "partialFingerprints": _fingerprints(result.fingerprint),
        **({} if state is None else {"baselineState": state}),
        **({} if waiver is None else {"suppressions": [_suppression(waiver)]}),
        "properties": {
            "severity": result.severity,
            "status": None if earlier else result.status,
            "type": resource.type,
            "team": None if resource.team is None else _cut(resource.team),
            "project": None if resource.project is None else _cut(resource.project),
            "evidence": _evidence(result),
            **seen_times(result),
            **({} if result.annotation is UNSET else {"annotation": _cut(annotated(result))}),
        },
    }


def _suppression(waiver: Waiver) -> dict[str, Any]:
    why = f"{waiver.reason} ({waiver.owner}, until {waiver.expires})"
    return {"kind": "external", "justification": _cut(why)}  # no status, which means accepted


def _evidence(result: Result) -> dict[str, Any] | str:
    size = len(msgspec.json.encode(result.evidence))
    return result.evidence if size <= _LONGEST_TEXT else f"{size} bytes, only in the JSON report"


def _physical(uri: str, line: int = 1) -> dict[str, Any]:
    return {"artifactLocation": {"uri": uri}, "region": {"startLine": line, "startColumn": 1}}


def _related(place: SourceLocation) -> dict[str, Any]:
    return {"id": 1, "physicalLocation": _physical(place.uri, place.line), "message": {"text": "The rule"}}


def _fingerprints(identity: str) -> dict[str, str]:
    """Return the fingerprint. GitHub reads only this key; without it, all results of a rule would be one alert."""
    return {"primaryLocationLineHash": f"{identity}:1"}


def _name(rule_id: str) -> dict[str, str]:
    """Return a rule's id in the specification's form of names, which must differ from the id: `AddonPublic`."""
    words = re.split("[-_]", rule_id)
    return {"name": "".join(word[:1].upper() + word[1:] for word in words)} if len(words) > 1 else {}


def _cut(text: str, longest: int = _LONGEST_TEXT) -> str:
    return shortened(printable(text), longest)


def _text(text: str, longest: int = _LONGEST_TEXT) -> dict[str, str]:
    """Return a plain text message without links or placeholders, shortened to the limit."""
    return {"text": sarif_text(_cut(text, longest)).replace("{", "{{").replace("}", "}}")}
