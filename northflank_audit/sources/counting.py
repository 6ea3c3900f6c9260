"""The API as a source whose parts are only counted."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from northflank_audit.model import LIST, Identity, Resource
from northflank_audit.northflank.budget import Budget
from northflank_audit.resources import TYPES, ResourceType
from northflank_audit.resources.base import Part
from northflank_audit.sources.api import ApiSource
from northflank_audit.sources.parts import names
from northflank_audit.sources.scopes import Owner, owner

MOST_NAMES: Final = 100
"""The assumed maximum of names in a part that has not been read."""
PartKey = tuple[Identity, str]
"""A part of a resource."""


class Bounds(NamedTuple):
    """A number of requests: exact, or a range."""

    at_least: int
    at_most: int

    @property
    def exact(self) -> bool:
        """Whether it is exact."""
        return self.at_least == self.at_most


class CountingSource(ApiSource):
    """Counts the requests for parts.

    A list of children counts as one page, or more if the type that they are among has more resources than a page.
    """

    counts_parts = True
    owner = Owner()
    """The token's owner."""
    always = False
    """Whether parts are read whatever the verdicts are."""

    @property
    def budget(self) -> Budget:
        """The run's budget of requests."""
        return self._client.budget

    def settle(self, parts_by_resource: Mapping[Identity, frozenset[str]]) -> None:
        """Record parts that an audit certainly reads."""
        self._certain.update(
            (identity, part)
            for identity, parts in parts_by_resource.items()
            for part in TYPES[identity[0]].needed(parts)
        )

    def has_counted(self, team: str | None, parts: Mapping[str, frozenset[str]]) -> bool:
        """Return whether some of these parts of an account's types were counted, so that their content is unknown."""
        return any((team, kind, part) in self._kinds for kind, names in parts.items() for part in names)

    def complete(
        self, resources: Sequence[Resource], parts_by_resource: Mapping[Identity, frozenset[str]]
    ) -> Iterator[list[Resource]]:
        """Count these parts of these resources, and yield the resources unchanged."""
        for each in resources:
            kind = TYPES[each.type]
            for name in kind.needed(parts_by_resource[each.identity]) - each.parts - {LIST}:
                self._costs[each.identity, name] = self._cost(each, kind, kind.part(name))
                self._kinds.add((each.team, each.type, name))
        yield list(resources)

    def parts_of(self, name: str) -> Bounds:
        """Return the number of requests for the parts of a type."""
        costs = {each: cost for each, cost in self._costs.items() if each[0][0] == name}
        whole = TYPES[name].needed(self.needs.whole.get(name, ()))
        sure = [
            cost.at_least for each, cost in costs.items() if self.always or each in self._certain or each[1] in whole
        ]
        return Bounds(sum(sure), sum(cost.at_most for cost in costs.values()))

    @property
    def lists(self) -> int:
        """The number of an audit's requests without parts and retries."""
        return self._client.budget.sent - self._client.retries - int(self._asked_besides)

    @property
    def parts(self) -> Bounds:
        """The number of requests for all parts."""
        each = [self.parts_of(name) for name in self.needs.types]
        return Bounds(sum(one.at_least for one in each), sum(one.at_most for one in each))

    def _owner(self, kinds: Sequence[ResourceType]) -> Owner:
        """Read the token's owner, even if an audit would not; then a failure does not affect the plan."""
        self._certain: set[PartKey] = set()
        self._costs: dict[PartKey, Bounds] = {}
        self._kinds: set[tuple[str | None, str, str]] = set()
        before = self._client.budget.sent
        token_owner = super()._owner(kinds)
        self._asked_besides = self._client.budget.sent == before
        self.owner = owner(self._client) if self._asked_besides else token_owner
        if self._asked_besides and self.owner.problem:
            self.warnings.append(self.owner.problem)
        return token_owner

    def _cost(self, resource: Resource, kind: ResourceType, part: Part) -> Bounds:
        """Return how many requests a part of a resource takes: one, one for each of its pages, or of its names."""
        if not part.each:
            return Bounds(1, max(1, math.ceil(self._counts_by_account[part.among, resource.team] / self._page_size)))
        if kind.needed({part.name}) - {part.name} - resource.parts:  # its names are in a part that is not read here
            return Bounds(0, MOST_NAMES)
        count = len(names(resource, part, part.name))
        return Bounds(count, count)
