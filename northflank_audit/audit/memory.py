"""What a run knows of earlier runs: nothing without a history."""

from northflank_audit.audit.comparison import RunComparison
from northflank_audit.report import Report
from northflank_audit.sources.interface import Source


class Memory:
    """The memory of a run without a history, which compares nothing and records nothing."""

    def recall(self, source: Source) -> RunComparison | None:  # noqa: ARG002
        """Return what to compare a run over this source with."""
        return None

    def record(self, report: Report, source: Source) -> Report:  # noqa: ARG002
        """Record a run, and return its report."""
        return report

    def amend(self, report: Report) -> Report:
        """Correct the record of a run if some of its reports could not be delivered afterwards."""
        return report


def memory_of(history: str | None, target: str | None = None) -> Memory:
    """Return the memory of a run with this `--history`. Raises StartError.

    `target` is the fleet's name for what is audited; it identifies accounts if the API does not name their owner.
    """
    if history is None:
        return Memory()
    from northflank_audit.audit.recorded_history import RecordedHistory  # noqa: PLC0415 - imports SQLAlchemy

    return RecordedHistory(history, target)
