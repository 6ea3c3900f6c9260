"""What a source must do, and the intake that all of them share."""

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import msgspec
from msgspec.structs import replace

from northflank_audit.model import DETAIL, LIST, Account, Resource
from northflank_audit.northflank.records import has_id, listed
from northflank_audit.report import Coverage, Origin, Subject
from northflank_audit.resources.fields import generation

_PAGE_BYTES: Final = 4
NOT_ASKED: Final = "no rule asked for them when this was fetched"


class Source(ABC):
    """A source of credentials. What it could not give is in `problems`, and then the audit is incomplete."""

    has_details: ClassVar[bool] = False
    """Whether `complete` can add anything."""
    no_projects: ClassVar[str] = NOT_ASKED
    """Why an account's projects are not known as long as nobody has asked for them."""
    as_of: dt.datetime | None = None
    """When the credentials were as they are here; None is now."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.page_count = 0
        self.counted: int | None = 0
        """The sum of the pages' own `count`; None where a page has none."""
        self.subjects: list[Subject] = []
        """The files that the credentials come from, if they come from files."""
        self.generations: set[str] = set()
        self.accounts: dict[str | None, Account] = {}
        """By its team, each account whose list has been read, as far as it could be."""
        self._seen: dict[tuple[str | None, str], bytes] = {}
        """The page that each came on, and the digest of its record."""

    @abstractmethod
    def pages(self) -> Iterator[list[Resource]]:
        """Yield the credentials, each once. Never raises for what is missing: that is said in `problems`."""

    def complete(self, resources: Sequence[Resource]) -> Iterator[list[Resource]]:
        """Yield the resources with their details, as far as they can be had, but those that are gone.

        Call it after `pages` has ended.
        """
        yield list(resources)

    def with_projects(self, team: str | None) -> Account:
        """Return one of `accounts` with its projects, as far as they can be had. Call it after `pages` has ended."""
        return self.accounts[team]

    def coverage(self) -> Coverage:
        """Return what was asked and what came back, so far."""
        return Coverage(pages=self.page_count, count=self.counted)

    def _count(self, claimed: int | None) -> None:
        self.page_count += 1
        self.counted = None if self.counted is None or claimed is None else self.counted + claimed

    @contextmanager
    def _list_of(self, team: str | None) -> Iterator[None]:
        """Take what becomes a problem meanwhile for a gap in this account's list."""
        before = len(self.problems)
        try:
            yield
        finally:
            account = self.accounts.get(team) or Account(team=team, unknown={"projects": self.no_projects})
            gaps = self.problems[before:]
            if gaps and "resources" not in account.unknown:
                account = replace(account, unknown={**account.unknown, "resources": gaps[0]})
            self.accounts[team] = account

    def _page_of(self, resource: Resource) -> int:
        """Return the number of the page that a credential came on, as `_admit` was told."""
        return int.from_bytes(self._seen[resource.team, resource.id][:_PAGE_BYTES])

    def _admit(
        self,
        items: Iterable[Any],
        team: str | None,
        where: str,
        *,
        detailed: bool = False,
        shortfall: str | None = None,
        page: int = 0,
    ) -> list[Resource]:
        """Turn records into resources: without secrets, and each id of a team once.

        `page` is what `_page_of` says of them later.
        Records without an id are left out; whoever read them has said so in `problems`.
        """
        admitted = []
        for item in items:
            if not has_id(item):
                continue
            try:
                record = listed(item)
            except RecursionError:
                self.problems.append(f"{where}: the credential '{item['id']}' is nested too deeply to be judged")
                continue
            if not detailed:  # a record with its details no longer shows what the list said
                self.generations.add(generation(record))
            identity, name = item["id"], record.get("name")
            digest = hashlib.sha256(msgspec.json.encode(record, order="deterministic")).digest()
            seen = page.to_bytes(_PAGE_BYTES) + digest
            before = self._seen.setdefault((team, identity), seen)
            if before is not seen:
                if before.endswith(digest):
                    self.warnings.append(f"{where}: the credential '{identity}' came before, and was judged once")
                else:
                    self.problems.append(f"{where}: two different records have the id '{identity}'")
                continue
            admitted.append(
                Resource(
                    id=identity,
                    name=name if isinstance(name, str) else None,
                    team=team,
                    record=record,
                    parts=frozenset({LIST, DETAIL} if detailed else {LIST}),
                    shortfall=shortfall,
                )
            )
        return admitted
