"""Matches findings with waivers and annotations."""

import datetime as dt
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.model import Identity, Result, Status
from northflank_audit.remarks import Annotation, Remark, Waiver

R = TypeVar("R", bound=Remark)

_WILDCARD = re.compile(r"[*?\[]")


class RemarkBook(Generic[R]):
    """Remarks of one kind, with a record of which were used."""

    def __init__(self, remarks: Sequence[R]) -> None:
        self._remarks = list(remarks)
        self._used: set[int] = set()
        self._exact: dict[tuple[str, str], list[int]] = {}
        self._patterns: dict[str, list[int]] = {}
        self._wildcards: list[int] = []
        for index, remark in enumerate(self._remarks):
            if _WILDCARD.search(remark.rule):
                self._wildcards.append(index)
            elif _WILDCARD.search(remark.resource):
                self._patterns.setdefault(remark.rule, []).append(index)
            else:
                self._exact.setdefault((remark.rule, remark.resource), []).append(index)

    def find(self, rule_id: str, identity: Identity) -> R | None:
        """Return the first remark that covers this finding. Each that covers it counts as used."""
        found = None
        named = self._exact.get((rule_id, identity[-1]), [])
        for index in sorted([*named, *self._patterns.get(rule_id, []), *self._wildcards]):
            remark = self._remarks[index]
            if covers(remark, rule_id, identity):
                self._used.add(index)
                found = found or remark
        return found

    @property
    def unused(self) -> list[R]:
        """The remarks that covered nothing."""
        return [remark for index, remark in enumerate(self._remarks) if index not in self._used]


class WaiverBook(RemarkBook[Waiver]):
    """The waivers of a run."""

    def __init__(self, waivers: Sequence[Waiver], today: dt.date) -> None:
        """Separate the waivers that have expired on `today` (UTC)."""
        super().__init__([waiver for waiver in waivers if waiver.expires >= today])
        self.expired = [waiver for waiver in waivers if waiver.expires < today]
        self._today = today

    def ending(self, within: int) -> dict[dt.date, list[Waiver]]:
        """Return the valid waivers that end within this many days, by their last day."""
        last = self._today + dt.timedelta(within)
        days: dict[dt.date, list[Waiver]] = {}
        for waiver in sorted(self._remarks, key=lambda waiver: waiver.expires):
            if waiver.expires <= last:
                days.setdefault(waiver.expires, []).append(waiver)
        return days


class AnnotationBook(RemarkBook[Annotation]):
    """The annotations of a run."""

    def __init__(self, annotations: Sequence[Annotation], today: dt.date) -> None:
        """Treat annotations that were due before `today` (UTC) as overdue."""
        super().__init__(annotations)
        self._today = today

    def annotated(self, result: Result) -> Result:
        """Return a finding with its annotation, and whether it is overdue; waived ones never are."""
        if result.status in (Status.PASS, Status.NOTAPPLICABLE):
            return result
        annotation = self.find(result.rule_id, result.resource.identity)
        if annotation is None:
            return result
        late = annotation.due is not UNSET and annotation.due < self._today and result.waiver is None
        return replace(result, annotation=annotation, overdue=True if late else UNSET)


def covers(remark: Remark, rule_id: str, identity: Identity) -> bool:
    """Return whether a remark is about this rule and resource, whatever else it says."""
    kind, team, project, resource_id = identity
    return (
        is_about(remark, rule_id)
        and fnmatchcase(resource_id, remark.resource)
        and remark.team in (UNSET, team)
        and remark.project in (UNSET, project)
        and remark.type in (UNSET, kind)
    )


def is_about(remark: Remark, rule_id: str) -> bool:
    """Return whether a remark names this rule, by its id or by wildcards."""
    return remark.rule == rule_id or fnmatchcase(rule_id, remark.rule)


def exactly(resource_id: str) -> str:
    """Return a pattern that matches only this id."""
    return re.sub(r"([*?\[])", r"[\1]", resource_id)
