"""What a resource type consists of: endpoints, fields, secrets, words.

Everything that differs from type to type is data of these classes. The rest of the tool derives from it: what is
fetched and kept, the names in expressions, what lint knows, the words of messages and docs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import msgspec

from northflank_audit.resources.fields import Field, Kind, has_field, tree
from northflank_audit.resources.paths import Items, above, dotted, stepped

Record = dict[str, Any]
"""A record as the API returns it, or the part of it that is kept."""

LIST: Final = "list"
"""The name of the part that every type has: its entry in the list."""
DETAIL: Final = "detail"
"""The name of the part that a resource's own endpoint returns."""


class Scope(StrEnum):
    """Where the lists of a type are."""

    ACCOUNT = "account"
    """The token's own account, and each team."""
    PROJECT = "project"
    """Each project of an account."""
    TEAM = "team"
    """Each team; the token's own account only if the token is a team's."""
    ORGANISATION = "organisation"
    """The organisation; it needs an organisation's token."""
    TOKEN = "token"  # noqa: S105 - a scope
    """The token itself: `data` is the only resource, without a list."""
    WHOLE = "whole"
    """No list: the account itself."""


class Permission(msgspec.Struct, frozen=True):
    """The permission for an endpoint, by the names of both generations."""

    name: str
    before: str = ""
    """The name before 2026, if it differs."""

    def __str__(self) -> str:
        """Return the permission's name in messages."""
        return f"{self.name} (before 2026: {self.before})" if self.before else self.name or "none"


class Part(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One endpoint, and what it adds to a record: the list, the detail, a list of children."""

    name: str
    path: str
    """Below `/v1` or `/v1/teams/{team}`, as the scope says; `{project}`, `{id}` and (`each`) `{name}` are filled in."""
    permission: Permission
    keys: tuple[str, ...] = ()
    """For a list: the key under `data`, or several of which one must be present. None: `data` itself is the list.

    A dot leads into a map: `data.externalAddons`.
    """
    paged: bool = True
    """For a list: whether each answer says if there is a next page. Otherwise one that does not is the whole list."""
    fields: tuple[Field, ...]
    secrets: tuple[str, ...] = ()
    """Paths of secrets that the endpoint shows, which are dropped, and masked wherever the answer repeats them.

    A step `*` stands for each key of a map; lists on the path are iterated.
    """
    logins: tuple[str, ...] = ()
    """Paths of user names: like `secrets`, but masked only as whole words, because many are words."""
    derive: Callable[[Record], Record] | None = None
    """Computes fields from secrets before these are dropped: names and kinds of variables, never values."""
    title: str = ""
    """The endpoint's name in the API reference, for messages that request its answer."""
    joins: str = ""
    """For a list of children: the field of the record that holds them."""
    id: str = "id"
    """For a list of children: the field that identifies each."""
    among: str = ""
    """Of a list of children: the type whose resources all of them are, as the members of a role are the team's."""
    identify: Callable[[Record, str | None], str | None] | None = None
    """For a list: computes the id of an item without one, from the whole item and the team."""
    into: str = ""
    """For an answer about a single object of the resource: the field of the record that holds it."""
    identified: bool = True
    """For a detail: whether the answer has the resource's id. Otherwise only its other fields identify it."""
    each: str = ""
    """The path in the record of the names for each of which the endpoint is requested: `subdomains[].name`.

    The answers are collected in `joins`, in the order of the names.
    """
    one: bool = False
    """With `each`: whether an answer is the object of that name. Otherwise it is a list of its children."""
    by: str = ""
    """With `each`: the field of a joined object for the requested name, whatever the answer says."""

    @property
    def prefix(self) -> str:
        """The prefix of its fields' paths in the whole record."""
        return f"{self.joins}[]." if self.joins else f"{self.into}." if self.into else ""

    def identifying(self, team: str | None) -> Callable[[Record], str | None] | None:
        """Return the function that computes ids in a list of this team, if any."""
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
        """The steps of the paths in `secrets` and `logins`, each with whether it is a login."""
        paths = [*((path, False) for path in self.secrets), *((path, True) for path in self.logins)]
        return tuple((tuple(path.split(".")), is_login) for path, is_login in paths)


class Within(msgspec.Struct, frozen=True):
    """The place of a child type's resources: a part of each resource of another type."""

    parent: "ResourceType"
    part: str
    """The name of the part, which joins a list."""
    key: str
    """The field of a child for its parent's id."""


class ResourceType(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A resource type: its words, endpoints and fields."""

    name: str
    """The name in rules, reports and waivers: `registry-credential`."""
    family: str
    """The pack with the rules about it."""
    singular: str
    plural: str
    scope: Scope
    variable: str
    """The name of a record in expressions."""
    collection: str
    """The name of the list of all its records below `account` in expressions."""
    listing: Part | None = None
    """None without a list: the account itself."""
    parts: tuple[Part, ...] = ()
    """The parts that cost a request per resource."""
    id: str = "id"
    label: str = "name"
    """The field with the name that people use."""
    open: bool = False
    """Whether undeclared fields of the list are kept."""
    console: str = ""
    """The path of its page in the console, with `{team}`, `{project}` and `{id}`, if a public source shows it."""
    never: tuple[str, ...] = ()
    """Endpoints that are never called because they show secrets or change something."""
    command: str = ""
    """The command of Northflank's own CLI that prints the list."""
    within: Within | None = None
    """For a child type: the part of its parent that it is a view of. Only that part is requested for it."""
    alias: str = ""
    """For rules about this type: the type of the records in `resources`, if it is another."""
    generation: Callable[[Record], str] | None = None
    """Returns the API generation of a record of the list; None if there is only one."""
    lists_all: Callable[[Record], bool] | None = None
    """Returns whether a record has all fields that the list may give; None if it always does."""

    @property
    def base(self) -> str:
        """The prefix of its endpoints' paths in messages; most also exist below a team."""
        return "/v1/teams/{team}" if self.scope is Scope.TEAM else "/v1"

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Every field by its path, including lists and maps above others."""
        by_path: dict[str, Field] = {}
        for field in self._declared:
            for prefix, is_list in above(field.path):
                by_path.setdefault(prefix, Field(path=prefix, kind=Kind.LIST if is_list else Kind.MAP))
            by_path.setdefault(field.path, field)
        return by_path

    @cached_property
    def containers(self) -> frozenset[str]:
        """The paths of lists and maps above other fields, or above their own items."""
        return frozenset(prefix for field in self._declared for prefix, _ in above(field.path))

    @property
    def _declared(self) -> Iterator[Field]:
        """The fields of all parts, by their paths below the whole record."""
        for part in self.sources:
            yield from (msgspec.structs.replace(field, path=f"{part.prefix}{field.path}") for field in part.fields)

    @cached_property
    def field_tree(self) -> dict[str, Any]:
        """The fields of all parts together as a tree, as `tree` gives it."""
        return tree(tuple(self._declared))

    @cached_property
    def changing(self) -> frozenset[str]:
        """The paths of fields that may differ between two answers about an unchanged resource."""
        return frozenset(path for path, field in self.fields.items() if field.changing or field.kind is Kind.TIME)

    @cached_property
    def sources(self) -> tuple[Part, ...]:
        """The list and the parts, in the order in which they are read."""
        return (*((self.listing,) if self.listing else ()), *self.parts)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The fields that together identify a record in an account or a project."""
        if self.within is None:
            return (self.id,)
        by = self.within.parent.part(self.within.part).by
        return (self.within.key, *filter(None, [by]), self.id)

    def identity(self, record: Record) -> str | None:
        """Return the id of a record; None if it has none. A child's is its parent's id, a slash and its own.

        Slashes before the last one are written `%2F`, so that no two children have the same id.
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
        """Return the names of parts, and of those to read before them because they contain names to request."""
        parts = frozenset(names)
        before = (self.giving(stepped(part.each)) for part in self.parts if part.name in parts and part.each)
        return parts.union(*before)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The paths of secrets in answers, except those that a derived field replaces."""
        paths = {
            f"{part.prefix.replace('[]', '')}{path}" for part in self.sources for path in (*part.secrets, *part.logins)
        }
        return frozenset(path for path in paths if path not in self.fields)

    def below(self, steps: Sequence[str]) -> list[str]:
        """Return the names of the fields directly below a path; a step `[]` is each item of a list."""
        start = dotted(steps)
        prefix = f"{start}." if start else ""
        return [
            path[len(prefix) :]
            for path in self.fields
            if path.startswith(prefix) and path != start and not set(path[len(prefix) :]) & {".", "["}
        ]

    def giving(self, steps: tuple[str, ...]) -> frozenset[str]:
        """Return the names of the parts needed to know a field, by its steps: `("ports", "[]", "public")`.

        A field of the list needs no other part, unless the list may omit it.
        """
        names = frozenset(part.name for part in self.sources if has_field(part.record_tree, steps))
        return frozenset({LIST}) if LIST in names and self.lists_all is None else names

    def names_of(self, parts: frozenset[str]) -> frozenset[str]:
        """Return the names of the fields of some parts that the list lacks."""
        return frozenset().union(*(names for part, names in self._names.items() if part in parts))

    @cached_property
    def _names(self) -> Mapping[str, frozenset[str]]:
        return {part.name: frozenset(self._names_in(part)) for part in self.parts}

    def _names_in(self, part: Part) -> Iterator[str]:
        """Yield the names that may be absent without a part; for fields below one that only it gives, that one's."""
        top = part.joins or part.into
        if top and not any(top in other.field_tree for other in self.sources if not other.prefix):
            yield top
            return
        for field in part.fields:
            path = f"{part.prefix}{field.path}"
            if LIST not in self.giving(stepped(path)):
                yield from path.replace("[]", "").split(".")
