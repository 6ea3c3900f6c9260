"""The emulator's endpoints, and which fields each shows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from northflank_audit.emulator.input_files import Mistake, Mistakes, Steps, converted, read

BUILT_IN: Final = Path(__file__).parent / "endpoints.yaml"


class _Children(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row's description of what is below an item."""

    source: str = msgspec.field(name="from")
    key: str | None = None
    one: bool = False
    by: str = ""
    permission: str | None = None


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row's description of an endpoint."""

    source: str = msgspec.field(name="from")
    path: str
    key: str | None = None
    id: str = "id"
    listed: tuple[str, ...] = ()
    detail: bool = False
    lacking: tuple[str, ...] = ()
    within: dict[str, list[str]] = {}
    children: dict[str, _Children] = {}
    permission: str = ""
    scope: Literal["account", "team", "organisation"] = "account"
    paged: bool = True
    anonymous: bool = False
    beside: tuple[str, ...] = ()


class Children(NamedTuple):
    """What is below an item: a list, or (`one`) a single thing."""

    source: str
    """Its key in an item."""
    key: str | None
    """Its key under `data`; None if `data` is the list itself."""
    permission: str
    one: bool = False
    by: str = ""
    """The field of the items that has the value of the step `{name}` in their path."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A list, with the details and children below it."""

    source: tuple[str, ...]
    """Where its items are in an account file: `("projects", "services")` are those of each project."""
    path: tuple[str, ...]
    """Its steps below the account's; `{project}` stands for a project's id."""
    key: str | None
    """Its key under `data`; None if `data` is the list itself."""
    id: str = "id"
    listed: tuple[str, ...] = ()
    """The fields that the list shows; empty means all."""
    detail: bool = False
    lacking: tuple[str, ...] = ()
    """The fields that the detail does not show."""
    within: dict[str, list[str]] = field(default_factory=dict)
    """The fields that the detail shows of the lists in an item, by the lists' names."""
    children: dict[str, Children] = field(default_factory=dict)
    """By their path below an item's."""
    permission: str = ""
    scope: str = "account"
    """Its place: only below a team (`team`), never below one (`organisation`), or both (`account`)."""
    paged: bool = True
    anonymous: bool = False
    """Whether items may have null for their id."""
    beside: tuple[str, ...] = ()
    """Keys of an account file that are under `data` beside the list."""

    def permission_for(self, below: list[str]) -> str:
        """Return the permission for these steps below the list."""
        children = self.below(below[1:])
        return self.permission if children is None else children[0].permission

    def is_below(self, *, team: bool) -> bool:
        """Return whether it exists below `/v1/teams/TEAM`, or directly below `/v1`."""
        return self.scope != ("organisation" if team else "team")

    def matched(self, path: list[str], *, team: bool) -> tuple[str | None, list[str]] | None:
        """Return the project in a path, if any, and the steps below the list; None for another path."""
        if not self.is_below(team=team):
            return None
        project = None
        for index, step in enumerate(self.path):
            if index >= len(path) or step not in ("{project}", path[index]):
                return None
            project = path[index] if step == "{project}" else project
        return project, path[len(self.path) :]

    def as_listed(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item as the list shows it."""
        return _with(item, self.listed) if self.listed else self._without_children(item)

    def whole(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return an item as its detail shows it."""
        return {key: value for key, value in self._without_children(item).items() if key not in self.lacking}

    def _without_children(self, item: dict[str, Any]) -> dict[str, Any]:
        hidden = {each.source for each in self.children.values()}
        visible = {key: value for key, value in item.items() if key not in hidden}
        if self.within:
            visible = {key: value for key, value in visible.items() if not isinstance(value, list)}
            for name, fields in self.within.items():
                visible[name] = [_with(each, fields) for each in item.get(name, [])]
        return visible

    def below(self, path: list[str]) -> tuple[Children, str] | None:
        """Return the children at a path below an item, and the name in it; None for another path."""
        for template, each in self.children.items():
            steps = template.split("/")
            if len(steps) == len(path) and all(
                one in ("{name}", other) for one, other in zip(steps, path, strict=True)
            ):
                return each, next((other for one, other in zip(steps, path, strict=True) if one == "{name}"), "")
        return None


def _with(item: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return an item with only these fields, each a path."""
    visible: dict[str, Any] = {}
    for path in fields:
        _copy(item, visible, path.split("."))
    return visible


def _copy(value: dict[str, Any], into: dict[str, Any], steps: list[str]) -> None:
    name, *rest = steps
    if name not in value:
        return
    if rest and isinstance(value[name], dict):
        _copy(value[name], into.setdefault(name, {}), rest)
    else:
        into[name] = value[name]


@cache
def built_in() -> tuple[Endpoint, ...]:
    """Return the built-in endpoints."""
    return tuple(endpoints(str(BUILT_IN), (), read(str(BUILT_IN))))


def endpoints(path: str, at: Steps, rows: Any) -> list[Endpoint]:
    """Return the endpoints of a list of rows at a position of a file. Raises Mistakes for invalid rows."""
    if not isinstance(rows, list):
        raise Mistakes(path, [Mistake(at, "this must be a list of maps")])
    return [_endpoint(path, (*at, number), row) for number, row in enumerate(rows)]


def _endpoint(file: str, at: Steps, value: Any) -> Endpoint:
    row = converted(file, at, value, _Row, _Children)
    source, path = tuple(row.source.split(".")), tuple(row.path.strip("/").split("/"))
    if (source[0] == "projects" and len(source) == 2) != ("{project}" in path) or len(source) > 2:  # noqa: PLR2004
        problem = "'from' is a list's name, or 'projects.' and one where the path has {project}"
        raise Mistakes(file, [Mistake((*at, "from"), problem)])
    return Endpoint(
        source=source,
        path=path,
        key=row.key,
        id=row.id,
        listed=row.listed,
        detail=row.detail,
        lacking=row.lacking,
        within=row.within,
        children={
            name: Children(
                each.source, each.key, row.permission if each.permission is None else each.permission, each.one, each.by
            )
            for name, each in row.children.items()
        },
        permission=row.permission,
        scope=row.scope,
        paged=row.paged,
        anonymous=row.anonymous,
        beside=row.beside,
    )
