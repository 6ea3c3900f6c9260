"""Shows how a rule was evaluated for one resource."""

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
    """Return how `when` and `require` were evaluated, by their names; `require` only if `when` is true.

    `resources` are the account's, of all types, as far as they are known.
    """
    ready, kind = CompiledRule.of(rule), TYPES[rule.resource]
    others = [each for each in resources if each.identity != resource.identity]
    view = AccountView(account, [*others, resource], [ready], now)
    uncertainty = view.uncertainty(resource)
    variables: dict[str, Any] = {**view.shared(ready)[0].variables, "params": rule.params}
    if kind.listing is not None:
        variables |= {kind.variable: uncertainty.record, "detailed": resource.detailed}
    absent = Absent(uncertainty.absent, view.absent(ready))
    traces = []
    if rule.when is not None:
        traces.append(("when", trace(rule.when, variables, rule.resource, absent)))
        if traces[0][1].outcome is not True:
            return traces
    return [*traces, ("require", trace(rule.require, variables, rule.resource, absent))]
