"""Snapshots: what one run fetched, less all secrets, kept for another run to judge."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit.model import Account, Resource, Struct
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
    sha256: str = ""
    """Of all the above, as compact JSON with sorted keys, this left empty."""


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
        )
        snapshot = replace(snapshot, sha256=digest(snapshot))
        return msgspec.json.format(msgspec.json.encode(snapshot), indent=1).decode() + "\n"
