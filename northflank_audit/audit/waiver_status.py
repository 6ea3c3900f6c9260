"""How waivers stand: which have expired, cover nothing, or are about to expire."""

from collections.abc import Container, Iterator, Sequence
from enum import StrEnum

from msgspec import UNSET

from northflank_audit.errors import did_you_mean
from northflank_audit.formats.text import label
from northflank_audit.model import Struct, Waiver
from northflank_audit.policy.rules.rulebook import Rulebook, absent
from northflank_audit.policy.waivers.waiver_book import covers, is_about
from northflank_audit.report import Report


class Standing(StrEnum):
    """How a waiver stands, the worst first."""

    EXPIRED = "expired"
    UNUSED = "unused"
    UNKNOWN = "unknown"
    """Whether it covers anything can't be told."""
    EXPIRING = "expiring"
    FINE = "fine"


class Stand(Struct, frozen=True, kw_only=True):
    """A waiver, and how it stands."""

    waiver: Waiver
    place: str
    """`file:line`."""
    standing: Standing
    days_left: int
    """Until its last day; negative after it."""
    why: str = ""


class Seen(Struct, frozen=True, kw_only=True):
    """What the audit saw of what there is."""

    whole: bool
    """Whether it saw every resource that it was asked for."""
    accounts: Sequence[str | None] | None
    """The teams (None: the token's own account) that it was asked for; None where it was asked for all there are."""


def stands(
    waivers: Sequence[tuple[str, Waiver]], report: Report, book: Rulebook, seen: Seen, *, within: int
) -> Iterator[Stand]:
    """Yield how each waiver stood when the audit began, in the file's order.

    `waivers` are pairs of `file:line` and a waiver, `report` is of an audit with them by rules of this book, and
    `within` is in days.
    """
    today = report.run.started_at.date()
    unused = frozenset(report.waivers.unused)
    for place, waiver in waivers:
        days = (waiver.expires - today).days
        standing, why = _standing(waiver, report, book, seen, unused)
        if days < 0:
            standing, why = Standing.EXPIRED, ""
        elif standing is Standing.FINE and days <= within:
            standing = Standing.EXPIRING
        yield Stand(waiver=waiver, place=place, standing=standing, days_left=days, why=why)


def _standing(
    waiver: Waiver, report: Report, book: Rulebook, seen: Seen, unused: Container[Waiver]
) -> tuple[Standing, str]:
    """Return how a waiver stands, its end aside, and why."""
    if waiver not in unused:
        return Standing.FINE, ""
    if not any(is_about(waiver, rule_id) for rule_id in book.rules):
        return Standing.UNUSED, absent(book, waiver.rule)
    reason = next(_reasons_unknown(waiver, report, seen), None)
    return (Standing.UNKNOWN, reason) if reason else (Standing.UNUSED, "it covers no violation")


def _reasons_unknown(waiver: Waiver, report: Report, seen: Seen) -> Iterator[str]:
    """Yield why there may be a violation that the waiver covers, and that the audit did not find."""
    if not any(is_about(waiver, rule.id) for rule in report.rules):
        yield "its rule did not run"
    if seen.accounts is not None and waiver.team is not UNSET and waiver.team not in seen.accounts:
        yield "its team was not audited" + did_you_mean(waiver.team or "", filter(None, seen.accounts))
    if not seen.whole:
        yield "not every resource was seen"
    for result in report.results:
        inconclusive = result.inconclusive
        if inconclusive and covers(waiver, result.rule_id, result.resource.identity):
            yield f"its rule could not be judged for {label(result.resource)}"
