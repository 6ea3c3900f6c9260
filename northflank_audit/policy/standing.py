"""How waivers stand: which have expired, cover nothing, or are about to expire."""

import datetime as dt
from collections.abc import Iterator, Sequence
from enum import StrEnum

from northflank_audit.model import Report, Status, Struct, Waiver
from northflank_audit.policy.rules import Rulebook, absent
from northflank_audit.policy.waivers import covers


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


def stands(
    waivers: Sequence[tuple[str, Waiver]], report: Report, book: Rulebook, *, today: dt.date, within: int, seen: bool
) -> Iterator[Stand]:
    """Yield how each waiver stands, in the file's order.

    `waivers` are pairs of `file:line` and a waiver, `report` is of an audit with them by rules of this book, `within`
    is in days, and `seen` says whether the audit saw every credential.
    """
    for place, waiver in waivers:
        days = (waiver.expires - today).days
        standing, why = _standing(waiver, report, book, seen=seen)
        if days < 0:
            standing, why = Standing.EXPIRED, ""
        elif standing is Standing.FINE and days <= within:
            standing = Standing.EXPIRING
        yield Stand(waiver=waiver, place=place, standing=standing, days_left=days, why=why)


def _standing(waiver: Waiver, report: Report, book: Rulebook, *, seen: bool) -> tuple[Standing, str]:
    """Return how a waiver stands, its end aside, and why."""
    if waiver not in report.waivers.unused:
        return Standing.FINE, ""
    if waiver.rule not in book.rules:
        return Standing.UNUSED, absent(book, waiver.rule)
    if waiver.rule not in {rule.id for rule in report.rules}:
        return Standing.UNKNOWN, "its rule did not run"
    if not seen:
        return Standing.UNKNOWN, "not every credential was seen"
    for result in report.results:
        named = (result.rule_id, result.resource.team, result.resource.id)
        if result.status in (Status.UNKNOWN, Status.ERROR) and covers(waiver, *named):
            return Standing.UNKNOWN, f"its rule could not be judged for '{result.resource.id}'"
    return Standing.UNUSED, "it covers no violation"
