"""What formats with an entry a result list: why an audit is incomplete, its results, and what became of earlier ones.

An entry stands alone in a spreadsheet or a log, so it must not be taken for more than it says: what is no verdict of
this audit has no verdict's status.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import UNSET

from northflank_audit.formats.gate import GateVerdicts
from northflank_audit.formats.text import reasons
from northflank_audit.model import Result, Status
from northflank_audit.report import Report

INCOMPLETE: Final = "incomplete"
"""The status of an entry that says why the audit is incomplete."""


class Entry(NamedTuple):
    """A row, or a line."""

    status: str | None
    """The verdict, or `INCOMPLETE`; None for what only the earlier report lists."""
    state: str | None
    """`new` or `ongoing`; `resolved` or `unsettled` for what only the earlier report lists."""
    outcome: str
    """What the entry amounts to, to group by: `violation` or `waived` for the status `fail`, else status or state."""
    counts: bool
    """Whether it keeps the exit code from being 0 (`--fail-on`, `--on-unknown`)."""
    message: str
    result: Result | None
    """None for what is about the audit as a whole."""


def entries(report: Report) -> Iterator[Entry]:
    """Yield a report's entries: reasons first, so that an incomplete audit without a result has entries too."""
    gate = GateVerdicts(report)
    for reason in reasons(report):
        yield Entry(INCOMPLETE, None, INCOMPLETE, counts=True, message=reason, result=None)
    for each in report.results:
        state = None if each.state is UNSET else each.state
        yield Entry(each.status, state, _outcome(each), gate.counts(each), each.message, each)
    for came, earlier in (("resolved", report.resolved_results), ("unsettled", report.unsettled_results)):
        for each in earlier:
            yield Entry(None, came, came, counts=False, message=each.message, result=each)


def _outcome(result: Result) -> str:
    if result.status is Status.FAIL:
        return "violation" if result.waiver is None else "waived"
    return result.status
