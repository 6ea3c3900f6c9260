"""Whether a record holds what is documented: a value of another kind is as unknown as one that is not there."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta

from northflank_audit.model import Resource
from northflank_audit.policy.expressions.cel import Names, lookup
from northflank_audit.resources.fields import FIELDS, Field, complete

SKEW: Final = dt.timedelta(hours=24)
"""How far ahead a time may be: clocks differ, and zones are mistaken."""
_TYPES: Final[Mapping[str, Any]] = {
    "text": str,
    "true or false": bool,
    "a number": int | float,
    "a list": list,
    "a date-time": Annotated[dt.datetime, Meta(tz=True)],
    "a map": dict,
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
    """The documented kinds of some fields of a credential."""

    def __init__(self, paths: Iterable[Sequence[str]], now: dt.datetime) -> None:
        """Take the fields on these paths, above and below; () is all."""
        read = [tuple(path) for path in paths]
        self._fields = [field for field in FIELDS.values() if any(_meets(field.path.split("."), path) for path in read)]
        self._latest = now + SKEW
        self._timed = any(field.kind == "a date-time" for field in self._fields)
        self._chosen = [(field.path.split("."), frozenset(field.values)) for field in self._fields if field.values]
        self._record = _struct(self._fields)

    def doubt(self, resource: Resource) -> Doubt | None:
        """Return what of a resource is in doubt, or None where nothing is."""
        odd = dict(self._odd(resource.record))
        whole = complete(resource.record, detailed=resource.detailed)
        if whole and not odd:
            return None
        record = resource.record
        for path in odd:
            record = _without(record, path.split("."))
        return Doubt(record, odd, frozenset(path.rpartition(".")[2] for path in odd) if whole else None)

    def fit(self, records: Sequence[Mapping[str, Any]]) -> bool:
        """Tell, quickly, whether all these records hold what is documented; where it says no, some may."""
        try:
            found = [msgspec.convert(record, self._record) for record in records]
        except ValueError:  # of which msgspec's is one
            return False
        return self._usual(records) and not (self._timed and any(map(self._late, found)))

    def _usual(self, records: Sequence[Mapping[str, Any]]) -> bool:
        for path, values in self._chosen:
            given = {value for record in records for value in lookup(record, path)} - values
            if given and any(_plain(value) in values for value in given):
                return False
        return True

    def _late(self, value: Any) -> bool:
        for name in value.__struct_fields__:
            item = getattr(value, name)
            if isinstance(item, dt.datetime):
                if item > self._latest:
                    return True
            elif isinstance(item, msgspec.Struct) and self._late(item):
                return True
        return False

    def _odd(self, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for field in self._fields:
            for value in lookup(record, field.path.split(".")):
                if why := self._other(field, value):
                    yield field.path, f"the API gave {why}"

    def _other(self, field: Field, value: object) -> str:
        """Return what a value is, if it is no such as is documented."""
        kind = _kind(value)
        if field.kind == "a date-time":
            return self._no_time(value) if isinstance(value, str) else f"{kind} where it documents a date-time"
        if kind != field.kind:
            return f"{kind} where it documents {field.kind}"
        if field.items and isinstance(value, list):
            kinds = (_kind(item) for item in value)
            other = next((each for each in kinds if each != field.items), None)
            return f"{other} in a list where it documents {field.items}" if other else ""
        if isinstance(value, str) and field.values and value not in field.values:
            meant = next((each for each in field.values if each.casefold() == _plain(value)), None)
            return f"'{value}' where it documents '{meant}'" if meant else ""
        return ""

    def _no_time(self, value: str) -> str:
        try:
            time = dt.datetime.fromisoformat(value)
        except ValueError:
            return "text where it documents a date-time"
        if time.tzinfo is None:
            return "a date-time without a zone"
        return "a time more than 24 hours ahead" if time > self._latest else ""


def _plain(text: str) -> str:
    return text.strip().casefold()


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return kinds.get(type(value), "null")


def _meets(field: Sequence[str], path: Sequence[str]) -> bool:
    """Tell whether one of two paths leads to the other."""
    return all(one == other for one, other in zip(field, path, strict=False))


def _struct(fields: Sequence[Field], under: str = "") -> Any:
    """Return a struct of the documented kinds of the fields right below a path."""
    entries: list[tuple[str, Any, Any]] = []
    for field in fields:
        start, _, name = field.path.rpartition(".")
        if start != under:
            continue
        inner = _TYPES[field.kind]
        if any(other.path.startswith(f"{field.path}.") for other in fields):
            inner = _struct(fields, field.path)
        elif field.items:
            inner = list.__class_getitem__(_TYPES[field.items])
        entries.append((name, inner | msgspec.UnsetType, UNSET))
    return msgspec.defstruct(f"Record_{under}", entries, gc=False)


def _without(record: dict[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return a record without the value at a path that it has."""
    if len(path) == 1:
        return {key: value for key, value in record.items() if key != path[0]}
    below = record.get(path[0])
    return {**record, path[0]: _without(below, path[1:])} if isinstance(below, dict) else record


def together(doubts: Iterable[Doubt]) -> Names:
    """Return the names of the fields that may be there in one of some records all the same."""
    names: frozenset[str] = frozenset()
    for doubt in doubts:
        if doubt.absent is None:
            return None
        names |= doubt.absent
    return names
