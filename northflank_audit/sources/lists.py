"""Lists of types in accounts and projects."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from northflank_audit.errors import FetchError
from northflank_audit.model import whose
from northflank_audit.northflank.budget import NotCovered
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import Listing, endpoint
from northflank_audit.resources import ResourceType
from northflank_audit.resources.base import Part

Item = TypeVar("Item")


class NotAsked(FetchError):
    """A list that was not requested, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not requested, because {why}")


class TypedList(msgspec.Struct, frozen=True):
    """One type's list in an account, or in a project of it."""

    kind: ResourceType
    team: str | None
    project: str | None = None
    path_team: str | None = None
    """The team in the address, if it is another: the token's own."""

    @property
    def what(self) -> str:
        """Its name in messages."""
        return f"list of {self.kind.plural}{whose(self.team, self.project)}"

    @property
    def part(self) -> Part:
        """Its declaration in the catalogue."""
        return self.kind.part("list")

    def listing(self, *, again: bool = False, page: int = 1) -> Listing:
        """Return the request for it, or (`again`) for one page. Raises FetchError for ids that no address can have."""
        return Listing(
            path=endpoint(self.part.path, self.path_team or self.team, project=self.project),
            keys=self.part.keys,
            paged=self.part.paged,
            id_field=self.kind.id,
            identify=self.part.identifying(self.path_team or self.team),
            what=f"{self.what}, page {page}, read again" if again else self.what,
            permission=str(self.part.permission),
            team=self.team,
            label=self.kind.name,
        )


def tells_of_api(client: Client, error: FetchError) -> bool:
    """Return whether an error is the API's, and not due to the run's own limits."""
    return client.deadline.remaining > 0 and not isinstance(error, NotCovered)


def within_limit(
    client: Client, items: Sequence[Item], cost: Callable[[Item], int], *, at_least: bool = False
) -> Iterator[tuple[Sequence[Item], str]]:
    """Yield, in batches, the items whose requests the budget covers.

    If the rate limit does not cover more, wait for the end of its window, if that is within the run's time. The rest
    comes last, with the reason; `at_least` says that more requests than these may be needed.
    """
    budget = client.budget
    todo, waited = list(items), False
    while todo:
        total = sum(map(cost, todo))
        covered = budget.covers(total)
        count = 0
        while count < len(todo) and (covered := covered - cost(todo[count])) >= 0:
            count += 1
        count = count or int(waited)  # otherwise a limit below the cost of one item would be awaited for ever
        if count:
            yield todo[:count], ""
            todo, waited = todo[count:], False
        elif budget.wait_for_window(cost(todo[0])):
            waited = True
        else:
            yield todo, budget.shortage(total, at_least=at_least)
            return
