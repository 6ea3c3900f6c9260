"""Evaluates rules about one type that need only the resource itself."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, Self

from northflank_audit.model import Resource, Rule, Status
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.batch import Batch, keys_read
from northflank_audit.policy.expressions.cel import Absent, Expression, Missing, compiled
from northflank_audit.policy.kinds import FieldKinds, Uncertainty, absent_names
from northflank_audit.policy.outcome_memory import OutcomeMemory
from northflank_audit.policy.row_memory import RowMemory
from northflank_audit.policy.verdict import Verdict, verdict_of
from northflank_audit.resources import TYPES, Kind
from northflank_audit.resources.paths import ITEM

_STATUSES = (Status.FAIL, Status.PASS, Status.NOTAPPLICABLE)
"""The verdicts of `Batch`'s codes."""
_ANY_TIME: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_FORMS: Final = 256
"""Sets of rules whose form is kept, for the next run in this process."""
_COMBINATIONS: Final = 256
"""Combinations of codes whose statuses are kept."""


class TypeRules:
    """The rules about one type that need only the resource itself."""

    def __init__(self, kind: str, ready: Sequence[CompiledRule], now: dt.datetime) -> None:
        self.ready = ready
        self._rules = [each.rule for each in ready]
        self._parts = frozenset(part.name for part in TYPES[kind].sources)
        form = _form_of(kind, *((each.rule.when, each.rule.require) for each in ready))
        self._needs, self._asks = form.needs, form.asks
        self._columns = [_Column(each, [self._rules[index].params for index in each.indexes]) for each in form.parts]
        self._kinds = form.kinds.as_of(now)
        self._memories = [OutcomeMemory(each, TYPES[kind].variable) for each in ready]
        order = [index for part in form.parts for index in part.indexes]
        self._statuses = lru_cache(_COMBINATIONS)(partial(_with_statuses, self._rules, order))
        self._expects_gaps = False
        """Whether a batch failed because records lacked something, so that the next pages may, too."""

    def evaluate(
        self, page: Sequence[Resource], variables: Mapping[str, Any], settled: Callable[[Verdict], Verdict]
    ) -> Iterable[Verdict]:
        """Return a verdict for each resource of a page and each rule, in that order.

        `settled` replaces an unknown verdict according to the option `absent`.
        """
        uncertainties = self._uncertainties(page)
        alone = [uncertainty is not None for uncertainty in uncertainties]
        rows = None if self._expects_gaps else self._rows(page, alone, variables)
        if rows is None:
            gaps = [self._needs.lack(resource.record) for resource in page]
            self._expects_gaps = any(gaps)
            alone = [one or gap for one, gap in zip(alone, gaps, strict=True)]
            rows = self._rows(page, alone, variables)
        if rows is None or any(alone):
            alone = alone if rows is not None else [True] * len(page)
            return self._one_by_one(page, uncertainties, alone, iter(rows or ()), variables, settled)
        return self._firm(page, rows)

    def _uncertainties(self, page: Sequence[Resource]) -> Sequence[Uncertainty | None]:
        """Return what is uncertain about each resource; None if nothing is."""
        fits = self._kinds.fit([resource.record for resource in page])
        if fits and (not self._asks or all(map(self._lacks_nothing, page))):
            return [None] * len(page)
        return [self._kinds.uncertainty(resource, fits=fits) for resource in page]

    def _rows(
        self, page: Sequence[Resource], alone: Sequence[bool], variables: Mapping[str, Any]
    ) -> Sequence[bytes] | None:
        """Return the codes of the resources that are not evaluated alone; None if a rule failed on one of them."""
        records = [resource.record for resource, one in zip(page, alone, strict=True) if not one]
        if not records:
            return ()
        columns = [each.rows(records, variables) for each in self._columns]
        if len(columns) == 1 or None in columns:
            return columns[0] if len(columns) == 1 else None
        return list(map(b"".join, zip(*filter(None, columns), strict=True)))

    def _firm(self, page: Sequence[Resource], rows: Sequence[bytes]) -> list[Verdict]:
        return [
            Verdict(rule, resource, status)
            for resource, codes in zip(page, rows, strict=True)
            for rule, status in self._statuses(codes)
        ]

    def _one_by_one(
        self,
        page: Sequence[Resource],
        uncertainties: Sequence[Uncertainty | None],
        alone: Sequence[bool],
        rows: Iterator[bytes],
        variables: Mapping[str, Any],
        settled: Callable[[Verdict], Verdict],
    ) -> Iterator[Verdict]:
        """Yield the verdicts one by one, because each evaluation may take long."""
        for resource, uncertainty, one in zip(page, uncertainties, alone, strict=True):
            if one:
                yield from map(settled, self._exactly(resource, uncertainty, variables))
            else:
                for rule, status in self._statuses(next(rows)):
                    yield Verdict(rule, resource, status)

    def _lacks_nothing(self, resource: Resource) -> bool:
        """Return whether the fields that a resource's record lacks are certainly absent."""
        if self._parts <= resource.parts and not resource.omitted_fields:
            return True
        return absent_names(resource) == frozenset()

    def _exactly(
        self, resource: Resource, uncertainty: Uncertainty | None, variables: Mapping[str, Any]
    ) -> Iterator[Verdict]:
        record, invalid, absent = uncertainty or Uncertainty(resource.record, {}, frozenset())
        for memory in self._memories:
            each = memory.rule
            expression, outcome = memory.outcome(record, absent, variables)
            if isinstance(outcome, Missing):  # the reason is worded only if it is shown
                unknown = (Status.UNKNOWN, expression, outcome.reason, outcome, invalid, None, each.needs)
                yield Verdict(each.rule, resource, *unknown)
            else:
                yield verdict_of(each, resource, expression, outcome)


class _Part(NamedTuple):
    """Rules that are evaluated together."""

    indexes: tuple[int, ...]
    """Which they are of all rules about the type."""
    batch: Batch
    repeats: bool
    """Whether records may be equal in what they read."""


class _Column:
    """The codes of a part's rules, with these parameters."""

    def __init__(self, part: _Part, parameters: Sequence[Mapping[str, Any]]) -> None:
        self._parameters = parameters
        self._rows = RowMemory(part.batch).rows if part.repeats else part.batch.evaluate

    def rows(self, records: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> Sequence[bytes] | None:
        """Return the codes of each record, a byte for each rule, or None if any rule failed on any record."""
        return self._rows(records, {"parameters": self._parameters, **variables})


class _Form(NamedTuple):
    """What rules about a type need to be evaluated, whenever they are."""

    parts: tuple[_Part, ...]
    kinds: FieldKinds
    needs: "_Needs"
    """What a record lacks if a rule may be unknown on it, and then a batch with it has no result."""
    asks: bool
    """Whether a rule tests which fields a record has."""


@lru_cache(_FORMS)
def _form_of(kind: str, *sources: tuple[str | None, str]) -> _Form:
    """Return the form of rules by the sources of their expressions, `when` and `require`."""
    variable = TYPES[kind].variable
    pairs = [(None if when is None else compiled(when, kind), compiled(require, kind)) for when, require in sources]
    expressions = [expression for pair in pairs for expression in pair if expression is not None]
    reads = [read for expression in expressions for read in expression.reads_within if read.path[0] == variable]
    parts = _parts(kind, pairs)
    return _Form(
        parts,
        FieldKinds(TYPES[kind], [read.path[1:] for read in reads], _ANY_TIME),
        _Needs.of([read.path[1:] for read in reads if not read.tested]),
        any(any(expression.asks(Absent(own=None))) for expression in expressions),
    )


def _parts(kind: str, pairs: Sequence[tuple[Expression | None, Expression]]) -> tuple[_Part, ...]:
    """Return the rules in two parts: those that read something which is different in most records, and the others."""
    type_ = TYPES[kind]
    times = {path.partition(".")[0].removesuffix("[]") for path, each in type_.fields.items() if each.kind is Kind.TIME}
    different = {type_.id, "name", *times}
    alike: list[int] = []
    for index, pair in enumerate(pairs):
        keys = keys_read(filter(None, pair))
        if keys is not None and not keys & different:
            alike.append(index)
    others = [index for index in range(len(pairs)) if index not in alike]
    chosen = [(tuple(indexes), repeats) for indexes, repeats in ((alike, True), (others, False)) if indexes]
    return tuple(
        _Part(indexes, Batch(type_.variable, [pairs[index] for index in indexes]), repeats)
        for indexes, repeats in chosen or [((), False)]
    )


def _with_statuses(rules: Sequence[Rule], order: Sequence[int], codes: bytes) -> tuple[tuple[Rule, Status], ...]:
    """Return the rules, each with the status of its code; `order` are the indexes of the rules of the codes."""
    return tuple((rules[index], _STATUSES[code]) for index, code in sorted(zip(order, codes, strict=True)))


class _Needs(NamedTuple):
    """What rules read below some place of a record."""

    keys: frozenset[str]
    below: tuple[tuple[str, "_Needs"], ...]
    """What they read below each of these keys, if anything."""

    @classmethod
    def of(cls, paths: Iterable[Sequence[str]]) -> Self:
        """Return the needs for these paths."""
        by_key: dict[str, list[Sequence[str]]] = {}
        for path in filter(None, paths):
            by_key.setdefault(path[0], []).append(path[1:])
        return cls(frozenset(by_key), tuple((key, cls.of(rest)) for key, rest in by_key.items() if any(rest)))

    def lack(self, value: Any) -> bool:
        """Return whether a value lacks a key, or is no map; the key `[]` stands for each item of a list."""
        if isinstance(value, list):
            return self.keys != {ITEM} or any(below.lack(item) for item in value for _, below in self.below)
        if not isinstance(value, dict) or not self.keys <= value.keys():
            return True
        return any(below.lack(value[key]) for key, below in self.below)
