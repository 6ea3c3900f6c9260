"""The lists that types have, as they are asked for: of an account, or of each of its projects."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from northflank_audit.errors import FetchError
from northflank_audit.northflank.budget import NotCovered
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import Listing, endpoint
from northflank_audit.resources import ResourceType
from northflank_audit.resources.base import Part

Item = TypeVar("Item")


class NotAsked(FetchError):
    """A list that was not asked for, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"not asked for, since {why}")


@dataclass(frozen=True, slots=True)
class TypedList:
    """One type's list in an account, or in a project of it."""

    kind: ResourceType
    team: str | None
    project: str | None = None
    path_team: str | None = None
    """The team that the address names, where that is another: the one that the token itself is of."""

    @property
    def what(self) -> str:
        """Its name in messages."""
        return f"list of {self.kind.plural}{whose(self.team, self.project)}"

    @property
    def part(self) -> Part:
        """What the catalogue says of it."""
        return self.kind.part("list")

    def listing(self, *, again: bool = False, page: int = 1) -> Listing:
        """Return how it is asked for, or (`again`) one page of it. Raises FetchError for ids that no address holds."""
        return Listing(
            path=endpoint(self.part.path, self.path_team or self.team, project=self.project),
            keys=self.part.keys,
            paged=self.part.paged,
            id_field=self.kind.id,
            identify=self.part.identifying(self.path_team or self.team),
            what=f"{self.what}, page {page}, once more" if again else self.what,
            permission=str(self.part.permission),
            team=self.team,
            label=self.kind.name,
        )


def whose(team: str | None, project: str | None) -> str:
    """Return how messages say whose something is."""
    return ("" if project is None else f" of project {project}") + ("" if team is None else f" of team {team}")


def tells_of_api(client: Client, error: FetchError) -> bool:
    """Tell whether an error is the API's, and not due to the run's own bounds."""
    return client.deadline.remaining > 0 and not isinstance(error, NotCovered)


def within_limit(
    client: Client, items: Sequence[Item], cost: Callable[[Item], int], *, at_least: bool = False
) -> Iterator[tuple[Sequence[Item], str]]:
    """Yield, some at a time, the items whose requests the budget covers.

    For what the rate limit does not cover the end of its window is waited for, if that is before the run's. What is
    left then comes last, with the reason; `at_least` says there that it may take more requests than these.
    """
    budget = client.budget
    todo, waited = list(items), False
    while todo:
        total = sum(map(cost, todo))
        covered = budget.covers(total)
        count = 0
        while count < len(todo) and (covered := covered - cost(todo[count])) >= 0:
            count += 1
        count = count or int(waited)  # else a limit below the cost of one would be waited for again and again
        if count:
            yield todo[:count], ""
            todo, waited = todo[count:], False
        elif budget.wait_for_window(cost(todo[0])):
            waited = True
        else:
            yield todo, budget.shortage(total, at_least=at_least)
            return
