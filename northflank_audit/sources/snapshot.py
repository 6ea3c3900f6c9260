"""Snapshots of what a run fetched, without secrets."""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit import typed
from northflank_audit.model import Account, Struct
from northflank_audit.northflank.paging import has_id
from northflank_audit.periods import checked_time
from northflank_audit.report import Origin, Tool
from northflank_audit.resources import TYPES
from northflank_audit.sources.saved_json import Records, whole

KIND: Final = "northflank-audit-snapshot"
SCHEMA: Final = "2.0"

Counts = dict[str, Annotated[int, msgspec.Meta(ge=0)]]


class SavedResource(Struct, frozen=True, kw_only=True):
    """A resource in a snapshot."""

    type: str
    team: str | None
    project: str | None
    id: str
    record: dict[str, Any]
    parts: list[str]
    shortfall: str | None

    @property
    def has_id(self) -> bool:
        """Whether its record has this id."""
        field = TYPES[self.type].id
        return has_id(self.record, field) and self.record[field] == self.id


class Gap(Struct, frozen=True, kw_only=True):
    """A list that could not be read."""

    type: str
    team: str | None
    project: str | None
    shortfall: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """A snapshot file."""

    kind: Literal["northflank-audit-snapshot"]
    schema_version: Literal["2.0"] = SCHEMA
    tool: Tool
    taken_at: dt.datetime
    source: Origin
    generations: list[str]
    """The generations of the registry lists, `2024` and `2026`, whose records are here."""
    pages: int
    count: int | None
    incomplete_reasons: list[str]
    warnings: list[str]
    accounts: list[Account]
    """The accounts whose lists were requested, and which lists are unknown."""
    gaps: list[Gap]
    records: list[SavedResource]
    counts: Counts
    """How many records there are of each requested type. Nothing is known about other types."""
    personal: dict[str, list[str]] | UnsetType = UNSET
    """The personal fields that were kept, by type; missing in the earliest snapshots."""
    sha256: str = ""
    """SHA-256 of all the above, as compact JSON with sorted keys, with this field empty."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is unfit for calculations."""
        checked_time(self.taken_at)

    def omitted_fields(self, kind: str, fields: Iterable[str]) -> frozenset[str]:
        """Return which of these personal fields the records of a type lack."""
        return frozenset(fields) - frozenset(self.personal.get(kind, ()) if self.personal else ())


def digest(snapshot: msgspec.Struct, records: Iterable[bytes]) -> str:
    """Return what a snapshot's `sha256` must be: 64 hexadecimal digits.

    The snapshot is without its records, which are given as `canonical` encodes them.
    """
    before, there, after = canonical(replace(snapshot, sha256="")).partition(b'"records":[')
    hashed = hashlib.sha256(before + there)
    for number, record in enumerate(records):
        hashed.update(b"," + record if number else record)
    hashed.update(after)
    return hashed.hexdigest()


def canonical(value: msgspec.Struct) -> bytes:
    """Return the encoding over which digests are computed."""
    return msgspec.json.encode(value, order="deterministic")


class DecodedSnapshot(NamedTuple):
    """A snapshot of any schema version, in the current form."""

    snapshot: Snapshot
    """All except its records."""
    records: Iterable[SavedResource]
    """Its records, which are decoded when they are iterated."""
    teams: list[str | None]
    """The teams of the accounts in it."""
    intact: bool
    """Whether its digest matches."""
    missing: list[str]
    """Contradictions between its records and its other contents."""
    names_accounts: bool = True
    """Whether it says which account has which problem; if not, any account may have any problem."""


def read(value: dict[str, Any]) -> DecodedSnapshot:
    """Return a snapshot from decoded JSON. Raises msgspec.ValidationError or RecursionError for anything else."""
    snapshot = typed.convert(without_records(value), Snapshot)
    records = SavedRecords(value["records"], SavedResource)
    contents = Contents()
    intact = digest(snapshot, contents.pass_on(records)) == snapshot.sha256
    teams = dict.fromkeys([*(each.team for each in snapshot.accounts), *contents.teams])
    return DecodedSnapshot(snapshot, records, list(teams), intact, list(_missing(snapshot, contents)))


def without_records(value: dict[str, Any]) -> dict[str, Any]:
    """Return a decoded snapshot, whole, except for its records if they are a list."""
    records = value.get("records")
    return {key: [] if isinstance(item, Records) and item is records else whole(item) for key, item in value.items()}


Saved = TypeVar("Saved", bound=msgspec.Struct)


class SavedRecords(Generic[Saved]):
    """The records of a snapshot, which are converted when they are iterated."""

    def __init__(self, records: Records | list[Any], form: type[Saved]) -> None:
        self._records = records if isinstance(records, Records) else Records(records)
        self._form = form

    def __iter__(self) -> Iterator[Saved]:
        """Yield each record. Raises msgspec.ValidationError."""
        before = 0
        for page in self._records.pages():
            try:
                yield from typed.convert(page, list[self._form])  # type: ignore[name-defined]
            except msgspec.ValidationError as error:
                place = partial(_place_in_file, before)
                raise msgspec.ValidationError(_IN_PAGE.sub(place, str(error))) from None
            before += len(page)


_IN_PAGE: Final = re.compile(r"(?<=`\$)\[(\d+)\]")
"""The index of a record in the place that an error names."""


def _place_in_file(before: int, index: re.Match[str]) -> str:
    return f".records[{before + int(index[1])}]"


class Contents:
    """What is known of a snapshot's records when all of them have passed."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """How many there are of each type."""
        self.nameless = 0
        """How many of known types lack an id."""
        self.teams: dict[str | None, None] = {}

    def pass_on(self, records: Iterable[SavedResource]) -> Iterator[bytes]:
        """Yield each record as `canonical` encodes it."""
        for saved in records:
            self.counts[saved.type] += 1
            self.nameless += saved.type in TYPES and not saved.has_id
            self.teams[saved.team] = None
            yield canonical(saved)


def _missing(snapshot: Snapshot, contents: Contents) -> Iterator[str]:
    counts, total = contents.counts, contents.counts.total()
    if later := sum(count for name, count in counts.items() if name not in TYPES):
        yield f"{later} of its records are of types that this version lacks"
    yield from without_id(contents.nameless, total)
    for name, stated in snapshot.counts.items():
        if stated != counts[name]:
            what = TYPES[name].plural if name in TYPES else f"records of the type '{name}'"
            yield f"it says that it has {stated} {what}, and has {counts[name]}"
    if uncounted := sum(count for name, count in counts.items() if name not in snapshot.counts):
        yield f"{uncounted} of its records are of types of which it says that it has none"


def without_id(bad: int, count: int) -> Iterator[str]:
    """Yield a problem if some of a snapshot's records have no id."""
    if bad:
        yield f"{bad} of {count} records {'has' if bad == 1 else 'have'} no id, and could not be evaluated"
