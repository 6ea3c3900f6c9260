"""Evaluates rules about one type that need only the resource itself."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from northflank_audit.model import Resource, Status
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.batch import Batch
from northflank_audit.policy.expressions.cel import Absent, Expression, Missing
from northflank_audit.policy.kinds import FieldKinds, Uncertainty, absent_names
from northflank_audit.policy.verdict import Verdict, decided, verdict_of
from northflank_audit.resources import TYPES

_STATUSES = (Status.FAIL, Status.PASS, Status.NOTAPPLICABLE)
"""The verdicts of `Batch`'s codes."""


class TypeRules:
    """The rules about one type that need only the resource itself."""

    def __init__(self, kind: str, ready: Sequence[CompiledRule], now: dt.datetime) -> None:
        self.ready = ready
        self._rules = [each.rule for each in ready]
        self._variable = TYPES[kind].variable
        self._parts = frozenset(part.name for part in TYPES[kind].sources)
        self._batch = Batch(self._variable, [(each.when, each.require) for each in ready])
        expressions = [expression for each in ready for expression in each.expressions]
        paths = [
            read.path[1:]
            for expression in expressions
            for read in expression.reads_within
            if read.path[0] == self._variable
        ]
        self._kinds = FieldKinds(TYPES[kind], paths, now)
        self._asks = any(any(expression.asks(Absent(own=None))) for expression in expressions)
        """Whether a rule tests which fields a record has."""

    def evaluate(
        self, page: Sequence[Resource], variables: Mapping[str, Any], settled: Callable[[Verdict], Verdict]
    ) -> Iterable[Verdict]:
        """Return a verdict for each resource of a page and each rule, in that order.

        `settled` replaces an unknown verdict according to the option `absent`.
        """
        inputs = {"parameters": [rule.params for rule in self._rules], **variables}
        records = [resource.record for resource in page]
        if self._is_sure(page, records):
            uncertainties: Sequence[Uncertainty | None] = [None] * len(page)
        else:
            uncertainties = [self._kinds.uncertainty(resource) for resource in page]
            records = [
                record for record, uncertainty in zip(records, uncertainties, strict=True) if uncertainty is None
            ]
        rows = self._batch.evaluate(records, inputs)
        if rows is None or len(rows) < len(page):
            return self._one_by_one(page, uncertainties, iter(rows or ()), variables, settled)
        return self._firm(page, rows)

    def _firm(self, page: Sequence[Resource], rows: Sequence[Sequence[int]]) -> Iterator[Verdict]:
        for resource, codes in zip(page, rows, strict=True):
            for rule, code in zip(self._rules, codes, strict=True):
                yield Verdict(rule, resource, _STATUSES[code])

    def _one_by_one(
        self,
        page: Sequence[Resource],
        uncertainties: Sequence[Uncertainty | None],
        rows: Iterator[Sequence[int]],
        variables: Mapping[str, Any],
        settled: Callable[[Verdict], Verdict],
    ) -> Iterator[Verdict]:
        """Yield the verdicts one by one, because each evaluation may take long."""
        for resource, uncertainty in zip(page, uncertainties, strict=True):
            codes = next(rows, None) if uncertainty is None else None
            if codes is None:
                yield from map(settled, self._exactly(resource, uncertainty, variables))
            else:
                yield from self._firm([resource], [codes])

    def _is_sure(self, page: Sequence[Resource], records: Sequence[Mapping[str, Any]]) -> bool:
        """Return quickly whether all that the rules read is certain. False may also mean unknown."""
        return (not self._asks or all(map(self._lacks_nothing, page))) and self._kinds.fit(records)

    def _lacks_nothing(self, resource: Resource) -> bool:
        """Return whether the fields that a resource's record lacks are certainly absent."""
        if self._parts <= resource.parts and not resource.omitted_fields:
            return True
        return absent_names(resource) == frozenset()

    def _exactly(
        self, resource: Resource, uncertainty: Uncertainty | None, variables: Mapping[str, Any]
    ) -> Iterator[Verdict]:
        record, invalid, absent = uncertainty or Uncertainty(resource.record, {}, frozenset())
        for each in self.ready:
            inputs = {**variables, self._variable: record, "params": each.rule.params}
            expression, outcome = decided(each, partial(Expression.evaluate, variables=inputs, absent=Absent(absent)))
            if isinstance(outcome, Missing):  # the reason is worded only if it is shown
                unknown = (Status.UNKNOWN, expression, outcome.reason, outcome, invalid, None, each.needs)
                yield Verdict(each.rule, resource, *unknown)
            else:
                yield verdict_of(each, resource, expression, outcome)
