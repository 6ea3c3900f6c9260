"""Saved JSON as a source."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import groupby, islice
from typing import Final

from msgspec.structs import replace

from northflank_audit.errors import StartError
from northflank_audit.model import LIST, Resource
from northflank_audit.northflank.paging import claimed, contradictions, with_ids, without_id
from northflank_audit.report import Origin, Subject
from northflank_audit.resources import PARENT, TYPES, ResourceType, Scope
from northflank_audit.resources.decode import listed, restored
from northflank_audit.sources.input_forms import InputFile, ListAnswer, decoded
from northflank_audit.sources.interface import AT_HOME, ELSEWHERE, NOT_ASKED, Source
from northflank_audit.sources.saved_json import Changed
from northflank_audit.sources.snapshot import DecodedSnapshot, SavedResource, Snapshot

NO_DETAILS: Final = "the input has no details; use a snapshot of a live audit"
NOT_KEPT: Final = "it is personal data, and no rule read it when this was fetched"
DIFFERENT: Final = "the inputs disagree on them"
NOT_STATED: Final = "the snapshot does not say which lists of the account it has"
SOME: Final = 1_000
"""Records of a snapshot that are evaluated together, at most."""


class InputSource(Source):
    """Files, which are checked before the first is evaluated, and are then read page by page."""

    def __init__(self, files: Sequence[InputFile | tuple[str, bytes]], team: str | None) -> None:
        """Check files, which must stay open. `team` is the owner of the resources if the files do not say.

        Raises StartError for a file of another form.
        """
        given = [InputFile(*each) for each in files]
        names = [each.name for each in given]
        super().__init__(Origin(kind="input", files=names, teams=[team] if team else []))
        with ExitStack() as copies:
            self._inputs = [(each.name, self._decoded(each, copies)) for each in given]
            self._copies = copies.pop_all()
        self._team = team
        snapshots = [(name, value.snapshot) for name, value in self._inputs if isinstance(value, DecodedSnapshot)]
        if snapshots and team is not None:
            raise StartError(f"{snapshots[0][0]}: a snapshot names its teams; omit --team")
        teams = [each for _, found in snapshots for each in found.source.teams]
        if teams:
            self.origin = replace(self.origin, teams=list(dict.fromkeys(teams)))
        if snapshots and len(snapshots) == len(self._inputs):  # otherwise some of it is as of now
            self.as_of = max(found.taken_at for _, found in snapshots)
            self.origin = replace(self.origin, taken_at=self.as_of)

    def close(self) -> None:
        """Delete copies of the files."""
        self._copies.close()

    def _decoded(self, given: InputFile, copies: ExitStack) -> DecodedSnapshot | ListAnswer:
        """Check a file, and remember its digest. Raises StartError for anything else than an input."""
        value, digest = decoded(given, copies)
        self.subjects.append(Subject(name=given.name, sha256=digest))
        return value

    def _pages(self, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        """Yield each file's resources."""
        for kind in kinds:
            for team in self._teams():
                self._note_list(kind, team)
        for name, value in self._inputs:
            if isinstance(value, DecodedSnapshot):
                yield from self._replayed(name, value, kinds)
            elif value.kind in kinds:
                yield from self._read(value)
        for team in self._teams():
            for kind in kinds:
                if kind.scope is Scope.PROJECT:
                    self._of_some_projects(kind, team)

    def _teams(self) -> Mapping[str | None, None]:
        """Return the teams that the inputs are about."""
        teams_: dict[str | None, None] = {}
        for _, value in self._inputs:
            teams = value.teams if isinstance(value, DecodedSnapshot) else [self._team]
            teams_.update(dict.fromkeys(teams))
        return teams_

    def _note_list(self, kind: ResourceType, team: str | None) -> None:
        """Record what the inputs have of a type's list: one that no input has is a gap."""
        if self._has_scope(kind, team):
            return
        states = [each for _, value in self._inputs if (each := self._state_of_list(value, kind, team)) is not None]
        complete = [each for each in states if isinstance(each, frozenset)]
        whys = [each for each in states if isinstance(each, str) and each != NOT_ASKED]
        if kind is PARENT and complete:  # an input may have what another lacks
            whys = [DIFFERENT] if any(each != complete[0] for each in complete) else []
        if whys == [DIFFERENT]:  # no input has a problem that explains it
            self._gap(kind, team, None, DIFFERENT)
        elif not (complete or whys):
            not_held = f"the input has no {kind.plural}; use a snapshot of a live audit with a rule that reads them"
            self._gap(kind, team, None, NOT_ASKED if NOT_ASKED in states else not_held)
        elif whys:
            self._lacks(kind, team, whys[0])

    def _has_scope(self, kind: ResourceType, team: str | None) -> bool:
        """Record why a snapshot's account has no resources of a type; return whether there is a reason."""
        saved = [
            each
            for _, value in self._inputs
            if isinstance(value, DecodedSnapshot)
            for each in value.snapshot.accounts
            if each.team == team
        ]
        partial_ = bool(saved) and all(each.partial for each in saved)
        why = next((each.out_of_scope[kind.name] for each in saved if kind.name in each.out_of_scope), "")
        if partial_ and kind.scope not in AT_HOME:
            why = why or ELSEWHERE
        account = self._account(team)
        scope = {**account.out_of_scope, **({kind.name: why} if why else {})}
        self.accounts[team] = replace(account, out_of_scope=scope, partial=partial_)
        return bool(why)

    def _state_of_list(
        self, value: DecodedSnapshot | ListAnswer, kind: ResourceType, team: str | None
    ) -> frozenset[str] | str | None:
        """Return what an input has of a list: ids if it is known, a reason if not, None if nothing."""
        if isinstance(value, ListAnswer):
            if value.kind is not kind or team != self._team:
                return None
            items = value.items if kind is PARENT else ()  # only of projects do others need the ids
            return frozenset(str(item.get(kind.id)) for item in items if isinstance(item, dict))
        account = next((each for each in value.snapshot.accounts if each.team == team), None)
        if account is None:
            return NOT_STATED if team in value.teams else None
        if kind.name in account.unknown:
            return account.unknown[kind.name]
        return frozenset(account.projects) if kind.name in value.snapshot.counts else NOT_ASKED

    def _read(self, answer: ListAnswer) -> Iterator[list[Resource]]:
        kind, lacking = answer.kind, 0
        with self._list_of(kind, self._team), _unchanged(answer.name):
            pagination = answer.pagination if isinstance(answer.pagination, dict) else {}
            self._count(claimed(pagination))
            if pagination.get("hasNextPage") or pagination.get("cursor"):
                self.problems.append(f"{answer.name}: it says that there is a next page, which the file lacks")
            elif pagination.get("hasNextPage") is not False:
                self.problems.append(f"{answer.name}: its 'pagination' does not say whether there is a next page")
            self.problems += [f"{answer.name}: {answer.disagreement}"] if answer.disagreement else []
            before = len(self.problems)
            for page in answer.items.pages():
                items = with_ids(page, kind.id, kind.part(LIST).identifying(self._team))
                lacking += without_id(items, kind.id)
                yield self._admit(
                    items,
                    kind,
                    self._team,
                    answer.project,
                    answer.name,
                    decode=partial(listed, kind, personal=self.needs.personal.get(kind.name, ())),
                    shortfall=NO_DETAILS if kind.parts else None,
                )
            # What is wrong with the list comes before what is wrong with its records.
            self.problems[before:before] = contradictions(len(answer.items), lacking, pagination, answer.name)

    def _of_some_projects(self, kind: ResourceType, team: str | None) -> None:
        """Record the projects of an account whose lists of a type are, or may be, in none of the inputs."""
        account = self._account(team)
        why = account.unknown.get(PARENT.name)
        if why is not None and kind.name not in account.unknown:
            self._gap(kind, team, None, f"the projects are unknown ({why})")
        answers = [value for _, value in self._inputs if isinstance(value, ListAnswer) and value.kind is kind]
        if not answers or team != self._team:
            return
        rest = [each for each in account.projects if each not in {answer.project for answer in answers}]
        for project in rest:
            self._gap(kind, team, project, f"the input has no {kind.plural} of the project '{project}'")

    def _replayed(self, name: str, value: DecodedSnapshot, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        snapshot = value.snapshot
        self.page_count += snapshot.pages
        self.counted = None if self.counted is None or snapshot.count is None else self.counted + snapshot.count
        self.generations.update(snapshot.generations)
        self.warnings += snapshot.warnings
        self.gaps += [
            Resource(
                type=gap.type, id="", name=None, team=gap.team, project=gap.project, record={}, parts=frozenset(),
                shortfall=gap.shortfall,
            )
            for gap in snapshot.gaps
            if TYPES.get(gap.type) in kinds
        ]  # fmt: skip
        self.unlisted += [] if snapshot.accounts else snapshot.incomplete_reasons
        with ExitStack() as lists:
            if value.names_accounts:
                self.problems += snapshot.incomplete_reasons
            for account in snapshot.accounts:
                for kind in kinds:
                    lists.enter_context(self._list_of(kind, account.team))
            if not value.names_accounts:
                self.problems += snapshot.incomplete_reasons
            if not value.intact:
                self.problems.append(f"{name}: the snapshot was changed after it was taken: its SHA-256 does not match")
            else:
                self.problems += (f"{name}: {problem}" for problem in value.missing)
        with _unchanged(name):
            for (type_name, team, _), records in groupby(value.records, _of_one_list):
                found_kind = TYPES.get(type_name)
                while found_kind is not None and found_kind in kinds and (some := list(islice(records, SOME))):
                    with self._list_of(found_kind, team):
                        yield [each for saved in some for each in self._restored(name, found_kind, saved, snapshot)]

    def _restored(self, name: str, kind: ResourceType, saved: SavedResource, of: Snapshot) -> list[Resource]:
        names = {part.name for part in kind.sources}
        personal = self.needs.personal.get(kind.name, frozenset())
        omitted_fields = of.omitted_fields(kind.name, personal)
        return self._admit(
            [saved.record],
            kind,
            saved.team,
            saved.project,
            name,
            decode=partial(restored, kind, personal=personal),
            parts=frozenset(saved.parts) & names,
            shortfall=saved.shortfall or (NOT_KEPT if omitted_fields else None),
            omitted_fields=omitted_fields,
        )


@contextmanager
def _unchanged(name: str) -> Iterator[None]:
    """Raise StartError if the file is not what it was when it was checked."""
    try:
        yield
    except Changed:
        raise StartError(f"{name}: changed while it was read; audit a copy of it") from None


def _of_one_list(saved: SavedResource) -> tuple[str, str | None, str | None]:
    return saved.type, saved.team, saved.project
