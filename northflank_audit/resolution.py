"""The fate of violations that a later run does not find."""

from enum import StrEnum
from typing import Final


class Became(StrEnum):
    """What became of a violation of the baseline that is not a current one."""

    FIXED = "fixed"
    """The rule passes."""
    NOTAPPLICABLE = "notapplicable"
    """The rule no longer applies to it."""
    GONE = "gone"
    """The resource no longer exists."""
    UNKNOWN = "unknown"
    """The current run could not evaluate it."""
    UNSEEN = "unseen"
    """The current run did not see it, and did not see everything."""
    UNAUDITED = "unaudited"
    """The current run did not audit its account or its project."""
    UNASKED = "unasked"
    """Its rule did not run in the current run."""

    @classmethod
    def _missing_(cls, value: object) -> "Became | None":
        """Return the member for a word of earlier versions."""
        return cls.FIXED if value == "mended" else None


RESOLVED: Final = frozenset({Became.FIXED, Became.NOTAPPLICABLE, Became.GONE})
"""The members that count as resolved. The others are unknown, which is not resolved."""
