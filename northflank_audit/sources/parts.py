"""Reads parts of resources: details, lists of children."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from northflank_audit.errors import FetchError, Refused
from northflank_audit.model import DETAIL, Identity, Resource, whose
from northflank_audit.northflank.circuit import Circuit
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import Listing, endpoint, pages
from northflank_audit.resources import TYPES, ResourceType, Scope
from northflank_audit.resources.base import Part, Record
from northflank_audit.resources.decode import completed, joined, part_record
from northflank_audit.resources.paths import ITEM, stepped
from northflank_audit.sources.lists import tells_of_api
from northflank_audit.sources.reconciliation import ListAgain, Settled, differences, without

NOT_ASKED: Final = "not requested, because "
NOT_FOUND: Final = 404


class _Children(NamedTuple):
    """The result of reading a list of children."""

    items: list[Any]
    warnings: tuple[str, ...] = ()
    used: int = 1
    """Answers."""
    problem: str = ""
    """Its contradictions; if there are any, it is incomplete."""


class PartReader:
    """Reads parts, from any thread. After several consecutive failures, the rest is not requested."""

    def __init__(
        self,
        client: Client,
        again: ListAgain,
        page_of: Callable[[Identity], int],
        personal: Callable[[str], Collection[str]],
        page_size: int,
    ) -> None:
        """`page_of` returns which page of `again` lists a resource, `personal` the requested fields of a type."""
        self._client = client
        self._again = again
        self._page_of = page_of
        self._personal = personal
        self._page_size = page_size
        self.own_team: str | None = None
        """The token's own team, once known."""
        self._failures: dict[tuple[str, str], Circuit] = {}
        """By type and part."""
        self._refusals: dict[tuple[str, str, str | None], Circuit] = {}
        """By type, part and team: the token may have a permission in one team and not in another."""

    def read(self, resource: Resource, names: Collection[str]) -> Settled:
        """Return a resource with those of these parts that it lacks and that can be read.

        A part that contains the names for another one is read first.
        """
        kind = TYPES[resource.type]
        names = kind.needed(names)
        shortfalls = [resource.shortfall] if resource.shortfall else []
        settled = Settled(replace(resource, shortfall=None))
        for part in kind.parts:
            if part.name not in names or part.name in resource.parts:
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
        if lacking := kind.needed({part.name}) - {part.name} - resource.parts:
            cause = f"the {' and '.join(_words(kind.part(name)) for name in sorted(lacking))} were not read"
            return Settled(replace(resource, shortfall=f"{what}: {NOT_ASKED}{cause}"), skipped=(cause,))
        read = self._with_named if part.each else self._with_children if part.joins else self._with_detail
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
        if tells_of_api(self._client, error):
            circuit.failed(str(error))
        return Settled(replace(resource, shortfall=str(error)))

    # -- Details -------------------------------------------------------------------------------------------------------
    def _with_detail(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Settled:
        """Return a resource with its detail, without contradictions to its list. Raises FetchError without any."""
        detail = self._detail(resource, kind, part, what)
        personal = self._personal(kind.name)
        record, problem = resource.record, ""
        try:
            detail_record = part_record(part, detail, personal)
            contested = [] if part.into else sorted(differences(record, detail_record, kind.changing))
            if contested:
                problem = f"{what}: its list and its details contradict each other ({', '.join(contested)})"
                fresh = self._again.page(self._page_of(resource.identity)).get(resource.id)
                if fresh is not None:
                    record = fresh | _of_parts(resource, kind)
                    contested = sorted(differences(record, detail_record, kind.changing))
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
            absent=f"it was deleted after it was listed, or the token lacks the permission {part.permission}",
            team=resource.team,
            circuit=self._failures[kind.name, part.name],
            label=kind.name,
        )
        detail: Any = answer.get("data") if isinstance(answer, dict) else None
        stated_id = resource.id if part.into or not isinstance(detail, dict) else detail.get(kind.id)
        if stated_id is None and not part.identified:
            stated_id = resource.id
        if not isinstance(detail, dict) or stated_id != resource.id:
            raise FetchError(f"{what}: the answer is about another resource")
        return detail

    # -- Children ------------------------------------------------------------------------------------------------------
    def _with_children(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Settled:
        """Return a resource with the list of its children. Raises FetchError if the list is incomplete."""
        return self._joined(resource, kind, part, what, self._children(resource, part, what))

    def _with_named(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> Settled:
        """Return a resource with the answers for all names. Raises FetchError if one can't be read."""
        ask = self._named if part.one else self._children
        items: list[Any] = []
        warnings: tuple[str, ...] = ()
        used = 0
        for name in names(resource, part, what):
            about = f"{_words(part)} of '{name}' in '{resource.id}'{whose(resource.team, resource.project)}"
            came = ask(resource, part, about, name)
            used += came.used
            if came.problem:
                return self._joined(resource, kind, part, what, came._replace(used=used))
            items += [{**item, part.by: name} if isinstance(item, dict) else item for item in came.items]
            warnings += came.warnings
        return self._joined(resource, kind, part, what, _Children(items, warnings, used))

    def _joined(self, resource: Resource, kind: ResourceType, part: Part, what: str, came: _Children) -> Settled:
        if came.problem:
            return Settled(replace(resource, shortfall=came.problem), problems=(came.problem,), used=came.used)
        try:
            record = joined(part, resource.record, came.items, self._personal(kind.name))
        except RecursionError:
            raise FetchError(f"{what}: the answer is nested too deeply") from None
        whole = replace(resource, record=record, parts=resource.parts | {part.name})
        return Settled(whole, warnings=came.warnings, used=came.used)

    def _children(self, resource: Resource, part: Part, what: str, name: str | None = None) -> _Children:
        listing = Listing(
            path=self._path(resource, part, name),
            keys=part.keys,
            paged=part.paged,
            id_field=part.id,
            identify=part.identifying(self._team_of(resource)),
            what=what,
            permission=str(part.permission),
            team=resource.team,
            label=resource.type,
        )
        items: list[Any] = []
        warnings: list[str] = []
        for page in pages(self._client, listing, self._page_size):
            if page.contradictions:
                return _Children([], (), page.number, page.contradictions[0])
            items += page.items
            warnings += page.warnings
        return _Children(items, tuple(warnings), page.number)

    def _named(self, resource: Resource, part: Part, what: str, name: str) -> _Children:
        """Return the endpoint's answer for this name."""
        answer = self._client.get(
            self._path(resource, part, name),
            {},
            what=what,
            permission=str(part.permission),
            team=resource.team,
            circuit=self._failures[resource.type, part.name],
            label=resource.type,
        )
        item: Any = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(item, dict) or item.get(part.by, name) != name:
            raise FetchError(f"{what}: the answer is about another resource")
        return _Children([item])

    def _path(self, resource: Resource, part: Part, name: str | None = None) -> str:
        return endpoint(part.path, self._team_of(resource), project=resource.project, id=resource.id, name=name)

    def _team_of(self, resource: Resource) -> str | None:
        """Return the team in the address; for types that only teams have, also the token's own."""
        is_of_teams = TYPES[resource.type].scope is Scope.TEAM
        return self.own_team if is_of_teams and resource.team is None else resource.team

    # -- What is gone --------------------------------------------------------------------------------------------------
    def _is_gone(self, resource: Resource) -> bool:
        """Return whether a resource without a part is no longer listed; False if that is unknown."""
        try:
            return resource.id not in self._again.page(self._page_of(resource.identity))
        except FetchError:
            return False

    def _is_not_found(self, resource: Resource, kind: ResourceType, part: Part, what: str) -> bool:
        """Return whether the details no longer exist.

        It is not enough that a page lacks a resource, because pages shift when another one is deleted.
        """
        try:
            self._detail(resource, kind, part, what)
        except Refused as error:
            return error.status == NOT_FOUND
        return False


def _of_parts(resource: Resource, kind: ResourceType) -> Record:
    """Return the fields of a record from parts other than its list and its details."""
    fields = {part.joins or part.into for part in kind.parts if part.name in resource.parts}
    return {name: value for name, value in resource.record.items() if name in fields}


def names(resource: Resource, part: Part, what: str) -> list[str]:
    """Return the names for which a part is requested, each once. Raises FetchError if a record lacks one."""
    names = list(_at(resource.record, stepped(part.each)))
    if not all(isinstance(name, str) and name for name in names):
        raise FetchError(f"{what}: '{part.each}' lacks the name to request")
    return list(dict.fromkeys(names))


def _at(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield the values at a path; None for a missing step."""
    if not steps:
        yield value
    elif steps[0] == ITEM and isinstance(value, list):
        for item in value:
            yield from _at(item, steps[1:])
    else:
        yield from _at(value[steps[0]], steps[1:]) if isinstance(value, dict) and steps[0] in value else (None,)


def _gone(what: str) -> Settled:
    return Settled(None, warnings=(f"{what}: deleted after it was listed, so not evaluated",))


def _words(part: Part) -> str:
    """Return a part's name in messages: `backup schedules` for `backupSchedules`."""
    return "details" if part.name == DETAIL else re.sub(r"(?<!^)(?=[A-Z])", " ", part.name).lower()
