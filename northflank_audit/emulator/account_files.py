"""Account files: what may stand in them, and where one has a mistake."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from northflank_audit.emulator.endpoints import Endpoint
from northflank_audit.emulator.input_files import hint, read
from northflank_audit.errors import StartError

CREDENTIALS: Final = "credentials"
PROJECTS: Final = "projects"
TEAMS: Final = "teams"
_OF_A_FILE: Final = ("teams", "endpoints", "permissions", "paging", "asOf", "auth")
_OF_AN_ACCOUNT: Final = ("id", "name")
_OF_A_TEAM: Final = ("description", "uid", "createdAt")
_TIMES: Final = ("At", "Date", "LoginTime")
"""How the names of fields end that hold date-times."""


@dataclass(frozen=True, slots=True)
class AccountFile:
    """What one file says of the accounts."""

    path: str
    value: dict[str, Any]
    as_of: dt.datetime | None
    """When its date-times were right."""

    @classmethod
    def read(cls, path: str) -> "AccountFile":
        """Read a file: a map of lists, or a saved response that holds one under `data`. Raises StartError."""
        value = read(path)
        if isinstance(value, dict) and isinstance(value.get("data"), dict):
            value = value["data"]
        if not isinstance(value, dict) or not value:
            raise StartError(
                f"{path}: it must map lists such as 'credentials' or 'projects' by their names, as a response of "
                "'List registries' does"
            )
        as_of = value.get("asOf")
        return cls(path, value, None if as_of is None else _time(f"{path}: asOf", as_of))

    def check(self, served: Sequence[Endpoint]) -> None:
        """Raise StartError for the first mistake, with its place in the file."""
        _check_keys(f"{self.path}: ", self.value, [*_names(served, is_team=False), *_OF_AN_ACCOUNT, *_OF_A_FILE])
        if self.value.get("paging", "cursor") not in ("cursor", "page"):
            raise StartError(f"{self.path}: paging is 'cursor' or 'page'")
        granted = self.value.get("permissions")
        if not (granted is None or (isinstance(granted, list) and all(map(_is_text, granted)))):
            raise StartError(
                f"{self.path}: permissions are a list of texts, such as 'Project > Addons > General > Read'"
            )
        auth = self.value.get("auth")
        if auth is not None and not (isinstance(auth, dict) and auth.get("entityType", "team") in ("team", "org")):
            raise StartError(f"{self.path}: auth is a map, and its entityType is 'team' or 'org'")
        _check_account(f"{self.path}: ", self.value, served)
        for place, team in _items(f"{self.path}: {TEAMS}", self.value.get(TEAMS)):
            _check_keys(f"{place}: ", team, [*_names(served, is_team=True), *_OF_AN_ACCOUNT, *_OF_A_TEAM])
            _check_account(f"{place}.", team, served)

    def moved(self, by: dt.timedelta) -> dict[str, Any]:
        """Return what the file says, its date-times later by this. Raises StartError for one that is none."""
        moved: dict[str, Any] = _moved(f"{self.path}: ", self.value, by)
        return moved


def _names(served: Sequence[Endpoint], *, is_team: bool) -> list[str]:
    """Return the names of the lists that an account may have, and of what stands beside them.

    The token's own account may be a team's.
    """
    there = [each for each in served if each.scope != "organisation" or not is_team]
    return list(dict.fromkeys(name for each in there for name in (each.source[0], *each.beside)))


def _check_keys(where: str, value: dict[str, Any], names: Sequence[str]) -> None:
    for key in value:
        if key not in names:
            raise StartError(f"{where}unknown key '{key}'{hint(str(key), names)}")


def _check_account(where: str, account: dict[str, Any], served: Sequence[Endpoint]) -> None:
    """Check the lists of an account: first those that are its own, then those of its projects."""
    for each in served:
        if len(each.source) == 1:
            _check_list(where, account, each)
    of_projects = [each for each in served if len(each.source) > 1]
    for place, project in _items(f"{where}{PROJECTS}", account.get(PROJECTS)):
        _known_lists(place, project, served)
        for each in of_projects:
            _check_list(f"{place}.", project, each)


def _check_list(where: str, owner: dict[str, Any], endpoint: Endpoint) -> None:
    name = endpoint.source[-1]
    for place, item in _items(f"{where}{name}", owner.get(name), endpoint.id, or_null=endpoint.anonymous):
        for each in endpoint.children.values():
            below = item.get(each.source)
            list(_items(f"{place}.{each.source}", [below] if each.one and not each.by and below else below, None))


def _known_lists(where: str, project: dict[str, Any], served: Sequence[Endpoint]) -> None:
    """Refuse lists in a project that no endpoint serves: its other fields are none."""
    names = [each.source[1] for each in served if len(each.source) > 1]
    shown = [name for each in served if each.source == (PROJECTS,) for name in each.within]
    lists = {key: value for key, value in project.items() if isinstance(value, list)}
    _check_keys(f"{where}: ", lists, list(dict.fromkeys([*names, *shown])))


def _items(
    where: str, items: Any, key: str | None = "id", *, or_null: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the items of a list, each with its place; `key` names the text that each must have, `or_null` or null."""
    if items is None:
        return
    if not isinstance(items, list):
        raise StartError(f"{where} must be a list of maps")
    for number, item in enumerate(items):
        place = f"{where}[{number}]"
        nameless = key is None or (or_null and isinstance(item, dict) and item.get(key, "") is None)
        if not isinstance(item, dict) or not (nameless or _is_text(item.get(key))):
            identity = "" if key is None else f" with an '{key}' that is text"
            raise StartError(f"{place} must be a map{identity}")
        yield place, item


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _time(where: str, text: Any) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(str(text))
    except ValueError as error:
        raise StartError(f"{where}: not a date-time ({error})") from None
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _moved(where: str, value: Any, by: dt.timedelta) -> Any:
    if isinstance(value, list):
        return [_moved(f"{where}[{number}]", item, by) for number, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    dot = "" if where.endswith(" ") else "."
    return {
        key: _later(f"{where}{dot}{key}", item, by)
        if str(key).endswith(_TIMES) and isinstance(item, str)
        else _moved(f"{where}{dot}{key}", item, by)
        for key, item in value.items()
    }


def _later(where: str, text: str, by: dt.timedelta) -> str:
    try:
        moved = (_time(where, text) + by).astimezone(dt.UTC)
    except OverflowError:
        raise StartError(f"{where}: not a date-time that can be moved ({text})") from None
    return moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
