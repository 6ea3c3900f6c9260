"""Snapshots: what one run fetched, less all secrets, kept for another run to judge."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.model import RESOURCE_TYPE, Account, Resource, Struct, checked_time
from northflank_audit.northflank.records import has_id
from northflank_audit.report import Origin, Tool
from northflank_audit.sources.interface import Source

KIND: Final = "northflank-audit-snapshot"


class Saved(Struct, frozen=True, kw_only=True):
    """A credential as a snapshot holds it."""

    team: str | None
    record: dict[str, Any]
    detailed: bool
    shortfall: str | None


class Snapshot(Struct, frozen=True, kw_only=True):
    """A snapshot file."""

    kind: Literal["northflank-audit-snapshot"]
    schema_version: Literal["1.0"] = "1.0"
    tool: Tool
    taken_at: dt.datetime
    source: Origin
    generations: list[str]
    """Of the API's lists: those whose records are here, of `2024` and `2026`."""
    pages: int
    count: int | None
    incomplete_reasons: list[str]
    warnings: list[str]
    accounts: list[Account] | UnsetType = UNSET
    """Those whose lists were read, and what of them is not known. Earlier snapshots do not say it."""
    records: list[Saved]
    counts: dict[str, Annotated[int, msgspec.Meta(ge=0)]] | UnsetType = UNSET
    """How many records there are of each resource type. Earlier snapshots do not say it."""
    sha256: str = ""
    """Of all the above, as compact JSON with sorted keys, this left empty."""

    def __post_init__(self) -> None:
        """Raise ValueError for a time that can't be calculated with."""
        checked_time(self.taken_at)


def missing(snapshot: Snapshot) -> Iterator[str]:
    """Yield what a snapshot's records lack by what else it says."""
    bad = sum(not has_id(saved.record) for saved in snapshot.records)
    if bad:
        yield f"{bad} of {len(snapshot.records)} records {'has' if bad == 1 else 'have'} no id, and could not be judged"
    count = len(snapshot.records)
    if snapshot.counts is not UNSET:
        if (said := sum(snapshot.counts.values())) != count:
            yield f"it says that it has {said} records, and has {count}"
    elif not snapshot.incomplete_reasons and count + len(snapshot.warnings) < (snapshot.count or 0):
        # A credential that a list had is a record, or there is a warning that it came before.
        yield f"the lists that it was taken of had {snapshot.count} credentials, and it has {count}"


def digest(snapshot: Snapshot) -> str:
    """Return what a snapshot's `sha256` must be: 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(replace(snapshot, sha256=""), order="deterministic")).hexdigest()


class SnapshotWriter:
    """Collects what a run fetched."""

    def __init__(self) -> None:
        self._records: list[Saved] = []

    def add(self, resources: Iterable[Resource]) -> None:
        """Keep these, in the form in which they were judged."""
        self._records += [
            Saved(team=item.team, record=item.record, detailed=item.detailed, shortfall=item.shortfall)
            for item in resources
        ]

    def text(self, tool: Tool, taken_at: dt.datetime, source: Source) -> str:
        """Return the snapshot of what the source gave, as JSON."""
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
            records=self._records,
            counts={RESOURCE_TYPE: len(self._records)},
        )
        snapshot = replace(snapshot, sha256=digest(snapshot))
        return msgspec.json.format(msgspec.json.encode(snapshot), indent=1).decode() + "\n"
