"""The engine: rules over records, one verdict for each pair."""

import datetime as dt
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any

import msgspec

from northflank_audit.model import Resource, ResourceName, Result, Rule, Status, Waiver, fingerprint
from northflank_audit.policy.cel import Batch, Expression, Failed, Missing, lookup

_CODES = {Batch.VIOLATED: Status.FAIL, Batch.HELD: Status.PASS, Batch.NOT_APPLICABLE: Status.NOTAPPLICABLE}

PAGE = 100
"""Records in one evaluation: few enough for CEL's limit on iterations, and for one error to spoil little."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one rule says of one resource, before it is put into words. There are many, so they are made cheaply."""

    rule: Rule
    resource: Resource
    status: Status
    decided_by: Expression | None = None
    """The expression that could not be evaluated; None where the verdict is firm."""
    reason: str = ""

    @property
    def lacks_data(self) -> bool:
        """Whether a field that the detail endpoint may give is missing."""
        return self.status is Status.UNKNOWN and not self.resource.detailed


class Engine:
    """Compiled rules, and the time that `now` is for all of them."""

    def __init__(self, rules: Sequence[Rule], now: dt.datetime) -> None:
        """Compile. The rules have been checked when they were loaded."""
        self.rules = list(rules)
        self._now = now
        self._compiled = [((rule.when and Expression(rule.when)) or None, Expression(rule.require)) for rule in rules]
        self._by_id = {rule.id: pair for rule, pair in zip(self.rules, self._compiled, strict=True)}
        self._batch = Batch(self._compiled)

    def judge(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every resource and rule, in that order.

        All rules go over all resources in one evaluation; where that meets an error, each resource and rule is
        evaluated by itself, so that only the one that erred is unknown.
        """
        parameters = [rule.params for rule in self.rules]
        for detailed, group in groupby(resources, key=lambda resource: resource.detailed):
            variables = {"now": self._now, "detailed": detailed}
            while page := list(islice(group, PAGE)):
                records = [resource.record for resource in page]
                rows = self._batch.evaluate(records, {"parameters": parameters, **variables})
                if rows is None:
                    for resource in page:
                        yield from self._exactly(resource, variables)
                    continue
                for resource, codes in zip(page, rows, strict=True):
                    for rule, code in zip(self.rules, codes, strict=True):
                        yield Verdict(rule, resource, _CODES[code])

    def _exactly(self, resource: Resource, variables: Mapping[str, Any]) -> Iterator[Verdict]:
        for rule, (when, require) in zip(self.rules, self._compiled, strict=True):
            known = {**variables, "credential": resource.record, "params": rule.params}
            outcome: bool | Missing | Failed = True
            expression = when
            if when is not None:
                outcome = when.evaluate(known)
                if outcome is False:
                    yield Verdict(rule, resource, Status.NOTAPPLICABLE)
                    continue
            if outcome is True:
                expression, outcome = require, require.evaluate(known)
            if isinstance(outcome, Missing):
                yield Verdict(rule, resource, Status.UNKNOWN, expression, outcome.reason)
            elif isinstance(outcome, Failed):
                yield Verdict(rule, resource, Status.ERROR, expression, outcome.reason)
            else:
                yield Verdict(rule, resource, Status.PASS if outcome else Status.FAIL)

    def result(self, verdict: Verdict, waiver: Waiver | None = None) -> Result:
        """Put a verdict into words, with its evidence."""
        rule, resource = verdict.rule, verdict.resource
        when, require = self._by_id[rule.id]
        expression = verdict.decided_by or require
        if verdict.status is Status.NOTAPPLICABLE and when is not None:
            expression = when
        evidence: dict[str, Any] = {}
        missing: list[str] = []
        for path in expression.fields:
            if not path:  # the expression goes over the whole record
                evidence.update(resource.record)
            elif values := list(lookup(resource.record, path)):
                evidence[".".join(path)] = values[0]
            else:
                missing.append(".".join(path))
        return Result(
            rule_id=rule.id,
            severity=rule.severity,
            status=verdict.status,
            resource=ResourceName.of(resource),
            message=_message(verdict, missing),
            evidence=evidence,
            waiver=waiver,
            fingerprint=fingerprint(rule.id, resource.team, resource.id, resource.type),
        )


def _message(verdict: Verdict, missing: Sequence[str]) -> str:
    rule, resource = verdict.rule, verdict.resource
    name = resource.name or resource.id
    match verdict.status:
        case Status.FAIL:
            return _filled(rule, resource)
        case Status.UNKNOWN:
            lacking = " and ".join(missing) or verdict.reason
            why = resource.shortfall or "the API did not give it"
            return f"{name} could not be judged: {lacking} is not known ({why})"
        case Status.ERROR:
            return f"{name} could not be judged: the rule itself failed on it: {verdict.reason}"
        case Status.NOTAPPLICABLE:
            return f"{name}: the rule does not apply"
        case Status.PASS:
            return f"{name}: as it should be"


def _filled(rule: Rule, resource: Resource) -> str:
    values: dict[str, Any] = {
        "id": resource.id,
        "name": resource.name,
        "provider": resource.record.get("provider"),
        "team": resource.team,
    }
    parts = []
    for text, field, _, _ in string.Formatter().parse(rule.message):
        parts.append(text)
        if field is not None:
            key = field.removeprefix("params.")
            value = values.get(field) if key == field else rule.params.get(key)
            parts.append("?" if value is None else _text(value))
    return "".join(parts)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
