"""Entries for formats with one row or line per result.

They are reasons why the audit is incomplete, rules that did not run, and results, old and new. In a spreadsheet or a
log an entry stands alone, so only a verdict of this audit has a verdict's status.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from msgspec import UNSET

from northflank_audit.formats.gate_verdicts import GateVerdicts
from northflank_audit.formats.text import reasons
from northflank_audit.model import Result, Status
from northflank_audit.report import NotConfigured, Report

INCOMPLETE: Final = "incomplete"
"""The status of an entry that says why the audit is incomplete."""
NOT_CONFIGURED: Final = "notconfigured"
"""The outcome of an entry about a rule that did not run because a required parameter is empty."""


class Entry(NamedTuple):
    """A row, or a line."""

    status: str | None
    """The verdict, or `INCOMPLETE`; None for results that only the earlier report lists."""
    state: str | None
    """`new` or `ongoing`; `resolved` or `unsettled` for results that only the earlier report lists."""
    outcome: str
    """What the entry is, to group by: `violation` or `waived` for the status `fail`, else status or state."""
    counts: bool
    """Whether it makes the exit code other than 0 (`--fail-on`, `--fail-on-new`, `--on-unknown`)."""
    message: str
    result: Result | None
    """None for what is about the audit as a whole."""
    rule: NotConfigured | None = None
    """The rule that did not run, of an entry about one."""


def entries(report: Report) -> Iterator[Entry]:
    """Yield a report's entries: reasons first, so that an incomplete audit without results has entries, too."""
    gate = GateVerdicts(report)
    for reason in reasons(report):
        yield Entry(INCOMPLETE, None, INCOMPLETE, counts=True, message=reason, result=None)
    for each in report.results:
        state = None if each.state is UNSET else each.state
        yield Entry(each.status, state, _outcome(each), gate.counts(each), each.message, each)
    for came, earlier in (("resolved", report.resolved_results), ("unsettled", report.unsettled_results)):
        for each in earlier:
            yield Entry(None, came, came, counts=False, message=each.message, result=each)
    for rule in report.not_configured:
        yield Entry(None, None, NOT_CONFIGURED, False, f"not configured: {rule.why}", None, rule)


def _outcome(result: Result) -> str:
    if result.status is Status.FAIL:
        return "violation" if result.waiver is None else "waived"
    return result.status
