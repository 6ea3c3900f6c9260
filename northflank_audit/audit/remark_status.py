"""Determines which waivers and annotations are overdue, unused or soon due."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic

from msgspec import UNSET

from northflank_audit.config.remark_reading import without_rule
from northflank_audit.errors import did_you_mean
from northflank_audit.formats.text import label
from northflank_audit.model import Struct
from northflank_audit.policy.remarks.remark_book import R, covers, is_about
from northflank_audit.policy.rules.rulebook import Rulebook
from northflank_audit.remarks import Remark
from northflank_audit.report import Report


class RemarkStatus(StrEnum):
    """The status of a remark, the worst first."""

    EXPIRED = "expired"
    """Of a waiver."""
    OVERDUE = "overdue"
    """Of an annotation whose finding still exists."""
    UNUSED = "unused"
    UNKNOWN = "unknown"
    """The audit could not find out whether it covers anything."""
    EXPIRING = "expiring"
    """Of a waiver."""
    DUE = "due"
    """Of an annotation."""
    FINE = "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkCheck(Generic[R]):
    """A remark and its status."""

    remark: R
    place: str
    """`file:line`."""
    status: RemarkStatus
    days_left: int | None
    """Days until its day; negative after it. None if it names none."""
    why: str = ""


class AuditScope(Struct, frozen=True, kw_only=True):
    """What the audit was to cover, and whether it saw all of it."""

    complete: bool
    """Whether it saw every resource in scope."""
    accounts: Sequence[str | None] | None
    """The audited teams (None: the token's own account); None if all teams were audited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkClock(Generic[R]):
    """The meaning of a remark's day."""

    day: Callable[[R], dt.date | None]
    past: RemarkStatus
    soon: RemarkStatus
    within: int
    """Days before its day from which the status is `soon`."""
    if_used: bool
    """Whether its day matters only if it covers something."""

    def status(self, status: RemarkStatus, days_left: int | None) -> RemarkStatus:
        """Return the status of a remark by its day; `status` is that without the day."""
        if days_left is None or (self.if_used and status is not RemarkStatus.FINE):
            return status
        if days_left < 0:
            return self.past
        return self.soon if status is RemarkStatus.FINE and days_left <= self.within else status


def remark_checks(
    remarks: Sequence[tuple[str, R]],
    unused: Collection[R],
    clock: RemarkClock[R],
    report: Report,
    book: Rulebook,
    scope: AuditScope,
) -> Iterator[RemarkCheck[R]]:
    """Yield the status of each remark when the audit began, in the file's order.

    `remarks` are pairs of `file:line` and a remark, `report` is of an audit with them by rules of this book.
    """
    today = report.run.started_at.date()
    none = frozenset(unused)
    for place, remark in remarks:
        day = clock.day(remark)
        left = None if day is None else (day - today).days
        status, why = RemarkStatus.FINE, ""
        if remark in none:
            status, why = _unused(remark, report, book, scope)
        dated = clock.status(status, left)
        yield RemarkCheck(
            remark=remark, place=place, status=dated, days_left=left, why="" if dated is clock.past else why
        )


def _unused(remark: Remark, report: Report, book: Rulebook, scope: AuditScope) -> tuple[RemarkStatus, str]:
    """Return the status of a remark that covers no finding, and the reason."""
    if not any(is_about(remark, rule_id) for rule_id in book.rules):
        return RemarkStatus.UNUSED, without_rule(remark, book)
    reason = next(_reasons_unknown(remark, report, scope), None)
    return (RemarkStatus.UNKNOWN, reason) if reason else (RemarkStatus.UNUSED, "it covers no violation")


def _reasons_unknown(remark: Remark, report: Report, scope: AuditScope) -> Iterator[str]:
    """Yield why the audit may have missed something that the remark covers."""
    if not any(is_about(remark, rule.id) for rule in report.rules):
        yield "its rule did not run"
    if scope.accounts is not None and remark.team is not UNSET and remark.team not in scope.accounts:
        yield "its team was not audited" + did_you_mean(remark.team or "", filter(None, scope.accounts))
    if not scope.complete:
        yield "not every resource was seen"
    for result in report.results:
        if result.inconclusive and covers(remark, result.rule_id, result.resource.identity):
            yield f"its rule could not be evaluated on {label(result.resource)}"
