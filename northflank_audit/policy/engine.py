"""Evaluates rules over records: one verdict for each pair."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, groupby, islice
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
    fingerprint,
    whose,
)
from northflank_audit.policy.account_view import AccountView
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.cel import MOST_STEPS, Absent, Expression, Failed, Missing, lookup
from northflank_audit.policy.impersonal import impersonal, reason_of
from northflank_audit.policy.reasons import NOT_GIVEN, filled, lacking_in, named, plural_of
from northflank_audit.policy.rule_reads import PROJECT_TYPE, by_collection, field_names
from northflank_audit.policy.type_rules import TypeRules
from northflank_audit.policy.verdict import Verdict, decided, verdict_of
from northflank_audit.remarks import Waiver
from northflank_audit.resources import TYPES
from northflank_audit.resources.console import console_path

UNKNOWN: Final = "unknown"
_MEANINGS: Final[Mapping[str, Status]] = {
    "notapplicable": Status.NOTAPPLICABLE,
    "violating": Status.FAIL,
}
"""The verdicts that an omitted documented field can stand for, by the values of the option `absent`."""
PAGE: Final = 100
"""Records per evaluation: few enough for CEL's limit on iterations, and for an error to affect only a few."""

_WORDS: Final = re.compile(r"\b([a-z]+(?: [a-z]+)*)\Z")
"""The words that a text ends with."""


class Engine:
    """Compiled rules, and the time that `now` is for all of them."""

    def __init__(
        self,
        rules: Sequence[Rule],
        now: dt.datetime,
        absent: str = UNKNOWN,
        console: str = "",
        projects: Collection[str] = (),
        *,
        show_personal: bool = False,
    ) -> None:
        """Compile the rules. They were validated when they were loaded.

        `absent` is what it means if the API omits a documented field: `unknown`, `notapplicable` or
        `violating`; a rule's own parameter of that name takes precedence. `console` is the address of
        the console that results link to; empty, they link nowhere. `projects` are the ids of those that are evaluated;
        empty: all there is. `show_personal` says whether results show personal data.
        """
        self.rules = list(rules)
        self._now = now
        self._absent = absent
        self._console = console
        self._show_personal = show_personal
        self.projects = frozenset(projects)
        ready = [CompiledRule.of(rule) for rule in rules]
        self._by_id = {each.rule.id: each for each in ready}
        self._account_rules = [each for each in ready if each.account_scoped]
        self._type_rules: dict[str, TypeRules | None] = {}
        self.account_scoped = bool(self._account_rules)
        """Whether a rule needs whole accounts: `evaluate` leaves it to `evaluate_account`."""
        self.about_accounts = any(TYPES[rule.resource].listing is None for rule in rules)
        self.reads = frozenset[str]().union(*(each.account_variables for each in ready))
        """Which of `ACCOUNT_VARIABLES` the rules read."""

    def evaluate(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Return a verdict for every resource and every rule that needs only the resource, in that order.

        One evaluation covers many rules and a page of resources. If something that they read is missing or uncertain,
        or if it fails, resources and rules are evaluated by themselves, so that only the pair that failed is unknown.
        """
        return chain.from_iterable(self._pages(resources))

    def _pages(self, resources: Iterable[Resource]) -> Iterator[Iterable[Verdict]]:
        """Yield the verdicts of each page, many at a time."""
        covered = filter(self.covers, resources) if self.projects else resources
        for (kind, parts), group in groupby(covered, key=attrgetter("type", "parts")):
            rules = self._rules_about(kind)
            if rules is None:
                continue
            while page := list(islice(group, PAGE)):
                yield from rules.evaluate(page, {"now": self._now, "detailed": DETAIL in parts}, self._settled)

    def _rules_about(self, kind: str) -> TypeRules | None:
        """Return the rules about a type that need only the resource; prepared with its first page."""
        if kind not in self._type_rules:
            own = [each for each in self._by_id.values() if each.rule.resource == kind and not each.account_scoped]
            self._type_rules[kind] = TypeRules(kind, own, self._now) if own else None
        return self._type_rules[kind]

    def covers(self, resource: Resource) -> bool:
        """Return whether a resource is evaluated: it is in one of the projects, where some are named."""
        if not self.projects:
            return True
        return (resource.id if resource.type == PROJECT_TYPE else resource.project) in self.projects

    def unread(self, gap: Resource) -> Iterator[Verdict]:
        """Yield an unknown verdict for each rule about a list that could not be read."""
        if self.projects and gap.project not in (None, *self.projects):
            return
        for rule in self.rules:
            if rule.resource == gap.type:
                yield Verdict(rule, gap, Status.UNKNOWN, None, gap.shortfall or NOT_GIVEN)

    def needed_parts(
        self, verdicts: Iterable[Verdict], resources: Iterable[Resource]
    ) -> dict[Identity, frozenset[str]]:
        """Return the unread parts that may settle these verdicts, by resource."""
        unknown = [
            each for each in verdicts if each.status is Status.UNKNOWN and each.parts is not None and not each.variable
        ]
        own: dict[Identity, frozenset[str]] = defaultdict(frozenset)
        others: dict[tuple[str, bool], frozenset[str]] = defaultdict(frozenset)
        """By type, and whether it includes resources of which a list gave everything that it may give."""
        for verdict in unknown:
            rule = self._by_id[verdict.rule.id]
            if verdict.wants and not (verdict.resource.type in rule.listed and _is_whole(verdict.resource)):
                own[verdict.resource.identity] |= verdict.wants
            for kind in rule.list_types:
                others[kind, kind not in rule.listed] |= (verdict.parts or {}).get(kind, frozenset())
        for each in resources if others else ():
            parts = others[each.type, True] | (frozenset() if _is_whole(each) else others[each.type, False])
            if more := parts - each.parts:
                own[each.identity] |= more
        return own

    @property
    def part_ranks(self) -> list[int]:
        """The ranks of the severities of account-scoped rules that read parts, the most severe first."""
        ranks = {each.rule.severity.rank for each in self._account_rules if any(each.needs.values())}
        return sorted(ranks, reverse=True)

    def evaluate_account(
        self, account: Account, resources: Sequence[Resource], rank: int | None = None
    ) -> Iterator[Verdict]:
        """Yield a verdict for every account-scoped rule and each resource that it is about, or the account.

        `resources` are those of the account, of all types that were read, as far as they are known. `rank` is that of
        the severity of the rules; None: every rule.
        """
        rules = [each for each in self._account_rules if rank in (None, each.rule.severity.rank)]
        view = AccountView(account, resources, rules, self._now)
        for each in rules:
            kind = TYPES[each.rule.resource]
            if kind.listing is None and account.partial:
                continue
            if each.list_types & account.out_of_scope.keys():
                yield from (
                    Verdict(each.rule, one, Status.NOTAPPLICABLE) for one in filter(self.covers, view.about(kind))
                )
                continue
            shared, seen = view.shared(each)
            absent_elsewhere = view.absent(each)
            exhausted: Failed | None = None
            for resource in filter(self.covers, view.about(kind)):
                uncertainty = view.uncertainty(resource)
                own: dict[str, Any] = {"params": each.rule.params}
                if kind.listing is not None:
                    own |= {kind.variable: uncertainty.record, "detailed": resource.detailed}
                absent = Absent(uncertainty.absent, absent_elsewhere)
                evaluate = partial(Expression.evaluate_among, own=own, shared=shared, absent=absent)
                expression, outcome = (each.require, exhausted) if exhausted else decided(each, evaluate)
                if isinstance(outcome, Failed) and outcome.exhausted and max(seen.values(), default=0) >= MOST_STEPS:
                    # The other records would take as long and end the same way.
                    most = max(seen, key=lambda name: seen[name])
                    outcome = exhausted = exhausted or Failed(
                        f"{outcome.reason}; {account} has {seen[most]:,} {plural_of(most, kind)}", exhausted=True
                    )
                if isinstance(outcome, Missing):
                    reason = lacking_in(account, view, resource, expression, outcome)
                    unknown = (Status.UNKNOWN, expression, reason, outcome, uncertainty.invalid, seen, each.needs)
                    yield self._settled(Verdict(each.rule, resource, *unknown))
                else:
                    yield verdict_of(each, resource, expression, outcome, seen)

    def _settled(self, verdict: Verdict) -> Verdict:
        """Return a verdict; one that is unknown because the API omitted a field is replaced by what that means."""
        meaning = verdict.rule.params.get("absent", self._absent)
        status = _MEANINGS.get(meaning) if isinstance(meaning, str) else None
        if status is None or verdict.status is not Status.UNKNOWN or not self._omits_documented_field(verdict):
            return verdict
        return msgspec.structs.replace(verdict, status=status, decided_by=None, parts=None)

    def _omits_documented_field(self, verdict: Verdict) -> bool:
        """Return whether a verdict is unknown because the API omitted a documented field of its resource.

        If a list, or a type whose list the rule reads, has a field of the same name, that may be the missing one. It
        may be unread, so it does not count as omitted.
        """
        missing = verdict.missing
        if missing is None or missing.variable or verdict.wants or verdict.resource.shortfall or verdict.invalid:
            return False
        others = self._by_id[verdict.rule.id].list_types
        theirs = missing.key in by_collection() or any(missing.key in field_names(each) for each in others)
        return missing.key in field_names(verdict.resource.type) and not (others and theirs)

    def _name(self, resource: Resource) -> ResourceName:
        name = ResourceName.of(resource)
        path = console_path(TYPES[resource.type], resource.record) if self._console else None
        return name if path is None else msgspec.structs.replace(name, url=self._console + path)

    def result(self, verdict: Verdict, waiver: Waiver | None = None) -> Result:
        """Put a verdict into words, with its evidence."""
        ready = self._by_id[verdict.rule.id]
        if not self._show_personal:
            verdict = impersonal(verdict, reads=ready.reads_personal_data)
        rule, resource = verdict.rule, verdict.resource
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
        reason = reason_of(verdict) if verdict.status in (Status.UNKNOWN, Status.ERROR) else ""
        return Result(
            rule_id=rule.id,
            severity=rule.severity,
            status=verdict.status,
            resource=self._name(resource),
            message=_message(verdict, reason),
            evidence=evidence,
            waiver=waiver,
            fingerprint=fingerprint(rule.id, resource.identity),
            reason=_cause(resource, reason) if verdict.status in (Status.UNKNOWN, Status.ERROR) else UNSET,
        )


def _is_whole(resource: Resource) -> bool:
    """Return whether a list gave every field of a resource that it may give."""
    lists_all = TYPES[resource.type].lists_all
    return lists_all is not None and lists_all(resource.record)


def _cause(resource: Resource, reason: str) -> str:
    """Return a reason without the resource's own id, team and project, so that it is equal for equal causes."""
    owner = f" of '{resource.id}'{whose(resource.team, resource.project)}"
    *before, last = reason.split(owner)
    return "".join(_WORDS.sub(r"its \1", text) if _WORDS.search(text) else text + owner for text in before) + last


def _message(verdict: Verdict, reason: str) -> str:
    rule, resource = verdict.rule, verdict.resource
    name = named(resource)
    match verdict.status:
        case Status.FAIL:
            return filled(rule, resource)
        case Status.UNKNOWN:
            return f"{name} could not be evaluated: {reason}"
        case Status.ERROR:
            return f"{name} could not be evaluated: the rule itself failed on it: {reason}"
        case Status.NOTAPPLICABLE:
            return f"{name}: the rule does not apply"
        case Status.PASS:
            return f"{name}: as it should be"
