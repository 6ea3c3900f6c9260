"""The accounts that the emulator serves, in each API generation's form."""

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from northflank_audit.emulator.account_files import CREDENTIALS, PROJECTS, TEAMS, AccountFile
from northflank_audit.emulator.endpoints import Endpoint, built_in, endpoints
from northflank_audit.emulator.input_files import Reader, read
from northflank_audit.errors import StartError

SAMPLE: Final = Path(__file__).parent / "sample"
_DETAIL_ONLY = ("auths",)
_TOKEN: Final = {
    "id": "audit",
    "name": "Audit",
    "tokenKind": "api",
    "entityId": "own",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "expiresAt": None,
}
"""What the API says about the token if the account file does not."""


@dataclass(frozen=True, slots=True)
class EmulatedAccount:
    """The token's own account, or a team's."""

    credentials: list[dict[str, Any]]
    projects: list[dict[str, Any]] = field(default_factory=list)
    name: str = ""
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Its other lists, by their place in an account file."""
    values: dict[str, Any] = field(default_factory=dict)
    """Values beside a list."""

    def items(self, endpoint: Endpoint, project: str | None) -> list[dict[str, Any]] | None:
        """Return the items of a list, of this project for a project's list; None if the project does not exist."""
        first, *nested = endpoint.source
        items = {CREDENTIALS: self.credentials, PROJECTS: self.projects, **self.lists}.get(first, [])
        if not nested:
            return items
        match = next((each for each in items if each["id"] == project), None)
        return None if match is None else match.get(nested[0]) or []


@dataclass(frozen=True, slots=True)
class EmulatedAccounts:
    """Everything that one token sees."""

    own: EmulatedAccount
    teams: dict[str, EmulatedAccount] = field(default_factory=dict)
    cursors: bool = True
    """Whether lists are paged by cursor, or only by page number."""
    endpoints: tuple[Endpoint, ...] = field(default_factory=built_in)
    """The endpoints that are served."""
    permissions: frozenset[str] | None = None
    """The token's permissions; None is everything."""
    auth: dict[str, Any] = field(default_factory=lambda: {**_TOKEN, "entityType": "team"})
    """What the API says about the token."""


def as_listed(credential: dict[str, Any]) -> dict[str, Any]:
    """Return a credential as the list shows it.

    One with a `description` is of the 2024 generation, whose list has the restrictions; since 2026 only the
    detail has them. Neither list shows secrets.
    """
    hidden = _DETAIL_ONLY if "description" in credential else (*_DETAIL_ONLY, "restrictions")
    visible = {key: value for key, value in credential.items() if key not in hidden}
    login = visible.get("credentials")
    if isinstance(login, dict):
        visible["credentials"] = {key: login[key] for key in login if key not in ("username", "password")}
    return visible


def load(path: str | None, now: dt.datetime | None = None, reader: Reader = read) -> EmulatedAccounts:
    """Read accounts from JSON or YAML; without a path, the sample.

    A file maps the lists of `endpoints.yaml` by where they stand (`from`), and those of more `endpoints`, if it has
    any; `teams` (a list, each with `id`, `name` and lists); `paging` (`cursor` or `page`); `permissions`, if the token
    has not all; `auth`, what the API says of the token; and `asOf`: the time at which its date-times are right. They
    are shifted to the present, so that a sample does not age. A saved list response also works, and so does a folder
    of such files, which are merged. `reader` returns a file's content. Raises
    StartError; for mistakes in a file it is Mistakes, with their positions.
    """
    files = [AccountFile.read(each, reader) for each in _files(SAMPLE if path is None else Path(path))]
    served = _served(files)
    for file in files:
        file.check(served)
    as_of = next((file.as_of for file in files if file.as_of is not None), None)
    by = None if as_of is None else (now or dt.datetime.now(dt.UTC)) - as_of
    value: dict[str, Any] = {}
    for file in files:
        value = _joined(value, file.value if by is None else file.moved(by), f"{file.path}: ")
    if path is not None and len(files) > 1:
        AccountFile(path, value).check(served)  # ids that several files have
    granted = value.get("permissions")
    return EmulatedAccounts(
        _account(value, served),
        {team["id"]: _account(team, served, is_team=True) for team in value.get(TEAMS) or []},
        cursors=value.get("paging", "cursor") == "cursor",
        endpoints=served,
        permissions=None if granted is None else frozenset(granted),
        auth={**_TOKEN, "entityType": "org" if value.get(TEAMS) else "team", **(value.get("auth") or {})},
    )


def _files(path: Path) -> list[str]:
    """Return the path of a file, or those of the files in a folder."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises PermissionError
        return [str(path)]
    files = sorted(str(each) for each in path.iterdir() if each.suffix in (".yaml", ".yml", ".json"))
    if not files:
        raise StartError(f"{path}: no YAML or JSON file in this folder")
    return files


def _served(files: Sequence[AccountFile]) -> tuple[Endpoint, ...]:
    """Return the endpoints to serve: the files' own, and the built-in ones that they do not replace."""
    own = [
        row for file in files for row in endpoints(file.path, (*file.top, "endpoints"), file.value.get("endpoints", []))
    ]
    taken = {each.source for each in own}
    return (*own, *(each for each in built_in() if each.source not in taken))


def _joined(one: dict[str, Any], other: dict[str, Any], where: str) -> dict[str, Any]:
    """Merge two maps: lists are concatenated, projects and teams merged by id."""
    both = dict(one)
    for key, value in other.items():
        before = both.get(key)
        if isinstance(before, list) and isinstance(value, list):
            by_id = key in (PROJECTS, TEAMS)
            both[key] = _joined_items(before, value, f"{where}{key} ") if by_id else [*before, *value]
        elif before in (None, value):
            both[key] = value
        else:
            raise StartError(f"{where}{key} is {value!r} here and {before!r} in another file of the folder")
    return both


def _joined_items(one: list[Any], other: list[Any], where: str) -> list[Any]:
    more = {item["id"]: item for item in other}
    both = [_joined(item, more.pop(key), f"{where}{key}: ") if (key := item["id"]) in more else item for item in one]
    return [*both, *(item for item in other if item["id"] in more)]


def _account(value: dict[str, Any], served: Sequence[Endpoint], *, is_team: bool = False) -> EmulatedAccount:
    own = {each.source[0] for each in served if each.scope != "organisation" or not is_team} - {CREDENTIALS, PROJECTS}
    beside = [name for each in served for name in each.beside]
    return EmulatedAccount(
        value.get(CREDENTIALS) or [],
        value.get(PROJECTS) or [],
        str(value.get("name", "")),
        {name: _items(name, value) for name in own},
        {name: value[name] for name in beside if name in value},
    )


def _items(name: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the items of a list; of teams, without the lists of their accounts."""
    items = value.get(name) or []
    if name != TEAMS:
        return items
    return [{key: each for key, each in team.items() if not isinstance(each, list)} for team in items]
