"""Evaluates page by page, or account by account if necessary."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from northflank_audit.model import LIST, Account, Identity, Resource, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.rule_reads import needs
from northflank_audit.policy.verdict import Verdict
from northflank_audit.sources.child_resources import Children
from northflank_audit.sources.interface import Source

ENOUGH: Final = 100
"""Resources that are evaluated together; evaluating one by itself takes a third of the time of ten."""
NOT_STATED: Final = "their source does not say it"


class EvaluatedBatch(NamedTuple):
    """Resources in the form in which they were evaluated, and the verdicts on them."""

    resources: list[Resource]
    """All that were read, also those of types that no rule is about."""
    verdicts: Iterable[Verdict]
    resource_count: int = 0
    """How many of the resources are of types that rules are about."""
    account_count: int = 0
    """How many accounts were evaluated as a whole."""


def evaluate(engine: Engine, source: Source, details: str) -> Iterator[EvaluatedBatch]:
    """Evaluate every resource and every account of the source. `details` is the option of that name."""
    order = (_ByAccount if engine.account_scoped else _ByPage)(engine, source, details)
    yield from order.evaluate()
    order.children.settle()
    if unread := list(chain.from_iterable(map(engine.unread, source.gaps))):
        yield EvaluatedBatch([], unread)


class _Evaluation:
    """The parts that both orders of evaluation share."""

    def __init__(self, engine: Engine, source: Source, details: str) -> None:
        self._engine = engine
        self._source = source
        self._needs = needs(engine.rules)
        self._details = details if source.has_parts else "never"
        self._about = frozenset(rule.resource for rule in engine.rules)
        self._by_itself = not engine.account_scoped
        self.children = Children(self._needs, source)
        self._wants: dict[Identity, _Want] = {}
        self._earlier_parts: dict[Identity, frozenset[str]] = {}

    def _pages(self) -> Iterator[list[Resource]]:
        """Yield what the source lists, small pages together."""
        some: list[Resource] = []
        for page in self._source.pages(self._needs):
            some += page
            if len(some) >= ENOUGH:
                yield some
                some = []
        if some:
            yield some

    def _batch(self, resources: list[Resource], verdicts: Iterable[Verdict], accounts: int = 0) -> EvaluatedBatch:
        count = sum(each.type in self._about and self._engine.covers(each) for each in resources)
        return EvaluatedBatch(resources, verdicts, count, accounts)

    def _verdicts(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield the verdicts of rules that need only the resource."""
        return self._engine.evaluate(each for each in resources if each.type in self._about)

    def _parts(self, name: str) -> frozenset[str]:
        """Return the parts of a type that a rule reads and that cost one request per resource."""
        return frozenset(self._needs.parts.get(name, ())) - {LIST}

    def _want(self, resource: Resource, parts: frozenset[str], rank: int = 0) -> None:
        """Remember the parts that a resource still needs and that were not requested before."""
        before = self._wants.get(resource.identity, _Want(resource, frozenset(), rank))
        earlier = self._earlier_parts.get(resource.identity, frozenset())
        if more := (parts & self._parts(resource.type)) - resource.parts - earlier - before.parts:
            self._wants[resource.identity] = _Want(resource, before.parts | more, max(before.rank, rank))

    def _want_all(self, resources: Iterable[Resource]) -> None:
        """Remember every part that a rule reads of all resources, or all parts with `--details always`."""
        if self._by_itself:  # else a rule may read those of other projects too
            resources = filter(self._engine.covers, resources)
        for resource in resources if self._details != "never" else ():
            whole = self._needs.whole.get(resource.type, frozenset())
            parts = self._parts(resource.type) if self._details == "always" else whole
            self._want(resource, parts, self._needs.ranks.get(resource.type, 0))

    def _want_as_said(self, verdicts: Iterable[Verdict], resources: Iterable[Resource]) -> None:
        """Remember the parts that may settle unknown verdicts on these resources, if `--details` allows it."""
        if self._details != "auto":
            return
        unknown = [each for each in verdicts if each.status is Status.UNKNOWN]
        by_identity = {each.identity: each for each in resources}
        for severity in {each.rule.severity for each in unknown}:
            of_severity = [each for each in unknown if each.rule.severity is severity]
            for identity, parts in self._engine.needed_parts(of_severity, by_identity.values()).items():
                if identity in by_identity:
                    self._want(by_identity[identity], parts, severity.rank)

    def _open(self, resources: Iterable[Resource]) -> list[Resource]:
        """Return the resources with parts that are not read and that verdicts may still need."""
        return [each for each in resources if self._parts(each.type) - each.parts]

    def _completed(self, rank: int = 0) -> Iterator[list[Resource]]:
        """Yield the resources, completed, that need parts for a rule of at least this rank, the most severe first."""
        ordered = sorted((each for each in self._wants.values() if each.rank >= rank), key=lambda each: -each.rank)
        self._wants = {identity: each for identity, each in self._wants.items() if each.rank < rank}
        parts_by_resource = {each.resource.identity: each.parts for each in ordered}
        for identity, parts in parts_by_resource.items():
            self._earlier_parts[identity] = self._earlier_parts.get(identity, frozenset()) | parts
        if ordered:
            yield from self._source.complete([each.resource for each in ordered], parts_by_resource)


class _Want(NamedTuple):
    resource: Resource
    parts: frozenset[str]
    rank: int
    """The rank of the most severe rule that reads them."""


class _ByPage(_Evaluation):
    """Evaluates every page, and then again the resources that needed more parts."""

    def evaluate(self) -> Iterator[EvaluatedBatch]:
        """Yield each page when it has been evaluated."""
        for page in self._pages():
            self._want_all(page)
            verdicts = list(self._verdicts(self._firm(page) if self._details == "always" else page))
            self._want_as_said(verdicts, page)
            wants = self._wants
            settled = [each for each in verdicts if each.resource.identity not in wants] if wants else verdicts
            yield self._batch(self._firm(page), settled)
            yield from self._within(self._firm(page))
        for completed in self._completed():
            yield self._batch(completed, self._verdicts(completed))
            yield from self._within(completed)

    def _within(self, parents: Iterable[Resource]) -> Iterator[EvaluatedBatch]:
        """Yield the children in resources that need no more parts."""
        if children := self.children.of(filter(self._engine.covers, parents)):
            yield self._batch(children, self._verdicts(children))

    def _firm(self, page: list[Resource]) -> list[Resource]:
        """Return the resources that need no more parts."""
        return [each for each in page if each.identity not in self._wants] if self._wants else page


class _ByAccount(_Evaluation):
    """Evaluates every account when it has been read completely, with its resources in their latest form.

    An account-scoped rule may need parts of any resource, so no record has its final form before that. All rules
    evaluate the same form of a record, the one that a snapshot saves.
    """

    def __init__(self, engine: Engine, source: Source, details: str) -> None:
        super().__init__(engine, source, details)
        self._resources: dict[str | None, dict[Identity, Resource]] = defaultdict(dict)

    def evaluate(self) -> Iterator[EvaluatedBatch]:
        """Fetch everything except the parts that only account-scoped rules need, and evaluate account by account."""
        for page in self._pages():
            self._keep(page)
            self._want_all(page)
            self._want_as_said(self._verdicts(self._open(page)), page)
        for rank in self._engine.part_ranks if self._details == "auto" else ():
            self._complete(rank)
            for team in self._teams():
                account, resources = self._state(team)
                self._want_as_said(self._engine.evaluate_account(account, resources, rank), resources)
            self._complete(rank)
        self._complete()
        for team in self._teams():
            yield self._account(team)

    def _teams(self) -> list[str | None]:
        return list(dict.fromkeys([*self._source.accounts, *self._resources]))

    def _state(self, team: str | None) -> tuple[Account, list[Resource]]:
        """Return an account and all its known resources, including those within others."""
        resources = list(self._resources[team].values())
        children = self.children.of(resources)
        self.children.settle()
        return self._source.accounts.get(team) or self._unknown_account(team), [*resources, *children]

    def _account(self, team: str | None) -> EvaluatedBatch:
        """Evaluate an account, and repeat that when parts were read that may settle unknown verdicts."""
        while True:
            account, resources = self._state(team)
            verdicts = list(self._engine.evaluate_account(account, resources))
            self._want_as_said(verdicts, resources)
            if not self._complete():
                return self._batch(resources, chain(self._verdicts(resources), verdicts), int(not account.partial))

    def _complete(self, rank: int = 0) -> bool:
        """Read the parts that rules of at least this rank still need; return whether there were any."""
        gone = {identity for identity, each in self._wants.items() if each.rank >= rank}
        asked = bool(gone)
        for completed in self._completed(rank):
            self._keep(completed)
            gone -= {each.identity for each in completed}
        for identity in gone:
            del self._resources[identity[1]][identity]
        return asked

    def _keep(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self._resources[resource.team][resource.identity] = resource

    def _unknown_account(self, team: str | None) -> Account:
        return Account(team=team, unknown=dict.fromkeys(self._needs.types, NOT_STATED))
