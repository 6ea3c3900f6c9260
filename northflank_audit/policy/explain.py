"""How a rule came to its verdict on one resource: every part of its expressions, with what it gave."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from northflank_audit.model import Account, Resource, Rule
from northflank_audit.policy.account_view import AccountView
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import Absent
from northflank_audit.policy.expressions.trace import Step, trace
from northflank_audit.resources import TYPES


def steps(
    rule: Rule, resource: Resource, now: dt.datetime, account: Account, resources: Sequence[Resource]
) -> list[tuple[str, Step]]:
    """Return how `when` and `require` were evaluated, by their names; `require` only where `when` is true.

    `resources` are the account's, of all types, as far as they are known.
    """
    ready, kind = CompiledRule.of(rule), TYPES[rule.resource]
    others = [each for each in resources if each.identity != resource.identity]
    known = AccountView(account, [*others, resource], [ready], now)
    doubt = known.doubt(resource)
    variables: dict[str, Any] = {**known.shared(ready)[0].variables, "params": rule.params}
    if kind.listing is not None:
        variables |= {kind.variable: doubt.record, "detailed": resource.detailed}
    absent = Absent(doubt.absent, known.absent(ready))
    found = []
    if rule.when is not None:
        found.append(("when", trace(rule.when, variables, rule.resource, absent)))
        if found[0][1].outcome is not True:
            return found
    return [*found, ("require", trace(rule.require, variables, rule.resource, absent))]
