"""Determines which waivers have expired, cover nothing, or soon expire."""

from collections.abc import Container, Iterator, Sequence
from enum import StrEnum

import msgspec
from msgspec import UNSET

from northflank_audit.errors import did_you_mean
from northflank_audit.formats.text import label
from northflank_audit.model import Struct, Waiver
from northflank_audit.policy.rules.rulebook import Rulebook, absent
from northflank_audit.policy.waivers.waiver_book import covers, is_about
from northflank_audit.report import Report


class WaiverStatus(StrEnum):
    """The status of a waiver, the worst first."""

    EXPIRED = "expired"
    UNUSED = "unused"
    UNKNOWN = "unknown"
    """The audit could not find out whether it covers anything."""
    EXPIRING = "expiring"
    FINE = "fine"


class WaiverCheck(Struct, frozen=True, kw_only=True):
    """A waiver and its status."""

    waiver: Waiver
    place: str
    """`file:line`."""
    status: WaiverStatus = msgspec.field(name="standing")
    days_left: int
    """Days until its last day; negative after it."""
    why: str = ""


class AuditScope(Struct, frozen=True, kw_only=True):
    """What the audit was to cover, and whether it saw all of it."""

    complete: bool
    """Whether it saw every resource in scope."""
    accounts: Sequence[str | None] | None
    """The audited teams (None: the token's own account); None if all teams were audited."""


def waiver_checks(
    waivers: Sequence[tuple[str, Waiver]], report: Report, book: Rulebook, scope: AuditScope, *, within: int
) -> Iterator[WaiverCheck]:
    """Yield the status of each waiver when the audit began, in the file's order.

    `waivers` are pairs of `file:line` and a waiver, `report` is of an audit with them by rules of this book, and
    `within` is in days.
    """
    today = report.run.started_at.date()
    unused = frozenset(report.waivers.unused)
    for place, waiver in waivers:
        days = (waiver.expires - today).days
        status, why = _status_without_end(waiver, report, book, scope, unused)
        if days < 0:
            status, why = WaiverStatus.EXPIRED, ""
        elif status is WaiverStatus.FINE and days <= within:
            status = WaiverStatus.EXPIRING
        yield WaiverCheck(waiver=waiver, place=place, status=status, days_left=days, why=why)


def _status_without_end(
    waiver: Waiver, report: Report, book: Rulebook, scope: AuditScope, unused: Container[Waiver]
) -> tuple[WaiverStatus, str]:
    """Return the status of a waiver, ignoring its last day, and the reason."""
    if waiver not in unused:
        return WaiverStatus.FINE, ""
    if not any(is_about(waiver, rule_id) for rule_id in book.rules):
        return WaiverStatus.UNUSED, absent(book, waiver.rule)
    reason = next(_reasons_unknown(waiver, report, scope), None)
    return (WaiverStatus.UNKNOWN, reason) if reason else (WaiverStatus.UNUSED, "it covers no violation")


def _reasons_unknown(waiver: Waiver, report: Report, scope: AuditScope) -> Iterator[str]:
    """Yield why the audit may have missed a violation that the waiver covers."""
    if not any(is_about(waiver, rule.id) for rule in report.rules):
        yield "its rule did not run"
    if scope.accounts is not None and waiver.team is not UNSET and waiver.team not in scope.accounts:
        yield "its team was not audited" + did_you_mean(waiver.team or "", filter(None, scope.accounts))
    if not scope.complete:
        yield "not every resource was seen"
    for result in report.results:
        inconclusive = result.inconclusive
        if inconclusive and covers(waiver, result.rule_id, result.resource.identity):
            yield f"its rule could not be evaluated on {label(result.resource)}"
