"""Endpoints, and every page of a list, or an error that says why not."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from northflank_audit.errors import FetchError

if TYPE_CHECKING:  # an audit of files needs no HTTP client
    from northflank_audit.northflank.client import Client

_OF_PAGES: Final = ("page", "perPage", "total")
"""What a pagination says that counts pages."""
READ_TEAMS: Final = "Organisation > Team > General > Read"


def endpoint(template: str, team: str | None, **ids: str | None) -> str:
    """Return the path of an endpoint of a team, or (None) of the token's own account, with these ids filled in.

    Raises FetchError for an id that no address can hold.
    """
    base = "/v1" if team is None else f"/v1/teams/{_segment(team)}"
    return base + template.format(**{name: _segment(each) for name, each in ids.items() if each is not None})


def _segment(identity: str) -> str:
    if identity in (".", ".."):  # addresses are normalised on their way: it would ask for something else
        raise FetchError(f"the id '{identity}' can't be asked for: in an address it means another one")
    return quote(identity, safe="")


def has_id(item: Any, field: str = "id") -> bool:
    """Tell whether an item of a list is a record that can be told from others: the id is all that is required."""
    return isinstance(item, dict) and isinstance(item.get(field), str) and item[field] != ""


def with_ids(items: list[Any], field: str, identify: Callable[[dict[str, Any]], str | None] | None) -> list[Any]:
    """Return a list's items, those without an id with the one that `identify` computes for them."""
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


def contradictions(items: list[Any], pagination: Mapping[str, Any], where: str, field: str = "id") -> Iterator[str]:
    """Yield what a list's answer contradicts itself in: its count, and items without an id."""
    count = pagination.get("count")
    if count is not None and count != len(items):
        yield f"{where}: it says that it has {count} items, and has {len(items)}"
    bad = sum(not has_id(item, field) for item in items)
    if bad:
        yield f"{where}: {bad} of {len(items)} items {'has' if bad == 1 else 'have'} no id, and could not be judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list to ask for."""

    path: str
    keys: tuple[str, ...] = ()
    """The keys below `data` that may hold the items; one must be present. None: `data` itself is the list."""
    paged: bool = True
    """Whether each answer says if there is a next page; else one that does not say it is the whole list."""
    id_field: str = "id"
    identify: Callable[[dict[str, Any]], str | None] | None = None
    """Computes the id of an item that has none; None, or where it gives none, the item stays without."""
    what: str
    """Its name in messages."""
    permission: str
    """What a 403 lacks."""
    team: str | None = None
    label: str = ""
    """What its requests are counted for."""


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

    def without_items(self) -> "Page":
        """Return what is needed to ask for it once more."""
        return replace(self, items=[])


def pages(client: "Client", listing: Listing, page_size: int) -> Iterator[Page]:
    """Yield every page of a list.

    The official clients differ on when a list ends; this goes on while either a cursor or `hasNextPage` says that
    there is more, and counts `page` up where there is no cursor. Raises FetchError when a page can't be had, or
    when going on would lead round in a circle.
    """
    size: dict[str, str | int] = {"per_page": page_size} if listing.paged else {}
    query = size
    cursors: set[str] = set()
    seen: set[str] = set()
    number = 1
    more: Any = False
    while True:
        name = f"{listing.what}, page {number}"
        answer = _answer(client, listing, query, name, number)
        items, pagination, wrong = _shape(answer, listing, name)
        promised, more, cursor = more, pagination.get("hasNextPage"), pagination.get("cursor")
        last = not (more or cursor)
        vain = [f"{name}: it is empty, although the page before said that there is more"]
        warnings = vain if last and promised and not items else []
        fresh = {item[listing.id_field] for item in items if has_id(item, listing.id_field)} - seen
        wrong += contradictions(items, pagination, name, listing.id_field)
        if size and len(items) > page_size:
            wrong.append(f"{name}: {len(items)} items came where {page_size} at most were asked for")
        if last and promised and items and not fresh:
            wrong.append(f"{name}: the page holds only what earlier pages held, although the page before promised more")
        yield Page(number, items, claimed(pagination), wrong, warnings, query)
        if last:
            return
        _progress(name, items, fresh, cursor, cursors)
        seen |= fresh
        number += 1
        query = {**size, "cursor": cursor} if cursor else {**size, "page": number}


def _progress(name: str, items: list[Any], fresh: set[str], cursor: Any, cursors: set[str]) -> None:
    """Raise FetchError where the next page would be no step forward; else remember the cursor that leads to it."""
    if not items:
        raise FetchError(f"{name}: the page is empty and yet claims a next one")
    if not fresh:
        raise FetchError(f"{name}: the page holds only what earlier pages held, and claims a next one")
    if cursor:
        if not isinstance(cursor, str):
            raise FetchError(f"{name}: the cursor is not text")
        if cursor in cursors:
            raise FetchError(f"{name}: the cursor came before, so the pages go round in a circle")
        cursors.add(cursor)


def read_again(client: "Client", listing: Listing, query: Mapping[str, str | int]) -> list[Any]:
    """Return the items that a list's page has now; `query` is what asked for it, and the listing's `what` names it.

    Raises FetchError when it can't be had, or contradicts itself.
    """
    answer = _answer(client, listing, query, listing.what)
    items, pagination, wrong = _shape(answer, listing, listing.what)
    for each in (*wrong, *contradictions(items, pagination, listing.what, listing.id_field)):
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
    """Return an answer's items, what it says of its pages, and what it contradicts itself in about those."""
    items, inner = _items(answer.get("data") if isinstance(answer, dict) else None, listing.keys, name)
    items = with_ids(items, listing.id_field, listing.identify)
    pagination = answer.get("pagination")
    if pagination is None and not listing.paged:
        return items, {"hasNextPage": False}, []
    if not isinstance(pagination, dict):
        raise FetchError(f"{name}: the answer has no 'pagination', so whether there are more pages is unknown")
    if not isinstance(pagination.get("hasNextPage"), bool) and not pagination.get("cursor"):
        raise FetchError(f"{name}: 'pagination' does not say whether there is more")
    wrong = "" if inner is None else disagreement(inner, items, pagination)
    return items, pagination, [f"{name}: {wrong}"] if wrong else []


def disagreement(inner: Any, items: list[Any], outer: Mapping[str, Any]) -> str:
    """Return what a second pagination (`page`, `perPage`, `total`) says against its items or the answer's own."""
    values = [inner.get(key) for key in _OF_PAGES] if isinstance(inner, dict) else []
    numbers: list[int] = [each for each in values if isinstance(each, int) and not isinstance(each, bool) and each >= 0]
    if len(numbers) < len(_OF_PAGES):
        return "its second 'pagination' does not say which page this is, and of how many items"
    page, size, total = numbers
    before = max(0, page - 1) * size
    count = min(size, max(0, total - before))
    if count != len(items):
        return f"its second 'pagination' means that this page has {count} items, and it has {len(items)}"
    if (before + count < total) != bool(outer.get("hasNextPage") or outer.get("cursor")):
        return "its two 'pagination' say different things about whether there is a next page"
    return ""


def _items(data: Any, keys: tuple[str, ...], name: str) -> tuple[list[Any], Any]:
    """Return the items, and the second `pagination` that stands beside them in a map below `data`, if there is one."""
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
    """Return the map that holds a key, which dots may lead to; None where there is none."""
    *way, last = key.split(".")
    for step in way:
        data = data.get(step) if isinstance(data, dict) else None
    return data if isinstance(data, dict) and last in data else None
