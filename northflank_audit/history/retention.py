"""Deletes old runs and findings that nothing current refers to."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from northflank_audit import typed
from northflank_audit.history.lives import Life
from northflank_audit.history.runs import RunRow
from northflank_audit.history.schema import BLOBS, EVENTS, FINDINGS, RUN_ACCOUNTS, RUNS
from northflank_audit.remarks import Waiver


class Pruned(NamedTuple):
    """How much was deleted."""

    runs: int
    findings: int


def prune(connection: sa.Connection, before: dt.datetime, today: dt.date) -> Pruned:
    """Delete runs that began before a time, and findings that were resolved before it.

    These remain: open findings, findings with a waiver that is valid on `today`, the runs that changed them, and the
    last run of each account, with which the next one is compared.
    """
    old = sa.and_(FINDINGS.c.resolved.is_not(None), FINDINGS.c.resolved_at < before)
    rows = connection.execute(sa.select(FINDINGS.c.id, FINDINGS.c.waiver).where(old)).all()
    gone = [row.id for row in rows if not _holds(row.waiver, today)]
    for start in range(0, len(gone), 500):
        some = gone[start : start + 500]
        connection.execute(sa.delete(EVENTS).where(EVENTS.c.finding_id.in_(some)))
        connection.execute(sa.delete(FINDINGS).where(FINDINGS.c.id.in_(some)))
    last = sa.select(sa.func.max(RUN_ACCOUNTS.c.run_seq)).group_by(RUN_ACCOUNTS.c.account_id)
    old_runs = sa.and_(
        RUNS.c.started_at < before,
        RUNS.c.seq.not_in(sa.select(EVENTS.c.run_seq)),
        RUNS.c.seq.not_in(last),
    )
    seqs = sa.select(RUNS.c.seq).where(old_runs)
    connection.execute(sa.delete(RUN_ACCOUNTS).where(RUN_ACCOUNTS.c.run_seq.in_(seqs)))
    deleted = connection.execute(sa.delete(RUNS).where(old_runs)).rowcount
    used = [sa.select(RUNS.c[name]) for name in ("rules", "compliance", "coverage", "waivers")]
    connection.execute(sa.delete(BLOBS).where(*(BLOBS.c.digest.not_in(each) for each in used)))
    return Pruned(deleted, len(gone))


def _holds(waiver: str | None, today: dt.date) -> bool:
    return waiver is not None and typed.decode(waiver, Waiver).expires >= today


def deleted_findings(run: RunRow, found: Iterable[Life]) -> int:
    """Return how many findings were open after a run that the history no longer has, of those of its accounts."""
    own = {each.account for each in run.accounts}
    recorded = sum(run.open.values()) + sum(each.waived for each in run.accounts)
    return max(0, recorded - sum(life.is_open_at(run.seq) for life in found if life.account in own))
