"""Explains the verdict of one rule on one resource."""

import datetime as dt
from collections.abc import Iterator
from typing import Final, NamedTuple

from northflank_audit.audit.evaluation import evaluate
from northflank_audit.model import Account, Result, Rule
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.explain import steps
from northflank_audit.policy.expressions.trace import Step
from northflank_audit.policy.rule_reads import needs
from northflank_audit.sources.interface import Source

UNREAD: Final = "they were not read"


class Explanation(NamedTuple):
    """A result, and how each part of the rule was evaluated."""

    result: Result
    steps: list[tuple[str, Step]]


class Finder:
    """Looks for a resource in a source, and remembers the ids that it saw."""

    def __init__(self, rule: Rule, source: Source, details: str, *, show_personal: bool = False) -> None:
        """Fetch nothing yet. `details` is the settings' own."""
        self.seen: list[str] = []
        self.shows_values = show_personal or not needs([rule]).personal
        """Whether the values of the rule's parts may be shown: any of them may be personal data, or made of it."""
        self._show_personal = show_personal
        self._rule, self._source, self._details = rule, source, details

    def find(self, resource_id: str) -> Iterator[Explanation]:
        """Yield an explanation for each resource with this id; several teams may have one."""
        now = self._source.as_of or dt.datetime.now(dt.UTC)
        engine = Engine([self._rule], now, show_personal=self._show_personal)
        for batch in evaluate(engine, self._source, self._details):
            for verdict in batch.verdicts:
                resource = verdict.resource
                if resource.id:
                    self.seen.append(resource.id)
                if resource.id == resource_id:
                    unread = Account(team=resource.team, unknown=dict.fromkeys(self._source.needs.types, UNREAD))
                    account = self._source.accounts.get(resource.team, unread)
                    others = [each for each in batch.resources if each.team == resource.team]
                    yield Explanation(engine.result(verdict), steps(self._rule, resource, now, account, others))
