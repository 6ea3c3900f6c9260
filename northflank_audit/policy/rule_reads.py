"""Determines which lists and parts rules need.

Only their expressions decide, before anything is fetched. A part that no rule reads is not fetched.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from northflank_audit.model import Rule, Severity
from northflank_audit.policy.expressions.cel import Expression, compiled
from northflank_audit.policy.expressions.field_reads import ACCOUNT, ITEM
from northflank_audit.resources import PARENT, TYPES, ResourceType, Scope
from northflank_audit.resources.base import LIST
from northflank_audit.resources.needs import Needs
from northflank_audit.resources.paths import dotted

RESOURCES: Final = "resources"
PROJECTS: Final = "projects"
PROJECT_TYPE: Final = PARENT.name
_MOST: Final = 1024
"""Rules of which what they read is kept, for the next run in this process."""
_SETS: Final = 256
"""Sets of rules of which what they need is kept."""


class _Reader(NamedTuple):
    """What of a rule says what it needs."""

    id: str
    severity: Severity
    resource: str
    when: str | None
    require: str


def needs(rules: Iterable[Rule]) -> Needs:
    """Return what these rules need."""
    return _needs(tuple(_Reader(each.id, each.severity, each.resource, each.when, each.require) for each in rules))


@lru_cache(_SETS)
def _needs(rules: Sequence[_Reader]) -> Needs:
    parts: dict[str, dict[str, list[str]]] = {}
    personal: dict[str, set[str]] = {}
    ranks: dict[str, int] = {}
    whole: dict[str, set[str]] = {}

    for rule in rules:
        for kind_name, part in _parts(rule):
            ranks[kind_name] = max(ranks.get(kind_name, 0), rule.severity.rank)
            ids = parts.setdefault(kind_name, {}).setdefault(part, [])
            if rule.id not in ids:
                ids.append(rule.id)
        for kind, steps in reads(rule):
            path = dotted(steps)
            for field_ in filter(
                None, map(kind.fields.get, (path, f"{path}[]"))
            ):  # a list of texts has no fields below it
                for name, kept in _of_parents(kind, field_.path) if field_.personal else ():
                    personal.setdefault(name, set()).add(kept)
        for kind_name, part in _of_all(rule):
            whole.setdefault(kind_name, set()).add(part)
    return Needs(
        {kind: {part: tuple(ids) for part, ids in by_part.items()} for kind, by_part in parts.items()},
        {kind: frozenset(paths) for kind, paths in personal.items()},
        ranks,
        {kind: frozenset(names) for kind, names in whole.items()},
    )


def _parts(rule: Rule | _Reader) -> tuple[tuple[str, str], ...]:
    """Return each part that a rule needs, with its type's name."""
    return _parts_of(rule.resource, rule.when, rule.require)


@lru_cache(_MOST)
def _parts_of(resource: str, *sources: str | None) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for kind, steps in _reads_of(resource, *sources):
        found.extend(_found(kind, {LIST, *kind.giving(steps)}))
    for kind, part in _presence_parts(resource, sources):
        found.extend((kind.name, name) for name in kind.needed({part}))
    return tuple(dict.fromkeys(found))


def _found(kind: ResourceType, parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield parts of a type, and those needed to find its resources, each with the type's name."""
    yield from ((kind.name, name) for name in kind.needed(parts))
    if kind.within is not None:
        yield from _found(kind.within.parent, {LIST, kind.within.part})
    elif kind.scope is Scope.PROJECT:
        yield PROJECT_TYPE, LIST


def _of_all(rule: Rule | _Reader) -> Iterator[tuple[str, str]]:
    """Yield each part that a rule needs of all resources of a type, with the type's name.

    It is unknown which parent has the child that matters. Fields of other types that a rule about a child type reads
    are also read of all of them, so that the number of requests does not depend on the children.
    """
    parents = [kind.within for kind, _ in reads(rule) if kind.within is not None]
    yield from ((each.parent.name, name) for each in parents for name in each.parent.needed({each.part}))
    if TYPES[rule.resource].within is not None:
        yield from ((name, part) for name, part in _parts(rule) if part != LIST)


def _of_parents(kind: ResourceType, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of a field, and for a child type also its path in the parent, each with the type's name."""
    yield kind.name, path
    if kind.within is not None:
        yield from _of_parents(kind.within.parent, kind.within.parent.part(kind.within.part).prefix + path)


def expressions(rule: Rule) -> list[Expression]:
    """Return a rule's compiled expressions."""
    return _compiled(rule.resource, (rule.when, rule.require))


def _compiled(resource: str, sources: Iterable[str | None]) -> list[Expression]:
    return [compiled(source, resource) for source in sources if source is not None]


def reads(rule: Rule | _Reader) -> tuple[tuple[ResourceType, tuple[str, ...]], ...]:
    """Return each field that a rule reads, with its type; no steps if it reads only the list."""
    return _reads_of(rule.resource, rule.when, rule.require)


def documented(rule: Rule) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return each documented field that a rule reads: its type's name, its path, and the steps of that."""
    return _documented_of(rule.resource, rule.when, rule.require)


@lru_cache(_MOST)
def _documented_of(resource: str, *sources: str | None) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    fields = ((kind, dotted(steps), steps) for kind, steps in _reads_of(resource, *sources))
    return tuple(dict.fromkeys((kind.name, path, steps) for kind, path, steps in fields if path in kind.fields))


@lru_cache(_MOST)
def _reads_of(resource: str, *sources: str | None) -> tuple[tuple[ResourceType, tuple[str, ...]], ...]:
    own = TYPES[resource]
    paths = [read.path for expression in _compiled(resource, sources) for read in expression.reads_within]
    lists = [(own, ())] if own.listing is not None else []
    return (*lists, *(found for path in paths for found in _read(own, path)))


def _presence_parts(resource: str, sources: Iterable[str | None]) -> Iterator[tuple[ResourceType, str]]:
    """Yield each part needed to know whether a field that a rule tests exists, with its type."""
    own = TYPES[resource]
    for expression in _compiled(resource, sources):
        reads = [read.path for read in expression.reads_within]
        mine = {own.variable: own.name} if own.listing is not None else {}
        others = {kind.name for path in reads if path[0] not in mine for kind, _ in _read(own, path)}
        for kinds, form in zip((mine.values(), others), expression.cautious_forms, strict=True):
            yield from (
                (TYPES[name], part.name)
                for name in sorted(kinds)
                for part in TYPES[name].parts
                if form.asks(None if TYPES[name].lists_all else TYPES[name].names_of(frozenset({part.name})))
            )


def _read(own: ResourceType, path: Sequence[str]) -> Iterator[tuple[ResourceType, tuple[str, ...]]]:
    variable, *steps = path
    if variable == ACCOUNT and steps:
        kind = by_collection().get(steps[0])
        if kind is not None:
            yield kind, tuple(steps[2:]) if steps[1:2] == [ITEM] else ()
    elif variable == RESOURCES:
        kind = TYPES[own.alias or own.name]
        yield kind, tuple(steps[1:]) if steps[:1] == [ITEM] else ()
    elif variable == PROJECTS:
        yield TYPES[PROJECT_TYPE], ()
    elif variable == own.variable and own.listing is not None:
        yield own, tuple(steps)


def by_collection() -> dict[str, ResourceType]:
    """Return the types by the names of their lists below `account`."""
    return {kind.collection: kind for kind in TYPES.values() if kind.listing is not None}


@cache
def field_names(kind: str) -> frozenset[str]:
    """Return the names of a type's fields, and of the maps and lists that they are in."""
    return frozenset(name for path in TYPES[kind].fields for name in path.replace("[]", "").split("."))
