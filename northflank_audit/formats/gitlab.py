"""The report as a GitLab code quality report.

GitLab compares two reports by fingerprint, and shows what is only in the older one as fixed. Hence:

- An earlier violation that this audit can't evaluate or see keeps its fingerprint, so that it does not show as fixed.
- An unknown verdict has a fingerprint of its own, so that a violation that takes its place shows as new.
- A waived violation is omitted, so that it shows as new when its waiver expires.

`type` and `categories` are from Code Climate's format, on which GitLab's is based; other readers need them.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from northflank_audit.formats.locations import RuleLocations, SourceLocation
from northflank_audit.formats.text import reasons, result_line
from northflank_audit.model import RESOURCE_TYPE, Result, Severity, fingerprint
from northflank_audit.printable import printable
from northflank_audit.report import Report

_SEVERITIES: Final = {
    Severity.INFO: "info",
    Severity.LOW: "minor",
    Severity.MEDIUM: "major",
    Severity.HIGH: "critical",
    Severity.CRITICAL: "blocker",
}
_AUDIT: Final = "audit-incomplete"


def render(report: Report) -> str:
    """Return the report as a list of issues."""
    return msgspec.json.format(msgspec.json.encode(list(_issues(report))), indent=2).decode() + "\n"


def _issues(report: Report) -> Iterator[dict[str, Any]]:
    locations = RuleLocations(report)
    for reason in dict.fromkeys(reasons(report)):
        identity = fingerprint(_AUDIT, (RESOURCE_TYPE, None, None, reason))
        yield _issue(_AUDIT, Severity.CRITICAL, f"the audit is incomplete: {reason}", identity, locations.audit)
    for each in report.results:
        if each.violates:
            yield _finding(each, each.fingerprint, locations)
        elif each.inconclusive:
            resource = each.resource
            own = fingerprint(f"{each.rule_id}: {each.status}", resource.identity)
            yield _finding(each, own, locations)
    for each in report.unsettled_results:
        yield _finding(each, each.fingerprint, locations)


def _finding(result: Result, identity: str, locations: RuleLocations) -> dict[str, Any]:
    return _issue(result.rule_id, result.severity, result_line(result), identity, locations.of(result.rule_id))


def _issue(check: str, severity: Severity, description: str, identity: str, location: SourceLocation) -> dict[str, Any]:
    return {
        "type": "issue",
        "categories": ["Security"],
        "description": printable(description),
        "check_name": printable(check),
        "fingerprint": identity,
        "severity": _SEVERITIES[severity],
        "location": {"path": location.path, "lines": {"begin": location.line}},
    }
