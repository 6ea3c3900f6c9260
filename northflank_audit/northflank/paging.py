"""Reads every page of a list, and finds contradictions between pages."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from northflank_audit.compact import CompactMap
from northflank_audit.errors import FetchError

if TYPE_CHECKING:  # an audit of files does not need the HTTP client
    from northflank_audit.northflank.client import Client

_OF_PAGES: Final = ("page", "perPage", "total")
"""The keys of a pagination that counts pages."""
READ_TEAMS: Final = "Organisation > Team > General > Read"


def endpoint(template: str, team: str | None, **ids: str | None) -> str:
    """Return the path of an endpoint of a team, or (None) of the token's own account, with these ids filled in.

    Raises FetchError for an id that can't be in an address.
    """
    base = "/v1" if team is None else f"/v1/teams/{_segment(team)}"
    return base + template.format(**{name: _segment(each) for name, each in ids.items() if each is not None})


def _segment(identity: str) -> str:
    if identity in (".", ".."):  # addresses are normalised: the request would be for something else
        raise FetchError(f"the id '{identity}' can't be requested: in an address it has another meaning")
    return quote(identity, safe="")


def has_id(item: Any, field: str = "id") -> bool:
    """Return whether an item of a list is a record with an id, which is all that is required."""
    return isinstance(item, dict) and isinstance(item.get(field), str) and item[field] != ""


def with_ids(items: list[Any], field: str, identify: Callable[[dict[str, Any]], str | None] | None) -> list[Any]:
    """Return a list's items; those without an id get the one that `identify` computes."""
    if identify is None:
        return items
    return [
        {**item, field: identity}
        if isinstance(item, dict) and not has_id(item, field) and (identity := identify(item))
        else item
        for item in items
    ]


def claimed(pagination: Mapping[str, Any]) -> int | None:
    """Return how many items a list's answer says that it has."""
    count = pagination.get("count")
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def without_id(items: list[Any], field: str = "id") -> int:
    """Return how many items of a list have no id."""
    return sum(not has_id(item, field) for item in items)


def contradictions(count: int, lacking: int, pagination: Mapping[str, Any], where: str) -> Iterator[str]:
    """Yield the contradictions of an answer with this many items, some lacking an id: a wrong count, items without."""
    stated = pagination.get("count")
    if stated is not None and stated != count:
        yield f"{where}: it says that it has {json.dumps(stated)} items, and has {count}"
    if lacking:
        have = "has" if lacking == 1 else "have"
        yield f"{where}: {lacking} of {count} items {have} no id, and could not be evaluated"


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A list to request."""

    path: str
    keys: tuple[str, ...] = ()
    """The keys below `data` that may hold the items; one must be present. None: `data` itself is the list."""
    paged: bool = True
    """Whether each answer says if there is a next page; otherwise an answer that does not is the whole list."""
    id_field: str = "id"
    identify: Callable[[dict[str, Any]], str | None] | None = None
    """Computes the id of an item that has none; if it is None or returns None, the item has no id."""
    what: str
    """Its name in messages."""
    permission: str
    """The permission that a 403 lacks."""
    team: str | None = None
    label: str = ""
    """The type that its requests are counted for."""


class Page(msgspec.Struct, frozen=True):
    """One answer of a list: its items, unchanged, and what is wrong with them."""

    number: int
    items: list[Any]
    count: int | None
    """How many items the answer says that it has."""
    contradictions: list[str]
    warnings: list[str]
    query: Mapping[str, str | int]
    """The query that requested it."""

    def without_items(self) -> "Page":
        """Return the page without its items, to request it again."""
        return msgspec.structs.replace(self, items=[])


def pages(client: "Client", listing: Listing, page_size: int) -> Iterator[Page]:
    """Yield every page of a list.

    The official clients differ on when a list ends; this continues while either a cursor or `hasNextPage` says that
    there is more, and increments `page` if there is no cursor. Raises FetchError if a page can't be read, or if
    the pages would form a loop.
    """
    size: dict[str, str | int] = {"per_page": page_size} if listing.paged else {}
    query = size
    cursors: set[str] = set()
    seen = CompactMap()
    number = 1
    more: Any = False
    while True:
        name = f"{listing.what}, page {number}"
        answer = _answer(client, listing, query, name, number)
        items, pagination, wrong = _shape(answer, listing, name)
        promised, more, cursor = more, pagination.get("hasNextPage"), pagination.get("cursor")
        last = not (more or cursor)
        vain = [f"{name}: empty, although the page before it said that there is more"]
        warnings = vain if last and promised and not items else []
        ids = {item[listing.id_field] for item in items if has_id(item, listing.id_field)}
        fresh = [each for each in ids if each not in seen]
        wrong += contradictions(len(items), without_id(items, listing.id_field), pagination, name)
        if size and len(items) > page_size:
            wrong.append(f"{name}: {len(items)} items, although at most {page_size} were requested")
        if last and promised and items and not fresh:
            wrong.append(f"{name}: only repeats earlier pages, although the page before promised more")
        yield Page(number, items, claimed(pagination), wrong, warnings, query)
        if last:
            return
        _progress(name, items, fresh, cursor, cursors)
        for each in fresh:
            seen.put(each)
        number += 1
        query = {**size, "cursor": cursor} if cursor else {**size, "page": number}


def _progress(name: str, items: list[Any], fresh: Collection[str], cursor: Any, cursors: set[str]) -> None:
    """Raise FetchError if the next page would be no progress; else remember its cursor."""
    if not items:
        raise FetchError(f"{name}: empty, but claims a next page")
    if not fresh:
        raise FetchError(f"{name}: only repeats earlier pages, and claims a next page")
    if cursor:
        if not isinstance(cursor, str):
            raise FetchError(f"{name}: the cursor is not text")
        if cursor in cursors:
            raise FetchError(f"{name}: the cursor is a repeated one, so the pages form a loop")
        cursors.add(cursor)


def read_again(client: "Client", listing: Listing, query: Mapping[str, str | int]) -> list[Any]:
    """Return the items that a list's page has now; `query` requests it, and the listing's `what` names it.

    Raises FetchError if it can't be read, or contradicts itself.
    """
    answer = _answer(client, listing, query, listing.what)
    items, pagination, wrong = _shape(answer, listing, listing.what)
    lacking = without_id(items, listing.id_field)
    for each in (*wrong, *contradictions(len(items), lacking, pagination, listing.what)):
        raise FetchError(each)
    return items


def _answer(
    client: "Client", listing: Listing, query: Mapping[str, str | int], what: str, page: int | None = None
) -> Any:
    return client.get(
        listing.path,
        query,
        what=what,
        permission=listing.permission,
        team=listing.team,
        page=page,
        label=listing.label,
    )


def _shape(answer: Any, listing: Listing, name: str) -> tuple[list[Any], dict[str, Any], list[str]]:
    """Return an answer's items, its pagination, and contradictions in that."""
    items, inner = _items(answer.get("data") if isinstance(answer, dict) else None, listing.keys, name)
    items = with_ids(items, listing.id_field, listing.identify)
    pagination = answer.get("pagination")
    if pagination is None and not listing.paged:
        return items, {"hasNextPage": False}, []
    if not isinstance(pagination, dict):
        raise FetchError(f"{name}: the answer has no 'pagination', so whether there are more pages is unknown")
    if not isinstance(pagination.get("hasNextPage"), bool) and not pagination.get("cursor"):
        raise FetchError(f"{name}: 'pagination' does not say whether there is a next page")
    wrong = "" if inner is None else disagreement(inner, len(items), pagination)
    return items, pagination, [f"{name}: {wrong}"] if wrong else []


def disagreement(inner: Any, found: int, outer: Mapping[str, Any]) -> str:
    """Return how a second pagination (`page`, `perPage`, `total`) contradicts what was found or the answer's own."""
    values = [inner.get(key) for key in _OF_PAGES] if isinstance(inner, dict) else []
    numbers: list[int] = [each for each in values if isinstance(each, int) and not isinstance(each, bool) and each >= 0]
    if len(numbers) < len(_OF_PAGES):
        return "its second 'pagination' lacks the page's number or the number of items"
    page, size, total = numbers
    before = max(0, page - 1) * size
    count = min(size, max(0, total - before))
    if count != found:
        return f"its second 'pagination' means that this page has {count} items, and it has {found}"
    if (before + count < total) != bool(outer.get("hasNextPage") or outer.get("cursor")):
        return "its two 'pagination' disagree on whether there is a next page"
    return ""


def _items(data: Any, keys: tuple[str, ...], name: str) -> tuple[list[Any], Any]:
    """Return the items, and the second `pagination` beside them in a map below `data`, if there is one."""
    there = maps_with(data, keys)
    if len(there) > 1:
        one, other, *_ = there
        raise FetchError(f"{name}: the answer contradicts itself: it has both 'data.{one}' and 'data.{other}'")
    (key, beside), *_ = there.items() if there else [("", {})]
    items = data if not keys else beside.get(key.rpartition(".")[2])
    if not isinstance(items, list):
        where = " or ".join(f"'data.{key}'" for key in keys) or "'data'"
        raise FetchError(f"{name}: the answer has no list {where}; is --api-url the address of the API?")
    return items, beside.get("pagination") if "." in key else None


def maps_with(data: Any, keys: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return which of these keys, to which dots may lead, are below `data`, each with the map that has it."""
    return {key: beside for key in keys if (beside := _above(data, key)) is not None}


def _above(data: Any, key: str) -> dict[str, Any] | None:
    """Return the map that contains a key, which may be a dotted path; None if there is none."""
    *way, last = key.split(".")
    for step in way:
        data = data.get(step) if isinstance(data, dict) else None
    return data if isinstance(data, dict) and last in data else None
