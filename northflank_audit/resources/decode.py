"""What is kept of an answer: declared fields alone, without what is secret. Values never leave this module.

A value of another kind than declared keeps its kind and loses what is in it: a map becomes `{}`, a text where a map
is documented becomes "". So rules see that it is odd, and nothing that it may hide.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from northflank_audit.addresses import without_user
from northflank_audit.resources.base import Field, Items, Kind, Part, Record

MASK: Final = "***"
SHORTEST: Final = 6
"""Characters: a shorter secret can't be told from a part of a word."""
SECRET_KEYS: Final = frozenset(
    {"auth", "auths", "identitytoken", "password", "registrytoken", "secret", "token", "username"}
)
"""Keys, in lower case, that are dropped wherever they stand in what nobody declared."""
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/?#\s]*@")


@dataclass(frozen=True, slots=True)
class _Intake:
    """What decides on each value of one answer."""

    mask: Callable[[str], str]
    personal: Collection[str]
    open: bool
    """Whether what nobody declared is kept."""


def kept(part: Part, item: Mapping[str, Any], personal: Collection[str] = (), *, open_: bool = False) -> Record:
    """Return what is kept of a record that an endpoint gave; of personal fields those with these paths alone.

    `open_` keeps what nobody declared as well, less what its keys call a secret.
    """
    derived = part.derive(dict(item)) if part.derive else {}
    intake = _Intake(_masking(item, part), personal, open_)
    return _map(merged(item, derived), part.kept, intake)


def joined(part: Part, items: list[Any], personal: Collection[str] = ()) -> Record:
    """Return what a list of children adds to its parent's record."""
    return {part.joins: [kept(part, item, personal) for item in items if isinstance(item, dict)]}


def merged(record: Mapping[str, Any], addition: Mapping[str, Any]) -> Record:
    """Return a record with what another part says; where both say something, the addition's."""
    both = dict(record)
    for key, item in addition.items():
        before = both.get(key)
        both[key] = merged(before, item) if isinstance(before, dict) and isinstance(item, dict) else item
    return both


def _map(value: Mapping[str, Any], known: Mapping[str, Any], intake: _Intake) -> Record:
    found = {
        name: _node(value[name], node, intake)
        for name, node in known.items()
        if name in value and not _is_excluded(value[name], node, intake)
    }
    if intake.open:
        found |= {name: _clean(item) for name, item in value.items() if name not in known and _is_open(name, item)}
    return found


def _is_excluded(value: Any, node: Any, intake: _Intake) -> bool:
    if value is None:
        return not (isinstance(node, Field) and node.null)
    leaf = node.item if isinstance(node, Items) else node
    return isinstance(leaf, Field) and leaf.personal and leaf.path not in intake.personal


def _node(value: Any, node: Any, intake: _Intake) -> Any:
    if isinstance(node, Field):
        return _leaf(value, node, intake)
    if isinstance(node, Items) and isinstance(value, list):
        return [None if item is None else _node(item, node.item, intake) for item in value]
    if isinstance(node, dict) and isinstance(value, dict):
        return _map(value, node, intake)
    return _clean(value) if intake.open else _emptied(value)


def _leaf(value: Any, field: Field, intake: _Intake) -> Any:
    if field.kind is Kind.MAP and isinstance(value, dict):
        return {name: item for name, item in value.items() if isinstance(item, bool)}
    if isinstance(value, dict | list):
        return _clean(value) if intake.open else _emptied(value)
    if not isinstance(value, str) or not field.free:
        return value
    return intake.mask(without_user(value) if field.address else _USER_IN_URL.sub("", value))


def _emptied(value: Any) -> Any:
    return type(value)() if isinstance(value, dict | list | str) else value


def _is_open(name: str, value: Any) -> bool:
    return value is not None and name.lower() not in SECRET_KEYS


def _clean(value: Any) -> Any:
    """Return what nobody declared without secrets."""
    if isinstance(value, dict):
        return {
            key: without_user(item) if isinstance(item, str) and key.lower().endswith("url") else _clean(item)
            for key, item in value.items()
            if _is_open(key, item)
        }
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return _USER_IN_URL.sub("", value) if isinstance(value, str) else value


def _masking(item: Mapping[str, Any], part: Part) -> Callable[[str], str]:
    """Return what masks the secrets of an answer in its other texts."""
    secrets, logins = _long_texts(item, part.secrets), _long_texts(item, part.logins)
    if not (secrets or logins):
        return lambda text: text
    choices = [re.escape(each) for each in secrets] + [rf"(?<!\w){re.escape(each)}(?!\w)" for each in logins]
    pattern = re.compile("|".join(choices))
    return lambda text: pattern.sub(MASK, text)


def _long_texts(item: Mapping[str, Any], paths: Collection[str]) -> list[str]:
    """Return the texts at or below these paths, the longest first."""
    found = {text.strip() for path in paths for text in _texts_at(item, path.split("."))}
    return sorted((text for text in found if len(text) >= SHORTEST), key=lambda text: (-len(text), text))


def _texts_at(value: Any, steps: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _texts_at(item, steps)
    elif isinstance(value, dict):
        step = steps[0] if steps else "*"
        for item in value.values() if step == "*" else [value[step]] if step in value else []:
            yield from _texts_at(item, steps[1:])
    elif isinstance(value, str) and not steps:
        yield value
