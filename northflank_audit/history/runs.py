"""Queries for recorded runs."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import sqlalchemy as sa

from northflank_audit import typed
from northflank_audit.errors import StartError, did_you_mean
from northflank_audit.history.schema import ACCOUNTS, RUN_ACCOUNTS, RUNS
from northflank_audit.model import OWN_ACCOUNT, Severity, Struct
from northflank_audit.printable import printable
from northflank_audit.report import Run, Summary

SHORTEST: int = 4
"""Characters of a run's id that are enough to name it, if they are unique."""


class AccountRow(Struct, frozen=True, kw_only=True):
    """An account, as the history identifies it."""

    host: str
    entity: str
    """The API's id of the holder, else the fleet's target, else empty."""
    team: str | None

    @property
    def label(self) -> str:
        """The account on one line: `api.northflank.com/acme/payments`."""
        return "/".join(filter(None, (self.host, self.entity, self.team or OWN_ACCOUNT)))


class AccountCounts(Struct, frozen=True, kw_only=True):
    """What a run found in an account: violations that are open and not waived, by severity, and what changed.

    Open violations include those that the run could not see; `unsettled` counts these.
    """

    account: AccountRow
    open: dict[str, int]
    waived: int
    new: int
    """New or reopened violations, waived ones among them."""
    resolved: int
    unsettled: int
    """Earlier violations whose state the run could not determine."""


class RunRow(Struct, frozen=True, kw_only=True):
    """A run, with the accounts that it audited."""

    id: str
    started_at: dt.datetime
    finished_at: dt.datetime
    complete: bool
    exit_code: int
    version: str
    """Of the tool."""
    run: Run
    """The report's `run`: when and on what it ran."""
    summary: Summary
    accounts: list[AccountCounts]
    seq: int = msgspec.field(name="number")
    """The order in which runs were recorded."""

    @property
    def verdict(self) -> str:
        """Its verdict in a word, as reports head it."""
        if not self.complete:
            return "incomplete"
        if self.summary.fail:
            return "violated"
        return "inconclusive" if self.summary.inconclusive else "passed"

    def of(self, account: AccountRow) -> AccountCounts:
        """Return what it found in an account that it audited."""
        return next(each for each in self.accounts if each.account == account)

    @property
    def open(self) -> dict[str, int]:
        """Open violations by severity, over all its accounts."""
        return {each.value: sum(account.open[each.value] for account in self.accounts) for each in Severity}


def runs(connection: sa.Connection, accounts: Sequence[str] = (), *, limit: int | None = None) -> list[RunRow]:
    """Return runs in the order of recording: the last `limit`, of accounts that match a pattern."""
    names = _accounts(connection)
    query = sa.select(RUNS).order_by(RUNS.c.seq.desc())
    if accounts:
        chosen = [key for key, row in names.items() if any(fnmatchcase(row.label, each) for each in accounts)]
        query = query.where(
            RUNS.c.seq.in_(sa.select(RUN_ACCOUNTS.c.run_seq).where(RUN_ACCOUNTS.c.account_id.in_(chosen)))
        )
    rows = connection.execute(query if limit is None else query.limit(limit)).mappings().all()
    return list(reversed([*_made(connection, rows, names)]))


def find_run(connection: sa.Connection, named: str) -> RunRow:
    """Return a run by its id, the start of it, or `latest`. Raises StartError unless exactly one matches."""
    if named == "latest":
        seq = connection.execute(sa.select(sa.func.max(RUNS.c.seq))).scalar()
        where = RUNS.c.seq == seq
    else:
        where = RUNS.c.id == named
        if not connection.execute(sa.select(RUNS.c.seq).where(where)).all() and len(named) >= SHORTEST:
            where = RUNS.c.id.startswith(named, autoescape=True)
    rows = connection.execute(sa.select(RUNS).where(where).limit(2)).mappings().all()
    if len(rows) > 1:
        raise StartError(f"several runs begin with '{printable(named)}': give more of the id")
    if not rows:
        ids = connection.execute(sa.select(RUNS.c.id).order_by(RUNS.c.seq.desc()).limit(100)).scalars().all()
        raise StartError(f"no run '{printable(named)}'{did_you_mean(named, ids)}; see history runs")
    return next(iter(_made(connection, rows, _accounts(connection))))


def account_ids(connection: sa.Connection, patterns: Sequence[str] = ()) -> dict[int, AccountRow]:
    """Return the accounts whose label matches a pattern (no patterns: all). Raises StartError if none does."""
    names = _accounts(connection)
    if not patterns:
        return names
    chosen = {key: row for key, row in names.items() if any(fnmatchcase(row.label, each) for each in patterns)}
    if not chosen:
        labels = [row.label for row in names.values()]
        near = did_you_mean(patterns[0], labels)
        raise StartError(f"--account {printable(patterns[0])}: the history has no such account{near}")
    return chosen


def _accounts(connection: sa.Connection) -> dict[int, AccountRow]:
    rows = connection.execute(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.host, ACCOUNTS.c.entity, ACCOUNTS.c.team))
    return {row.id: AccountRow(host=row.host, entity=row.entity, team=row.team or None) for row in rows}


def _made(connection: sa.Connection, rows: Sequence[Any], names: Mapping[int, AccountRow]) -> Iterator[RunRow]:
    counts: dict[int, list[AccountCounts]] = {}
    if rows:
        seqs = [row["seq"] for row in rows]
        between = RUN_ACCOUNTS.c.run_seq.between(min(seqs), max(seqs))
        for each in connection.execute(sa.select(RUN_ACCOUNTS).where(between)).mappings():
            counts.setdefault(each["run_seq"], []).append(
                AccountCounts(
                    account=names[each["account_id"]],
                    open={severity.value: each[severity.value] for severity in Severity},
                    waived=each["waived"],
                    new=each["new"],
                    resolved=each["resolved"],
                    unsettled=each["unsettled"],
                )
            )
    for row in rows:
        found = sorted(counts.get(row["seq"], []), key=lambda each: each.account.label)
        yield typed.convert(
            {
                "id": row["id"],
                "startedAt": row["started_at"],
                "finishedAt": row["finished_at"],
                "complete": row["complete"],
                "exitCode": row["exit_code"],
                "version": row["tool"],
                "run": msgspec.json.decode(row["run"]),
                "summary": msgspec.json.decode(row["summary"]),
                "accounts": msgspec.to_builtins(found),
                "number": row["seq"],
            },
            RunRow,
        )
