"""The gate of an audit: which violations make the exit code 1."""

from collections.abc import Iterable
from typing import Literal, Self

from msgspec import UNSET
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

    def fails(self, severity: Severity) -> bool:
        """Return whether a violation of this severity makes the exit code 1."""
        return self.fail_on is not None and severity.rank >= self.fail_on.rank

    def exempts(self, result: Result) -> bool:
        """Return whether a violation does not count because it is ongoing.

        One without a state counts, because it is not known to be old. So does one whose waiver has ended, because it
        was only accepted until then.
        """
        return self.fail_on_new and result.violates and result.state == "ongoing" and result.unwaived is UNSET

    def counts(self, result: Result) -> bool:
        """Return whether a result is a violation that makes the exit code 1."""
        return result.violates and self.fails(result.severity) and not self.exempts(result)

    def over(self, results: Iterable[Result]) -> Self:
        """Return the gate with the number of ongoing violations in these results that do not count."""
        return replace(self, not_counted=sum(map(self.exempts, results)))
