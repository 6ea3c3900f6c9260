"""Compares records with the documentation; values of other kinds are unknown."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta

from northflank_audit import typed
from northflank_audit.model import LIST, Resource
from northflank_audit.policy.expressions.cel import Names
from northflank_audit.resources import TYPES, Field, Kind, ResourceType
from northflank_audit.resources.fields import tree
from northflank_audit.resources.paths import Items

SKEW: Final = dt.timedelta(hours=24)
"""How far ahead a time may be, since clocks differ and time zones are confused."""
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: str,
    Kind.BOOLEAN: bool,
    Kind.NUMBER: int | float,
    Kind.LIST: list,
    Kind.TIME: Annotated[dt.datetime, Meta(tz=True)],
    Kind.MAP: dict,
}


class Uncertainty(NamedTuple):
    """The uncertain parts of a resource's record."""

    record: dict[str, Any]
    """The record without the values that are not of the documented kind."""
    invalid: Mapping[str, str]
    """Why each of these values was removed, by its path."""
    absent: Names
    """The names of fields that may exist although the record lacks them."""


class FieldKinds:
    """The documented kinds of some fields of a type."""

    def __init__(self, kind: ResourceType, paths: Iterable[Sequence[str]], now: dt.datetime) -> None:
        """Select the fields at, above and below these paths; the path () selects all. `[]` is each item of a list.

        `now` is the time of the run.
        """
        read = [tuple(step for step in path if step != "[]") for path in paths]
        self._type = kind
        tops = {path[0] for path in read if path}
        fields = [field for field in kind.fields.values() if () in read or _top(field.path) in tops]
        self._fields = [
            (field.path.replace("[]", ".[]").split("."), field)
            for field in fields
            if any(_meets(_names(field.path), path) for path in read)
        ]
        of_maps = {field.path.rpartition("[].")[0] for _, field in self._fields if "[]." in field.path}
        self._lists_of_maps = [(path.replace("[]", ".[]").split("."), path) for path in sorted(of_maps)]
        self._times = [steps for steps, field in self._fields if field.kind is Kind.TIME and not field.ahead]
        self._chosen = [(steps, frozenset(field.values)) for steps, field in self._fields if field.values]
        leaves = tuple(field for _, field in self._fields if field.path not in kind.containers)
        self._records: Any = list.__class_getitem__(_form(tree(leaves)))
        self._set_time(now)

    def as_of(self, now: dt.datetime) -> "FieldKinds":
        """Return the same for a run at another time."""
        found = copy(self)
        found._set_time(now)  # noqa: SLF001 - of this class
        return found

    def _set_time(self, now: dt.datetime) -> None:
        self._latest = now + SKEW
        self._latest_day = self._latest.date().isoformat()

    def uncertainty(self, resource: Resource, *, fits: bool = False) -> Uncertainty | None:
        """Return what is uncertain about a resource; None if nothing is. `fits`: its values are known to `fit`."""
        invalid = {} if fits else dict(self._invalid_values(resource.record))
        absent = absent_names(resource)
        if absent == frozenset() and not invalid:
            return None
        record = resource.record
        for path in invalid:
            record = _without(record, path.replace("[]", ".[]").split("."))
        return Uncertainty(record, invalid, None if absent is None else absent | {_names(path)[-1] for path in invalid})

    def fit(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Return quickly whether all these records are as documented. False may also mean unknown."""
        try:
            typed.convert(records, self._records)
        except ValueError:  # which includes msgspec's ValidationError
            return False
        return self._has_usual_values(records) and not self._has_late_time(records)

    def _has_usual_values(self, records: Sequence[Mapping[str, Any]]) -> bool:
        for steps, values in self._chosen:
            if any(_plain(value) in values for value in set(_column(records, steps)) - values):
                return False
        return True

    def _has_late_time(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a time may be too far ahead, by its RFC 3339 date."""
        return any(max(_column(records, steps), default="") > self._latest_day for steps in self._times)

    def _invalid_values(self, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for steps, field in self._fields:
            for value in values_at(record, steps):
                if why := self._mismatch(field, value):
                    yield field.path.removesuffix("[]"), f"the API gave {why}"

        for steps, path in self._lists_of_maps:
            kinds = (_kind(item) for item in values_at(record, [*steps, "[]"]))
            if other := next((kind for kind in kinds if kind != Kind.MAP), None):
                yield path, f"the API gave {other} in a list where it documents a map"

    def _mismatch(self, field: Field, value: object) -> str:
        """Return how a value differs from the documentation; empty if it does not."""
        kind = _kind(value)
        if value is None and field.null:
            return ""
        if field.kind is Kind.TIME:
            return self._no_time(field, value) if isinstance(value, str) else f"{kind} where it documents a date-time"
        if kind != field.kind:
            where = " in a list" if field.path.endswith("[]") else ""
            return f"{kind}{where} where it documents {field.kind}"
        if isinstance(value, str) and field.values and value not in field.values:
            nearest = next((each for each in field.values if each.casefold() == _plain(value)), None)
            return f"'{value}' where it documents '{nearest}'" if nearest else ""
        return ""

    def _no_time(self, field: Field, value: str) -> str:
        try:
            time = dt.datetime.fromisoformat(value)
        except ValueError:
            return "text where it documents a date-time"
        if time.tzinfo is None:
            return "a date-time without a zone"
        late = time > self._latest and not field.ahead
        return "a time more than 24 hours ahead" if late else ""


def absent_names(resource: Resource) -> Names:
    """Return the names of fields whose absence from a resource's record means nothing; None means all fields.

    These are fields of parts that were not read, and personal fields that were not kept.
    """
    kind = TYPES[resource.type]
    unread = frozenset(part.name for part in kind.parts) - resource.parts
    lists_all = kind.lists_all is None or kind.lists_all(resource.record)
    if LIST not in resource.parts or (unread and not lists_all):
        return None
    omitted_fields = frozenset(_names(path)[-1] for path in resource.omitted_fields)
    return omitted_fields | kind.names_of(unread) if unread and kind.lists_all is None else omitted_fields


def values_at(record: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield every value at a path; a step `[]` is each item of a list."""
    if not steps:
        yield record
    elif steps[0] == "[]":
        for item in record if isinstance(record, list) else ():
            yield from values_at(item, steps[1:])
    elif isinstance(record, Mapping) and steps[0] in record:
        yield from values_at(record[steps[0]], steps[1:])


def _column(records: Sequence[Any], steps: Sequence[str]) -> list[Any]:
    """Return every value at a path of records that are as documented."""
    values: Sequence[Any] = records
    for step in steps:
        if step == "[]":
            values = [item for value in values for item in value]
        else:
            values = [value[step] for value in values if step in value]
    return list(values)


def _top(path: str) -> str:
    return path.partition(".")[0].removesuffix("[]")


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[]", "").split("."))


def _plain(text: str) -> str:
    return text.strip().casefold()


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return kinds.get(type(value), "null")


def _meets(field: Sequence[str], path: Sequence[str]) -> bool:
    """Return whether one of two paths is above the other."""
    return all(one == other for one, other in zip(field, path, strict=False))


def _form(node: Any) -> Any:
    """Return the documented type at a node of a tree of fields."""
    if isinstance(node, Items):
        return list.__class_getitem__(_form(node.item))
    if isinstance(node, Field):
        return _TYPES[node.kind] | None if node.null else _TYPES[node.kind]
    entries = [(name, _form(below) | msgspec.UnsetType, UNSET) for name, below in node.items()]
    return msgspec.defstruct("Record", entries, gc=False)


def _without(value: Any, path: Sequence[str]) -> Any:
    """Return a record without the values at a path."""
    if path[0] == "[]":
        return [_without(item, path[1:]) for item in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if not path[1:]:
        return {key: item for key, item in value.items() if key != path[0]}
    return {**value, path[0]: _without(value[path[0]], path[1:])}


def all_absent(uncertainties: Iterable[Uncertainty]) -> Names:
    """Return the names of fields that may exist in any of these records although they lack them."""
    names: frozenset[str] = frozenset()
    for uncertainty in uncertainties:
        if uncertainty.absent is None:
            return None
        names |= uncertainty.absent
    return names
