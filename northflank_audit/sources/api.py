"""The API as a source: every page of every account that was asked for, and details where they are wanted."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from msgspec.structs import replace

from northflank_audit import model
from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import Resource
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
    read_ahead,
)
from northflank_audit.northflank.records import has_id, merged
from northflank_audit.report import Coverage, Origin
from northflank_audit.sources.interface import Source

NOT_READ = "its details were not read: --details never"
GONE = f"it is gone since it was listed, or the token lacks the permission {READ_DETAIL}"
NOT_ASKED = "not asked for, since "
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
                        yield self._admit(page.items, account.team, where, shortfall=self._shortfall)
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
                yield some
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _completed(self, resource: Resource) -> Resource:
        refusals = self._refusals[resource.team]
        if cause := self._circuit.cause or refusals.cause:
            return replace(resource, shortfall=f"{NOT_ASKED}{cause}")
        try:
            record = self._with_details(resource)
        except FetchError as error:
            if self._client.deadline.remaining > 0:  # else it says nothing of the API
                refused = isinstance(error, Refused) and error.status in (403, 404)
                (refusals if refused else self._circuit).failed(str(error))
            return replace(resource, shortfall=str(error))
        self._circuit.succeeded()
        refusals.succeeded()
        self._details += 1
        name = record.get("name")
        return replace(
            resource,
            record=record,
            name=name if isinstance(name, str) else resource.name,
            detailed=True,
            shortfall=None,
        )

    def _with_details(self, resource: Resource) -> dict[str, Any]:
        """Return a credential's record with its details. Raises FetchError where they can't be had."""
        what = f"details of '{resource.id}'" + (f" of team {resource.team}" if resource.team else "")
        path, team = Account(resource.team).detail(resource.id), resource.team
        answer = self._client.get(
            path, {}, what=what, permission=READ_DETAIL, absent=GONE, team=team, circuit=self._circuit
        )
        detail = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(detail, dict) or detail.get("id") != resource.id:
            raise FetchError(f"{what}: the answer is about something else")
        try:
            return merged(resource.record, detail)
        except RecursionError:
            raise FetchError(f"{what}: the answer is nested too deeply") from None

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
