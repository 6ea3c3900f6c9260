"""Statistics: open violations over time, time to fix, missing runs."""

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import sqlalchemy as sa

from northflank_audit.history.lives import Life, lives
from northflank_audit.history.runs import AccountCounts, AccountRow, RunRow, account_ids, runs
from northflank_audit.history.schema import RUN_ACCOUNTS, RUNS
from northflank_audit.model import Severity, Struct
from northflank_audit.trend import TrendPoint

MOST_POINTS: Final = 400
"""Runs of a trend in a report."""
LATE: Final = 1.25
"""Periods after which an expected run is missed."""


class Missed(Struct, frozen=True, kw_only=True):
    """A period in which an account should have been audited but was not."""

    after: dt.datetime
    """The start of the run before."""
    until: dt.datetime
    """The start of the next run, or now."""
    expected: int
    """How many runs are missing."""
    over: bool
    """Whether there has been a run since."""


class Remediation(Struct, frozen=True, kw_only=True):
    """How long violations of a severity were open until they were resolved."""

    resolved: int
    mean_seconds: float | None
    median_seconds: float | None


class AccountStatistics(Struct, frozen=True, kw_only=True):
    """The statistics of an account."""

    account: AccountRow
    runs: int
    last: dt.datetime | None
    """The start of its last run."""
    last_complete: dt.datetime | None
    trend: list[TrendPoint]
    remediation: dict[str, Remediation]
    """By severity."""
    oldest_open: dict[str, dt.datetime | None]
    """By severity: since when the oldest open violation that is not waived has been open."""
    missed: list[Missed]


def statistics(
    connection: sa.Connection,
    now: dt.datetime,
    patterns: Sequence[str] = (),
    *,
    every: dt.timedelta | None = None,
    grace: dt.timedelta | None = None,
) -> list[AccountStatistics]:
    """Return the statistics of each account. `every` is how often a run is expected, `grace` how late it may be."""
    accounts = account_ids(connection, patterns)
    trends: dict[AccountRow, list[TrendPoint]] = {account: [] for account in accounts.values()}
    for run in runs(connection):
        for counts in run.accounts:
            if counts.account in trends:
                trends[counts.account].append(_point(run, counts))
    found: dict[AccountRow, list[Life]] = {account: [] for account in accounts.values()}
    for life in lives(connection, accounts):
        found[life.account].append(life)
    return [
        AccountStatistics(
            account=account,
            runs=len(trend),
            last=max((point.at for point in trend), default=None),
            last_complete=max((point.at for point in trend if point.complete), default=None),
            trend=trend,
            remediation=_remediation(found[account]),
            oldest_open=_oldest(found[account]),
            missed=[*missed([point.at for point in trend], now, every, grace)] if every else [],
        )
        for account, trend in trends.items()
    ]


def trend(connection: sa.Connection, accounts: Collection[int]) -> list[TrendPoint]:
    """Return the last runs over some accounts, the oldest first. Accounts that a run omits keep their last run."""
    columns = (RUNS.c.started_at, RUNS.c.id, RUNS.c.complete, RUN_ACCOUNTS)
    query = (
        sa.select(*columns)
        .join(RUNS, RUNS.c.seq == RUN_ACCOUNTS.c.run_seq)
        .where(RUN_ACCOUNTS.c.account_id.in_(list(accounts)))
        .order_by(RUN_ACCOUNTS.c.run_seq)
    )
    latest: dict[int, Any] = {}
    points: dict[int, TrendPoint] = {}
    for row in connection.execute(query).mappings():
        latest[row["account_id"]] = row
        points[row["run_seq"]] = TrendPoint(
            at=row["started_at"],
            run=row["id"],
            complete=row["complete"],
            open={each.value: sum(counts[each.value] for counts in latest.values()) for each in Severity},
            waived=sum(counts["waived"] for counts in latest.values()),
        )
    return list(points.values())[-MOST_POINTS:]


def missed(
    starts: Sequence[dt.datetime], now: dt.datetime, every: dt.timedelta, grace: dt.timedelta | None = None
) -> Iterator[Missed]:
    """Yield the gaps between runs that are longer than a period and its grace (by default a quarter of it)."""
    late = every * LATE if grace is None else every + grace
    times = [*sorted(each for each in starts if each <= now), now]
    for before, after in pairwise(times):
        if after - before > late:
            count = max(1, int((after - before - late + every) / every))
            yield Missed(after=before, until=after, expected=count, over=after is not now)


def _point(run: RunRow, counts: AccountCounts) -> TrendPoint:
    return TrendPoint(at=run.started_at, run=run.id, complete=run.complete, open=counts.open, waived=counts.waived)


def _remediation(found: Sequence[Life]) -> dict[str, Remediation]:
    durations: dict[Severity, list[float]] = {severity: [] for severity in Severity}
    for life in found:
        for begin, end in life.periods():
            if end is not None:
                durations[life.finding.severity].append(max(0.0, (end.at - begin.at).total_seconds()))
    return {
        severity.value: Remediation(
            resolved=len(seconds),
            mean_seconds=sum(seconds) / len(seconds) if seconds else None,
            median_seconds=sorted(seconds)[len(seconds) // 2] if seconds else None,
        )
        for severity, seconds in durations.items()
    }


def _oldest(found: Sequence[Life]) -> dict[str, dt.datetime | None]:
    oldest: dict[str, dt.datetime | None] = {severity.value: None for severity in Severity}
    for life in found:
        for begin, end in life.periods():
            if end is None and life.waiver is None:
                before = oldest[life.finding.severity]
                oldest[life.finding.severity] = begin.at if before is None else min(before, begin.at)
    return oldest
