"""The parts of resources that cost a request each: details, told apart from their lists, and lists of children."""

import re
from collections.abc import Callable, Collection
from typing import Any, Final

from msgspec.structs import replace

from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import DETAIL, Identity, Resource
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import Listing, endpoint, pages
from northflank_audit.resources import TYPES, ResourceType, Scope
from northflank_audit.resources.base import Part, Record
from northflank_audit.resources.decode import completed, joined, kept
from northflank_audit.sources.lists import whose
from northflank_audit.sources.reconciliation import ListAgain, Settled, differences, without

NOT_ASKED: Final = "not asked for, since "
NOT_FOUND: Final = 404


class PartReader:
    """Reads parts, from any thread. When several in a row have failed, the rest is not asked for."""

    def __init__(
        self,
        client: Client,
        again: ListAgain,
        page_of: Callable[[Identity], int],
        personal: Callable[[str], Collection[str]],
        page_size: int,
    ) -> None:
        """`page_of` tells which page of `again` lists a resource, `personal` which fields of a type are asked for."""
        self._client = client
        self._again = again
        self._page_of = page_of
        self._personal = personal
        self._page_size = page_size
        self.own_team: str | None = None
        """The team that the token itself is of, once that is known."""
        self._failures: dict[tuple[str, str], Circuit] = {}
        """By type and part."""
        self._refusals: dict[tuple[str, str, str | None], Circuit] = {}
        """By type, part and team: what is refused to the token in one team may be open to it in the next."""

    def read(self, resource: Resource, wanted: Collection[str]) -> Settled:
        """Return a resource with those of these parts that it lacks, as far as they can be had."""
        kind = TYPES[resource.type]
        shortfalls = [resource.shortfall] if resource.shortfall else []
        settled = Settled(replace(resource, shortfall=None))
        for part in kind.parts:
            if part.name not in wanted or part.name in resource.parts:
                continue
            came = self._part(settled.resource or resource, kind, part)
            settled = Settled(
                came.resource,
                settled.problems + came.problems,
                settled.warnings + came.warnings,
                settled.skipped + came.skipped,
                settled.used + came.used,
            )
            if settled.resource is None:
                return settled
            if settled.resource.shortfall:
                shortfalls.append(settled.resource.shortfall)
                settled = settled._replace(resource=replace(settled.resource, shortfall=None))
        if shortfalls and settled.resource is not None:
            settled = settled._replace(resource=replace(settled.resource, shortfall="; ".join(shortfalls)))
        return settled

    def _part(self, resource: Resource, kind: ResourceType, part: Part) -> Settled:
        failures = self._failures.setdefault((kind.name, part.name), Circuit())
        refusals = self._refusals.setdefault((kind.name, part.name, resource.team), Circuit())
        if cause := failures.cause or refusals.cause:
            return Settled(replace(resource, shortfall=f"{NOT_ASKED}{cause}"), skipped=(cause,))
        what = f"{_words(part)} of '{resource.id}'{whose(resource.team, resource.project)}"
        read = self._with_children if part.joins else self._with_detail
        try:
            settled = read(resource, kind, part, what)
        except Refused as error:
            if error.status == NOT_FOUND and self._is_gone(resource):
                settled = _gone(what)
            else:
                return self._failed(resource, error, refusals if error.status in (403, NOT_FOUND) else failures)
        except FetchError as error:
            return self._failed(resource, error, failures)
        failures.succeeded()
        refusals.succeeded()
        return settled

    def _failed(self, resource: Resource, error: FetchError, circuit: Circuit) -> Settled:
        if self._client.deadline.remaining > 0:  # else it says nothing of the API
            circuit.failed(str(error))
        return Settled(replace(resource, shortfall=str(error)))

    # -- Details -------------------------------------------------------------------------------------------------------
    def _with_detail(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Settled:
        """Return a resource with its detail, as far as that agrees with its list. Raises FetchError without any."""
        detail = self._detail(resource, kind, part, what)
        personal = self._personal(kind.name)
        record, problem = resource.record, ""
        try:
            shown = kept(part, detail, personal)
            if contested := sorted(differences(record, shown, kind.changing)):
                problem = f"{what}: its list and its details contradict each other ({', '.join(contested)})"
                fresh = self._again.page(self._page_of(resource.identity)).get(resource.id)
                if fresh is not None:
                    record = fresh | {each.joins: record[each.joins] for each in kind.parts if each.joins in record}
                    contested = sorted(differences(record, shown, kind.changing))
                elif self._is_not_found(resource, kind, part, what):
                    return _gone(what)
        except RecursionError:
            raise FetchError(f"{what}: the answer is nested too deeply") from None
        except FetchError as error:
            problem = f"{problem}, and {error}"
        both = completed(kind, part, record, detail, personal)
        if contested:
            less = replace(resource, record=without(both, contested), shortfall=problem)
            return Settled(less, problems=(problem,), used=1)
        name = both.get(kind.label)
        name = name if isinstance(name, str) else resource.name
        return Settled(replace(resource, record=both, name=name, parts=resource.parts | {part.name}), used=1)

    def _detail(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Record:
        answer = self._client.get(
            self._path(resource, part),
            {},
            what=what,
            permission=str(part.permission),
            absent=f"it is gone since it was listed, or the token lacks the permission {part.permission}",
            team=resource.team,
            circuit=self._failures[kind.name, part.name],
        )
        detail: Any = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(detail, dict) or detail.get(kind.id) != resource.id:
            raise FetchError(f"{what}: the answer is about something else")
        return detail

    # -- Children ------------------------------------------------------------------------------------------------------
    def _with_children(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Settled:
        """Return a resource with the list of its children. Raises FetchError for one that is not whole."""
        listing = Listing(
            path=self._path(resource, part),
            keys=part.keys,
            paged=part.paged,
            id_field=part.id,
            identify=part.identifying(self._team_of(resource)),
            what=what,
            permission=str(part.permission),
            team=resource.team,
        )
        items: list[Any] = []
        warnings: list[str] = []
        for page in pages(self._client, listing, self._page_size):
            if page.contradictions:
                problem = page.contradictions[0]
                return Settled(replace(resource, shortfall=problem), problems=(problem,), used=page.number)
            items += page.items
            warnings += page.warnings
        try:
            record = joined(part, resource.record, items, self._personal(kind.name))
        except RecursionError:
            raise FetchError(f"{what}: the answer is nested too deeply") from None
        whole = replace(resource, record=record, parts=resource.parts | {part.name})
        return Settled(whole, warnings=tuple(warnings), used=page.number)

    def _path(self, resource: Resource, part: Part) -> str:
        return endpoint(part.path, self._team_of(resource), project=resource.project, id=resource.id)

    def _team_of(self, resource: Resource) -> str | None:
        """Return the team that an address names: what only teams have, stands below the token's own, too."""
        is_of_teams = TYPES[resource.type].scope is Scope.TEAM
        return self.own_team if is_of_teams and resource.team is None else resource.team

    # -- What is gone --------------------------------------------------------------------------------------------------
    def _is_gone(self, resource: Resource) -> bool:
        """Tell whether a resource without a part is not listed any more; False where that can't be seen."""
        try:
            return resource.id not in self._again.page(self._page_of(resource.identity))
        except FetchError:
            return False

    def _is_not_found(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> bool:
        """Tell whether the details that were there are there no more.

        That a page lacks a resource is not enough: the pages shift when another one goes.
        """
        try:
            self._detail(resource, kind, part, what)
        except Refused as error:
            return error.status == NOT_FOUND
        return False


def _gone(what: str) -> Settled:
    return Settled(None, warnings=(f"{what}: it is gone since it was listed, and was not judged",))


def _words(part: Part) -> str:
    """Return what messages call a part: `backupSchedules` are backup schedules."""
    return "details" if part.name == DETAIL else re.sub(r"(?<!^)(?=[A-Z])", " ", part.name).lower()
