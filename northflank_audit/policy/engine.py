"""The engine: rules over records, one verdict for each pair."""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET

from northflank_audit.model import (
    DETAIL,
    Account,
    Identity,
    Resource,
    ResourceName,
    Result,
    Rule,
    Status,
    Waiver,
    fingerprint,
)
from northflank_audit.policy.account_view import AccountView
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import MOST_STEPS, Absent, Expression, Failed, Missing, lookup
from northflank_audit.policy.needs import by_collection, field_names
from northflank_audit.policy.reasons import NOT_GIVEN, filled, lacking, lacking_in, named, plural_of
from northflank_audit.policy.type_rules import TypeRules
from northflank_audit.policy.verdict import Verdict, decided, verdict_of
from northflank_audit.resources import TYPES
from northflank_audit.resources.console import console_path

UNKNOWN: Final = "unknown"
_MEANINGS: Final[Mapping[str, Status]] = {
    "notapplicable": Status.NOTAPPLICABLE,
    "violating": Status.FAIL,
}
"""What it may mean where the API leaves out a documented field, and the verdict that it makes."""
PAGE: Final = 100
"""Records in one evaluation: few enough for CEL's limit on iterations, and for one error to spoil little."""


class Engine:
    """Compiled rules, and the time that `now` is for all of them."""

    def __init__(self, rules: Sequence[Rule], now: dt.datetime, absent: str = UNKNOWN, console: str = "") -> None:
        """Compile. The rules have been checked when they were loaded.

        `absent` is what it means where the API leaves out a documented field: `unknown`, `notapplicable` or
        `violating`; a rule's own parameter of that name beats it. `console` is the address of the console that
        results link to; empty, they link nowhere.
        """
        self.rules = list(rules)
        self._now = now
        self._absent = absent
        self._console = console
        ready = [CompiledRule.of(rule) for rule in rules]
        self._by_id = {each.rule.id: each for each in ready}
        self._collective = [each for each in ready if each.collective]
        self._single = {
            kind: TypeRules(kind, [each for each in ready if each.rule.resource == kind and not each.collective], now)
            for kind in dict.fromkeys(rule.resource for rule in rules)
        }
        self.collective = bool(self._collective)
        """Whether a rule needs whole accounts: `judge` leaves it to `judge_account`."""
        self.about_accounts = any(TYPES[rule.resource].listing is None for rule in rules)
        self.reads = frozenset[str]().union(*(each.wide for each in ready))
        """The variables that rules read of those that hold more than one record."""

    def judge(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every resource and rule that needs nothing but the resource, in that order.

        All rules go over all resources in one evaluation. Where that meets an error, or where something in a record
        is in doubt, each resource and rule is evaluated by itself, so that only the one that erred is unknown.
        """
        for (kind, parts), group in groupby(resources, key=attrgetter("type", "parts")):
            rules = self._single.get(kind)
            if rules is None or not rules.ready:
                continue
            while page := list(islice(group, PAGE)):
                yield from rules.evaluate(page, {"now": self._now, "detailed": DETAIL in parts}, self._settled)

    def unread(self, gap: Resource) -> Iterator[Verdict]:
        """Yield the unknown verdicts on what could not be read: one for each rule about a list that is missing."""
        for rule in self.rules:
            if rule.resource == gap.type:
                yield Verdict(rule, gap, Status.UNKNOWN, None, gap.shortfall or NOT_GIVEN)

    def wanted(self, verdicts: Iterable[Verdict], resources: Iterable[Resource]) -> dict[Identity, frozenset[str]]:
        """Return the parts that were not read and may settle these verdicts, by resource."""
        own: dict[Identity, frozenset[str]] = {}
        others: dict[str, frozenset[str]] = {}
        for verdict in verdicts:
            if verdict.status is not Status.UNKNOWN or verdict.parts is None or verdict.variable:
                continue
            if verdict.wants:
                identity = verdict.resource.identity
                own[identity] = own.get(identity, frozenset()) | verdict.wants
            for kind in self._by_id[verdict.rule.id].lists:
                others[kind] = others.get(kind, frozenset()) | verdict.parts.get(kind, frozenset())
        for each in resources:
            if more := others.get(each.type, frozenset()) - each.parts:
                own[each.identity] = own.get(each.identity, frozenset()) | more
        return own

    def judge_account(self, account: Account, resources: Sequence[Resource]) -> Iterator[Verdict]:
        """Yield a verdict for every rule that needs the whole account, and each of its resources or the account.

        `resources` are the account's, of all types that were read, as far as they are known.
        """
        known = AccountView(account, resources, self._collective, self._now)
        for each in self._collective:
            kind = TYPES[each.rule.resource]
            if kind.listing is None and account.partial:
                continue
            if each.lists & account.out_of_scope.keys():
                yield from (Verdict(each.rule, one, Status.NOTAPPLICABLE) for one in known.about(kind))
                continue
            shared, seen = known.shared(each)
            exhausted: Failed | None = None
            for resource in known.about(kind):
                doubt = known.doubt(resource)
                own: dict[str, Any] = {"params": each.rule.params}
                if kind.listing is not None:
                    own |= {kind.variable: doubt.record, "detailed": resource.detailed}
                absent = Absent(doubt.absent, known.absent(each))
                evaluate = partial(Expression.evaluate_among, own=own, shared=shared, absent=absent)
                expression, outcome = (each.require, exhausted) if exhausted else decided(each, evaluate)
                if isinstance(outcome, Failed) and outcome.exhausted and max(seen.values(), default=0) >= MOST_STEPS:
                    # The other records would take as long to find out no more.
                    most = max(seen, key=lambda name: seen[name])
                    outcome = exhausted = exhausted or Failed(
                        f"{outcome.reason}; {account} has {seen[most]:,} {plural_of(most, kind)}", exhausted=True
                    )
                if isinstance(outcome, Missing):
                    reason = lacking_in(account, known, resource, expression, outcome)
                    unknown = (Status.UNKNOWN, expression, reason, outcome, doubt.odd, seen, each.needs)
                    yield self._settled(Verdict(each.rule, resource, *unknown))
                else:
                    yield verdict_of(each, resource, expression, outcome, seen)

    def _settled(self, verdict: Verdict) -> Verdict:
        """Return a verdict, or where it is unknown for a field that the API left out, what that means."""
        meaning = verdict.rule.params.get("absent", self._absent)
        status = _MEANINGS.get(meaning) if isinstance(meaning, str) else None
        if status is None or verdict.status is not Status.UNKNOWN or not self._left_out(verdict):
            return verdict
        return msgspec.structs.replace(verdict, status=status, decided_by=None, parts=None)

    def _left_out(self, verdict: Verdict) -> bool:
        """Tell whether a verdict is unknown since its resource lacks a documented field that was there to be read.

        A name that a list, or a type whose list the rule reads, has too may be theirs: what was not read of those
        is no field that the API left out.
        """
        missing = verdict.missing
        if missing is None or missing.variable or verdict.wants or verdict.resource.shortfall or verdict.odd:
            return False
        others = self._by_id[verdict.rule.id].lists
        theirs = missing.key in by_collection() or any(missing.key in field_names(each) for each in others)
        return missing.key in field_names(verdict.resource.type) and not (others and theirs)

    def _name(self, resource: Resource) -> ResourceName:
        name = ResourceName.of(resource)
        path = console_path(TYPES[resource.type], resource.record) if self._console else None
        return name if path is None else msgspec.structs.replace(name, url=self._console + path)

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
            resource=self._name(resource),
            message=_message(verdict),
            evidence=evidence,
            waiver=waiver,
            fingerprint=fingerprint(rule.id, resource.identity),
            reason=_cause(verdict) if verdict.status in (Status.UNKNOWN, Status.ERROR) else UNSET,
        )


def _reason(verdict: Verdict) -> str:
    """Return why a verdict could not be given, for a person."""
    if verdict.seen is None and verdict.decided_by is not None and verdict.missing is not None:
        return lacking(verdict.decided_by, verdict.resource, verdict.missing, verdict.odd or {})
    return verdict.reason


def _cause(verdict: Verdict) -> str:
    """Return the reason without the resource's own id, team and project, so that it is equal for equal causes."""
    resource = verdict.resource
    project = "" if resource.project is None else f" of project {resource.project}"
    team = "" if resource.team is None else f" of team {resource.team}"
    whose = re.escape(f" of '{resource.id}'{project}{team}")
    return re.sub(rf"\b([a-z]+(?: [a-z]+)*){whose}", r"its \1", _reason(verdict))


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
