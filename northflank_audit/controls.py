"""Controls of frameworks and their verdicts, as parts of the report."""

from enum import StrEnum

import msgspec

from northflank_audit.model import Struct


class ControlVerdict(StrEnum):
    """The verdict on a control, by its rules; never more than they have shown."""

    MET = "met"
    NOTMET = "notmet"
    """A rule under it is violated."""
    NOTKNOWN = "notknown"
    """No violation is known, but not everything could be seen and evaluated."""
    WAIVED = "waived"
    """Its violations are waived, which is not the same as met."""
    NOTAPPLICABLE = "notapplicable"


class Control(Struct, frozen=True, kw_only=True):
    """A control of a framework that at least one rule serves."""

    id: str
    verdict: ControlVerdict
    rules: list[str]
    """The ids of the rules under it."""
    counts: dict[str, int]
    """Their verdicts, by the names of a rule's `counts`."""


class NotCovered(Struct, frozen=True, kw_only=True):
    """A control about which this audit shows nothing."""

    id: str
    reason: str
    """Why, for a person."""


class Framework(Struct, frozen=True):
    """A framework, and those of its controls that the rules cover."""

    id: str
    """The id in the `controls` of rules."""
    title: str
    controls: list[Control]
    not_covered: list[NotCovered] = msgspec.field(default_factory=list)
    """Controls whose rules are not configured, or that only facts which the API does not show could prove."""
