"""Snapshots of what a run fetched, without secrets."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.model import DETAIL, LIST, RESOURCE_TYPE, Account, Resource, Struct
from northflank_audit.northflank.paging import has_id
from northflank_audit.periods import checked_time
from northflank_audit.report import Origin, Tool
from northflank_audit.resources import PARENT, TYPES
from northflank_audit.sources.interface import NOT_ASKED, Source

KIND: Final = "northflank-audit-snapshot"
SCHEMA: Final = "2.0"

ONLY_IDS: Final = "a snapshot of an earlier version has only the ids of projects"

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

    @property
    def teams(self) -> list[str | None]:
        """The teams of the accounts in it."""
        return list(dict.fromkeys([*(each.team for each in self.accounts), *(each.team for each in self.records)]))


def digest(snapshot: msgspec.Struct) -> str:
    """Return what a snapshot's `sha256` must be: 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(replace(snapshot, sha256=""), order="deterministic")).hexdigest()


class DecodedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot of any schema version, decoded into the current form."""

    snapshot: Snapshot
    intact: bool
    """Whether its digest matches."""
    missing: list[str]
    """Contradictions between its records and its other contents."""
    names_accounts: bool = True
    """Whether it says which account has which problem; if not, any account may have any problem."""


def read(value: dict[str, Any]) -> DecodedSnapshot:
    """Return a snapshot from decoded JSON. Raises msgspec.ValidationError or RecursionError for anything else."""
    if value.get("schemaVersion") == "1.0":
        earlier = msgspec.convert(value, _Snapshot1)
        return DecodedSnapshot(
            _converted(earlier),
            digest(earlier) == earlier.sha256,
            list(_missing1(earlier)),
            earlier.accounts is not UNSET,
        )
    snapshot = msgspec.convert(value, Snapshot)
    return DecodedSnapshot(snapshot, digest(snapshot) == snapshot.sha256, list(_missing(snapshot)))


def _missing(snapshot: Snapshot) -> Iterator[str]:
    records = [saved for saved in snapshot.records if saved.type in TYPES]
    if len(records) < len(snapshot.records):
        yield f"{len(snapshot.records) - len(records)} of its records are of types that this version lacks"
    yield from _without_id(sum(not saved.has_id for saved in records), len(snapshot.records))
    for name, stated in snapshot.counts.items():
        count = sum(saved.type == name for saved in snapshot.records)
        if stated != count:
            what = TYPES[name].plural if name in TYPES else f"records of the type '{name}'"
            yield f"it says that it has {stated} {what}, and has {count}"
    uncounted = sum(saved.type not in snapshot.counts for saved in snapshot.records)
    if uncounted:
        yield f"{uncounted} of its records are of types of which it says that it has none"


def _without_id(bad: int, count: int) -> Iterator[str]:
    if bad:
        yield f"{bad} of {count} records {'has' if bad == 1 else 'have'} no id, and could not be evaluated"


class SnapshotWriter:
    """Collects what a run fetched."""

    def __init__(self) -> None:
        self._records: list[SavedResource] = []
        self._omitted_fields: dict[str, frozenset[str]] = {}

    def add(self, resources: Iterable[Resource]) -> None:
        """Keep these in the form in which they were evaluated. Children are kept in their parents."""
        for item in (each for each in resources if TYPES[each.type].within is None):
            if item.omitted_fields:
                self._omitted_fields[item.type] = self._omitted_fields.get(item.type, frozenset()) | item.omitted_fields
            self._records.append(
                SavedResource(
                    type=item.type,
                    team=item.team,
                    project=item.project,
                    id=item.id,
                    record=item.record,
                    parts=sorted(item.parts),
                    shortfall=item.shortfall,
                )
            )

    def text(self, tool: Tool, taken_at: dt.datetime, source: Source) -> str:
        """Return the snapshot of the source's resources, as JSON."""
        counts = dict.fromkeys(source.needs.listed, 0)
        for saved in self._records:
            counts[saved.type] = counts.get(saved.type, 0) + 1
        snapshot = Snapshot(
            kind=KIND,
            tool=tool,
            taken_at=taken_at,
            source=source.origin,
            generations=sorted(source.generations),
            pages=source.page_count,
            count=source.counted,
            incomplete_reasons=source.problems,
            warnings=source.warnings,
            accounts=list(source.accounts.values()),
            gaps=[
                Gap(type=each.type, team=each.team, project=each.project, shortfall=each.shortfall or "")
                for each in source.gaps
                if TYPES[each.type].within is None
            ],
            records=self._records,
            counts=counts,
            personal={
                name: sorted(paths - self._omitted_fields.get(name, frozenset()))
                for name, paths in sorted(source.needs.personal.items())
                if name in counts
            },
        )
        snapshot = replace(snapshot, sha256=digest(snapshot))
        return msgspec.json.format(msgspec.json.encode(snapshot), indent=1).decode() + "\n"


# -- Schema 1.0: registry credentials, and the ids of projects ---------------------------------------------------------
class _SavedResource1(Struct, frozen=True, kw_only=True):
    team: str | None
    record: dict[str, Any]
    detailed: bool
    shortfall: str | None


class _Snapshot1(Struct, frozen=True, kw_only=True):
    kind: Literal["northflank-audit-snapshot"]
    schema_version: Literal["1.0"] = "1.0"
    tool: Tool
    taken_at: dt.datetime
    source: Origin
    generations: list[str]
    pages: int
    count: int | None
    incomplete_reasons: list[str]
    warnings: list[str]
    accounts: list[Account] | UnsetType = UNSET
    """Missing in the earliest snapshots."""
    records: list[_SavedResource1]
    counts: Counts | UnsetType = UNSET
    """Missing in the earliest snapshots."""
    sha256: str = ""

    def __post_init__(self) -> None:
        checked_time(self.taken_at)


_NAMES1: Final = {"resources": RESOURCE_TYPE, "projects": PARENT.name}
"""The names of lists in an account of schema 1.0."""


def _missing1(snapshot: _Snapshot1) -> Iterator[str]:
    count = len(snapshot.records)
    yield from _without_id(sum(not has_id(saved.record) for saved in snapshot.records), count)
    if snapshot.counts is not UNSET:
        if (said := sum(snapshot.counts.values())) != count:
            yield f"it says that it has {said} records, and has {count}"
    elif not snapshot.incomplete_reasons and count + len(snapshot.warnings) < (snapshot.count or 0):
        # Each credential of a list is a record, or a warning says that it was repeated.
        yield f"its lists had {snapshot.count} credentials, but it has {count}"


def _converted(earlier: _Snapshot1) -> Snapshot:
    records = [
        SavedResource(
            type=RESOURCE_TYPE,
            team=saved.team,
            project=None,
            id=str(saved.record.get("id", "")),
            record=saved.record,
            parts=[LIST, DETAIL] if saved.detailed else [LIST],
            shortfall=saved.shortfall,
        )
        for saved in earlier.records
    ]
    accounts = list(_accounts1(earlier))
    projects = [(account.team, each) for account in accounts for each in account.projects]
    records += [
        SavedResource(
            type=PARENT.name, team=team, project=None, id=each, record={"id": each}, parts=[], shortfall=ONLY_IDS
        )
        for team, each in projects
    ]
    counts = {RESOURCE_TYPE: len(earlier.records)}
    if any(PARENT.name not in account.unknown for account in accounts):
        counts[PARENT.name] = len(projects)
    return Snapshot(
        kind=KIND,
        tool=earlier.tool,
        taken_at=earlier.taken_at,
        source=earlier.source,
        generations=earlier.generations,
        pages=earlier.pages,
        count=earlier.count,
        incomplete_reasons=earlier.incomplete_reasons,
        warnings=earlier.warnings,
        accounts=accounts,
        gaps=[],
        records=records,
        counts=counts,
    )


def _accounts1(earlier: _Snapshot1) -> Iterator[Account]:
    """Yield a snapshot's accounts; if it does not list them, those of its records and its source."""
    if earlier.accounts is UNSET:
        teams = dict.fromkeys([*earlier.source.teams, *(saved.team for saved in earlier.records)]) or [None]
        yield from (Account(team=team, unknown={PARENT.name: NOT_ASKED}) for team in teams)
        return
    for account in earlier.accounts:
        unknown = {_NAMES1.get(name, name): why for name, why in account.unknown.items()}
        yield replace(account, unknown=unknown)
