"""Reads the history before a run, and records the run afterwards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.audit.comparison import BaselineComparison, ComparisonOutcome, CurrentRun
from northflank_audit.audit.deliver import incomplete
from northflank_audit.errors import DeliveryError
from northflank_audit.model import Resource, Result, Status
from northflank_audit.report import Report
from northflank_audit.sources.interface import Source

if TYPE_CHECKING:
    from northflank_audit.history.past import Past


class HistoryComparison:
    """Compares a run with the history: the last run over the same accounts, and all earlier findings."""

    def __init__(self, past: "Past") -> None:
        self.past = past
        self._baseline = None if past.last is None else BaselineComparison(past.last)

    def add(self, rule_id: str, resource: Resource, status: Status) -> None:
        """Record a verdict."""
        if self._baseline is not None:
            self._baseline.add(rule_id, resource, status)

    def outcome(self, current: CurrentRun, results: Sequence[Result]) -> ComparisonOutcome:
        """Compare. Without an earlier run every violation is new, and none is resolved."""
        if self._baseline is None:
            new = [replace(each, state="new") if each.status is Status.FAIL else each for each in results]
            found = ComparisonOutcome(UNSET, new, [], [])
        else:
            found = self._baseline.outcome(current, results)
        return found._replace(results=[self._dated(each, current) for each in found.results])

    def _dated(self, result: Result, current: CurrentRun) -> Result:
        """Return a violation with its dates, and as `reopened` if it was resolved in between."""
        if result.status is not Status.FAIL:
            return result
        now = current.run.started_at
        known = self.past.known(result)
        if known is None:
            return replace(result, first_seen=now, open_since=now, last_seen=now)
        if known.resolved is not None:
            return replace(result, state="reopened", first_seen=known.first_seen, open_since=now, last_seen=now)
        unwaived = result.waiver is None and known.result.waiver is not None
        since = now if unwaived else known.open_since
        return replace(result, first_seen=known.first_seen, open_since=since, last_seen=now)


class Memory:
    """Reads the history before a run and records the run after it; without `--history` it does nothing.

    A database that can't be used makes the run incomplete, and costs nothing else.
    """

    def __init__(self, history: str | None, target: str = "") -> None:
        """`target` tells accounts apart where the API does not say whose they are. Raises StartError."""
        self._target = target
        self._comparison: HistoryComparison | None = None
        self._problem: DeliveryError | None = None
        self._database = None
        if history is not None:
            from northflank_audit.history.database import Database  # noqa: PLC0415 - imports SQLAlchemy

            self._database = Database.of(history)

    def recall(self, source: Source) -> HistoryComparison | None:
        """Return what to compare this run with; None without a history, or if it can't be read."""
        if self._database is None:
            return None
        from northflank_audit.history.past import Holder, host_of, read_past  # noqa: PLC0415 - imports SQLAlchemy

        origin = source.origin
        holder = Holder(host_of(origin), source.entity() or self._target)
        named: list[str | None] = [*origin.teams] or [None]
        teams = None if origin.all_teams or origin.kind == "input" else named
        try:
            with self._database.writing() as connection:
                self._comparison = HistoryComparison(read_past(connection, holder, teams))
        except DeliveryError as error:
            self._problem = error
        return self._comparison

    def record(self, report: Report, source: Source) -> Report:
        """Record a run, and return its report: incomplete, where the history can't be used."""
        if self._database is None:
            return report
        if self._comparison is None:
            return report if self._problem is None else incomplete(report, self._problem)
        from northflank_audit.history.ledger import record  # noqa: PLC0415 - imports SQLAlchemy
        from northflank_audit.history.statistics import trend  # noqa: PLC0415 - imports SQLAlchemy

        try:
            with self._database.writing() as connection:
                accounts = record(connection, report, self._comparison.past, source.accounts.keys())
                points = trend(connection, accounts)
        except DeliveryError as error:
            self._problem = error
            return incomplete(report, error)
        return replace(report, trend=points)

    def amend(self, report: Report) -> Report:
        """Correct the record of a run if some of its reports could not be delivered afterwards."""
        if self._database is None or self._comparison is None or self._problem is not None:
            return report
        from northflank_audit.history.ledger import amend  # noqa: PLC0415 - imports SQLAlchemy

        try:
            with self._database.writing() as connection:
                amend(connection, report)
        except DeliveryError as error:
            return incomplete(report, error)
        return report
