"""Writes snapshots of what a run fetched, record by record."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from northflank_audit.model import Resource
from northflank_audit.report import Tool
from northflank_audit.resources import TYPES
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import KIND, Gap, SavedResource, Snapshot, canonical, digest
from northflank_audit.spool import Spool

_DEPTH: Final = b"\n  "
"""The start of a record's lines in the file."""


class SnapshotWriter:
    """Collects what a run fetched, in a temporary file if it is much."""

    def __init__(self, folder: str | None = None) -> None:
        """`folder` is where the temporary file is."""
        self._records = Spool(folder)
        self._counts: Counter[str] = Counter()
        self._omitted_fields: dict[str, frozenset[str]] = {}

    def add(self, resources: Iterable[Resource]) -> None:
        """Keep these in the form in which they were evaluated; children are in their parents. Raises OSError."""
        for item in (each for each in resources if TYPES[each.type].within is None):
            if item.omitted_fields:
                self._omitted_fields[item.type] = self._omitted_fields.get(item.type, frozenset()) | item.omitted_fields
            saved = SavedResource(
                type=item.type,
                team=item.team,
                project=item.project,
                id=item.id,
                record=item.record,
                parts=sorted(item.parts),
                shortfall=item.shortfall,
            )
            self._records.write(canonical(saved) + b"\n")
            self._counts[item.type] += 1

    def close(self) -> None:
        """Delete the temporary file."""
        self._records.file.close()

    def text(self, tool: Tool, taken_at: dt.datetime, source: Source) -> Iterator[bytes]:
        """Yield the snapshot of the source's resources, as JSON. Raises OSError."""
        counts = {**dict.fromkeys(source.needs.listed, 0), **self._counts}
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
            records=[],
            counts=counts,
            personal={
                name: sorted(paths - self._omitted_fields.get(name, frozenset()))
                for name, paths in sorted(source.needs.personal.items())
                if name in counts
            },
        )
        snapshot = replace(snapshot, sha256=digest(snapshot, self._lines()))
        before, there, after = msgspec.json.format(msgspec.json.encode(snapshot), indent=1).partition(
            b'\n "records": ['
        )
        yield before + there
        started = False
        for line in self._lines():
            yield (b"," if started else b"") + _DEPTH + msgspec.json.format(line, indent=1).replace(b"\n", _DEPTH)
            started = True
        yield (b"\n " if started else b"") + after + b"\n"

    def _lines(self) -> Iterator[bytes]:
        """Yield each record as it was encoded."""
        file = self._records.file
        file.seek(0)
        for line in file:
            yield line.rstrip(b"\n")
