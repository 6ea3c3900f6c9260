"""The API as a source: lists, and parts on demand."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

from msgspec.structs import replace

from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import Identity, Resource
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.client import CONNECTIONS, Client
from northflank_audit.northflank.paging import Page, pages, read_again
from northflank_audit.report import Coverage, Origin
from northflank_audit.resources import PARENT, ResourceType, Scope
from northflank_audit.resources.decode import listed
from northflank_audit.sources.gone_projects import GoneProjects
from northflank_audit.sources.interface import Source
from northflank_audit.sources.lists import NotAsked, TypedList, tells_of_api, within_limit
from northflank_audit.sources.parts import NOT_ASKED, NOT_FOUND, PartReader
from northflank_audit.sources.reconciliation import ListAgain, Records, Settled
from northflank_audit.sources.scopes import DEPENDENT, Owner, Scopes, owner
from northflank_audit.sources.side_by_side import side_by_side
from northflank_audit.sources.teams import all_teams

NOT_READ: Final = "its details were not read: --details never"
SOME: Final = 100
"""Resources per batch."""


class ApiSource(Source):
    """The resources of the token's own account, of named teams, or of every team (`teams` is None)."""

    has_parts = True

    def __init__(
        self, client: Client, origin: Origin, teams: Sequence[str] | None, *, page_size: int, details: bool
    ) -> None:
        """Fetch nothing yet. `details` says whether `complete` may be called later."""
        super().__init__(origin)
        self._client = client
        self.requests = client.budget.sent_for
        self._teams = teams
        self._page_size = page_size
        self._token: Owner | None = None
        """The token's owner; None if not yet requested."""
        self._shortfall = None if details else NOT_READ
        self._page_log: list[tuple[TypedList, Page]] = []
        """Of each page that was used: its list, and the page without its items."""
        self._again = ListAgain(self._read_again)
        self._parts = PartReader(client, self._again, self._page_of, self._personal, page_size)
        self._refusals: dict[tuple[str, str | None], Circuit] = {}
        """By type and team, for the lists of projects, which may be many."""
        self._gone = GoneProjects(client, page_size)

    # -- Lists ---------------------------------------------------------------------------------------------------------
    def _pages(self, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        """Yield each page's resources: those for the most severe rules first, and of these, lists of accounts first.

        A list that fails does not affect the others.
        """
        teams = self._accounts()
        token = self._owner(kinds)
        self.warnings += [token.problem] if token.problem else []
        self._parts.own_team = token.id or None
        scopes = Scopes(kinds, token, teams_named=bool(self._teams))
        self.accounts.update((each.team, each) for each in scopes.accounts(teams))
        for kind in kinds:
            yield from self._of_token(kind, token)
        of_accounts = list(scopes.lists(list(self.accounts.values())))
        lists: list[TypedList] = []
        for some in self._by_rank(kinds):
            lists += [each for each in of_accounts if each.kind in some]
            if PARENT in some:  # the next lists are those of the projects, which have to be known first
                yield from self._lists(lists)
                lists.clear()
            of_projects = [kind for kind in some if kind.scope is Scope.PROJECT]
            lists += [each for team in teams for each in self._of_projects(team, of_projects)]
        yield from self._lists(lists)

    def _by_rank(self, kinds: Sequence[ResourceType]) -> Iterator[list[ResourceType]]:
        """Yield the types, those for the most severe rules first, and projects before what is in them."""
        ranks = {kind.name: self.needs.ranks.get(kind.name, 0) for kind in kinds}
        for rank in sorted(set(ranks.values()), reverse=True):
            yield [kind for kind in kinds if ranks[kind.name] == rank]

    def entity(self) -> str:
        """Return the token's owner, with a request if not done before."""
        if self._token is None:
            self._token = owner(self._client)
        return self._token.id

    def _owner(self, kinds: Sequence[ResourceType]) -> Owner:
        if self._token is None:
            self._token = owner(self._client) if any(kind.scope in DEPENDENT for kind in kinds) else Owner()
        return self._token

    def _accounts(self) -> list[str | None]:
        if self._teams is not None:
            return list(dict.fromkeys(self._teams)) or [None]
        teams = all_teams(self._client, self._page_size)
        self.problems += teams.problems
        self.warnings += teams.warnings
        self.unlisted = teams.problems
        self.origin = replace(self.origin, teams=teams.ids)
        return list(teams.ids)

    def _of_token(self, kind: ResourceType, token: Owner) -> Iterator[list[Resource]]:
        """Yield the token as a resource, or record what is unknown because its owner is unknown."""
        own = self.accounts.get(None)
        of_owner = kind.scope is Scope.TEAM and own is not None and not own.partial
        if token.problem and (kind.scope is Scope.TOKEN or of_owner):
            self._gap(kind, None, None, token.problem)
        elif kind.scope is Scope.TOKEN:
            self._count(1)
            decode = partial(listed, kind, personal=self._personal(kind.name))
            yield self._admit([token.record], kind, None, None, f"the {kind.singular}", decode=decode)

    def _of_projects(self, team: str | None, kinds: Sequence[ResourceType]) -> Iterator[TypedList]:
        """Yield the lists of an account's projects."""
        account = self._account(team)
        if why := account.unknown.get(PARENT.name):
            for kind in kinds:
                if account.projects:
                    self._lacks(kind, team, why)
                else:
                    self._gap(kind, team, None, why)
        wanted = [each for each in account.projects if not self.only_projects or each in self.only_projects]
        yield from (TypedList(kind, team, each) for kind in kinds for each in wanted)

    def _lists(self, lists: Sequence[TypedList]) -> Iterator[list[Resource]]:
        """Yield the resources of lists, page by page; several lists are requested at once."""
        skipped: Counter[tuple[str, str]] = Counter()
        gone: list[TypedList] = []
        for typed_list, pages_ in self._side_by_side(lists):
            used = 0
            with self._list_of(typed_list.kind, typed_list.team):
                try:
                    for page in pages_:
                        used += 1
                        yield self._used(typed_list, page)
                except NotAsked as error:
                    skipped[typed_list.kind.plural, str(error)] += 1
                    self._gap(typed_list.kind, typed_list.team, typed_list.project, str(error))
                except FetchError as error:
                    if self._is_gone(typed_list, error):
                        gone.append(typed_list)
                    else:
                        self._failed(typed_list, error, used)
        for (plural, why), count in skipped.items():
            self.problems.append(f"{count} list{'s' * (count > 1)} of {plural}: {why}")
        self._drop(gone)

    def _side_by_side(self, lists: Sequence[TypedList]) -> Iterator[tuple[TypedList, Iterator[Page]]]:
        """Yield each list with its pages, in this order, as far as the budget covers them."""
        for some, why in within_limit(self._client, lists, lambda _: 1, at_least=True):
            if why:
                yield from ((each, _not_asked(why)) for each in some)
            else:
                yield from side_by_side(some, self._read)

    def _read(self, typed_list: TypedList) -> Iterator[Page]:
        """Yield the pages of a list. After repeated refusals of a type, its other lists are not requested."""
        circuit = self._refusals.setdefault((typed_list.kind.name, typed_list.team), Circuit())
        if circuit.cause:
            raise NotAsked(circuit.cause)
        try:
            yield from pages(self._client, typed_list.listing(), self._page_size)
        except FetchError as error:
            if tells_of_api(self._client, error):
                circuit.failed(str(error))
            raise
        circuit.succeeded()

    def _used(self, typed_list: TypedList, page: Page) -> list[Resource]:
        kind = typed_list.kind
        self._count(page.count)
        self.problems += page.contradictions
        self.warnings += page.warnings
        self._page_log.append((typed_list, page.without_items()))
        return self._admit(
            page.items,
            kind,
            typed_list.team,
            typed_list.project,
            f"{typed_list.what}, page {page.number}",
            decode=partial(listed, kind, personal=self._personal(kind.name)),
            shortfall=self._shortfall if kind.parts else None,
            page=len(self._page_log) - 1,
        )

    def _failed(self, typed_list: TypedList, error: FetchError, used: int) -> None:
        """Record that a list is incomplete."""
        self.problems.append(str(error))
        if not used:
            self._gap(typed_list.kind, typed_list.team, typed_list.project, str(error))

    def _is_gone(self, typed_list: TypedList, error: FetchError) -> bool:
        """Return whether a list failed because its project is gone."""
        not_found = isinstance(error, Refused) and error.status == NOT_FOUND
        return typed_list.project is not None and not_found and self._gone.has(typed_list)

    def _drop(self, gone: Sequence[TypedList]) -> None:
        """Record that the projects of these lists are gone."""
        for team in dict.fromkeys(each.team for each in gone):
            ids = {str(each.project) for each in gone if each.team == team}
            account = self._account(team)
            self.accounts[team] = replace(account, projects=[each for each in account.projects if each not in ids])
            self.warnings += (f"the project '{each}' was deleted after it was listed" for each in sorted(ids))

    def _read_again(self, number: int) -> Records:
        typed_list, page = self._page_log[number]
        items = read_again(self._client, typed_list.listing(again=True, page=page.number), page.query)
        kind = typed_list.kind
        return {item[kind.id]: listed(kind, item, self._personal(kind.name)) for item in items}

    def _personal(self, name: str) -> Collection[str]:
        return self.needs.personal.get(name, ())

    # -- Parts ---------------------------------------------------------------------------------------------------------
    def complete(
        self, resources: Sequence[Resource], parts_by_resource: Mapping[Identity, frozenset[str]]
    ) -> Iterator[list[Resource]]:
        """Read these parts of these resources, at most eight at a time, as far as the budget covers them.

        This comes after the lists, so that parts can't use up requests that pages need.
        """
        skipped: Counter[str] = Counter()
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="details")
        total = sum(len(parts_by_resource[each.identity]) for each in resources)
        try:
            for some, why in within_limit(self._client, resources, lambda each: len(parts_by_resource[each.identity])):
                if why:
                    count = sum(len(parts_by_resource[each.identity]) for each in some)
                    self.warnings.append(f"{count} of {total} details were not read: {why}")
                    for each in some:
                        self.shortfalls.setdefault(each.type, []).append(f"its details were not read: {why}")
                    yield [replace(each, shortfall=f"its details were not read: {why}") for each in some]
                    continue
                settled = zip(
                    some,
                    pool.map(lambda each: self._parts.read(each, parts_by_resource[each.identity]), some),
                    strict=True,
                )
                while batch := list(islice(settled, SOME)):
                    skipped.update(cause for _, each in batch for cause in each.skipped)
                    yield list(self._settled(batch))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        self.warnings += (f"{count} of {total} details: {NOT_ASKED}{cause}" for cause, count in skipped.items())

    def _settled(self, batch: Sequence[tuple[Resource, Settled]]) -> Iterator[Resource]:
        for typed_list, came in batch:
            self.problems += came.problems
            self.warnings += came.warnings
            self.details[typed_list.type] += came.used
            if came.resource is None:
                self.counts[typed_list.type] -= 1
                continue
            if came.resource.shortfall:
                self.shortfalls.setdefault(typed_list.type, []).append(came.resource.shortfall)
            yield came.resource

    def coverage(self) -> Coverage:
        """Return the requests sent so far, and which answers were used."""
        return replace(super().coverage(), requests=self._client.budget.sent, retries=self._client.retries)


def _not_asked(why: str) -> Iterator[Page]:
    """Return no pages for a list that is not requested, and the reason."""
    raise NotAsked(why)
    yield
