"""Reads and validates account files."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from northflank_audit.emulator.endpoints import Endpoint
from northflank_audit.emulator.input_files import Mistake, Mistakes, Reader, Steps, hint

CREDENTIALS: Final = "credentials"
PROJECTS: Final = "projects"
TEAMS: Final = "teams"
_OF_A_FILE: Final = ("teams", "endpoints", "permissions", "paging", "asOf", "auth")
_OF_AN_ACCOUNT: Final = ("id", "name")
_OF_A_TEAM: Final = ("description", "uid", "createdAt")
_TIMES: Final = ("At", "Date", "LoginTime")
"""The endings of names of date-time fields."""


@dataclass(frozen=True, slots=True)
class AccountFile:
    """The accounts of one file."""

    path: str
    value: dict[str, Any]
    top: Steps = ()
    """Its position in the file."""

    @classmethod
    def read(cls, path: str, reader: Reader) -> "AccountFile":
        """Read a file: a map of lists, or a saved response with one under `data`. Raises StartError."""
        value: Any = reader(path)
        top: Steps = ()
        if isinstance(value, dict) and isinstance(value.get("data"), dict):
            value, top = value["data"], ("data",)
        if not isinstance(value, dict) or not value:
            problem = "this must map lists such as 'credentials' or 'projects' by their names, as a response of "
            raise Mistakes(path, [Mistake((), f"{problem}'List registries' does")])
        return cls(path, value, top)

    def checked(self, mistakes: Iterable[Mistake]) -> None:
        """Raise StartError if there is a mistake."""
        if found := [Mistake((*self.top, *each.steps), each.problem, key=each.key) for each in mistakes]:
            raise Mistakes(self.path, found)

    def check(self, served: Sequence[Endpoint]) -> None:
        """Raise StartError for all mistakes, with their positions in the file."""
        self.checked(self._mistakes(served))

    def _mistakes(self, served: Sequence[Endpoint]) -> Iterator[Mistake]:
        yield from _unknown_keys((), self.value, [*_names(served, is_team=False), *_OF_AN_ACCOUNT, *_OF_A_FILE])
        if self.value.get("paging", "cursor") not in ("cursor", "page"):
            yield Mistake(("paging",), "this is 'cursor' or 'page'")
        yield from _permission_mistakes(self.value.get("permissions"), served)
        auth = self.value.get("auth")
        if auth is not None and not (isinstance(auth, dict) and auth.get("entityType", "team") in ("team", "org")):
            yield Mistake(("auth",), "this is a map whose entityType is 'team' or 'org'")
        yield from _account_mistakes((), self.value, served)
        yield from _list_mistakes((TEAMS,), self.value.get(TEAMS))
        for steps, team in _items((TEAMS,), self.value.get(TEAMS)):
            yield from _unknown_keys(steps, team, [*_names(served, is_team=True), *_OF_AN_ACCOUNT, *_OF_A_TEAM])
            yield from _account_mistakes(steps, team, served)

    @property
    def as_of(self) -> dt.datetime | None:
        """The time as of which its date-times are right. Raises StartError for an invalid time."""
        text = self.value.get("asOf")
        if text is None:
            return None
        time = _time(text)
        self.checked([] if isinstance(time, dt.datetime) else [Mistake(("asOf",), time)])
        return time if isinstance(time, dt.datetime) else None

    def moved(self, by: dt.timedelta) -> dict[str, Any]:
        """Return the accounts with date-times shifted by this. Raises StartError for invalid ones."""
        mistakes: list[Mistake] = []
        moved: dict[str, Any] = _moved((), self.value, by, mistakes)
        self.checked(mistakes)
        return moved


def _names(served: Sequence[Endpoint], *, is_team: bool) -> list[str]:
    """Return the names of the lists and other keys that an account may have.

    The token's own account may be a team's.
    """
    there = [each for each in served if each.scope != "organisation" or not is_team]
    return list(dict.fromkeys(name for each in there for name in (each.source[0], *each.beside)))


def _unknown_keys(steps: Steps, value: dict[str, Any], names: Sequence[str]) -> Iterator[Mistake]:
    for key in value:
        if key not in names:
            yield Mistake((*steps, key), f"unknown key '{key}'{hint(str(key), names)}", key=True)


def _permission_mistakes(granted: Any, served: Sequence[Endpoint]) -> Iterator[Mistake]:
    """Yield unknown permissions, which would grant nothing."""
    if granted is None:
        return
    if not isinstance(granted, list):
        yield Mistake(("permissions",), "permissions are a list of texts, such as 'Project > Addons > General > Read'")
        return
    names = dict.fromkeys(
        name for each in served for name in (each.permission, *(below.permission for below in each.children.values()))
    )
    for number, name in enumerate(granted):
        if name not in names:
            yield Mistake(("permissions", number), f"unknown permission '{name}'{hint(str(name), sorted(names))}")


def _account_mistakes(above: Steps, account: dict[str, Any], served: Sequence[Endpoint]) -> Iterator[Mistake]:
    """Yield the mistakes in an account's lists: first its own, then those of its projects."""
    for each in served:
        if len(each.source) == 1:
            yield from _endpoint_mistakes(above, account, each)
    of_projects = [each for each in served if len(each.source) > 1]
    for steps, project in _items((*above, PROJECTS), account.get(PROJECTS)):
        yield from _unknown_lists(steps, project, served)
        for each in of_projects:
            yield from _endpoint_mistakes(steps, project, each)


def _endpoint_mistakes(above: Steps, owner: dict[str, Any], endpoint: Endpoint) -> Iterator[Mistake]:
    steps, items = (*above, endpoint.source[-1]), owner.get(endpoint.source[-1])
    yield from _list_mistakes(steps, items, endpoint.id, or_null=endpoint.anonymous)
    for place, item in _items(steps, items):
        for each in endpoint.children.values():
            below = item.get(each.source)
            if not (each.one and not each.by and isinstance(below, dict)):
                yield from _list_mistakes((*place, each.source), below, None)


def _unknown_lists(steps: Steps, project: dict[str, Any], served: Sequence[Endpoint]) -> Iterator[Mistake]:
    """Yield the lists in a project that no endpoint serves."""
    names = [each.source[1] for each in served if len(each.source) > 1]
    shown = [name for each in served if each.source == (PROJECTS,) for name in each.within]
    lists = {key: value for key, value in project.items() if isinstance(value, list)}
    return _unknown_keys(steps, lists, list(dict.fromkeys([*names, *shown])))


def _list_mistakes(steps: Steps, items: Any, key: str | None = "id", *, or_null: bool = False) -> Iterator[Mistake]:
    """Yield what is wrong with a list of maps; each must have `key`, a text, or null if `or_null`."""
    if items is None:
        return
    if not isinstance(items, list):
        yield Mistake(steps, "this must be a list of maps")
        return
    places: dict[str, int] = {}
    for number, item in enumerate(items):
        identity = item.get(key) if isinstance(item, dict) and key else None
        is_nameless = key is None or (or_null and isinstance(item, dict) and item.get(key, "") is None)
        if not isinstance(item, dict) or not (is_nameless or (isinstance(identity, str) and identity)):
            with_key = "" if key is None else f" with the key '{key}', a text"
            yield Mistake((*steps, number), f"this must be a map{with_key}")
        elif identity and places.setdefault(identity, number) != number:
            first = f"{steps[-1]}[{places[identity]}]"
            yield Mistake((*steps, number, str(key)), f"duplicate {key} '{identity}', first in {first}")


def _items(steps: Steps, items: Any) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield the maps in a list, each with its position."""
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict):
            yield (*steps, number), item


def _time(text: Any) -> dt.datetime | str:
    """Return a date-time, or what is wrong with it."""
    try:
        time = dt.datetime.fromisoformat(str(text))
    except ValueError as error:
        return f"not a date-time ({error})"
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _moved(steps: Steps, value: Any, by: dt.timedelta, mistakes: list[Mistake]) -> Any:
    if isinstance(value, list):
        return [_moved((*steps, number), item, by, mistakes) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        key: _later((*steps, key), item, by, mistakes)
        if str(key).endswith(_TIMES) and isinstance(item, str)
        else _moved((*steps, key), item, by, mistakes)
        for key, item in value.items()
    }


def _later(steps: Steps, text: str, by: dt.timedelta, mistakes: list[Mistake]) -> str:
    time = _time(text)
    try:
        moved = (time + by).astimezone(dt.UTC) if isinstance(time, dt.datetime) else time
    except OverflowError:
        moved = f"not a date-time that can be moved ({text})"
    if isinstance(moved, str):
        mistakes.append(Mistake(steps, moved))
        return text
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
