"""Verdicts of one rule on one resource."""

from collections.abc import Callable, Mapping

import msgspec

from northflank_audit.model import Resource, Rule, Status
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import Expression, Failed, Missing, Value


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The verdict of one rule on one resource, before it is worded. There are many, so they are cheap."""

    rule: Rule
    resource: Resource
    status: Status
    decided_by: Expression | None = None
    """The expression that could not be evaluated; None for a definite verdict."""
    reason: str = ""
    """Why not, for a person."""
    missing: Missing | None = None
    """The missing key, if that is why."""
    invalid: Mapping[str, str] | None = None
    """Why values of the resource count as missing, by their paths."""
    seen: Mapping[str, int] | None = None
    """How many other records and projects the rule saw, by variable or list."""
    parts: Mapping[str, frozenset[str]] | None = None
    """The parts that may settle an unknown verdict, by type, read or not."""

    @property
    def wants(self) -> frozenset[str]:
        """The unread parts of its own resource that may settle it."""
        if self.parts is None:
            return frozenset()
        return self.parts.get(self.resource.type, frozenset()) - self.resource.parts

    @property
    def lacks_data(self) -> bool:
        """Whether an unread part of its own resource may settle it."""
        return bool(self.wants) and not self.variable

    @property
    def variable(self) -> str:
        """The unknown variable, if that is why."""
        return self.missing.variable if self.missing else ""


def decided(each: CompiledRule, evaluate: Callable[[Expression], Value]) -> tuple[Expression, Value | None]:
    """Return the deciding expression and its result; None if the rule does not apply."""
    if each.when is not None:
        outcome = evaluate(each.when)
        if outcome is False:
            return each.when, None
        if outcome is not True:
            return each.when, outcome
    return each.require, evaluate(each.require)


def verdict_of(
    each: CompiledRule,
    resource: Resource,
    expression: Expression,
    outcome: bool | Failed | None,
    seen: Mapping[str, int] | None = None,
) -> Verdict:
    """Return the verdict for a value; None means that the rule does not apply."""
    if isinstance(outcome, Failed):
        return Verdict(each.rule, resource, Status.ERROR, expression, outcome.reason, seen=seen)
    status = Status.NOTAPPLICABLE if outcome is None else Status.PASS if outcome else Status.FAIL
    return Verdict(each.rule, resource, status, seen=seen)
