"""What a source must do, and the intake that all of them share."""

import datetime as dt
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from northflank_audit.model import Coverage, Origin, Resource
from northflank_audit.northflank.records import generation, has_id, listed


class Source(ABC):
    """A source of credentials. What it could not give is in `problems`, and then the audit is incomplete."""

    has_details: ClassVar[bool] = False
    """Whether `complete` can add anything."""
    as_of: dt.datetime | None = None
    """When the credentials were as they are here; None is now."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.page_count = 0
        self.counted: int | None = 0
        """The sum of the pages' own `count`; None where a page has none."""
        self.generations: set[str] = set()
        self._seen: dict[tuple[str | None, str], bytes] = {}

    @abstractmethod
    def pages(self) -> Iterator[list[Resource]]:
        """Yield the credentials, each once. Never raises for what is missing: that is said in `problems`."""

    def complete(self, resources: Sequence[Resource]) -> Iterator[list[Resource]]:
        """Yield the resources with their details, as far as they can be had. Call it after `pages` has ended."""
        yield list(resources)

    def coverage(self) -> Coverage:
        """Return what was asked and what came back, so far."""
        return Coverage(pages=self.page_count, count=self.counted)

    def _count(self, claimed: int | None) -> None:
        self.page_count += 1
        self.counted = None if self.counted is None or claimed is None else self.counted + claimed

    def _admit(
        self,
        items: Iterable[Any],
        team: str | None,
        where: str,
        *,
        detailed: bool = False,
        shortfall: str | None = None,
    ) -> list[Resource]:
        """Turn records into resources: without secrets, and each id of a team once.

        Records without an id are left out; whoever read them has said so in `problems`.
        """
        admitted = []
        for item in items:
            if not has_id(item):
                continue
            record = listed(item)
            if not detailed:  # a record with its details no longer shows what the list said
                self.generations.add(generation(record))
            identity, name = item["id"], record.get("name")
            digest = hashlib.sha256(msgspec.json.encode(record, order="deterministic")).digest()
            before = self._seen.setdefault((team, identity), digest)
            if before is not digest:
                if before == digest:
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
                    detailed=detailed,
                    shortfall=shortfall,
                )
            )
        return admitted
