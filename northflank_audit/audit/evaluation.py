"""In what order credentials are fetched and judged: page by page, or where a rule needs it, account by account."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from northflank_audit.deadline import Deadline
from northflank_audit.formats.text import plural
from northflank_audit.model import Account, Resource, Rule, Status
from northflank_audit.policy.engine import UNKNOWN, Engine
from northflank_audit.policy.verdict import Verdict
from northflank_audit.sources.interface import Source

LATE: Final = 3.0
"""Seconds after the deadline in which what was fetched before it is still judged."""
UNSAID: Final = "their source does not say it"


class Judged(NamedTuple):
    """Some credentials in the form in which they were judged, and what was said of them."""

    resources: list[Resource]
    verdicts: Iterable[Verdict]
    accounts: int = 0
    """Accounts as a whole that some of the verdicts may be about."""


class TimedEngine(Engine):
    """An engine that stops judging when the run's time is up."""

    def __init__(self, rules: Sequence[Rule], now: dt.datetime, deadline: Deadline, *, absent: str = UNKNOWN) -> None:
        super().__init__(rules, now, absent)
        self._deadline = deadline
        self._unjudged: set[tuple[str | None, str]] = set()

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
        judged: set[tuple[str | None, str]] = set()
        current: tuple[str | None, str] | None = None
        pending = iter(verdicts)
        while self._deadline.overdue <= LATE:
            verdict = next(pending, None)
            if verdict is None:
                return
            key = (verdict.resource.team, verdict.resource.id)
            if current not in (None, key) and in_order:
                judged.add(current)
            current = key
            yield verdict
        self._unjudged.update({(each.team, each.id) for each in resources} - judged)


def judged(engine: Engine, source: Source, details: str) -> Iterator[Judged]:
    """Judge every credential of the source, and every account. `details` is the settings' own."""
    wanted = details if source.has_details else "never"
    return _by_account(engine, source, wanted) if engine.collective else _by_page(engine, source, wanted)


def _by_page(engine: Engine, source: Source, details: str) -> Iterator[Judged]:
    """Judge every page, and then, with their details, those credentials that want them."""
    lacking: list[Resource] = []
    for page in source.pages():
        if details == "always":
            lacking += page
            continue
        verdicts = list(engine.judge(page))
        ids = {verdict.resource.id for verdict in verdicts if verdict.lacks_data} if details == "auto" else set()
        if not ids:
            yield Judged(page, verdicts)
            continue
        lacking += [resource for resource in page if resource.id in ids]
        yield Judged(
            [resource for resource in page if resource.id not in ids],
            [verdict for verdict in verdicts if verdict.resource.id not in ids],
        )
    for completed in source.complete(lacking):
        yield Judged(completed, engine.judge(completed))


def _by_account(engine: Engine, source: Source, details: str) -> Iterator[Judged]:
    """Judge every account when all of it is there."""
    whole = _Whole(engine, source, details)
    for account in whole.accounts():
        yield whole.judge(account)


class _Whole:
    """The accounts of a source, their credentials in the latest form.

    A rule over a whole account may want the details of any credential of it. So no record has its final form before,
    and all rules are to judge the same form, which is what a snapshot keeps.
    """

    def __init__(self, engine: Engine, source: Source, details: str) -> None:
        self._engine = engine
        self._source = source
        self._details = details
        self._kept: dict[str | None, dict[str, Resource]] = defaultdict(dict)
        self._asked: set[tuple[str | None, str]] = set()

    def accounts(self) -> list[Account]:
        """Fetch everything but details that only rules over whole accounts want, and return the accounts."""
        wanted: list[Resource] = []
        for page in self._source.pages():
            self._keep(page)
            if self._details == "always":
                wanted += page
            elif self._details == "auto":
                wanted += _once(verdict.resource for verdict in self._engine.judge(page) if verdict.lacks_data)
        accounts = list(map(self._account, dict.fromkeys([*self._source.accounts, *self._kept])))
        self._complete(wanted)
        return accounts

    def judge(self, account: Account) -> Judged:
        """Judge an account, and again whenever details have been read that may decide what was unknown."""
        while True:
            resources = list(self._kept[account.team].values())
            verdicts = list(self._engine.judge_account(account, resources))
            lacking = _lacking(verdicts, resources) if self._details == "auto" else []
            wanted = [each for each in lacking if not each.detailed and (each.team, each.id) not in self._asked]
            if not wanted:
                return Judged(resources, chain(self._engine.judge(resources), verdicts), accounts=1)
            self._complete(wanted)

    def _account(self, team: str | None) -> Account:
        if team not in self._source.accounts:
            return Account(team=team, unknown={"resources": UNSAID, "projects": UNSAID})
        judges = self._kept[team] or self._engine.about_accounts
        asks = judges and "projects" in self._engine.reads
        return self._source.with_projects(team) if asks else self._source.accounts[team]

    def _complete(self, resources: Sequence[Resource]) -> None:
        gone = {(each.team, each.id) for each in resources}
        self._asked |= gone
        for completed in self._source.complete(resources):
            self._keep(completed)
            gone -= {(each.team, each.id) for each in completed}
        for team, identity in gone:
            del self._kept[team][identity]

    def _keep(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self._kept[resource.team][resource.id] = resource


def _lacking(verdicts: Iterable[Verdict], resources: Sequence[Resource]) -> Sequence[Resource]:
    """Return the credentials of an account whose details may decide what is unknown."""
    unknown = [each for each in verdicts if each.status is Status.UNKNOWN and not each.variable]
    if any(each.decided_by and "resources" in each.decided_by.wide for each in unknown):
        return resources
    return _once(each.resource for each in unknown)


def _once(resources: Iterable[Resource]) -> list[Resource]:
    return list({each.id: each for each in resources}.values())
