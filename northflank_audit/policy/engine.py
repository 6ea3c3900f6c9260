"""The engine: rules over records, one verdict for each pair."""

import datetime as dt
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET

from northflank_audit.fields import generation
from northflank_audit.model import (
    ACCOUNT_TYPE,
    RESOURCE_TYPE,
    Account,
    Resource,
    ResourceName,
    Result,
    Rule,
    Status,
    Waiver,
    fingerprint,
)
from northflank_audit.policy.cel import (
    MOST_STEPS,
    NO_ADDRESS,
    Batch,
    Expression,
    Failed,
    Missing,
    Shared,
    Value,
    compiled,
    lookup,
)

_CODES = {Batch.VIOLATED: Status.FAIL, Batch.HELD: Status.PASS, Batch.NOT_APPLICABLE: Status.NOTAPPLICABLE}

NOT_GIVEN: Final = "the API did not give it"
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
    """Why it could not, for a person."""
    variable: str = ""
    """The variable that was not known, if that is why."""
    seen: Mapping[str, int] | None = None
    """How many credentials and projects the rule saw besides, by the name of the variable."""

    @property
    def lacks_data(self) -> bool:
        """Whether a field that the detail endpoint may give is missing."""
        return self.status is Status.UNKNOWN and not self.variable and not self.resource.detailed


class _Compiled(NamedTuple):
    rule: Rule
    when: Expression | None
    require: Expression

    @property
    def wide(self) -> frozenset[str]:
        """The variables that it reads of those that hold more than one record."""
        return self.require.wide.union(self.when.wide if self.when else ())

    @property
    def asking(self) -> Expression | None:
        """The expression that asks which fields other credentials have."""
        return next((each for each in (self.when, self.require) if each and each.asks_presence), None)

    @property
    def collective(self) -> bool:
        """Whether it needs the whole account."""
        return bool(self.wide) or self.rule.resource == ACCOUNT_TYPE


class Engine:
    """Compiled rules, and the time that `now` is for all of them."""

    def __init__(self, rules: Sequence[Rule], now: dt.datetime) -> None:
        """Compile. The rules have been checked when they were loaded."""
        self.rules = list(rules)
        self._now = now
        ready = [
            _Compiled(
                rule,
                compiled(rule.when, rule.resource) if rule.when else None,
                compiled(rule.require, rule.resource),
            )
            for rule in rules
        ]
        self._by_id = {each.rule.id: each for each in ready}
        self._single = [each for each in ready if not each.collective]
        self._collective = [each for each in ready if each.collective]
        self._batch = Batch([(each.when, each.require) for each in self._single])
        self.collective = bool(self._collective)
        """Whether a rule needs whole accounts: `judge` leaves it to `judge_account`."""
        self.about_accounts = any(rule.resource == ACCOUNT_TYPE for rule in rules)
        self.reads = frozenset[str]().union(*(each.wide for each in ready))
        """The variables that rules read of those that hold more than one record."""

    def judge(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every resource and rule that needs nothing but the resource, in that order.

        All rules go over all resources in one evaluation; where that meets an error, each resource and rule is
        evaluated by itself, so that only the one that erred is unknown.
        """
        if not self._single:
            return
        parameters = [each.rule.params for each in self._single]
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
                    for each, code in zip(self._single, codes, strict=True):
                        yield Verdict(each.rule, resource, _CODES[code])

    def _exactly(self, resource: Resource, variables: Mapping[str, Any]) -> Iterator[Verdict]:
        for each in self._single:
            known = {**variables, "credential": resource.record, "params": each.rule.params}
            expression, outcome = _decided(each, partial(Expression.evaluate, variables=known))
            if isinstance(outcome, Missing):  # what is missing is put into words where someone reads them
                yield Verdict(each.rule, resource, Status.UNKNOWN, expression, outcome.reason)
            else:
                yield _verdict(each, resource, expression, outcome)

    def judge_account(self, account: Account, resources: Sequence[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every rule that needs the whole account, and each of its resources or the account.

        `resources` are the account's credentials, as far as they are known.
        """
        variables: dict[str, Any] = {"resources": [each.record for each in resources], "projects": account.projects}
        known = {name: variables[name] for name in self.reads if name not in account.unknown}
        shared = Shared({**known, "now": self._now})
        terse = next((each for each in resources if not each.detailed and generation(each.record) != "2024"), None)
        for each in self._collective:
            seen = {name: len(known[name]) for name in sorted(each.wide) if name in known}
            exhausted: Failed | None = None
            for resource in resources if each.rule.resource == RESOURCE_TYPE else [account.resource]:
                own = {"credential": resource.record, "params": each.rule.params, "detailed": resource.detailed}
                asking = each.asking if terse and "resources" in known else None
                if terse and asking:
                    reason = f"what fields all credentials have is not known ({terse.shortfall or NOT_GIVEN})"
                    yield Verdict(each.rule, resource, Status.UNKNOWN, asking, reason, "", seen)
                    continue
                evaluate = partial(Expression.evaluate_among, own=own, shared=shared)
                expression, outcome = (each.require, exhausted) if exhausted else _decided(each, evaluate)
                if isinstance(outcome, Failed) and outcome.exhausted and seen.get("resources", 0) >= MOST_STEPS:
                    # The other records would take as long to find out no more.
                    outcome = exhausted = exhausted or Failed(
                        f"{outcome.reason}; {account} has {seen['resources']:,} credentials", exhausted=True
                    )
                if isinstance(outcome, Missing):
                    reason = _lacking_in(account, resources, resource, expression, outcome)
                    yield Verdict(each.rule, resource, Status.UNKNOWN, expression, reason, outcome.variable, seen)
                else:
                    yield _verdict(each, resource, expression, outcome, seen)

    def result(self, verdict: Verdict, waiver: Waiver | None = None) -> Result:
        """Put a verdict into words, with its evidence."""
        rule, resource = verdict.rule, verdict.resource
        ready = self._by_id[rule.id]
        expression = verdict.decided_by or ready.require
        if verdict.status is Status.NOTAPPLICABLE and ready.when is not None:
            expression = ready.when
        evidence: dict[str, Any] = {}
        for path in expression.fields:
            if not path:  # the expression goes over the whole record
                evidence.update(resource.record)
            elif values := list(lookup(resource.record, path)):
                evidence[".".join(path)] = values[0]
        evidence.update((f"size({name})", count) for name, count in (verdict.seen or {}).items())
        return Result(
            rule_id=rule.id,
            severity=rule.severity,
            status=verdict.status,
            resource=ResourceName.of(resource),
            message=_message(verdict),
            evidence=evidence,
            waiver=waiver,
            fingerprint=fingerprint(rule.id, resource.team, resource.id, resource.type),
            reason=_cause(verdict) if verdict.status in (Status.UNKNOWN, Status.ERROR) else UNSET,
        )


def _decided(each: _Compiled, evaluate: Callable[[Expression], Value]) -> tuple[Expression, Value | None]:
    """Return the expression that decides, and what it gives; None where the rule does not apply."""
    if each.when is not None:
        outcome = evaluate(each.when)
        if outcome is False:
            return each.when, None
        if outcome is not True:
            return each.when, outcome
    return each.require, evaluate(each.require)


def _verdict(
    each: _Compiled,
    resource: Resource,
    expression: Expression,
    outcome: bool | Failed | None,
    seen: Mapping[str, int] | None = None,
) -> Verdict:
    if isinstance(outcome, Failed):
        return Verdict(each.rule, resource, Status.ERROR, expression, outcome.reason, seen=seen)
    status = Status.NOTAPPLICABLE if outcome is None else Status.PASS if outcome else Status.FAIL
    return Verdict(each.rule, resource, status, seen=seen)


def _absent(expression: Expression, resource: Resource) -> list[str]:
    """Return the fields that an expression reads and the resource's record does not have."""
    return [".".join(path) for path in expression.fields if path and not list(lookup(resource.record, path))]


def _lacking(fields: Sequence[str], otherwise: str, shortfall: str | None) -> str:
    return f"{' and '.join(fields) or otherwise} is not known ({shortfall or NOT_GIVEN})"


def _lacking_in(
    account: Account, resources: Sequence[Resource], resource: Resource, expression: Expression, missing: Missing
) -> str:
    """Return what kept a verdict from being given that needs more than one record."""
    if missing.reason == NO_ADDRESS:
        return missing.reason
    match missing.variable:
        case "resources":
            return f"not all credentials of {account} are known ({account.unknown['resources']})"
        case "projects":
            return f"the projects of {account} are not known ({account.unknown['projects']})"
    fields = [field for field in _absent(expression, resource) if missing.key in field.split(".")]
    if fields:
        return _lacking(fields, "", resource.shortfall)
    others = (each.shortfall for each in resources if each is not resource and each.shortfall)
    whose = "a" if resource.type == ACCOUNT_TYPE else "another"
    return _lacking([f"{missing.key} of {whose} credential"], "", next(others, None))


def _named(resource: Resource) -> str:
    return (
        str(Account(team=resource.team))
        if resource.type == ACCOUNT_TYPE
        else ResourceName.of(resource).title or resource.id
    )


def _reason(verdict: Verdict) -> str:
    """Return why a verdict could not be given, for a person."""
    resource = verdict.resource
    undecided = verdict.status is Status.UNKNOWN and verdict.seen is None and verdict.reason != NO_ADDRESS
    if undecided and verdict.decided_by is not None:
        return _lacking(_absent(verdict.decided_by, resource), verdict.reason, resource.shortfall)
    return verdict.reason


def _cause(verdict: Verdict) -> str:
    """Return the reason without the resource's own id and team, so that it is equal for equal causes."""
    resource = verdict.resource
    own = f"details of '{resource.id}'"
    reason = _reason(verdict)
    return reason.replace(f"{own} of team {resource.team}", "its details").replace(own, "its details")


def _message(verdict: Verdict) -> str:
    rule, resource = verdict.rule, verdict.resource
    name = _named(resource)
    match verdict.status:
        case Status.FAIL:
            return _filled(rule, resource)
        case Status.UNKNOWN:
            return f"{name} could not be judged: {_reason(verdict)}"
        case Status.ERROR:
            return f"{name} could not be judged: the rule itself failed on it: {verdict.reason}"
        case Status.NOTAPPLICABLE:
            return f"{name}: the rule does not apply"
        case Status.PASS:
            return f"{name}: as it should be"


def _filled(rule: Rule, resource: Resource) -> str:
    values: dict[str, Any] = {
        "id": resource.id,
        "name": _named(resource) if resource.name is not None or resource.type == ACCOUNT_TYPE else None,
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
