"""Evaluates until the run's time is up, and remembers what was not evaluated."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, Self

from northflank_audit.audit.request import AuditRequest
from northflank_audit.deadline import Deadline
from northflank_audit.formats.text import many, plural
from northflank_audit.model import Account, Identity, Resource, Rule
from northflank_audit.policy.engine import UNKNOWN, Engine
from northflank_audit.policy.verdict import Verdict

LATE: Final = 3.0
"""Seconds after the deadline during which resources that were fetched before it are still evaluated."""


class TimedEngine(Engine):
    """An engine that stops when the run's time is up."""

    def __init__(
        self,
        rules: Sequence[Rule],
        now: dt.datetime,
        deadline: Deadline,
        *,
        absent: str = UNKNOWN,
        console: str = "",
        projects: Collection[str] = (),
        show_personal: bool = False,
    ) -> None:
        super().__init__(rules, now, absent, console, projects, show_personal=show_personal)
        self._deadline = deadline
        self._unevaluated: set[Identity] = set()

    @classmethod
    def of(cls, request: AuditRequest, now: dt.datetime, deadline: Deadline) -> Self:
        """Make the engine of a request."""
        return cls(
            request.policy.rules,
            now,
            deadline,
            absent=request.absent,
            console=request.console_url,
            projects=request.projects,
            show_personal=request.show_personal_data,
        )

    def evaluate(self, resources: Iterable[Resource]) -> Iterator[Verdict]:
        """Yield the engine's verdicts until the time is up."""
        todo = list(resources)
        return self._in_time(super().evaluate(todo), todo)

    def evaluate_account(
        self, account: Account, resources: Sequence[Resource], rank: int | None = None
    ) -> Iterator[Verdict]:
        """Yield the engine's verdicts until the time is up."""
        return self._in_time(
            super().evaluate_account(account, resources, rank), [*resources, account.resource], in_order=False
        )

    def problems(self) -> Iterator[str]:
        """Yield a problem if something was not evaluated."""
        if self._unevaluated:
            yield self._late(plural(len(self._unevaluated), "resource"))

    def problems_by_type(self) -> dict[str, str]:
        """Return the same for each type. What its rules need besides its list is then not known, and was not read."""
        counts = Counter(identity[0] for identity in self._unevaluated)
        return {name: self._late(many(count, name)) for name, count in counts.items()}

    def _late(self, what: str) -> str:
        seconds = self._deadline.seconds
        return f"the run's time of {seconds:g} s was up before every rule had evaluated {what} (see --timeout)"

    def _in_time(
        self, verdicts: Iterable[Verdict], resources: Sequence[Resource], *, in_order: bool = True
    ) -> Iterator[Verdict]:
        """Yield verdicts until the time is up. An evaluation can't be interrupted, so each covers few resources.

        `in_order` says whether all verdicts of a resource come before those of the next.
        """
        evaluated: set[Identity] = set()
        current: Resource | None = None
        for verdict in verdicts:
            if not in_order or current is not verdict.resource:
                if self._deadline.is_over(LATE):
                    break
                if in_order and current is not None:
                    evaluated.add(current.identity)
                current = verdict.resource
            yield verdict
        else:
            return
        self._unevaluated.update({each.identity for each in resources} - evaluated)
