"""How a rule came to its verdict on one resource: every part of its expressions, with what it gave."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from northflank_audit.model import RESOURCE_TYPE, Account, Resource, Rule
from northflank_audit.policy.expressions.cel import Absent
from northflank_audit.policy.expressions.trace import Step, trace
from northflank_audit.policy.kinds import Doubt, Kinds, together


def steps(
    rule: Rule, resource: Resource, now: dt.datetime, account: Account, resources: Sequence[Resource]
) -> list[tuple[str, Step]]:
    """Return how `when` and `require` were evaluated, by their names; `require` only where `when` is true.

    `resources` are all credentials of the account, as far as they are known.
    """
    kinds = Kinds([()], now)
    doubts = [kinds.doubt(each) or Doubt(each.record, {}, frozenset()) for each in [*resources, resource]]
    wide: dict[str, Any] = {"resources": [each.record for each in doubts[:-1]], "projects": account.projects}
    variables: dict[str, Any] = {name: value for name, value in wide.items() if name not in account.unknown}
    variables |= {"params": rule.params, "now": now}
    if rule.resource == RESOURCE_TYPE:
        variables |= {"credential": doubts[-1].record, "detailed": resource.detailed}
    absent = Absent(doubts[-1].absent, together(doubts[:-1]))
    found = []
    if rule.when is not None:
        found.append(("when", trace(rule.when, variables, rule.resource, absent)))
        if found[0][1].outcome is not True:
            return found
    return [*found, ("require", trace(rule.require, variables, rule.resource, absent))]
