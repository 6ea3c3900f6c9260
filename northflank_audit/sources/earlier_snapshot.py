"""Snapshots of schema 1.0: registry credentials, and the ids of projects."""

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from northflank_audit import typed
from northflank_audit.model import DETAIL, LIST, RESOURCE_TYPE, Account, Struct
from northflank_audit.northflank.paging import has_id
from northflank_audit.periods import checked_time
from northflank_audit.report import Origin, Tool
from northflank_audit.resources import PARENT
from northflank_audit.sources.interface import NOT_ASKED
from northflank_audit.sources.snapshot import (
    KIND,
    Counts,
    DecodedSnapshot,
    SavedRecords,
    SavedResource,
    Snapshot,
    canonical,
    digest,
    without_id,
    without_records,
)

ONLY_IDS: Final = "a snapshot of an earlier version has only the ids of projects"
_NAMES: Final = {"resources": RESOURCE_TYPE, "projects": PARENT.name}
"""The names of lists in an account of this schema."""


class EarlierResource(Struct, frozen=True, kw_only=True):
    """A registry credential in a snapshot of this schema."""

    team: str | None
    record: dict[str, Any]
    detailed: bool
    shortfall: str | None

    @property
    def current(self) -> SavedResource:
        """The same in the current form."""
        return SavedResource(
            type=RESOURCE_TYPE,
            team=self.team,
            project=None,
            id=str(self.record.get("id", "")),
            record=self.record,
            parts=[LIST, DETAIL] if self.detailed else [LIST],
            shortfall=self.shortfall,
        )


class EarlierSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot file of this schema."""

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
    records: list[EarlierResource]
    counts: Counts | UnsetType = UNSET
    """Missing in the earliest snapshots."""
    sha256: str = ""

    def __post_init__(self) -> None:
        checked_time(self.taken_at)


class _Contents:
    """What is known of the records when all of them have passed."""

    def __init__(self) -> None:
        self.count = self.nameless = 0
        self.teams: dict[str | None, None] = {}

    def pass_on(self, records: Iterable[EarlierResource]) -> Iterator[bytes]:
        for saved in records:
            self.count += 1
            self.nameless += not has_id(saved.record)
            self.teams[saved.team] = None
            yield canonical(saved)


class _CurrentRecords:
    """The records in the current form, with those of the projects that the accounts name."""

    def __init__(self, records: Iterable[EarlierResource], projects: Iterable[tuple[str | None, str]]) -> None:
        self._records, self._projects = records, projects

    def __iter__(self) -> Iterator[SavedResource]:
        return chain((saved.current for saved in self._records), (_project(*each) for each in self._projects))


def read(value: dict[str, Any]) -> DecodedSnapshot:
    """Return a snapshot from decoded JSON. Raises msgspec.ValidationError or RecursionError for anything else."""
    earlier = typed.convert(without_records(value), EarlierSnapshot)
    records, contents = SavedRecords(value["records"], EarlierResource), _Contents()
    intact = digest(earlier, contents.pass_on(records)) == earlier.sha256
    accounts = list(_accounts(earlier, contents.teams))
    projects = [(account.team, each) for account in accounts for each in account.projects]
    counts = {RESOURCE_TYPE: contents.count}
    if any(PARENT.name not in account.unknown for account in accounts):
        counts[PARENT.name] = len(projects)
    snapshot = Snapshot(
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
        records=[],
        counts=counts,
    )
    return DecodedSnapshot(
        snapshot,
        _CurrentRecords(records, projects),
        list(dict.fromkeys([*(account.team for account in accounts), *contents.teams])),
        intact,
        list(_missing(earlier, contents)),
        earlier.accounts is not UNSET,
    )


def _missing(snapshot: EarlierSnapshot, contents: _Contents) -> Iterator[str]:
    count = contents.count
    yield from without_id(contents.nameless, count)
    if snapshot.counts is not UNSET:
        if (said := sum(snapshot.counts.values())) != count:
            yield f"it says that it has {said} records, and has {count}"
    elif not snapshot.incomplete_reasons and count + len(snapshot.warnings) < (snapshot.count or 0):
        # Each credential of a list is a record, or a warning says that it was repeated.
        yield f"its lists had {snapshot.count} credentials, but it has {count}"


def _accounts(earlier: EarlierSnapshot, teams: Iterable[str | None]) -> Iterator[Account]:
    """Yield a snapshot's accounts; if it does not list them, those of its records and its source."""
    if earlier.accounts is UNSET:
        found = dict.fromkeys([*earlier.source.teams, *teams]) or [None]
        yield from (Account(team=team, unknown={PARENT.name: NOT_ASKED}) for team in found)
        return
    for account in earlier.accounts:
        unknown = {_NAMES.get(name, name): why for name, why in account.unknown.items()}
        yield replace(account, unknown=unknown)


def _project(team: str | None, identity: str) -> SavedResource:
    return SavedResource(
        type=PARENT.name, team=team, project=None, id=identity, record={"id": identity}, parts=[], shortfall=ONLY_IDS
    )
