"""What a resource type consists of: endpoints, fields, secrets, words.

Everything that differs from type to type is data of these classes. The rest of the tool derives from it: what is
fetched, what is kept, which names expressions have, what lint knows, how messages and the docs name things.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from northflank_audit.resources.fields import Field, Kind, has_field, tree
from northflank_audit.resources.paths import Items, above, dotted, stepped

Record = dict[str, Any]
"""A record as the API gives it, or what is kept of it."""

LIST: Final = "list"
"""The name of the part that every type has: what its list says of a resource."""
DETAIL: Final = "detail"
"""The name of the part that an endpoint of the resource's own gives."""


class Scope(StrEnum):
    """Whose lists hold a type."""

    ACCOUNT = "account"
    """The token's own account, and each team."""
    PROJECT = "project"
    """Each project of an account."""
    TEAM = "team"
    """Each team; the token's own account has none, unless the token is a team's."""
    ORGANISATION = "organisation"
    """The organisation, whose token it takes."""
    TOKEN = "token"  # noqa: S105 - a scope
    """The token itself: `data` is the one resource, without any list."""
    WHOLE = "whole"
    """No list: the account itself."""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a token needs for an endpoint, by the names of both generations."""

    name: str
    before: str = ""
    """The name before 2026, where it differs."""

    def __str__(self) -> str:
        """Name the permission in messages."""
        return f"{self.name} (before 2026: {self.before})" if self.before else self.name or "none"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One endpoint, and what it adds to a record: the list, the detail, a list of children."""

    name: str
    path: str
    """Below `/v1` or `/v1/teams/{team}`, as the scope says; `{project}`, `{id}` and (`each`) `{name}` are filled in."""
    permission: Permission
    keys: tuple[str, ...] = ()
    """Of a list: the key under `data`, or several of which one must be there. None: `data` itself is the list.

    A dot leads into a map: `data.externalAddons`.
    """
    paged: bool = True
    """Of a list: whether each answer says if there is a next page. Else one that does not say it is the whole list."""
    fields: tuple[Field, ...]
    secrets: tuple[str, ...] = ()
    """Paths of what the endpoint shows and nobody may keep; repeated elsewhere in the answer, it is masked there.

    A step `*` stands for each key of a map; lists on the way are gone through.
    """
    logins: tuple[str, ...] = ()
    """Paths of user names: as `secrets`, but masked as whole words alone, since many are words."""
    derive: Callable[[Record], Record] | None = None
    """Computes fields from what is dropped, before it is dropped: names and kinds of variables, never values."""
    title: str = ""
    """The endpoint's name in the API's reference, for messages that ask for its answer."""
    joins: str = ""
    """Of a list of children: the field of the record that holds them."""
    id: str = "id"
    """Of a list of children: the field that identifies each."""
    among: str = ""
    """Of a list of children: the type whose resources all of them are, as the members of a role are the team's."""
    identify: Callable[[Record, str | None], str | None] | None = None
    """Of a list: computes the id of an item that has none, from all that the endpoint gave and the team."""
    into: str = ""
    """Of an answer about one thing that the resource has: the field of the record that holds it."""
    identified: bool = True
    """Of a detail: whether the answer has the resource's id. Else only its other fields tell whose it is."""
    each: str = ""
    """The path to the names, in the record, for each of which the endpoint is asked: `subdomains[].name`.

    What comes is put together in `joins`, in the order of the names.
    """
    one: bool = False
    """With `each`: whether an answer is about what has the name. Else it is a list of its children."""
    by: str = ""
    """With `each`: the field of what is joined that holds the name it was asked for, whatever the answer says."""

    @property
    def prefix(self) -> str:
        """What stands before the paths of its fields, below the whole record."""
        return f"{self.joins}[]." if self.joins else f"{self.into}." if self.into else ""

    def identifying(self, team: str | None) -> Callable[[Record], str | None] | None:
        """Return what computes ids in a list of this team, if anything does."""
        identify = self.identify
        return None if identify is None else lambda item: identify(item, team)

    @cached_property
    def field_tree(self) -> dict[str, Any]:
        """The fields as a tree, as `tree` gives it."""
        return tree(self.fields)

    @property
    def record_tree(self) -> dict[str, Any]:
        """The same below the whole record."""
        name = self.joins or self.into
        return {name: Items(self.field_tree) if self.joins else self.field_tree} if name else self.field_tree

    @cached_property
    def hidden(self) -> tuple[tuple[tuple[str, ...], bool], ...]:
        """The steps of the paths in `secrets` and `logins`, and whether they are of `logins`."""
        paths = [*((path, False) for path in self.secrets), *((path, True) for path in self.logins)]
        return tuple((tuple(path.split(".")), is_login) for path, is_login in paths)


@dataclass(frozen=True, slots=True)
class Within:
    """Where the resources of a child type are: in a part of each resource of another type."""

    parent: "ResourceType"
    part: str
    """The part's name; it joins a list."""
    key: str
    """The field of a child that holds its parent's id."""


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A type of resource: its words, its endpoints and its fields."""

    name: str
    """As rules, reports and waivers call it: `registry-credential`."""
    family: str
    """The pack of rules that it belongs to."""
    singular: str
    plural: str
    scope: Scope
    variable: str
    """The name of a record in expressions."""
    collection: str
    """The name of the list of all its records below `account` in expressions."""
    listing: Part | None = None
    """None where there is no list: the account itself."""
    parts: tuple[Part, ...] = ()
    """What costs a request for each resource."""
    id: str = "id"
    label: str = "name"
    """The field that people know a resource by."""
    open: bool = False
    """Whether fields of the list that nobody declared are kept."""
    console: str = ""
    """Its page below the console's address, of `{team}`, `{project}` and `{id}`, where a public source shows it."""
    never: tuple[str, ...] = ()
    """Endpoints that exist and are not called, since they show secrets or change something."""
    command: str = ""
    """The command of Northflank's own CLI that prints the list."""
    within: Within | None = None
    """Of a child type: the part of its parent that it is a view of. Nothing is asked for it besides that part."""
    alias: str = ""
    """For rules about this type: the type whose records `resources` holds, where it is another."""
    generation: Callable[[Record], str] | None = None
    """Tells which generation of the API a record of the list is of; None: there is one."""
    lists_all: Callable[[Record], bool] | None = None
    """Tells of a record whether the list gave all of its fields that the list may give; None: it always does."""

    @property
    def base(self) -> str:
        """What the paths of its endpoints stand below, in messages: most also stand below a team."""
        return "/v1/teams/{team}" if self.scope is Scope.TEAM else "/v1"

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Every field, by its path; lists and maps above others are among them."""
        by_path: dict[str, Field] = {}
        for field in self._declared:
            for prefix, is_list in above(field.path):
                by_path.setdefault(prefix, Field(path=prefix, kind=Kind.LIST if is_list else Kind.MAP))
            by_path.setdefault(field.path, field)
        return by_path

    @cached_property
    def containers(self) -> frozenset[str]:
        """The paths of the lists and maps that stand above other fields, or above their own items."""
        return frozenset(prefix for field in self._declared for prefix, _ in above(field.path))

    @property
    def _declared(self) -> Iterator[Field]:
        """The fields of all parts, by their paths below the whole record."""
        for part in self.sources:
            yield from (replace(field, path=f"{part.prefix}{field.path}") for field in part.fields)

    @cached_property
    def field_tree(self) -> dict[str, Any]:
        """The fields of all parts together as a tree, as `tree` gives it."""
        return tree(tuple(self._declared))

    @cached_property
    def changing(self) -> frozenset[str]:
        """The paths of fields that two answers may give differently, though nobody changed the resource."""
        return frozenset(path for path, field in self.fields.items() if field.changing or field.kind is Kind.TIME)

    @cached_property
    def sources(self) -> tuple[Part, ...]:
        """The list and the parts, in the order in which they are read."""
        return (*((self.listing,) if self.listing else ()), *self.parts)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The fields that together identify a record among those of an account or a project."""
        if self.within is None:
            return (self.id,)
        by = self.within.parent.part(self.within.part).by
        return (self.within.key, *filter(None, [by]), self.id)

    def identity(self, record: Record) -> str | None:
        """Return the id of a record; None if it has none. That of a child is its parent's, a slash and its own.

        Slashes in what is before the last are written `%2F`, so that no two children have the same id.
        """
        steps = [record.get(key) for key in self.keys]
        if not all(isinstance(step, str) and step for step in steps):
            return None
        *above_, own = map(str, steps)
        return "/".join([*(step.replace("%", "%25").replace("/", "%2F") for step in above_), own])

    def part(self, name: str) -> Part:
        """Return the part of this name."""
        return next(part for part in self.sources if part.name == name)

    def needed(self, names: Iterable[str]) -> frozenset[str]:
        """Return the names of parts, and of those that must be read before them since they give names to ask for."""
        parts = frozenset(names)
        before = (self.giving(stepped(part.each)) for part in self.parts if part.name in parts and part.each)
        return parts.union(*before)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The paths of what answers show and nobody keeps; of a derived field that takes its place, not."""
        paths = {
            f"{part.prefix.replace('[]', '')}{path}" for part in self.sources for path in (*part.secrets, *part.logins)
        }
        return frozenset(path for path in paths if path not in self.fields)

    def below(self, steps: Sequence[str]) -> list[str]:
        """Return the names of the fields right below a path; a step `[]` is each item of a list."""
        start = dotted(steps)
        prefix = f"{start}." if start else ""
        return [
            path[len(prefix) :]
            for path in self.fields
            if path.startswith(prefix) and path != start and not set(path[len(prefix) :]) & {".", "["}
        ]

    def giving(self, steps: tuple[str, ...]) -> frozenset[str]:
        """Return the names of the parts that it takes to know a field, by its steps: `("ports", "[]", "public")`.

        What the list gives needs no other part, unless the list may leave it out.
        """
        names = frozenset(part.name for part in self.sources if has_field(part.record_tree, steps))
        return frozenset({LIST}) if LIST in names and self.lists_all is None else names

    def names_of(self, parts: frozenset[str]) -> frozenset[str]:
        """Return the names of the fields of some parts that the list does not give."""
        return frozenset().union(*(names for part, names in self._names.items() if part in parts))

    @cached_property
    def _names(self) -> Mapping[str, frozenset[str]]:
        return {part.name: frozenset(self._names_in(part)) for part in self.parts}

    def _names_in(self, part: Part) -> Iterator[str]:
        """Yield the names that may be absent without a part. Below a field that it alone gives, that field's."""
        top = part.joins or part.into
        if top and not any(top in other.field_tree for other in self.sources if not other.prefix):
            yield top
            return
        for field in part.fields:
            path = f"{part.prefix}{field.path}"
            if LIST not in self.giving(stepped(path)):
                yield from path.replace("[]", "").split(".")
