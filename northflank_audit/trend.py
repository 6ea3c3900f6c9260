"""Open violations after each of several runs; part of the report."""

import datetime as dt

from northflank_audit.model import Struct
from northflank_audit.periods import checked_time


class TrendPoint(Struct, frozen=True, kw_only=True):
    """The open violations after a run, by the history."""

    at: dt.datetime
    """The start of the run."""
    run: str
    complete: bool
    open: dict[str, int]
    """Violations that are not waived, by severity, over the accounts that it audited."""
    waived: int

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations: since reports are read from files."""
        checked_time(self.at)
