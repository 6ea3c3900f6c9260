"""Decodes answers: keeps declared fields, without secrets.

A value of another kind than declared keeps only its kind: a map becomes `{}`, a text instead of a documented map is
masked. So rules see that it is odd, but not what it may hide. For an open type the list's other fields are also kept,
unless their names indicate a secret.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from northflank_audit.addresses import without_user
from northflank_audit.resources.base import Part, Record, ResourceType
from northflank_audit.resources.fields import Field, Kind
from northflank_audit.resources.paths import Items
from northflank_audit.resources.redaction import MASK, Mask, Secrets, is_address, is_secret

_USER_IN_URL: Final = re.compile(r"(?<=://)[^/\\?#\s]*@")
_COMPARED: Final = frozenset({"provider", "region", "status", "type", "scope"})
"""Undeclared fields that are never masked, with their contents, because rules compare them."""


class _Intake(NamedTuple):
    """What determines how each value of an answer is kept."""

    personal: Collection[str]
    open: bool
    """Whether undeclared fields are kept."""


def part_record(
    part: Part, item: Record, personal: Collection[str] = (), *, open_: bool = False, key: str = "id"
) -> Record:
    """Return what is kept of an endpoint's record; of personal fields, only these paths.

    `open_` also keeps undeclared fields, except those with names of secrets. `key` is the field that identifies the
    record. Raises RecursionError for deep nesting.
    """
    secrets = _secrets(part, item)
    return _masked(_filtered(part, item, personal, open_=open_), part.field_tree, secrets, key)


def listed(kind: ResourceType, item: Record, personal: Collection[str] = ()) -> Record:
    """Return what is kept of a record of a type's list. Raises RecursionError as `kept` does."""
    assert kind.listing is not None  # noqa: S101 - a type without a list has no records
    return part_record(kind.listing, item, personal, open_=kind.open, key=kind.id)


def completed(kind: ResourceType, part: Part, record: Record, item: Record, personal: Collection[str] = ()) -> Record:
    """Return a record with the fields of a part. Repeated secrets of the part are masked in both.

    Raises RecursionError as `kept` does.
    """
    fields = _filtered(part, item, personal)
    addition = {part.into: fields} if part.into else fields
    return _masked(merged(record, addition), kind.field_tree, _secrets(part, item), kind.id)


def joined(part: Part, record: Record, items: list[Any], personal: Collection[str] = ()) -> Record:
    """Return a record with a list of its children. Raises RecursionError as `kept` does.

    `personal` has paths below the record, such as `members[].name`.
    """
    prefix = f"{part.joins}[]."
    own = {path.removeprefix(prefix) for path in personal if path.startswith(prefix)}
    children = [
        part_record(part, item, own, key=part.id) if isinstance(item, dict) else _emptied(item) for item in items
    ]
    return {**record, part.joins: children}


def restored(kind: ResourceType, record: Mapping[str, Any], personal: Collection[str] = ()) -> Record:
    """Return what is kept of a record that was decoded before. Raises RecursionError as `kept` does."""
    secrets = Secrets()
    secrets.take(record)
    return _masked(_map(record, kind.field_tree, _Intake(personal, kind.open)), kind.field_tree, secrets, kind.id)


def merged(record: Mapping[str, Any], addition: Mapping[str, Any]) -> Record:
    """Return a record merged with another part's fields, which take precedence."""
    both = dict(record)
    for key, item in addition.items():
        before = both.get(key)
        both[key] = merged(before, item) if isinstance(before, dict) and isinstance(item, dict) else item
    return both


# -- What is kept ------------------------------------------------------------------------------------------------------
def _filtered(part: Part, item: Record, personal: Collection[str], *, open_: bool = False) -> Record:
    derived = part.derive(item) if part.derive else None
    return _map(merged(item, derived) if derived else item, part.field_tree, _Intake(personal, open_))


def _map(value: Mapping[str, Any], tree: Mapping[str, Any], intake: _Intake) -> Record:
    record = {}
    for name, item in value.items():
        node, kind = tree.get(name), type(item)
        if node is None:
            if intake.open and item is not None and not is_secret(name, item):
                record[name] = _open(name, item)
        elif (
            type(node) is Field
            and not node.personal
            and (  # most values contain no secret
                kind is bool or kind is int or (kind is str and "://" not in item and not node.address)
            )
        ):
            record[name] = item
        elif not _is_excluded(item, node, intake):
            record[name] = _node(item, node, intake)
    return record


def _is_excluded(value: Any, node: Any, intake: _Intake) -> bool:
    if value is None:
        return not (isinstance(node, Field) and node.null)
    leaf = node.item if isinstance(node, Items) else node
    return isinstance(leaf, Field) and leaf.personal and leaf.path not in intake.personal


def _node(value: Any, node: Any, intake: _Intake) -> Any:
    if isinstance(node, Field):
        return _leaf(value, node, intake)
    if isinstance(node, Items) and isinstance(value, list):
        inner = node.item
        return [None if item is None else _node(item, inner, intake) for item in value]
    if isinstance(node, dict) and isinstance(value, dict):
        return _map(value, node, intake)
    return _clean(value) if intake.open else _emptied(value)


def _leaf(value: Any, field: Field, intake: _Intake) -> Any:
    if isinstance(value, str):
        return without_user(value) if field.address else _without_users(value)
    if field.kind is Kind.MAP and isinstance(value, dict):
        return {name: item for name, item in value.items() if isinstance(item, bool)}
    if isinstance(value, dict | list):
        return _clean(value) if intake.open else type(value)()
    return value


def _emptied(value: Any) -> Any:
    return type(value)() if isinstance(value, dict | list) else MASK if isinstance(value, str) else value


def _open(name: str, value: Any) -> Any:
    return without_user(value) if isinstance(value, str) and is_address(name) else _clean(value)


def _clean(value: Any) -> Any:
    """Return undeclared fields without secrets and nulls."""
    if isinstance(value, dict):
        return {key: _open(key, item) for key, item in value.items() if item is not None and not is_secret(key, item)}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return _without_users(value) if isinstance(value, str) else value


def _without_users(text: str) -> str:
    return _USER_IN_URL.sub("", text) if "://" in text else text


# -- What is masked ----------------------------------------------------------------------------------------------------
def _secrets(part: Part, item: Mapping[str, Any]) -> Secrets:
    secrets = Secrets()
    secrets.take(item)
    for steps, is_login in part.hidden:
        if steps[0] in item:
            secrets.add_at(item, steps, users=is_login)
    return secrets


def _masked(record: Record, tree: Mapping[str, Any], secrets: Secrets, key: str) -> Record:
    """Return a record with repeated secrets masked, except in its identifier, since others refer to it."""
    mask = secrets.mask(_texts(record)) if secrets else None
    if mask is None:
        return record
    return {**_masked_map(record, tree, mask), **({key: record[key]} if key in record else {})}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _masked_map(value: Record, tree: Mapping[str, Any], mask: Mask) -> Record:
    return {name: _masked_node(item, name, tree.get(name), mask) for name, item in value.items()}


def _masked_node(value: Any, name: str, node: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        inner = node.item if isinstance(node, Items) else node
        return [_masked_node(item, name, inner, mask) for item in value]
    if node is None and name in _COMPARED:
        return value
    if isinstance(value, dict):
        return _masked_map(value, node if isinstance(node, dict) else {}, mask)
    if not isinstance(value, str) or _is_reference(name):
        return value
    if node is None:
        return mask.address(value) if is_address(name) else mask.words(value)
    return _masked_text(value, node, mask)


def _masked_text(value: str, node: Any, mask: Mask) -> str:
    if not isinstance(node, Field):  # a text instead of a documented list or map
        return mask.words(value)
    if node.address:
        return mask.address(value)
    if node.free:
        return mask.words(value)
    return value if value in node.values else mask.fixed(value)


def _is_reference(name: str) -> bool:
    """Return whether a field names a resource or a time."""
    return name == "id" or name.endswith(("Id", "At"))
