"""Counts the requests of an audit."""

import datetime as dt
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from northflank_audit.audit.evaluation import evaluate
from northflank_audit.audit.policy_reading import read_policy
from northflank_audit.audit.request import AuditRequest
from northflank_audit.audit.source_opening import counting
from northflank_audit.audit.timed_engine import TimedEngine
from northflank_audit.config.settings import Settings
from northflank_audit.deadline import Deadline
from northflank_audit.model import Identity, Resource
from northflank_audit.policy.verdict import Verdict
from northflank_audit.resources.needs import Needs
from northflank_audit.sources.counting import Bounds, CountingSource

__all__ = ["Bounds", "RequestPlan", "TypePlan", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePlan:
    """The requests for one type."""

    type: str
    resources: int
    lists: int
    """Requests for its lists."""
    parts: Bounds
    """Requests for details and lists of children."""
    out_of_scope: str
    """Why these accounts have none of it; empty if they may have some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPlan:
    """How many requests an audit takes, and what that means for the hourly limit."""

    requests: Bounds
    """The total, without retries."""
    timeout: int | None
    """The `--timeout` that it needs, in seconds; None: none is enough."""
    limit: int | None
    """Requests per hour, by the API's headers; None if they do not say."""
    remaining: int | None
    """How many of them are left now."""
    covered: bool
    """Whether the hourly limit, less `--reserve`, covers the audit now."""
    most: int | None
    """What `--max-requests` allows."""
    needs: Needs
    """What the rules read."""
    owner: str
    """The token's owner, for a person."""
    types: list[TypePlan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why lists could not be read."""
    warnings: list[str] = field(default_factory=list)


class _CountingEngine(TimedEngine):
    """An engine that tells the source which parts an audit certainly reads.

    A verdict that is unknown without the counted parts may be settled once they are read.
    """

    source: CountingSource

    def needed_parts(
        self, verdicts: Iterable[Verdict], resources: Iterable[Resource]
    ) -> dict[Identity, frozenset[str]]:
        """Return what the engine returns."""
        all_verdicts, all_resources = list(verdicts), list(resources)
        sure = [each for each in all_verdicts if not self.source.has_counted(each.resource.team, each.parts or {})]
        self.source.settle(super().needed_parts(sure, all_resources))
        return super().needed_parts(all_verdicts, all_resources)


def plan(settings: Settings) -> RequestPlan:
    """Read the lists, and count the requests of an audit with these settings. Raises StartError before that."""
    deadline = Deadline(settings.timeout)
    policy = read_policy(settings)
    with counting(settings, deadline) as source:
        source.always = settings.details == "always"
        engine = _CountingEngine.of(AuditRequest.of(settings, policy), dt.datetime.now(dt.UTC), deadline)
        engine.source = source
        source.narrow(() if engine.account_scoped else settings.project)
        for batch in evaluate(engine, source, settings.details):
            deque(batch.verdicts, 0)
        return _plan(source, [*source.problems, *engine.problems()])


def _plan(source: CountingSource, problems: list[str]) -> RequestPlan:
    budget, parts = source.budget, source.parts
    requests = Bounds(source.lists + parts.at_least, source.lists + parts.at_most)
    limit = budget.rate_limit
    return RequestPlan(
        requests=requests,
        timeout=budget.timeout_for(requests.at_most),
        limit=limit.limit,
        remaining=limit.remaining,
        covered=budget.seconds_for(requests.at_most) <= 0,
        most=budget.most,
        needs=source.needs,
        owner=" ".join(filter(None, [source.owner.type, source.owner.id])),
        types=[
            TypePlan(
                type=each.type,
                resources=each.resources,
                lists=each.requests,
                parts=source.parts_of(each.type),
                out_of_scope=each.scope,
            )
            for each in source.coverage().types
            if each.type in source.needs.listed
        ],
        problems=list(dict.fromkeys(problems)),
        warnings=list(dict.fromkeys(source.warnings)),
    )
