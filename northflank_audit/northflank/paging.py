"""Endpoints, and every page of a list, or an error that says why not."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from northflank_audit.errors import FetchError
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.records import claimed, contradictions, has_id

READ_LIST: Final = "Account > Cloud > Registries > Read (before 2026: Account > Credentials > General > Read)"
READ_DETAIL: Final = (
    "Account > Cloud > Registries > Read (before 2026: Account > Credentials > General > Read Encrypted)"
)
READ_TEAMS: Final = "Organisation > Team > General > Read"
READ_PROJECTS: Final = "Project > Projects > Manage > Read"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose lists are asked for: those of a team, or (None) the token's own account."""

    team: str | None

    @property
    def path(self) -> str:
        """The path of the list of registries. Raises FetchError for an id that no address can hold."""
        return f"{self._base}/integrations/registries"

    def detail(self, credential_id: str) -> str:
        """Return the path of one registry's details. Raises FetchError as `path` does."""
        return f"{self.path}/{_segment(credential_id)}"

    @property
    def projects(self) -> str:
        """The path of the list of projects. Raises FetchError as `path` does."""
        return f"{self._base}/projects"

    @property
    def _base(self) -> str:
        return "/v1" if self.team is None else f"/v1/teams/{_segment(self.team)}"

    def list_of(self, what: str) -> str:
        """Name one of its lists in messages."""
        return f"list of {what}" if self.team is None else f"list of {what} of team {self.team}"


def _segment(identity: str) -> str:
    if identity in (".", ".."):  # addresses are normalised on their way: it would ask for something else
        raise FetchError(f"the id '{identity}' can't be asked for: in an address it means another one")
    return quote(identity, safe="")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a list: its items as they came, and what is wrong with them, if anything is."""

    number: int
    items: list[Any]
    count: int | None
    """How many items the answer itself says that it has."""
    contradictions: list[str]
    warnings: list[str]
    query: Mapping[str, str | int]
    """What asked for it."""


def read_ahead(found: Iterator[Page]) -> Iterator[Page]:
    """Yield the pages, each fetched while the one before is being judged."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="pages")
    try:
        # Two are asked for, so that the next request is sent before the page that came is worked on.
        coming = deque(pool.submit(next, found, None) for _ in range(2))
        while (page := coming.popleft().result()) is not None:
            coming.append(pool.submit(next, found, None))
            yield page
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def pages(
    client: Client, path: str, key: str, *, page_size: int, what: str, permission: str, team: str | None = None
) -> Iterator[Page]:
    """Yield every page of the list at `path`, whose items are under `data.{key}`.

    The official clients differ on when a list ends; this goes on while either a cursor or `hasNextPage` says that
    there is more, and counts `page` up where there is no cursor. Raises FetchError when a page can't be had, or
    when going on would lead round in a circle.
    """
    query: dict[str, str | int] = {"per_page": page_size}
    cursors: set[str] = set()
    seen: set[str] = set()
    number = 1
    more: Any = False
    while True:
        name = f"{what}, page {number}"
        answer = client.get(path, query, what=name, permission=permission, team=team, page=number)
        items, pagination = _shape(answer, key, name)
        promised, more, cursor = more, pagination.get("hasNextPage"), pagination.get("cursor")
        last = not (more or cursor)
        vain = [f"{name}: it is empty, although the page before said that there is more"]
        warnings = vain if last and promised and not items else []
        fresh = {item["id"] for item in items if has_id(item)} - seen
        wrong = list(contradictions(items, pagination, name))
        if len(items) > page_size:
            wrong.append(f"{name}: {len(items)} items came where {page_size} at most were asked for")
        if last and promised and items and not fresh:
            wrong.append(f"{name}: the page holds only what earlier pages held, although the page before promised more")
        yield Page(number, items, claimed(pagination), wrong, warnings, query)
        if last:
            return
        if not items:
            raise FetchError(f"{name}: the page is empty and yet claims a next one")
        if not fresh:
            raise FetchError(f"{name}: the page holds only what earlier pages held, and claims a next one")
        seen |= fresh
        number += 1
        query = {"per_page": page_size}
        if cursor:
            if not isinstance(cursor, str):
                raise FetchError(f"{name}: the cursor is not text")
            if cursor in cursors:
                raise FetchError(f"{name}: the cursor came before, so the pages go round in a circle")
            cursors.add(cursor)
            query["cursor"] = cursor
        else:
            query["page"] = number


def read_again(
    client: Client,
    path: str,
    key: str,
    query: Mapping[str, str | int],
    *,
    what: str,
    permission: str,
    team: str | None = None,
) -> list[Any]:
    """Return the items that a list's page has now; `query` is what asked for it, and `what` names it.

    Raises FetchError when it can't be had, or contradicts itself.
    """
    items, pagination = _shape(client.get(path, query, what=what, permission=permission, team=team), key, what)
    for wrong in contradictions(items, pagination, what):
        raise FetchError(wrong)
    return items


def _shape(answer: Any, key: str, name: str) -> tuple[list[Any], dict[str, Any]]:
    data = answer.get("data") if isinstance(answer, dict) else None
    items = data.get(key) if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise FetchError(f"{name}: the answer has no list 'data.{key}'; is --api-url the address of the API?")
    pagination = answer.get("pagination")
    if not isinstance(pagination, dict):
        raise FetchError(f"{name}: the answer has no 'pagination', so it can't be told whether there is more")
    if not isinstance(pagination.get("hasNextPage"), bool) and not pagination.get("cursor"):
        raise FetchError(f"{name}: 'pagination' does not say whether there is more")
    return items, pagination
