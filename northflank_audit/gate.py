"""The gate: which violations make the exit code 1."""

import datetime as dt
from collections.abc import Iterable
from typing import Literal, Self

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.model import Result, Severity, Struct


class Gate(Struct, frozen=True):
    """Which verdicts make the audit fail, by its options. It depends only on the results."""

    fail_on: Severity | None = Severity.INFO
    """The lowest severity of a violation that makes the exit code 1; None: no violation does."""
    on_unknown: Literal["fail", "ignore"] = "fail"
    """Whether an inconclusive verdict makes the audit incomplete."""
    fail_on_new: bool = False
    """Whether violations that are ongoing do not count."""
    not_counted: int = 0
    """The ongoing violations that do not count."""
    at: dt.datetime | UnsetType = UNSET
    """With the history: the time that the ages of violations are counted to, which is the start of the run."""
    new_for: int = 0
    """Seconds for which a violation counts as new after it was found, found again, or no longer waived."""
    max_age: dict[Severity, int] = msgspec.field(default_factory=dict)
    """Seconds since it was first seen after which an ongoing violation of a severity counts again."""

    def fails(self, severity: Severity) -> bool:
        """Return whether a violation of this severity makes the exit code 1."""
        return self.fail_on is not None and severity.rank >= self.fail_on.rank

    def exempts(self, result: Result) -> bool:
        """Return whether a violation does not count because it is ongoing.

        One without a state counts, because it is not known to be old. So does one whose waiver has ended, because it
        was only accepted until then; one that is still new by the history, so that a second run does not get around
        the gate; and one that is too old.
        """
        ongoing = result.state == "ongoing" and result.unwaived is UNSET
        return (
            self.fail_on_new and result.violates and ongoing and not self._is_recent(result) and not self.is_old(result)
        )

    def _is_recent(self, result: Result) -> bool:
        return (
            self.at is not UNSET
            and result.open_since is not UNSET
            and _since(result.open_since, self.at) < self.new_for
        )

    def is_old(self, result: Result) -> bool:
        """Return whether a violation has been known for longer than its severity allows."""
        longest = self.max_age.get(result.severity)
        if longest is None or self.at is UNSET or result.first_seen is UNSET:
            return False
        return _since(result.first_seen, self.at) > longest

    def counts(self, result: Result) -> bool:
        """Return whether a result is a violation that makes the exit code 1."""
        return result.violates and self.fails(result.severity) and not self.exempts(result)

    def over(self, results: Iterable[Result]) -> Self:
        """Return the gate with the number of ongoing violations in these results that do not count."""
        return replace(self, not_counted=sum(map(self.exempts, results)))


def _since(time: dt.datetime, now: dt.datetime) -> float:
    return (now - time).total_seconds()
