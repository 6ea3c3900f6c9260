"""The API as a source: every list of every account that was asked for, and parts of resources where they are wanted."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import DETAIL, Identity, Resource
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.client import CONNECTIONS, Client
from northflank_audit.northflank.paging import (
    READ_TEAMS,
    Listing,
    Page,
    endpoint,
    has_id,
    pages,
    read_again,
    read_ahead,
)
from northflank_audit.report import Coverage, Origin
from northflank_audit.resources import PARENT, ResourceType, Scope
from northflank_audit.resources.decode import listed
from northflank_audit.sources.interface import Source
from northflank_audit.sources.lists import TypedList, whose, within_limit
from northflank_audit.sources.parts import NOT_ASKED, NOT_FOUND, PartReader
from northflank_audit.sources.reconciliation import ListAgain, Records, Settled
from northflank_audit.sources.scopes import Owner, Scopes, owner

NOT_READ: Final = "its details were not read: --details never"
SOME: Final = 100
"""Resources that are passed on at a time."""


class _Came(NamedTuple):
    """What came of a list: its pages, and why there are no more of them."""

    pages: list[Page]
    error: FetchError | None = None
    skipped: str = ""
    """Why it was not asked for."""


class ApiSource(Source):
    """The resources of the token's own account, of named teams, or of every team (`teams` is None)."""

    has_parts = True

    def __init__(
        self, client: Client, origin: Origin, teams: Sequence[str] | None, *, page_size: int, details: bool
    ) -> None:
        """Fetch nothing yet. `details` says whether `complete` may be asked later."""
        super().__init__(origin)
        self._client = client
        self._teams = teams
        self._page_size = page_size
        self._shortfall = None if details else NOT_READ
        self._asked: list[tuple[TypedList, Page]] = []
        """Of each page that was used: the list that it is of, and the page without its items."""
        self._again = ListAgain(self._read_again)
        self._parts = PartReader(client, self._again, self._page_of, self._personal, page_size)
        self._refusals: dict[tuple[str, str | None], Circuit] = {}
        """By type and team: of lists of projects, of which there may be many."""
        self._projects_again: dict[str | None, frozenset[str]] = {}
        """By team, the projects that are listed when it is seen that one may be gone."""

    # -- Lists ---------------------------------------------------------------------------------------------------------
    def _pages(self, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        """Yield each page's resources: all lists of accounts first, then those of projects.

        A list that fails does not keep the others.
        """
        teams = list(self._accounts())
        token = owner(self._client, kinds)
        self.warnings += [token.problem] if token.problem else []
        self._parts.own_team = token.id or None
        scopes = Scopes(kinds, token, teams_named=bool(self._teams))
        self.accounts.update((each.team, each) for each in scopes.accounts(teams))
        for kind in kinds:
            yield from self._of_token(kind, token)
        yield from chain.from_iterable(map(self._account_list, scopes.lists(list(self.accounts.values()))))
        of_projects = [kind for kind in kinds if kind.scope is Scope.PROJECT]
        for team in teams if of_projects else ():
            yield from self._project_lists(team, of_projects)

    def _accounts(self) -> Iterator[str | None]:
        if self._teams is not None:
            yield from dict.fromkeys(self._teams) or [None]
            return
        teams: list[str] = []
        listing = Listing(path="/v1/teams", keys=("teams",), what="list of teams", permission=READ_TEAMS)
        try:
            for page in pages(self._client, listing, self._page_size):
                self.problems += page.contradictions
                self.warnings += page.warnings
                teams += [item["id"] for item in page.items if has_id(item)]
        except FetchError as error:
            self.problems.append(str(error))
        self.unlisted = list(self.problems)
        teams = list(dict.fromkeys(teams))
        self.origin = replace(self.origin, teams=teams)
        if not teams and not self.problems:
            self.warnings.append("the organisation lists no team")
        yield from teams

    def _of_token(self, kind: ResourceType, token: Owner) -> Iterator[list[Resource]]:
        """Yield the token as a resource, or take note of what is not known since nobody knows whose it is."""
        own = self.accounts.get(None)
        of_owner = kind.scope is Scope.TEAM and own is not None and not own.partial
        if token.problem and (kind.scope is Scope.TOKEN or of_owner):
            self._gap(kind, None, None, token.problem)
        elif kind.scope is Scope.TOKEN:
            self._count(1)
            decode = partial(listed, kind, personal=self._personal(kind.name))
            yield self._admit([token.record], kind, None, None, f"the {kind.singular}", decode=decode)

    def _account_list(self, asked: TypedList) -> Iterator[list[Resource]]:
        """Yield a list's resources, page by page, as they come."""
        used = 0
        with self._list_of(asked.kind, asked.team):
            try:
                for page in read_ahead(pages(self._client, asked.listing(), self._page_size)):
                    used += 1
                    yield self._used(asked, page)
            except FetchError as error:
                self._failed(asked, error, used)

    def _project_lists(self, team: str | None, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        """Yield the resources of the lists of an account's projects; several lists are asked for at once."""
        account = self._account(team)
        if why := account.unknown.get(PARENT.name):
            for kind in kinds:
                if account.projects:
                    self._lacks(kind, team, why)
                else:
                    self._gap(kind, team, None, why)
        skipped: Counter[tuple[str, str]] = Counter()
        gone: set[str | None] = set()
        for asked, came in self._together([TypedList(kind, team, each) for kind in kinds for each in account.projects]):
            with self._list_of(asked.kind, team):
                for page in came.pages:
                    yield self._used(asked, page)
                if came.skipped:
                    skipped[asked.kind.plural, came.skipped] += 1
                    self._gap(asked.kind, team, asked.project, f"{NOT_ASKED}{came.skipped}")
                elif isinstance(came.error, Refused) and came.error.status == NOT_FOUND and self._is_gone(asked):
                    gone.add(asked.project)
                elif came.error is not None:
                    self._failed(asked, came.error, len(came.pages))
        self.problems += (f"{count} lists of {plural}: {NOT_ASKED}{why}" for (plural, why), count in skipped.items())
        if gone:
            left = [each for each in account.projects if each not in gone]
            self.accounts[team] = replace(self._account(team), projects=left)
        self.warnings += (f"the project '{each}' is gone since it was listed" for each in sorted(map(str, gone)))

    def _together(self, lists: Sequence[TypedList]) -> Iterator[tuple[TypedList, _Came]]:
        """Yield what comes of each list, in this order."""
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="lists")
        try:
            for some, why in within_limit(self._client, lists, lambda _: 1):
                came = iter([_Came([], skipped=why)] * len(some)) if why else pool.map(self._whole, some)
                yield from zip(some, came, strict=True)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _whole(self, asked: TypedList) -> _Came:
        """Return all pages of a list. Of a type that is refused again and again, the rest is not asked for."""
        circuit = self._refusals.setdefault((asked.kind.name, asked.team), Circuit())
        if circuit.cause:
            return _Came([], skipped=circuit.cause)
        came: list[Page] = []
        try:
            for page in pages(self._client, asked.listing(), self._page_size):
                came.append(page)  # noqa: PERF402 - those before an error count
        except FetchError as error:
            if self._client.deadline.remaining > 0:  # else it says nothing of the API
                circuit.failed(str(error))
            return _Came(came, error)
        circuit.succeeded()
        return _Came(came)

    def _used(self, asked: TypedList, page: Page) -> list[Resource]:
        kind = asked.kind
        self._count(page.count)
        self.problems += page.contradictions
        self.warnings += page.warnings
        self._asked.append((asked, page.without_items()))
        return self._admit(
            page.items,
            kind,
            asked.team,
            asked.project,
            f"{asked.what}, page {page.number}",
            decode=partial(listed, kind, personal=self._personal(kind.name)),
            shortfall=self._shortfall if kind.parts else None,
            page=len(self._asked) - 1,
        )

    def _failed(self, asked: TypedList, error: FetchError, used: int) -> None:
        """Take note that a list ended before its end."""
        self.problems.append(str(error))
        if not used:
            self._gap(asked.kind, asked.team, asked.project, str(error))

    def _is_gone(self, asked: TypedList) -> bool:
        """Tell whether the project of a list is neither listed nor found any more; False where that can't be seen.

        That a page lacks it is not enough: the pages shift when another project goes.
        """
        team, project = asked.team, asked.project
        try:
            if team not in self._projects_again:
                self._projects_again[team] = self._projects_now(team)
            if project in self._projects_again[team]:
                return False
            detail = PARENT.part(DETAIL)
            path = endpoint(detail.path, team, id=project)
            what = f"details of '{project}'{whose(team, None)}"
            self._client.get(path, {}, what=what, permission=str(detail.permission), team=team)
        except Refused as error:
            return error.status == NOT_FOUND
        except FetchError:
            pass
        return False

    def _projects_now(self, team: str | None) -> frozenset[str]:
        """Return the ids of an account's projects as they are now. Raises FetchError unless all of them are known."""
        found: set[str] = set()
        for page in pages(self._client, TypedList(PARENT, team).listing(), self._page_size):
            if page.contradictions:
                raise FetchError(page.contradictions[0])
            found.update(item[PARENT.id] for item in page.items)
        return frozenset(found)

    def _read_again(self, number: int) -> Records:
        asked, page = self._asked[number]
        items = read_again(self._client, asked.listing(again=True, page=page.number), page.query)
        kind = asked.kind
        return {item[kind.id]: listed(kind, item, self._personal(kind.name)) for item in items}

    def _personal(self, name: str) -> Collection[str]:
        return self.needs.personal.get(name, ())

    # -- Parts ---------------------------------------------------------------------------------------------------------
    def complete(
        self, resources: Sequence[Resource], wanted: Mapping[Identity, frozenset[str]]
    ) -> Iterator[list[Resource]]:
        """Read these parts of these resources, at most eight at a time, as far as the rate limit covers them.

        For what it does not cover the end of its window is waited for, if that is before the run's. It comes after
        the lists, so that parts can't use up what the pages need.
        """
        skipped: Counter[str] = Counter()
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="details")
        total = sum(len(wanted[each.identity]) for each in resources)
        try:
            for some, why in within_limit(self._client, resources, lambda each: len(wanted[each.identity])):
                if why:
                    count = sum(len(wanted[each.identity]) for each in some)
                    self.warnings.append(f"{count} of {total} details were not read: {why}")
                    for each in some:
                        self.shortfalls.setdefault(each.type, []).append(f"its details were not read: {why}")
                    yield [replace(each, shortfall=f"its details were not read: {why}") for each in some]
                    continue
                settled = zip(
                    some, pool.map(lambda each: self._parts.read(each, wanted[each.identity]), some), strict=True
                )
                while batch := list(islice(settled, SOME)):
                    skipped.update(cause for _, each in batch for cause in each.skipped)
                    yield list(self._settled(batch))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        self.warnings += (f"{count} of {total} details: {NOT_ASKED}{cause}" for cause, count in skipped.items())

    def _settled(self, batch: Sequence[tuple[Resource, Settled]]) -> Iterator[Resource]:
        for asked, came in batch:
            self.problems += came.problems
            self.warnings += came.warnings
            self.details[asked.type] += came.used
            if came.resource is None:
                self.counts[asked.type] -= 1
                continue
            if came.resource.shortfall:
                self.shortfalls.setdefault(asked.type, []).append(came.resource.shortfall)
            yield came.resource

    def coverage(self) -> Coverage:
        """Return the requests sent so far and what was used of their answers."""
        return replace(super().coverage(), requests=self._client.requests, retries=self._client.retries)
