"""The subject of a mail: verdict, changes, worst severity, account."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from msgspec import UNSET

from northflank_audit.formats.headline import title
from northflank_audit.formats.text import plural, reopened
from northflank_audit.model import OWN_ACCOUNT, Severity
from northflank_audit.printable import printable, shortened
from northflank_audit.report import Report

_NAMED: Final = 3
"""Teams or files that are named; more are counted."""
_LONGEST: Final = 24
"""Characters of a name; so no subject has more than about 200."""


def subject(report: Report) -> str:
    """Return the subject: `[AUDIT] 3 violations, 1 new, 2 high — team payments`. It has one line."""
    return f"[AUDIT] {', '.join([title(report), *_besides(report)])} — {whose(report)}"


def _besides(report: Report) -> Iterator[str]:
    """Yield what else matters, in a word or two each."""
    summary, comparison = report.summary, report.comparison
    if comparison is not UNSET and comparison.refused is None:
        if summary.fail:
            again = reopened(report)
            yield f"{comparison.new - again or 'none'} new"
            if again:
                yield f"{again} reopened"
        if comparison.resolved:
            yield f"{comparison.resolved} resolved"
        if comparison.unsettled:
            yield f"{comparison.unsettled} unsettled"
    worst = next((each for each in reversed(Severity) if summary.fail_by_severity[each]), None)
    if worst is not None:
        yield f"{summary.fail_by_severity[worst]} {worst}"
    if summary.unknown or summary.error:
        yield f"{summary.unknown + summary.error} unknown"
    if summary.waived and not summary.fail:
        yield f"{summary.waived} waived"


def whose(report: Report) -> str:
    """Return which account was audited: `team payments`, `file june.json`, the token's own account."""
    source = report.run.source
    files = [] if source.files is UNSET else [PurePath(each).name for each in source.files]
    if source.teams:
        return _some(source.teams, "team")
    if files:
        return _some(files, "file")
    return "sample account" if source.kind == "demo" else OWN_ACCOUNT


def _some(names: list[str], what: str) -> str:
    if len(names) > _NAMED:
        return plural(len(names), what)
    short = [shortened(printable(name).strip(), _LONGEST) for name in names]
    return f"{what}{'s' * (len(names) > 1)} {', '.join(short)}"
