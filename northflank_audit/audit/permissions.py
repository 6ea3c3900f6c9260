"""The permissions that the selected rules need, and no more."""

from collections.abc import Iterator

from northflank_audit.northflank.paging import READ_TEAMS
from northflank_audit.resources import TYPES
from northflank_audit.resources.base import Part, Permission
from northflank_audit.resources.needs import Needs


def permissions(needed: Needs, *, all_teams: bool = False, before: bool = False) -> list[str]:
    """Return the permissions to read all this, each once; with `before`, by their names before 2026."""
    every = [part.permission for name in needed.types for part, _ in parts_of(needed, name)]
    every += [Permission(READ_TEAMS)] if all_teams else []
    return list(dict.fromkeys(filter(None, ((before and each.before) or each.name for each in every))))


def parts_of(needed: Needs, name: str) -> Iterator[tuple[Part, tuple[str, ...]]]:
    """Yield each part of a type that is needed, with the ids of the rules that need it."""
    for part in TYPES[name].sources:
        ids = needed.parts[name].get(part.name)
        if ids is not None:
            yield part, ids
