"""Snapshots: what one run fetched, less all secrets, kept for another run to judge."""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from northflank_audit.model import Origin, Resource, Struct, Tool

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
    pages: int
    incomplete_reasons: list[str]
    warnings: list[str]
    sha256: str
    """Of `records`, as compact JSON with sorted keys."""
    records: list[Saved]


def digest(records: list[Saved]) -> str:
    """Return what `sha256` must be: 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(records, order="deterministic")).hexdigest()


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

    def text(
        self,
        tool: Tool,
        taken_at: dt.datetime,
        source: Origin,
        pages: int,
        problems: list[str],
        warnings: list[str],
    ) -> str:
        """Return the snapshot as JSON."""
        snapshot = Snapshot(
            kind=KIND,
            tool=tool,
            taken_at=taken_at,
            source=source,
            pages=pages,
            incomplete_reasons=problems,
            warnings=warnings,
            sha256=digest(self._records),
            records=self._records,
        )
        return msgspec.json.format(msgspec.json.encode(snapshot), indent=1).decode() + "\n"
