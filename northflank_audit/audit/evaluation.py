"""In what order resources are fetched and judged: page by page, or where a rule needs it, account by account."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from northflank_audit.deadline import Deadline
from northflank_audit.formats.text import plural
from northflank_audit.model import LIST, Account, Identity, Resource, Rule, Status
from northflank_audit.policy.engine import UNKNOWN, Engine
from northflank_audit.policy.needs import needs
from northflank_audit.policy.verdict import Verdict
from northflank_audit.sources.interface import Source

LATE: Final = 3.0
"""Seconds after the deadline in which what was fetched before it is still judged."""
UNSAID: Final = "their source does not say it"


class Judged(NamedTuple):
    """Some resources in the form in which they were judged, and what was said of them."""

    resources: list[Resource]
    """All that were read, those of types too that no rule is about."""
    verdicts: Iterable[Verdict]
    judged: int = 0
    """How many of the resources are of types that rules are about."""
    accounts: int = 0
    """Accounts as a whole that some of the verdicts may be about."""


class TimedEngine(Engine):
    """An engine that stops judging when the run's time is up."""

    def __init__(
        self, rules: Sequence[Rule], now: dt.datetime, deadline: Deadline, *, absent: str = UNKNOWN, console: str = ""
    ) -> None:
        super().__init__(rules, now, absent, console)
        self._deadline = deadline
        self._unjudged: set[Identity] = set()

    def judge(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield the engine's verdicts, as far as there is time."""
        todo = list(resources)
        return self._in_time(super().judge(todo), todo)

    def judge_account(self, account: Account, resources: Sequence[Resource]) -> Iterator[Verdict]:
        """Yield the engine's verdicts, as far as there is time."""
        return self._in_time(super().judge_account(account, resources), [*resources, account.resource], in_order=False)

    def problems(self) -> Iterator[str]:
        """Yield what was not judged."""
        if self._unjudged:
            count = plural(len(self._unjudged), "resource")
            seconds = self._deadline.seconds
            yield f"the run's time of {seconds:g} s was up before {count} had been judged by every rule (see --timeout)"

    def _in_time(
        self, verdicts: Iterable[Verdict], resources: Sequence[Resource], *, in_order: bool = True
    ) -> Iterator[Verdict]:
        """Yield verdicts until the time is up. An evaluation can't be interrupted, but it is of few resources.

        `in_order` says whether all verdicts of a resource come before those of the next.
        """
        judged: set[Identity] = set()
        current: Resource | None = None
        pending = iter(verdicts)
        while not self._deadline.is_over(LATE):
            verdict = next(pending, None)
            if verdict is None:
                return
            if in_order and current is not verdict.resource:
                if current is not None:
                    judged.add(current.identity)
                current = verdict.resource
            yield verdict
        self._unjudged.update({each.identity for each in resources} - judged)


def judged(engine: Engine, source: Source, details: str) -> Iterator[Judged]:
    """Judge every resource of the source, and every account. `details` is the settings' own."""
    yield from (_ByAccount if engine.collective else _ByPage)(engine, source, details).judge()
    if unread := list(chain.from_iterable(map(engine.unread, source.gaps))):
        yield Judged([], unread)


class _Evaluation:
    """What is the same in whatever order resources are judged."""

    def __init__(self, engine: Engine, source: Source, details: str) -> None:
        self._engine = engine
        self._source = source
        self._needs = needs(engine.rules)
        self._details = details if source.has_parts else "never"
        self._about = frozenset(rule.resource for rule in engine.rules)
        self._wants: dict[Identity, _Want] = {}
        self._asked: dict[Identity, frozenset[str]] = {}

    def _judged(self, resources: list[Resource], verdicts: Iterable[Verdict], accounts: int = 0) -> Judged:
        return Judged(resources, verdicts, sum(each.type in self._about for each in resources), accounts)

    def _verdicts(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield the verdicts of rules that need nothing but the resource."""
        return self._engine.judge(each for each in resources if each.type in self._about)

    def _parts(self, name: str) -> frozenset[str]:
        """Return the parts of a type that cost a request each and that a rule reads."""
        return frozenset(self._needs.parts.get(name, ())) - {LIST}

    def _want(self, resource: Resource, parts: frozenset[str], rank: int = 0) -> None:
        """Take note of parts that are wanted of a resource, if they were not asked for before."""
        before = self._wants.get(resource.identity, _Want(resource, frozenset(), rank))
        asked = self._asked.get(resource.identity, frozenset())
        if more := (parts & self._parts(resource.type)) - resource.parts - asked - before.parts:
            self._wants[resource.identity] = _Want(resource, before.parts | more, max(before.rank, rank))

    def _want_all(self, resources: Iterable[Resource]) -> None:
        """Take note of every part that a rule reads, if all are to be read."""
        if self._details == "always":
            for resource in resources:
                self._want(resource, self._parts(resource.type))

    def _want_as_said(self, verdicts: Iterable[Verdict], resources: Iterable[Resource]) -> None:
        """Take note of the parts that could settle verdicts on some of these resources, if those are to be read."""
        unknown = [each for each in verdicts if each.status is Status.UNKNOWN]
        if self._details != "auto" or not unknown:
            return
        by_identity = {each.identity: each for each in resources}
        for severity in {each.rule.severity for each in unknown}:
            of_severity = [each for each in unknown if each.rule.severity is severity]
            for identity, parts in self._engine.wanted(of_severity, by_identity.values()).items():
                if identity in by_identity:
                    self._want(by_identity[identity], parts, severity.rank)

    def _completed(self) -> Iterator[list[Resource]]:
        """Yield the resources of which parts are wanted, with them: those first that the severest rules want."""
        ordered = sorted(self._wants.values(), key=lambda each: -each.rank)
        self._wants = {}
        wanted = {each.resource.identity: each.parts for each in ordered}
        for identity, parts in wanted.items():
            self._asked[identity] = self._asked.get(identity, frozenset()) | parts
        if ordered:
            yield from self._source.complete([each.resource for each in ordered], wanted)


class _Want(NamedTuple):
    resource: Resource
    parts: frozenset[str]
    rank: int
    """Of the severest rule that wants them."""


class _ByPage(_Evaluation):
    """Judges every page, and then, with the parts that they want, the resources that want some."""

    def judge(self) -> Iterator[Judged]:
        """Yield what is judged as it comes."""
        for page in self._source.pages(self._needs):
            self._want_all(page)
            verdicts = list(self._verdicts(self._firm(page)))
            self._want_as_said(verdicts, page)
            wants = self._wants
            told = [each for each in verdicts if each.resource.identity not in wants] if wants else verdicts
            yield self._judged(self._firm(page), told)
        for completed in self._completed():
            yield self._judged(completed, self._verdicts(completed))

    def _firm(self, page: list[Resource]) -> list[Resource]:
        """Return the resources of which no part is wanted."""
        return [each for each in page if each.identity not in self._wants] if self._wants else page


class _ByAccount(_Evaluation):
    """Judges every account when all of it is there, its resources in the latest form.

    A rule over a whole account may want parts of any resource of it. So no record has its final form before, and all
    rules are to judge the same form, which is what a snapshot keeps.
    """

    def __init__(self, engine: Engine, source: Source, details: str) -> None:
        super().__init__(engine, source, details)
        self._kept: dict[str | None, dict[Identity, Resource]] = defaultdict(dict)

    def judge(self) -> Iterator[Judged]:
        """Fetch everything except parts that only rules over whole accounts want, and judge account by account."""
        for page in self._source.pages(self._needs):
            self._keep(page)
            self._want_all(page)
            self._want_as_said(self._verdicts(page), page)
        self._complete()
        for team in dict.fromkeys([*self._source.accounts, *self._kept]):
            yield self._account(self._source.accounts.get(team) or self._unsaid(team))

    def _account(self, account: Account) -> Judged:
        """Judge an account, and again whenever parts have been read that may decide what was unknown."""
        while True:
            resources = list(self._kept[account.team].values())
            verdicts = list(self._engine.judge_account(account, resources))
            self._want_as_said(verdicts, resources)
            if not self._complete():
                return self._judged(resources, chain(self._verdicts(resources), verdicts), int(not account.partial))

    def _complete(self) -> bool:
        """Read what is wanted and was not asked for before; tell whether there was anything."""
        gone = set(self._wants)
        asked = bool(gone)
        for completed in self._completed():
            self._keep(completed)
            gone -= {each.identity for each in completed}
        for identity in gone:
            del self._kept[identity[1]][identity]
        return asked

    def _keep(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self._kept[resource.team][resource.identity] = resource

    def _unsaid(self, team: str | None) -> Account:
        return Account(team=team, unknown=dict.fromkeys(self._needs.types, UNSAID))
