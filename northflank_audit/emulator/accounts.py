"""The accounts that the emulator serves: read from a file, shaped as each generation of the API answers."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from northflank_audit.emulator.endpoints import Endpoint, built_in, endpoints
from northflank_audit.emulator.reading import read
from northflank_audit.errors import StartError

SAMPLE: Final = Path(__file__).parent / "sample.yaml"
_TIMES: Final = ("At", "Date", "LoginTime")
"""How the names of fields end that hold date-times."""
_DETAIL_ONLY = ("auths",)


@dataclass(frozen=True, slots=True)
class Account:
    """The token's own account, or a team's."""

    credentials: list[dict[str, Any]]
    projects: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Its other lists, by where an account file has them."""

    def items(self, endpoint: Endpoint, project: str | None) -> list[dict[str, Any]] | None:
        """Return the items of a list, in this project if it is a project's; None where there is no such project."""
        first, *nested = endpoint.source
        items = {"credentials": self.credentials, "projects": self.projects, **self.lists}.get(first, [])
        if not nested:
            return items
        found = next((each for each in items if each["id"] == project), None)
        return None if found is None else found.get(nested[0], [])


@dataclass(frozen=True, slots=True)
class Accounts:
    """Everything that one token sees."""

    own: Account
    teams: dict[str, Account] = field(default_factory=dict)
    cursors: bool = True
    """Whether lists are paged by cursor, or by page number alone."""
    endpoints: tuple[Endpoint, ...] = field(default_factory=built_in)
    """What is served."""
    permissions: frozenset[str] | None = None
    """What the token may read; None is everything."""


def listed(credential: dict[str, Any]) -> dict[str, Any]:
    """Return a credential as the list shows it.

    One with a `description` is of the 2024 generation, whose list has the restrictions; since 2026 only the
    detail has them. Neither list shows secrets.
    """
    hidden = _DETAIL_ONLY if "description" in credential else (*_DETAIL_ONLY, "restrictions")
    shown = {key: value for key, value in credential.items() if key not in hidden}
    login = shown.get("credentials")
    if isinstance(login, dict):
        shown["credentials"] = {key: login[key] for key in login if key not in ("username", "password")}
    return shown


def load(path: str | None, now: dt.datetime | None = None) -> Accounts:
    """Read accounts from JSON or YAML; without a path, the sample.

    The file maps the lists of `endpoints.yaml` by where they stand (`from`), and those of more `endpoints`, if it has
    any; `teams` (a list, each with `id`, `name` and lists); `paging` (`cursor` or `page`); `permissions`, if the token
    has not all; and `asOf`: the time at which its date-times are right. They are moved by what has passed since, so
    that a sample does not age. A saved list response serves as well. Raises StartError.
    """
    source = str(SAMPLE if path is None else path)
    value = read(source)
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        value = value["data"]
    if not isinstance(value, dict) or "credentials" not in value:
        raise StartError(f"{source}: it must map 'credentials' to a list, as a response of 'List registries' does")
    if value.get("paging", "cursor") not in ("cursor", "page"):
        raise StartError(f"{source}: paging is 'cursor' or 'page'")
    if "asOf" in value:
        try:
            as_of = _time(str(value["asOf"]))
            value = _moved(value, (now or dt.datetime.now(dt.UTC)) - as_of)
        except ValueError as error:
            raise StartError(f"{source}: not a date-time ({error})") from None
    served = (*built_in(), *endpoints(f"{source}: 'endpoints'", value.get("endpoints", [])))
    granted = value.get("permissions")
    if not (granted is None or (isinstance(granted, list) and all(map(_is_text, granted)))):
        raise StartError(f"{source}: permissions are a list of texts, such as 'Project > Addons > General > Read'")
    teams = {
        team["id"]: _account(source, f"team {team['id']}", team, served)
        for team in _items(source, "teams", value.get("teams"))
    }
    return Accounts(
        _account(source, "the account", value, served),
        teams,
        cursors=value.get("paging", "cursor") == "cursor",
        endpoints=served,
        permissions=None if granted is None else frozenset(granted),
    )


def _account(source: str, whose: str, value: dict[str, Any], served: Sequence[Endpoint]) -> Account:
    projects = _items(source, f"the projects of {whose}", value.get("projects"))
    lists = {}
    for each in served:
        first, *nested = each.source
        if nested:
            for project in projects:
                _items(
                    source, f"{nested[0]} of the project {project['id']} of {whose}", project.get(nested[0]), each.id
                )
        elif first not in ("credentials", "projects"):
            lists[first] = _items(source, f"{first} of {whose}", value.get(first), each.id)
    return Account(
        _items(source, f"the credentials of {whose}", value.get("credentials")),
        projects,
        str(value.get("name", "")),
        lists,
    )


def _items(source: str, what: str, items: Any, key: str = "id") -> list[dict[str, Any]]:
    items = [] if items is None else items
    if not isinstance(items, list) or not all(isinstance(item, dict) and _is_text(item.get(key)) for item in items):
        raise StartError(f"{source}: {what} must be a list of maps, each with an '{key}' that is text")
    return items


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _time(text: str) -> dt.datetime:
    time = dt.datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _moved(value: Any, by: dt.timedelta) -> Any:
    if isinstance(value, list):
        return [_moved(item, by) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _later(item, by) if key.endswith(_TIMES) and isinstance(item, str) else _moved(item, by)
        for key, item in value.items()
    }


def _later(time: str, by: dt.timedelta) -> str:
    moved = _time(time) + by
    return moved.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
