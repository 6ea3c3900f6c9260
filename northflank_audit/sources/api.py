"""The API as a source: every page of every account that was asked for, and details where they are wanted."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from msgspec.structs import replace

from northflank_audit.errors import FetchError
from northflank_audit.model import Coverage, Origin, Resource
from northflank_audit.northflank.client import CONNECTIONS, Client
from northflank_audit.northflank.paging import READ_DETAIL, READ_LIST, READ_TEAMS, Account, pages, read_ahead
from northflank_audit.northflank.records import has_id, merged
from northflank_audit.sources.interface import Source

NOT_READ = "its details were not read: --details never"


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

    def pages(self) -> Iterator[list[Resource]]:
        """Yield each page's credentials, account by account. An account that fails does not keep the others."""
        for account in self._accounts():
            what = "list of registries" if account.team is None else f"list of registries of team {account.team}"
            size, permission = self._page_size, READ_LIST
            found = pages(self._client, account.path, "credentials", page_size=size, what=what, permission=permission)
            try:
                for page in read_ahead(found):
                    self.page_count += 1
                    self.problems += page.contradictions
                    where = f"{what}, page {page.number}"
                    yield self._admit(page.items, account.team, where, shortfall=self._shortfall)
            except FetchError as error:
                self.problems.append(str(error))

    def _accounts(self) -> Iterator[Account]:
        if self._teams is not None:
            yield from map(Account, dict.fromkeys(self._teams) or [None])
            return
        teams: list[str] = []
        try:
            for page in pages(
                self._client,
                "/v1/teams",
                "teams",
                page_size=self._page_size,
                what="list of teams",
                permission=READ_TEAMS,
            ):
                self.problems += page.contradictions
                teams += [item["id"] for item in page.items if has_id(item)]
        except FetchError as error:
            self.problems.append(str(error))
        teams = list(dict.fromkeys(teams))
        self.origin = replace(self.origin, teams=teams)
        if not teams and not self.problems:
            self.warnings.append("the organisation lists no team")
        yield from map(Account, teams)

    def complete(self, resources: Sequence[Resource]) -> list[Resource]:
        """Read the details of these credentials, at most eight at a time."""
        if len(resources) < 2:  # noqa: PLR2004 - a pool is for two and more
            return list(map(self._completed, resources))
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="details")
        try:
            return list(pool.map(self._completed, resources))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _completed(self, resource: Resource) -> Resource:
        account = Account(resource.team)
        what = f"details of '{resource.id}'" + (f" of team {resource.team}" if resource.team else "")
        try:
            answer = self._client.get(account.detail(resource.id), {}, what=what, permission=READ_DETAIL)
        except FetchError as error:
            return replace(resource, shortfall=str(error))
        detail = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(detail, dict) or detail.get("id") != resource.id:
            return replace(resource, shortfall=f"{what}: the answer is about something else")
        self._details += 1
        record = merged(resource.record, detail)
        name = record.get("name")
        return replace(
            resource,
            record=record,
            name=name if isinstance(name, str) else resource.name,
            detailed=True,
            shortfall=None,
        )

    def coverage(self) -> Coverage:
        """Return the requests sent so far and what was used of their answers."""
        client = self._client
        return Coverage(requests=client.requests, retries=client.retries, pages=self.page_count, details=self._details)
