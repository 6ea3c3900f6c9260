"""Endpoints, and every page of a list, or an error that says why not."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from northflank_audit.errors import FetchError
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.records import contradictions, has_id

READ_LIST: Final = "Account > Cloud > Registries > Read (before 2026: Account > Credentials > General > Read)"
READ_DETAIL: Final = (
    "Account > Cloud > Registries > Read (before 2026: Account > Credentials > General > Read Encrypted)"
)
READ_TEAMS: Final = "Organisation > Team > General > Read"


@dataclass(frozen=True, slots=True)
class Account:
    """Whose registries are asked for: a team's, or (None) the token's own account's."""

    team: str | None

    @property
    def path(self) -> str:
        """The path of the list of registries."""
        team = "" if self.team is None else f"/teams/{quote(self.team, safe='')}"
        return f"/v1{team}/integrations/registries"

    def detail(self, credential_id: str) -> str:
        """Return the path of one registry's details."""
        return f"{self.path}/{quote(credential_id, safe='')}"

    def __str__(self) -> str:
        """Name the account in messages."""
        return "the account" if self.team is None else f"team {self.team}"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a list: its items as they came, and what it contradicts itself in, if it does."""

    number: int
    items: list[Any]
    contradictions: tuple[str, ...]


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


def pages(client: Client, path: str, key: str, *, page_size: int, what: str, permission: str) -> Iterator[Page]:
    """Yield every page of the list at `path`, whose items are under `data.{key}`.

    The official clients differ on when a list ends; this goes on while either a cursor or `hasNextPage` says that
    there is more, and counts `page` up where there is no cursor. Raises FetchError when a page can't be had, or
    when going on would lead round in a circle.
    """
    query: dict[str, str | int] = {"per_page": page_size}
    cursors: set[str] = set()
    seen: set[str] = set()
    number = 1
    while True:
        name = f"{what}, page {number}"
        answer = client.get(path, query, what=name, permission=permission)
        items, pagination = _shape(answer, key, name)
        more, cursor = pagination.get("hasNextPage"), pagination.get("cursor")
        yield Page(number, items, tuple(contradictions(items, pagination, name)))
        if not (more or cursor):
            return
        if not items:
            raise FetchError(f"{name}: the page is empty and yet claims a next one")
        fresh = {item["id"] for item in items if has_id(item)} - seen
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
