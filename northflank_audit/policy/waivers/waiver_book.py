"""Matches violations with waivers, which accept them until a date."""

import datetime as dt
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.documents.conversion import converted
from northflank_audit.documents.yaml_document import Document, Path
from northflank_audit.errors import FileError
from northflank_audit.model import Identity, Waiver

_WILDCARD = re.compile(r"[*?\[]")


class WaiverBook:
    """The waivers of a run, with a record of which were used."""

    def __init__(self, waivers: Sequence[Waiver], today: dt.date) -> None:
        """Separate the waivers that have expired on `today` (UTC)."""
        self.expired = [waiver for waiver in waivers if waiver.expires < today]
        self._active = [waiver for waiver in waivers if waiver.expires >= today]
        self._used: set[int] = set()
        self._exact: dict[tuple[str, str], list[int]] = {}
        self._patterns: dict[str, list[int]] = {}
        self._wildcards: list[int] = []
        for index, waiver in enumerate(self._active):
            if _WILDCARD.search(waiver.rule):
                self._wildcards.append(index)
            elif _WILDCARD.search(waiver.resource):
                self._patterns.setdefault(waiver.rule, []).append(index)
            else:
                self._exact.setdefault((waiver.rule, waiver.resource), []).append(index)

    def find(self, rule_id: str, identity: Identity) -> Waiver | None:
        """Return the first waiver that covers this violation. Each that covers it counts as used."""
        found = None
        named = self._exact.get((rule_id, identity[-1]), [])
        for index in sorted([*named, *self._patterns.get(rule_id, []), *self._wildcards]):
            waiver = self._active[index]
            if covers(waiver, rule_id, identity):
                self._used.add(index)
                found = found or waiver
        return found

    @property
    def unused(self) -> list[Waiver]:
        """The valid waivers that covered nothing."""
        return [waiver for index, waiver in enumerate(self._active) if index not in self._used]


def covers(waiver: Waiver, rule_id: str, identity: Identity) -> bool:
    """Return whether a waiver is about this rule and resource, expired or not."""
    kind, team, project, resource_id = identity
    return (
        is_about(waiver, rule_id)
        and fnmatchcase(resource_id, waiver.resource)
        and waiver.team in (UNSET, team)
        and waiver.project in (UNSET, project)
        and waiver.type in (UNSET, kind)
    )


def is_about(waiver: Waiver, rule_id: str) -> bool:
    """Return whether a waiver names this rule, by its id or by wildcards."""
    return waiver.rule == rule_id or fnmatchcase(rule_id, waiver.rule)


def exactly(resource_id: str) -> str:
    """Return a pattern that matches only this id."""
    return re.sub(r"([*?\[])", r"[\1]", resource_id)


def read(document: Document) -> tuple[list[tuple[Path, Waiver]], list[FileError]]:
    """Return the waivers of a file, each with its position, and every mistake in it."""
    diagnostics = list(document.diagnostics)
    value: Any = document.value
    entries = value.get("waivers", []) if isinstance(value, dict) else None
    if not isinstance(entries, list):
        if not diagnostics:
            problem = "a waiver file needs a list under the key 'waivers'"
            diagnostics.append(document.error(("waivers",), problem))
        return [], diagnostics
    diagnostics += [document.unknown_key((key,), ["waivers"]) for key in value if key != "waivers"]
    waivers: list[tuple[Path, Waiver]] = []
    for index in range(len(entries)):
        here: Path = ("waivers", index)
        waiver, problems = converted(document, here, Waiver)
        if waiver is not None:
            empty = [key for key in ("rule", "resource", "reason", "owner") if not getattr(waiver, key).strip()]
            problems = [document.error((*here, key), f"a waiver needs its {key}") for key in empty]
            waivers.append((here, replace(waiver, reason=waiver.reason.strip())))
        diagnostics += problems
    return waivers, diagnostics
