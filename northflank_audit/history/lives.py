"""The life of findings: found, waived, resolved, found again."""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from northflank_audit import typed
from northflank_audit.errors import StartError
from northflank_audit.history.finding_writer import Kind
from northflank_audit.history.past import known
from northflank_audit.history.runs import AccountRow
from northflank_audit.history.schema import EVENTS, FINDINGS, RUNS
from northflank_audit.model import Result, Struct
from northflank_audit.printable import printable
from northflank_audit.remarks import Waiver
from northflank_audit.resolution import RESOLVED, Became

SHORTEST: Final = 8
"""Hexadecimal digits of a fingerprint that are enough to name it."""
_ENDS: Final = frozenset(each.value for each in RESOLVED)
_BEGINS: Final = (Kind.OPENED, Kind.REOPENED)
_OPEN_QUESTIONS: Final = frozenset(each.value for each in Became) - _ENDS


class Change(Struct, frozen=True, kw_only=True):
    """A change of a finding by a run."""

    at: dt.datetime
    run: str
    kind: str
    """`opened`, `reopened`, `seen`, `waived`, `unwaived`, or a report's `became`."""
    waiver: Waiver | None = None
    number: int
    """The run's number, in the order of recording."""


class Life(Struct, frozen=True, kw_only=True):
    """A finding with all of its changes."""

    account: AccountRow
    finding: Result
    """As the last run found it that saw it."""
    open: bool
    changes: list[Change]

    @property
    def waiver(self) -> Waiver | None:
        """The waiver that it has now."""
        return self.finding.waiver

    @property
    def opened(self) -> dt.datetime | None:
        """Since when it has been open; None if it is resolved."""
        return next((begin.at for begin, end in self.periods() if end is None), None)

    @property
    def state(self) -> str:
        """Its state after the last run that said something about it."""
        return self.state_at(max((change.number for change in self.changes), default=0) + 1) or ""

    def periods(self) -> Iterator[tuple[Change, Change | None]]:
        """Yield each period in which it was open: the change that opened it, and the one that resolved it, if any."""
        begin: Change | None = None
        for change in self.changes:
            if change.kind in _BEGINS:
                begin = change
            elif change.kind in _ENDS and begin is not None:
                yield begin, change
                begin = None
        if begin is not None:
            yield begin, None

    def state_at(self, number: int) -> str | None:
        """Return its state after a run, by the run's number: a report's `state` or `became`; None if not yet found."""
        state: str | None = None
        for change in self.changes:
            if change.number > number:
                break
            if change.kind in _BEGINS:
                state = ("new" if change.kind == Kind.OPENED else "reopened") if change.number == number else "ongoing"
            elif change.kind == Kind.SEEN:
                state = "ongoing"
            elif change.kind in _ENDS or change.kind in _OPEN_QUESTIONS:
                state = change.kind
        return state

    def is_open_at(self, number: int) -> bool:
        """Return whether it was open after a run, whether that run saw it or not."""
        state = self.state_at(number)
        return state is not None and state not in _ENDS

    def waived_at(self, number: int) -> Waiver | None:
        """Return the waiver that it had after a run."""
        waiver: Waiver | None = None
        for change in self.changes:
            if change.number > number:
                break
            if change.kind == Kind.WAIVED:
                waiver = change.waiver
            elif change.kind in (Kind.UNWAIVED, Kind.REOPENED):
                waiver = None
        return waiver


def lives(
    connection: sa.Connection, accounts: dict[int, AccountRow], where: Sequence[sa.ColumnElement[bool]] = ()
) -> list[Life]:
    """Return the findings of accounts, worst first, with their lives."""
    chosen = [FINDINGS.c.account_id.in_(list(accounts)), *where]
    events: dict[int, list[Change]] = {}
    query = (
        sa.select(EVENTS, RUNS.c.id.label("run_id"))
        .join(RUNS, RUNS.c.seq == EVENTS.c.run_seq)
        .join(FINDINGS, FINDINGS.c.id == EVENTS.c.finding_id)
        .where(*chosen)
        .order_by(EVENTS.c.id)
    )
    for row in connection.execute(query).mappings():
        events.setdefault(row["finding_id"], []).append(_change(row))
    found = [
        Life(
            account=accounts[row["account_id"]],
            finding=known(row, accounts[row["account_id"]].team).result,
            open=row["resolved"] is None,
            changes=events.get(row["id"], []),
        )
        for row in connection.execute(sa.select(FINDINGS).where(*chosen)).mappings()
    ]
    return sorted(found, key=lambda each: (each.finding.order, each.account.label))


def find_lives(connection: sa.Connection, accounts: dict[int, AccountRow], fingerprint: str) -> list[Life]:
    """Return the finding of a fingerprint, or of its first 8 digits, in each account that has it. Raises StartError.

    The HTML report shows it with a # in front.
    """
    fingerprint = fingerprint.strip().removeprefix("#")
    if len(fingerprint) < SHORTEST:
        raise StartError(f"'{printable(fingerprint)}': give at least {SHORTEST} digits of a fingerprint")
    found = lives(connection, accounts, [FINDINGS.c.fingerprint.startswith(fingerprint.lower(), autoescape=True)])
    if not found:
        raise StartError(f"the history has no finding '{printable(fingerprint)}'; reports give the fingerprints")
    if len({each.finding.fingerprint for each in found}) > 1:
        raise StartError(f"several findings begin with '{printable(fingerprint)}': give more of the fingerprint")
    return found


def _change(row: Any) -> Change:
    return Change(
        at=row["at"],
        run=row["run_id"],
        kind=row["kind"],
        waiver=None if row["waiver"] is None else typed.decode(row["waiver"], Waiver),
        number=row["run_seq"],
    )
