"""The API as a source: every page of every account that was asked for, and details where they are wanted."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from msgspec.structs import replace

from northflank_audit import model
from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import DETAIL, Resource
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.client import CONNECTIONS, Client
from northflank_audit.northflank.paging import (
    READ_DETAIL,
    READ_LIST,
    READ_PROJECTS,
    READ_TEAMS,
    Account,
    Page,
    pages,
    read_again,
    read_ahead,
)
from northflank_audit.northflank.records import has_id, merged
from northflank_audit.report import Coverage, Origin
from northflank_audit.sources.interface import Source
from northflank_audit.sources.reconciliation import ListAgain, Settled, differences, without

NOT_READ = "its details were not read: --details never"
GONE = f"it is gone since it was listed, or the token lacks the permission {READ_DETAIL}"
NOT_ASKED = "not asked for, since "
NOT_FOUND = 404
SOME = 100
"""Credentials that are passed on at a time."""


class ApiSource(Source):
    """The registries of the token's own account, of named teams, or of every team (`teams` is None)."""

    has_details = True

    def __init__(
        self, client: Client, origin: Origin, teams: Sequence[str] | None, *, page_size: int, details: bool
    ) -> None:
        """Fetch nothing yet. `details` says whether `complete` may be asked later."""
        super().__init__(origin)
        self._client = client
        self._teams = teams
        self._page_size = page_size
        self._shortfall = None if details else NOT_READ
        self._details = 0
        self._asked: list[tuple[Account, str, Mapping[str, str | int]]] = []
        """Of each page of credentials: its account, its name should it be read again, and what asked for it."""
        self._again = ListAgain(self._read_again)
        self._circuit = Circuit()
        self._refusals: defaultdict[str | None, Circuit] = defaultdict(Circuit)
        """What is refused to the token in one team may be open to it in the next."""

    def pages(self) -> Iterator[list[Resource]]:
        """Yield each page's credentials, account by account. An account that fails does not keep the others."""
        for account in self._accounts():
            what = account.list_of("registries")
            with self._list_of(account.team):
                try:
                    for page in read_ahead(self._list(account.path, "credentials", what, READ_LIST, account.team)):
                        self._count(page.count)
                        self.problems += page.contradictions
                        self.warnings += page.warnings
                        where = f"{what}, page {page.number}"
                        self._asked.append((account, f"{where}, once more", page.query))
                        number = len(self._asked) - 1
                        yield self._admit(page.items, account.team, where, shortfall=self._shortfall, page=number)
                except FetchError as error:
                    self.problems.append(str(error))

    def with_projects(self, team: str | None) -> model.Account:
        """Read every page of the list of projects. One that is not whole is not known: what it lacks may exist."""
        asked, account = Account(team), self.accounts[team]
        unknown = {name: why for name, why in account.unknown.items() if name != "projects"}
        projects: list[str] = []
        try:
            for page in self._list(asked.projects, "projects", asked.list_of("projects"), READ_PROJECTS, team):
                self.warnings += page.warnings
                projects += [item["id"] for item in page.items if has_id(item)]
                if page.contradictions:
                    unknown["projects"] = page.contradictions[0]
        except FetchError as error:
            unknown["projects"] = str(error)
        self.accounts[team] = replace(account, projects=list(dict.fromkeys(projects)), unknown=unknown)
        return self.accounts[team]

    def _list(self, path: str, key: str, what: str, permission: str, team: str | None = None) -> Iterator[Page]:
        return pages(self._client, path, key, page_size=self._page_size, what=what, permission=permission, team=team)

    def _accounts(self) -> Iterator[Account]:
        if self._teams is not None:
            yield from map(Account, dict.fromkeys(self._teams) or [None])
            return
        teams: list[str] = []
        try:
            for page in self._list("/v1/teams", "teams", "list of teams", READ_TEAMS):
                self.problems += page.contradictions
                self.warnings += page.warnings
                teams += [item["id"] for item in page.items if has_id(item)]
        except FetchError as error:
            self.problems.append(str(error))
        teams = list(dict.fromkeys(teams))
        self.origin = replace(self.origin, teams=teams)
        if not teams and not self.problems:
            self.warnings.append("the organisation lists no team")
        yield from map(Account, teams)

    def complete(self, resources: Sequence[Resource]) -> Iterator[list[Resource]]:
        """Read the details of these credentials, at most eight at a time, as far as the rate limit covers them.

        For what it does not cover the end of its window is waited for, if that is before the run's. It comes after
        the lists, so that details can't use up what the pages need. When several in a row have failed, the rest is
        not asked for.
        """
        causes: Counter[str] = Counter()
        for some in self._covered(resources):
            causes.update(each.shortfall for each in some if each.shortfall and each.shortfall.startswith(NOT_ASKED))
            yield some
        for cause, count in causes.items():
            self.warnings.append(f"{count} of {len(resources)} details: {cause}")

    def _covered(self, resources: Sequence[Resource]) -> Iterator[list[Resource]]:
        todo = list(resources)
        while todo:
            covered = self._client.rate_limit.covers(len(todo))
            yield from self._read(todo[:covered])
            todo = todo[covered:]
            if todo and not self._client.wait_for_window():
                why = (
                    f"the API's rate limit leaves no request for {self._client.rate_limit.resets_in:.0f} s, "
                    f"and --timeout is {self._client.deadline.seconds:g} s"
                )
                self.warnings.append(f"{len(todo)} of {len(resources)} details were not read: {why}")
                yield [replace(each, shortfall=f"its details were not read: {why}") for each in todo]
                return

    def _read(self, resources: Sequence[Resource]) -> Iterator[list[Resource]]:
        """Yield them as they come, some at a time, so that they can be judged and dropped."""
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="details")
        try:
            completed = pool.map(self._completed, resources)
            while some := list(islice(completed, SOME)):
                self.problems += filter(None, (each.problem for each in some))
                self.warnings += filter(None, (each.warning for each in some))
                yield [each.resource for each in some if each.resource is not None]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read_again(self, page: int) -> list[Any]:
        account, what, query = self._asked[page]
        return read_again(
            self._client, account.path, "credentials", query, what=what, permission=READ_LIST, team=account.team
        )

    def _completed(self, resource: Resource) -> Settled:
        refusals = self._refusals[resource.team]
        if cause := self._circuit.cause or refusals.cause:
            return Settled(replace(resource, shortfall=f"{NOT_ASKED}{cause}"))
        what = f"details of '{resource.id}'" + (f" of team {resource.team}" if resource.team else "")
        try:
            settled = self._settled(resource, what)
        except FetchError as error:
            if self._client.deadline.remaining > 0:  # else it says nothing of the API
                refused = isinstance(error, Refused) and error.status in (403, 404)
                (refusals if refused else self._circuit).failed(str(error))
            return Settled(replace(resource, shortfall=str(error)))
        self._circuit.succeeded()
        refusals.succeeded()
        return settled

    def _settled(self, resource: Resource, what: str) -> Settled:
        """Return a credential with its details, as far as they agree with its list. Raises FetchError without any."""
        gone = Settled(None, warning=f"{what}: it is gone since it was listed, and was not judged")
        try:
            detail = self._detail(resource, what)
        except Refused as error:
            if error.status == NOT_FOUND and self._is_gone(resource):
                return gone
            raise
        record, problem = resource.record, ""
        try:
            shown = merged({}, detail)
            if contested := sorted(differences(record, shown)):
                problem = f"{what}: its list and its details contradict each other ({', '.join(contested)})"
                fresh = self._again.page(self._page_of(resource)).get(resource.id)
                if fresh is not None:
                    record, contested = fresh, sorted(differences(fresh, shown))
                elif self._is_not_found(resource, what):
                    return gone
        except RecursionError:
            raise FetchError(f"{what}: the answer is nested too deeply") from None
        except FetchError as error:
            problem = f"{problem}, and {error}"
        both = merged(record, detail)
        self._details += 1
        if contested:
            return Settled(replace(resource, record=without(both, contested), shortfall=problem), problem)
        name = both.get("name")
        name = name if isinstance(name, str) else resource.name
        return Settled(replace(resource, record=both, name=name, parts=resource.parts | {DETAIL}, shortfall=None))

    def _detail(self, resource: Resource, what: str) -> dict[str, Any]:
        path, team = Account(resource.team).detail(resource.id), resource.team
        answer = self._client.get(
            path, {}, what=what, permission=READ_DETAIL, absent=GONE, team=team, circuit=self._circuit
        )
        detail = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(detail, dict) or detail.get("id") != resource.id:
            raise FetchError(f"{what}: the answer is about something else")
        return detail

    def _is_gone(self, resource: Resource) -> bool:
        """Tell whether a credential without details is not listed any more; False where that can't be seen."""
        try:
            return resource.id not in self._again.page(self._page_of(resource))
        except FetchError:
            return False

    def _is_not_found(self, resource: Resource, what: str) -> bool:
        """Tell whether the details that were there are there no more.

        That a page lacks a credential is not enough: the pages shift when another one goes.
        """
        try:
            self._detail(resource, what)
        except Refused as error:
            return error.status == NOT_FOUND
        return False

    def coverage(self) -> Coverage:
        """Return the requests sent so far and what was used of their answers."""
        client = self._client
        return Coverage(
            requests=client.requests,
            retries=client.retries,
            pages=self.page_count,
            count=self.counted,
            details=self._details,
        )
