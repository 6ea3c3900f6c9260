"""The report in a line, for those who read no further."""

from typing import Final

from msgspec import UNSET

from northflank_audit.formats.text import plural, title
from northflank_audit.printable import printable
from northflank_audit.report import Report

MOST_TEAMS: Final = 3
"""Teams that are named; more are counted."""

_WITHOUT_TEAMS: Final = {"api": "the token's own account", "demo": "the sample account", "input": "the saved accounts"}


def subject(report: Report) -> str:
    """Return the verdict, what changed, how bad it is, and whose: `[AUDIT] 3 violations, 1 new, 2 high — team a`."""
    counts = reversed(report.summary.fail_by_severity.items())
    said = [title(report), *_changes(report), *(f"{count} {severity}" for severity, count in counts if count)]
    return f"[AUDIT] {', '.join(said)} — {_scope(report)}"


def _changes(report: Report) -> list[str]:
    found = report.comparison
    if found is UNSET or found.refused is not None:
        return []
    counts = {"new": found.new, "resolved": found.resolved, "unsettled": found.unsettled}
    return [f"{count} {what}" for what, count in counts.items() if count]


def _scope(report: Report) -> str:
    source = report.run.source
    if not source.teams:
        return _WITHOUT_TEAMS[source.kind]
    if len(source.teams) > MOST_TEAMS:
        return plural(len(source.teams), "team")
    return f"team{'s' * (len(source.teams) > 1)} {printable(', '.join(source.teams))}"
