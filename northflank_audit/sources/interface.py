"""The base class of sources."""

import datetime as dt
import hashlib
import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import msgspec
from msgspec.structs import replace

from northflank_audit.compact import CompactMap
from northflank_audit.model import LIST, Account, Identity, Resource
from northflank_audit.northflank.paging import has_id
from northflank_audit.report import Coverage, Origin, Subject, TypeCoverage
from northflank_audit.resources import PARENT, TYPES, ResourceType, Scope
from northflank_audit.resources.base import Record
from northflank_audit.resources.needs import Needs

_PAGE_BYTES: Final = 4
_DIGEST_BYTES: Final = 8
_SECRET: Final = os.urandom(16)
"""The key of the digests, so that nobody can make two records with the same one."""
ELSEWHERE: Final = "they belong to another account"
AT_HOME: Final = frozenset({Scope.TOKEN, Scope.ORGANISATION})
"""The scopes that exist once, whatever the accounts are."""
NOT_ASKED: Final = "no rule read them when this was fetched"


class Source(ABC):
    """A source of resources. If it could not read something, `problems` says so and the audit is incomplete."""

    has_parts: ClassVar[bool] = False
    """Whether `complete` can add anything."""
    counts_parts: ClassVar[bool] = False
    """Whether `complete` only counts parts, so that unknown parts are not a problem."""
    as_of: dt.datetime | None = None
    """The time as of which the resources are; None is now."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.page_count = 0
        self.counted: int | None = 0
        """The sum of the pages' own `count`; None if a page has none."""
        self.subjects: list[Subject] = []
        """The files that the resources come from, if they come from files."""
        self.generations: set[str] = set()
        self.accounts: dict[str | None, Account] = {}
        """By team, each account whose lists were requested."""
        self.gaps: list[Resource] = []
        """A resource without an id for each list that could not be read; its `shortfall` says why."""
        self.needs = Needs()
        """The argument of `pages`."""
        self.counts: Counter[str] = Counter()
        """How many resources there are of each type."""
        self.details: Counter[str] = Counter()
        """How many answers about single resources of each type were used."""
        self.requests: Mapping[str, int] = {}
        """How many requests were sent for each type, tries included."""
        self.shortfalls: dict[str, list[str]] = {}
        """By type, why parts of its resources could not be read, one reason per resource."""
        self.only_projects: frozenset[str] = frozenset()
        """If not empty, the ids of the projects whose lists are requested."""
        self.unlisted: list[str] = []
        """Why not all accounts are known."""
        self._seen = CompactMap(_PAGE_BYTES + _DIGEST_BYTES)
        """The page of each resource, and the digest of its record, by its identity."""
        self._counts_by_account: Counter[tuple[str, str | None]] = Counter()
        """How many resources there are of each type and team."""

    def narrow(self, projects: Collection[str]) -> None:
        """Limit the source to these projects (none: all). Call it before `pages`."""
        self.only_projects = frozenset(projects)

    def entity(self) -> str:
        """Return the owner of the account by the API; empty if unknown."""
        return ""

    def pages(self, needs: Needs) -> Iterator[list[Resource]]:
        """Yield the resources of the types that are needed, each once; a page is of one type, account and project.

        Never raises for missing data, which is recorded in `problems` and `gaps`.
        """
        self.needs = needs
        return self._pages([TYPES[name] for name in needs.listed])

    @abstractmethod
    def _pages(self, kinds: Sequence[ResourceType]) -> Iterator[list[Resource]]:
        """Yield the resources of these types."""

    def complete(
        self,
        resources: Sequence[Resource],
        parts_by_resource: Mapping[Identity, frozenset[str]],  # noqa: ARG002 - unused in the base class
    ) -> Iterator[list[Resource]]:
        """Yield the resources with the requested parts that can be read, without deleted resources.

        Call it after `pages` has ended.
        """
        yield list(resources)

    def coverage(self) -> Coverage:
        """Return the coverage so far."""
        return Coverage(
            pages=self.page_count,
            count=self.counted,
            details=self.details.total(),
            types=[self._coverage_of(name) for name in self.needs.types],
        )

    def _coverage_of(self, name: str) -> TypeCoverage:
        missing = [*self.unlisted, *(each.unknown[name] for each in self.accounts.values() if name in each.unknown)]
        if lacking := self.shortfalls.get(name):
            more = f", and {len(lacking) - 1} more like it" if len(lacking) > 1 else ""
            missing.append(f"{lacking[0]}{more}")
        scopes = [each.out_of_scope.get(name, "") for each in self.accounts.values()]
        return TypeCoverage(
            in_scope=not scopes or not all(scopes),
            scope=scopes[0] if scopes and all(scopes) else "",
            type=name,
            resources=self.counts[name],
            details=self.details[name],
            requests=self.requests.get(name, 0),
            complete=not missing,
            missing=list(dict.fromkeys(missing)),
        )

    def _count(self, claimed: int | None) -> None:
        self.page_count += 1
        self.counted = None if self.counted is None or claimed is None else self.counted + claimed

    @contextmanager
    def _list_of(self, kind: ResourceType, team: str | None) -> Iterator[None]:
        """Record problems that occur meanwhile as a gap in this account's list."""
        before = len(self.problems)
        try:
            yield
        finally:
            self._account(team)
            if gaps := self.problems[before:]:
                self._lacks(kind, team, gaps[0])

    def _account(self, team: str | None) -> Account:
        return self.accounts.setdefault(team, Account(team=team))

    def _lacks(self, kind: ResourceType, team: str | None, why: str) -> None:
        """Record that an account's list is not completely known."""
        account = self._account(team)
        if kind.name not in account.unknown:
            self.accounts[team] = replace(account, unknown={**account.unknown, kind.name: why})

    def _gap(self, kind: ResourceType, team: str | None, project: str | None, why: str) -> None:
        """Record that nothing is known about a list."""
        self._lacks(kind, team, why)
        gap = Resource(
            type=kind.name, id="", name=None, team=team, project=project, record={}, parts=frozenset(), shortfall=why
        )
        self.gaps.append(gap)

    def _page_of(self, identity: Identity) -> int:
        """Return the number of the page that a resource came on, as passed to `_admit`."""
        return int.from_bytes((self._seen.get(identity) or b"")[:_PAGE_BYTES])

    def _admit(
        self,
        items: Iterable[Any],
        kind: ResourceType,
        team: str | None,
        project: str | None,
        where: str,
        *,
        decode: Callable[[dict[str, Any]], Record],
        parts: frozenset[str] = frozenset({LIST}),
        shortfall: str | None = None,
        omitted_fields: frozenset[str] = frozenset(),
        page: int = 0,
    ) -> list[Resource]:
        """Convert records to resources, without secrets, each once.

        `page` is what `_page_of` returns for them later. Records without an id are skipped; the caller has recorded
        them in `problems`.
        """
        admitted = []
        for item in items:
            if not has_id(item, kind.id):
                continue
            identity = (kind.name, team, project, item[kind.id])
            try:
                record = decode(item)
            except RecursionError:
                self.problems.append(
                    f"{where}: the {kind.singular} '{item[kind.id]}' is nested too deeply to be evaluated"
                )
                continue
            if kind.generation is not None and parts == {LIST}:  # with details it no longer shows what was in the list
                self.generations.add(kind.generation(record))
            encoded = msgspec.json.encode(record, order="deterministic")
            digest = hashlib.blake2b(encoded, digest_size=_DIGEST_BYTES, key=_SECRET).digest()
            before = self._seen.put(identity, page.to_bytes(_PAGE_BYTES) + digest)
            if before is not None:
                if before.endswith(digest):
                    self.warnings.append(
                        f"{where}: the {kind.singular} '{identity[3]}' is a repeated one, evaluated once"
                    )
                else:
                    self.problems.append(f"{where}: two different records have the id '{identity[3]}'")
                continue
            name = record.get(kind.label)
            admitted.append(
                Resource(
                    type=kind.name,
                    id=identity[3],
                    name=name if isinstance(name, str) else None,
                    team=team,
                    project=project,
                    record=record,
                    parts=parts,
                    shortfall=shortfall,
                    omitted_fields=omitted_fields,
                )
            )
        self.counts[kind.name] += len(admitted)
        self._counts_by_account[kind.name, team] += len(admitted)
        self._take_shortfalls(kind, admitted)
        if kind is PARENT and admitted:
            account = self._account(team)
            self.accounts[team] = replace(account, projects=[*account.projects, *(each.id for each in admitted)])
        return admitted

    def _take_shortfalls(self, kind: ResourceType, admitted: Iterable[Resource]) -> None:
        """Record what is needed of resources but known to be unavailable from the start."""
        needed = frozenset(self.needs.parts.get(kind.name, ()))
        for each in admitted:
            if not each.shortfall:
                continue
            lacks_parts = not needed <= each.parts and not (kind.lists_all and kind.lists_all(each.record))
            if lacks_parts or each.omitted_fields:
                self.shortfalls.setdefault(kind.name, []).append(each.shortfall)
