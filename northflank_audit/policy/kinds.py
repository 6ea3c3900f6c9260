"""Whether a record holds what is documented: a value of another kind is as unknown as one that is not there."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta

from northflank_audit.model import LIST, Resource
from northflank_audit.policy.expressions.cel import Names
from northflank_audit.resources import TYPES, Field, Kind, ResourceType
from northflank_audit.resources.base import tree
from northflank_audit.resources.paths import Items

SKEW: Final = dt.timedelta(hours=24)
"""How far ahead a time may be: clocks differ, and zones are mistaken."""
_TYPES: Final[Mapping[Kind, Any]] = {
    Kind.TEXT: str,
    Kind.BOOLEAN: bool,
    Kind.NUMBER: int | float,
    Kind.LIST: list,
    Kind.TIME: Annotated[dt.datetime, Meta(tz=True)],
    Kind.MAP: dict,
}


class Doubt(NamedTuple):
    """What of a resource's record must not be relied upon."""

    record: dict[str, Any]
    """Without the values of another kind than documented."""
    odd: Mapping[str, str]
    """Why each of those is not in it, by its path."""
    absent: Names
    """The names of the fields that may be there all the same."""


class Kinds:
    """The documented kinds of some fields of a type."""

    def __init__(self, kind: ResourceType, paths: Iterable[Sequence[str]], now: dt.datetime) -> None:
        """Take the fields on these paths, above and below; () is all. A step `[]` is each item of a list."""
        read = [tuple(step for step in path if step != "[]") for path in paths]
        self._type = kind
        self._fields = [
            (field.path.replace("[]", ".[]").split("."), field)
            for field in kind.fields.values()
            if any(_meets(_names(field.path), path) for path in read)
        ]
        above = {field.path.rpartition("[].")[0] for _, field in self._fields if "[]." in field.path}
        self._lists_of_maps = [(path.replace("[]", ".[]").split("."), path) for path in sorted(above)]
        self._latest = now + SKEW
        self._times = [steps for steps, field in self._fields if field.kind is Kind.TIME and not field.ahead]
        self._latest_day = self._latest.date().isoformat()
        self._chosen = [(steps, frozenset(field.values)) for steps, field in self._fields if field.values]
        leaves = tuple(field for _, field in self._fields if field.path not in _above(kind))
        self._records = list.__class_getitem__(_form(tree(leaves)))

    def doubt(self, resource: Resource) -> Doubt | None:
        """Return what of a resource is in doubt, or None where nothing is."""
        odd = dict(self._odd(resource.record))
        absent = absent_names(resource)
        if absent == frozenset() and not odd:
            return None
        record = resource.record
        for path in odd:
            record = _without(record, path.replace("[]", ".[]").split("."))
        return Doubt(record, odd, None if absent is None else absent | {_names(path)[-1] for path in odd})

    def fit(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Tell, quickly, whether all these records hold what is documented; where it says no, some may."""
        try:
            msgspec.convert(records, self._records)
        except ValueError:  # of which msgspec's is one
            return False
        return self._usual(records) and not self._late(records)

    def _usual(self, records: Sequence[Mapping[str, Any]]) -> bool:
        for steps, values in self._chosen:
            if any(_plain(value) in values for value in set(_column(records, steps)) - values):
                return False
        return True

    def _late(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether a time may be too far ahead, by its date as RFC 3339 writes it."""
        return any(max(_column(records, steps), default="") > self._latest_day for steps in self._times)

    def _odd(self, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for steps, field in self._fields:
            for value in values_at(record, steps):
                if why := self._other(field, value):
                    yield field.path.removesuffix("[]"), f"the API gave {why}"

        for steps, path in self._lists_of_maps:
            kinds = (_kind(item) for item in values_at(record, [*steps, "[]"]))
            if odd := next((kind for kind in kinds if kind != Kind.MAP), None):
                yield path, f"the API gave {odd} in a list where it documents a map"

    def _other(self, field: Field, value: object) -> str:
        """Return what a value is, if it is no such as is documented."""
        kind = _kind(value)
        if value is None and field.null:
            return ""
        if field.kind is Kind.TIME:
            return self._no_time(field, value) if isinstance(value, str) else f"{kind} where it documents a date-time"
        if kind != field.kind:
            where = " in a list" if field.path.endswith("[]") else ""
            return f"{kind}{where} where it documents {field.kind}"
        if isinstance(value, str) and field.values and value not in field.values:
            meant = next((each for each in field.values if each.casefold() == _plain(value)), None)
            return f"'{value}' where it documents '{meant}'" if meant else ""
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
    """Return the names of fields whose absence from a resource's record tells nothing; None: of all.

    They are those that a part may give which was not read, and personal ones that were not kept.
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


def _names(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[]", "").split("."))


def _above(kind: ResourceType) -> frozenset[str]:
    """Return the paths of the lists and maps that stand above other fields."""
    paths = list(kind.fields)
    return frozenset(path for path in paths if any(other.startswith((f"{path}.", f"{path}[]")) for other in paths))


def _plain(text: str) -> str:
    return text.strip().casefold()


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return kinds.get(type(value), "null")


def _meets(field: Sequence[str], path: Sequence[str]) -> bool:
    """Tell whether one of two paths leads to the other."""
    return all(one == other for one, other in zip(field, path, strict=False))


def _form(node: Any) -> Any:
    """Return the type of what is documented at a node of a tree of fields."""
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


def together(doubts: Iterable[Doubt]) -> Names:
    """Return the names of the fields that may be there in one of some records all the same."""
    names: frozenset[str] = frozenset()
    for doubt in doubts:
        if doubt.absent is None:
            return None
        names |= doubt.absent
    return names
