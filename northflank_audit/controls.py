"""The controls of frameworks, and what an audit says of each; part of the report."""

from enum import StrEnum

import msgspec

from northflank_audit.model import Struct


class ControlVerdict(StrEnum):
    """What the rules under a control amount to for it; never more than they have shown."""

    MET = "met"
    NOTMET = "notmet"
    """It is violated."""
    NOTKNOWN = "notknown"
    """No violation is known, but not everything could be seen and evaluated."""
    WAIVED = "waived"
    """What violates it has been accepted, which is not the same as met."""
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
    """A control of a framework of which this audit shows nothing."""

    id: str
    reason: str
    """Why, for a person."""


class Framework(Struct, frozen=True):
    """A framework, and those of its controls that the rules cover."""

    id: str
    """As rules write it under `controls`."""
    title: str
    controls: list[Control]
    not_covered: list[NotCovered] = msgspec.field(default_factory=list)
    """Controls that only rules which are not configured serve, or only facts that the API does not show would prove."""
