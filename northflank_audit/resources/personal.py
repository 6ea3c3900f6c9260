"""Masks personal data in records: e-mail addresses and names of people."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from northflank_audit.resources import TYPES
from northflank_audit.resources.base import Record, ResourceType
from northflank_audit.resources.fields import Field
from northflank_audit.resources.paths import ITEM, Items, stepped
from northflank_audit.resources.redaction import MASK

_SHORTEST: Final = 3
"""The minimum length at which a name is masked in other texts of its record."""
HIDDEN: Final = f"{MASK} (--show-personal-data shows it)"
"""The replacement for a text that may contain personal data."""
_NOWHERE: Final = re.compile("(?!)")


def without_personal_data(kind: ResourceType, record: Record) -> Record:
    """Return a record of a type without its personal data.

    Repeated personal values elsewhere in the record are also masked, except in ids, to which other resources refer.
    """
    paths = _paths(kind.name)
    if not paths:
        return record
    shown: Record = _shown(
        record, kind.field_tree, _pattern({text for path in paths for text in _texts_at(record, path)})
    )
    return shown


@cache
def _paths(name: str) -> tuple[tuple[str, ...], ...]:
    return tuple(stepped(path) for path, field in TYPES[name].fields.items() if field.personal)


def _texts_at(value: Any, steps: Sequence[str]) -> Iterator[str]:
    if not steps:
        yield from [value] if isinstance(value, str) and value else ()
    elif steps[0] == ITEM:
        for item in value if isinstance(value, list) else ():
            yield from _texts_at(item, steps[1:])
    elif isinstance(value, dict) and steps[0] in value:
        yield from _texts_at(value[steps[0]], steps[1:])


def _pattern(values: set[str]) -> re.Pattern[str]:
    """Return a pattern of these values as words of other texts, the longest first."""
    words = sorted((value for value in values if len(value) >= _SHORTEST), key=lambda value: (-len(value), value))
    if not words:
        return _NOWHERE
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)


def _shown(value: Any, known: Any, repeated: re.Pattern[str]) -> Any:
    if isinstance(known, Field) and known.personal:
        return value if isinstance(value, bool | None) else MASK
    if isinstance(value, dict):
        below = known if isinstance(known, dict) else {}
        return {
            name: _shown(item, below.get(name), _NOWHERE if _is_id(name) else repeated) for name, item in value.items()
        }
    if isinstance(value, list):
        inner = known.item if isinstance(known, Items) else None
        return [_shown(item, inner, repeated) for item in value]
    return repeated.sub(MASK, value) if isinstance(value, str) else value


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("Id")
