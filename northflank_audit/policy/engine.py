"""The engine: rules over records, one verdict for each pair."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import groupby, islice
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

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
from northflank_audit.policy.expressions.cel import (
    MOST_STEPS,
    Absent,
    Batch,
    Expression,
    Failed,
    Missing,
    Shared,
    Value,
    compiled,
    lookup,
)
from northflank_audit.policy.kinds import Doubt, Kinds, together
from northflank_audit.policy.reasons import filled, lacking, lacking_in, named

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
    """Why it could not, for a person."""
    missing: Missing | None = None
    """What was not known, if that is why."""
    odd: Mapping[str, str] | None = None
    """Why fields of the resource count as missing that it has, by their paths."""
    seen: Mapping[str, int] | None = None
    """How many credentials and projects the rule saw besides, by the name of the variable."""

    @property
    def lacks_data(self) -> bool:
        """Whether a field that the detail endpoint may give is missing."""
        return self.status is Status.UNKNOWN and not self.variable and not self.resource.detailed

    @property
    def variable(self) -> str:
        """The variable that was not known, if that is why."""
        return self.missing.variable if self.missing else ""


class _Compiled(NamedTuple):
    rule: Rule
    when: Expression | None
    require: Expression

    @property
    def wide(self) -> frozenset[str]:
        """The variables that it reads of those that hold more than one record."""
        return self.require.wide.union(self.when.wide if self.when else ())

    @property
    def expressions(self) -> list[Expression]:
        """What is evaluated, in order."""
        return [self.when, self.require] if self.when else [self.require]

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
        paths = [path for each in self._single for expression in each.expressions for path in expression.fields]
        self._kinds = Kinds(paths, now)
        self.collective = bool(self._collective)
        """Whether a rule needs whole accounts: `judge` leaves it to `judge_account`."""
        self.about_accounts = any(rule.resource == ACCOUNT_TYPE for rule in rules)
        self.reads = frozenset[str]().union(*(each.wide for each in ready))
        """The variables that rules read of those that hold more than one record."""

    def judge(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every resource and rule that needs nothing but the resource, in that order.

        All rules go over all resources in one evaluation. Where that meets an error, or where something in a record
        is in doubt, each resource and rule is evaluated by itself, so that only the one that erred is unknown.
        """
        if not self._single:
            return
        for detailed, group in groupby(resources, key=lambda resource: resource.detailed):
            variables = {"now": self._now, "detailed": detailed}
            while page := list(islice(group, PAGE)):
                doubts = self._doubts(page)
                sure = [resource.record for resource, doubt in zip(page, doubts, strict=True) if doubt is None]
                parameters = [each.rule.params for each in self._single]
                rows = iter(self._batch.evaluate(sure, {"parameters": parameters, **variables}) or ())
                for resource, doubt in zip(page, doubts, strict=True):
                    codes = next(rows, None) if doubt is None else None
                    if codes is None:
                        yield from self._exactly(resource, doubt, variables)
                        continue
                    for each, code in zip(self._single, codes, strict=True):
                        yield Verdict(each.rule, resource, _CODES[code])

    def _doubts(self, page: Sequence[Resource]) -> Sequence[Doubt | None]:
        """Return for each resource what of it is in doubt that the rules ask for."""
        if self._kinds.fit([resource.record for resource in page]) and not (
            any(not resource.detailed for resource in page) and self._asks
        ):
            return [None] * len(page)
        return [self._kinds.doubt(resource) for resource in page]

    @cached_property
    def _asks(self) -> bool:
        """Whether a rule asks which fields a credential has."""
        return any(any(expression.asks(Absent(own=None))) for each in self._single for expression in each.expressions)

    def _exactly(self, resource: Resource, doubt: Doubt | None, variables: Mapping[str, Any]) -> Iterator[Verdict]:
        record, odd, absent = doubt or Doubt(resource.record, {}, frozenset())
        for each in self._single:
            known = {**variables, "credential": record, "params": each.rule.params}
            expression, outcome = _decided(each, partial(Expression.evaluate, variables=known, absent=Absent(absent)))
            if isinstance(outcome, Missing):  # what is missing is put into words where someone reads them
                yield Verdict(each.rule, resource, Status.UNKNOWN, expression, outcome.reason, outcome, odd)
            else:
                yield _verdict(each, resource, expression, outcome)

    def judge_account(self, account: Account, resources: Sequence[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every rule that needs the whole account, and each of its resources or the account.

        `resources` are the account's credentials, as far as they are known.
        """
        kinds = Kinds([()], self._now)
        doubts = {each.id: doubt for each in resources if (doubt := kinds.doubt(each))}
        records = [doubts[each.id].record if each.id in doubts else each.record for each in resources]
        variables: dict[str, Any] = {"resources": records, "projects": account.projects}
        known = {name: variables[name] for name in self.reads if name not in account.unknown}
        shared = Shared({**known, "now": self._now})
        others = together(doubts.values())
        for each in self._collective:
            seen = {name: len(known[name]) for name in sorted(each.wide) if name in known}
            exhausted: Failed | None = None
            for resource in resources if each.rule.resource == RESOURCE_TYPE else [account.resource]:
                sure = Doubt(resource.record, {}, frozenset())
                doubt = sure if each.rule.resource == ACCOUNT_TYPE else doubts.get(resource.id, sure)
                own = {"credential": doubt.record, "params": each.rule.params, "detailed": resource.detailed}
                absent = Absent(doubt.absent, others)
                evaluate = partial(Expression.evaluate_among, own=own, shared=shared, absent=absent)
                expression, outcome = (each.require, exhausted) if exhausted else _decided(each, evaluate)
                if isinstance(outcome, Failed) and outcome.exhausted and seen.get("resources", 0) >= MOST_STEPS:
                    # The other records would take as long to find out no more.
                    outcome = exhausted = exhausted or Failed(
                        f"{outcome.reason}; {account} has {seen['resources']:,} credentials", exhausted=True
                    )
                if isinstance(outcome, Missing):
                    reason = lacking_in(account, resources, resource, expression, outcome, doubts)
                    yield Verdict(each.rule, resource, Status.UNKNOWN, expression, reason, outcome, doubt.odd, seen)
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
            fingerprint=fingerprint(rule.id, resource.identity),
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


def _reason(verdict: Verdict) -> str:
    """Return why a verdict could not be given, for a person."""
    if verdict.seen is None and verdict.decided_by is not None and verdict.missing is not None:
        return lacking(verdict.decided_by, verdict.resource, verdict.missing, verdict.odd or {})
    return verdict.reason


def _cause(verdict: Verdict) -> str:
    """Return the reason without the resource's own id and team, so that it is equal for equal causes."""
    resource = verdict.resource
    own = f"details of '{resource.id}'"
    reason = _reason(verdict)
    return reason.replace(f"{own} of team {resource.team}", "its details").replace(own, "its details")


def _message(verdict: Verdict) -> str:
    rule, resource = verdict.rule, verdict.resource
    name = named(resource)
    match verdict.status:
        case Status.FAIL:
            return filled(rule, resource)
        case Status.UNKNOWN:
            return f"{name} could not be judged: {_reason(verdict)}"
        case Status.ERROR:
            return f"{name} could not be judged: the rule itself failed on it: {verdict.reason}"
        case Status.NOTAPPLICABLE:
            return f"{name}: the rule does not apply"
        case Status.PASS:
            return f"{name}: as it should be"
