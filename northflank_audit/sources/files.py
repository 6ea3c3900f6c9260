"""Saved JSON as a source: snapshots, API responses, and what the official CLI prints."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit import jsontext
from northflank_audit.errors import StartError
from northflank_audit.model import Account, Resource
from northflank_audit.northflank.records import claimed, contradictions
from northflank_audit.report import Origin, Subject
from northflank_audit.sources.interface import Source
from northflank_audit.sources.snapshot import KIND, Snapshot, digest, missing

NO_DETAILS = "the input holds no details; a snapshot of a live audit does"
NO_PROJECTS = "the input holds no projects; a snapshot of a live audit with a rule that asks for them does"
DIFFERENT = "the inputs differ on them"
_FORMS = (
    "it must be a snapshot of this tool, a response of 'List registries', or what "
    "'northflank list registry-credentials -o json' prints"
)


class InputSource(Source):
    """Files that have been read. All of them are decoded before the first is judged."""

    no_projects = NO_PROJECTS

    def __init__(self, files: Sequence[tuple[str, bytes]], team: str | None) -> None:
        """Decode (name, content) pairs. `team` is whose credentials they are, where they do not say it.

        Raises StartError for anything that is not one of the three forms.
        """
        names = [name for name, _ in files]
        super().__init__(Origin(kind="input", files=names, teams=[team] if team else []))
        self.subjects = [Subject(name=name, sha256=hashlib.sha256(content).hexdigest()) for name, content in files]
        self._inputs = [(name, _decoded(name, content)) for name, content in files]
        self._team = team
        snapshots = [(name, value) for name, value in self._inputs if isinstance(value, Snapshot)]
        if snapshots and team is not None:
            raise StartError(f"{snapshots[0][0]}: a snapshot knows its teams; leave --team away")
        teams = [each for _, snapshot in snapshots for each in snapshot.source.teams]
        if teams:
            self.origin = replace(self.origin, teams=list(dict.fromkeys(teams)))
        if snapshots and len(snapshots) == len(self._inputs):  # else some of it is as of now
            self.as_of = max(snapshot.taken_at for _, snapshot in snapshots)
            self.origin = replace(self.origin, taken_at=self.as_of)

    def pages(self) -> Iterator[list[Resource]]:
        """Yield each file's credentials."""
        for name, value in self._inputs:
            if isinstance(value, Snapshot):
                yield self._replayed(name, value)
                continue
            with self._list_of(self._team):
                yield self._read(name, value)

    def _read(self, name: str, value: dict[str, Any]) -> list[Resource]:
        items = _credentials(value) or []
        pagination = value.get("pagination")
        if pagination is None and not value.keys() & {"data", "pagination"}:
            pagination = {"hasNextPage": False}  # what the CLI prints: it has read all pages
        if not isinstance(pagination, dict):
            pagination = {}
        self._count(claimed(pagination))
        if pagination.get("hasNextPage") or pagination.get("cursor"):
            self.problems.append(f"{name}: it says that there is a next page, which is not in it")
        elif pagination.get("hasNextPage") is not False:
            self.problems.append(f"{name}: its 'pagination' does not say whether there is a next page")
        self.problems += contradictions(items, pagination, name)
        return self._admit(items, self._team, name, shortfall=NO_DETAILS)

    def _replayed(self, name: str, snapshot: Snapshot) -> list[Resource]:
        self.page_count += snapshot.pages
        self.counted = None if self.counted is None or snapshot.count is None else self.counted + snapshot.count
        self.generations.update(snapshot.generations)
        self.warnings += snapshot.warnings
        problems = list(snapshot.incomplete_reasons)
        if snapshot.accounts is not UNSET:  # else nobody knows whose list has which of the problems
            self.problems += problems
            problems = []
        with ExitStack() as lists:
            for account in _accounts(snapshot):
                before = self.accounts.get(account.team)
                self.accounts[account.team] = account if before is None else _joined(before, account)
                lists.enter_context(self._list_of(account.team))
            self.problems += problems
            if digest(snapshot) != snapshot.sha256:
                self.problems.append(f"{name}: the snapshot was changed after it was taken: its SHA-256 does not match")
            else:
                self.problems += (f"{name}: {problem}" for problem in missing(snapshot))
            return [
                resource
                for saved in snapshot.records
                for resource in self._admit(
                    [saved.record], saved.team, name, detailed=saved.detailed, shortfall=saved.shortfall
                )
            ]


def _accounts(snapshot: Snapshot) -> list[Account]:
    """Return a snapshot's accounts; for one that does not say them, those that its records and its source name."""
    if snapshot.accounts is not UNSET:
        return snapshot.accounts
    teams = dict.fromkeys([*snapshot.source.teams, *(saved.team for saved in snapshot.records)]) or [None]
    return [Account(team=team, unknown={"projects": NO_PROJECTS}) for team in teams]


def _joined(one: Account, other: Account) -> Account:
    """Return an account of which two inputs are parts. Its list has the gaps of both."""
    unknown = {**one.unknown, **other.unknown}
    known = [each.projects for each in (one, other) if "projects" not in each.unknown]
    if known and one.unknown.get("projects") != DIFFERENT:
        unknown.pop("projects", None)
        if set(known[0]) != set(known[-1]):
            unknown["projects"] = DIFFERENT
    return replace(one, projects=known[0] if known else [], unknown=unknown)


def _decoded(name: str, content: bytes) -> Any:
    try:
        content = jsontext.as_utf8(content)
        if not content.strip():
            raise StartError(f"{name}: empty; did the command that should write it fail?")
        value = jsontext.decode(content)
    except UnicodeDecodeError as error:
        raise StartError(f"{name}: not JSON ({error})") from None
    except jsontext.DuplicateKey as error:
        raise StartError(f"{name}: it contradicts itself: {error}") from None
    except jsontext.InvalidJSON as error:
        raise StartError(f"{name}: {error}") from None
    if isinstance(value, dict) and value.get("kind") == KIND:
        try:
            return msgspec.convert(value, Snapshot)
        except (msgspec.ValidationError, RecursionError) as error:
            raise StartError(f"{name}: not a whole snapshot ({error})") from None
    if not isinstance(value, dict) or _credentials(value) is None:
        raise StartError(f"{name}: {_FORMS}")
    if value.get("error") is not None:
        raise StartError(f"{name}: it is an error's answer: {_FORMS}")
    if "data" in value and "credentials" in value:
        raise StartError(f"{name}: it contradicts itself: it has both 'data' and 'credentials'")
    return value


def _credentials(value: dict[str, Any]) -> list[Any] | None:
    inner = value.get("data", value)
    items = inner.get("credentials") if isinstance(inner, dict) else None
    return items if isinstance(items, list) else None
