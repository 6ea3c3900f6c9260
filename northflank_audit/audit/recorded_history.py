"""Compares a run with the history, and records it there."""

from collections.abc import Sequence

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.audit.comparison import BaselineComparison, ComparisonOutcome, CurrentRun
from northflank_audit.audit.deliver import incomplete
from northflank_audit.audit.memory import Memory
from northflank_audit.errors import DeliveryError
from northflank_audit.history import ledger
from northflank_audit.history.database import Database
from northflank_audit.history.past import Holder, Past, host_of, read_past
from northflank_audit.history.statistics import trend
from northflank_audit.model import Resource, Result, Status
from northflank_audit.report import Report
from northflank_audit.sources.interface import Source


class HistoryComparison:
    """Compares a run with the history: the last run over the same accounts, and all earlier findings."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self._baseline = None if past.last is None else BaselineComparison(past.last, past.accounts)

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
        # Where nobody received the last report, what was reopened in it is new again, but not seen for the first time.
        state = "reopened" if result.state == "new" and known.first_seen != known.open_since else result.state
        unwaived = result.waiver is None and known.result.waiver is not None
        since = now if unwaived else known.open_since
        return replace(result, state=state, first_seen=known.first_seen, open_since=since, last_seen=now)


class RecordedHistory(Memory):
    """The history in a database. If it can't be used, the run is incomplete, and loses nothing else."""

    def __init__(self, history: str, target: str | None = None) -> None:
        """Take what `memory_of` takes. Raises StartError."""
        self._database = Database.of(history)
        self._target = target or ""
        self._comparison: HistoryComparison | None = None
        self._problem: DeliveryError | None = None

    def recall(self, source: Source) -> HistoryComparison | None:
        """Return what to compare this run with; None if the history can't be read."""
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
        """Record a run, and return its report with the trend; incomplete if the history can't be used."""
        if self._comparison is None:
            return report if self._problem is None else incomplete(report, self._problem)
        try:
            with self._database.writing() as connection:
                accounts = ledger.record(connection, report, self._comparison.past, source.accounts.keys())
                points = trend(connection, accounts)
        except DeliveryError as error:
            self._problem = error
            return incomplete(report, error)
        return replace(report, trend=points)

    def amend(self, report: Report) -> Report:
        """Correct the record of a run if some of its reports could not be delivered afterwards."""
        if self._comparison is None or self._problem is not None:
            return report
        try:
            with self._database.writing() as connection:
                ledger.amend(connection, report)
        except DeliveryError as error:
            return incomplete(report, error)
        return report
