"""Evaluates rules about one type that need only the resource itself."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

from northflank_audit.model import Resource, Rule, Status
from northflank_audit.policy.columns import UNSURE, Column, Pair, Part, reads, with_unsure
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.batch import keys_read
from northflank_audit.policy.expressions.cel import Absent, Missing, compiled
from northflank_audit.policy.kinds import FieldKinds, Uncertainty, absent_names
from northflank_audit.policy.outcome_memory import OutcomeMemory
from northflank_audit.policy.verdict import Verdict, verdict_of
from northflank_audit.resources import TYPES, Kind

_STATUSES: Final = (Status.FAIL, Status.PASS, Status.NOTAPPLICABLE, Status.UNKNOWN)
"""The verdicts of `Batch`'s codes, and of `UNSURE`."""
_ANY_TIME: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_FORMS: Final = 256
"""Sets of rules whose form is kept, for the next run in this process."""
_COMBINATIONS: Final = 256
"""Combinations of codes whose statuses are kept."""


class TypeRules:
    """The rules about one type that need only the resource itself."""

    def __init__(self, kind: str, ready: Sequence[CompiledRule], now: dt.datetime) -> None:
        self._rules = [each.rule for each in ready]
        self._parts = frozenset(part.name for part in TYPES[kind].sources)
        form = _form_of(kind, *((each.rule.when, each.rule.require) for each in ready))
        self._asks = form.asks
        self._columns = [Column(each, [self._rules[index].params for index in each.indexes]) for each in form.parts]
        self._kinds = form.kinds.as_of(now)
        self._memories = [OutcomeMemory(each, TYPES[kind].variable) for each in ready]
        order = [index for part in form.parts for index in part.indexes]
        self._statuses = lru_cache(_COMBINATIONS)(partial(_with_statuses, self._rules, order))

    def evaluate(
        self, page: Sequence[Resource], variables: Mapping[str, Any], settled: Callable[[Verdict], Verdict]
    ) -> Iterator[Iterable[Verdict]]:
        """Yield verdicts for each resource of a page and each rule, in that order, many at a time.

        Those that are unsure are decided one by one, because each may take long. `settled` replaces an unknown verdict
        according to the option `absent`.
        """
        uncertainties = self._uncertainties(page)
        rows = self._rows(page, uncertainties, variables)
        start = 0
        for index, codes in enumerate(rows):
            if UNSURE in codes:
                yield self._firm(page[start:index], rows[start:index])
                yield map(settled, self._exactly(page[index], uncertainties[index], codes, variables))
                start = index + 1
        yield self._firm(page[start:], rows[start:])

    def _uncertainties(self, page: Sequence[Resource]) -> Sequence[Uncertainty | None]:
        """Return what is uncertain about each resource; None if nothing is."""
        fits = self._kinds.fit([resource.record for resource in page])
        if fits and (not self._asks or all(map(self._lacks_nothing, page))):
            return [None] * len(page)
        return [self._kinds.uncertainty(resource, fits=fits) for resource in page]

    def _rows(
        self, page: Sequence[Resource], uncertainties: Sequence[Uncertainty | None], variables: Mapping[str, Any]
    ) -> Sequence[bytes]:
        """Return the codes of each resource; those of one about which something is uncertain are unsure."""
        alone = [uncertainty is not None for uncertainty in uncertainties]
        records = [resource.record for resource, one in zip(page, alone, strict=True) if not one]
        columns = [each.rows(records, variables) for each in self._columns]
        rows = columns[0] if len(columns) == 1 else list(map(b"".join, zip(*columns, strict=True)))
        return with_unsure(rows, alone, len(self._rules))

    def _firm(self, page: Sequence[Resource], rows: Sequence[bytes]) -> list[Verdict]:
        return [
            Verdict(rule, resource, status)
            for resource, codes in zip(page, rows, strict=True)
            for rule, status in self._statuses(codes)
        ]

    def _lacks_nothing(self, resource: Resource) -> bool:
        """Return whether the fields that a resource's record lacks are certainly absent."""
        if self._parts <= resource.parts and not resource.omitted_fields:
            return True
        return absent_names(resource) == frozenset()

    def _exactly(
        self, resource: Resource, uncertainty: Uncertainty | None, codes: bytes, variables: Mapping[str, Any]
    ) -> Iterator[Verdict]:
        record, invalid, absent = uncertainty or Uncertainty(resource.record, {}, frozenset())
        for memory, (rule, status) in zip(self._memories, self._statuses(codes), strict=True):
            if status is not Status.UNKNOWN:
                yield Verdict(rule, resource, status)
                continue
            expression, outcome = memory.outcome(record, absent, variables)
            if isinstance(outcome, Missing):  # the reason is worded only if it is shown
                unknown = (Status.UNKNOWN, expression, outcome.reason, outcome, invalid, None, memory.rule.needs)
                yield Verdict(rule, resource, *unknown)
            else:
                yield verdict_of(memory.rule, resource, expression, outcome)


class _Form(NamedTuple):
    """What rules about a type need to be evaluated, whenever they are."""

    parts: tuple[Part, ...]
    kinds: FieldKinds
    asks: bool
    """Whether a rule tests which fields a record has."""


@lru_cache(_FORMS)
def _form_of(kind: str, *sources: tuple[str | None, str]) -> _Form:
    """Return the form of rules by the sources of their expressions, `when` and `require`."""
    pairs = [(None if when is None else compiled(when, kind), compiled(require, kind)) for when, require in sources]
    read = [each.path[1:] for each in reads(pairs, TYPES[kind].variable)]
    asks = [each.asks(Absent(own=None)) for pair in pairs for each in pair if each is not None]
    return _Form(_parts(kind, pairs), FieldKinds(TYPES[kind], read, _ANY_TIME), any(map(any, asks)))


def _parts(kind: str, pairs: Sequence[Pair]) -> tuple[Part, ...]:
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
    chosen = [(indexes, repeats) for indexes, repeats in ((alike, True), (others, False)) if indexes]
    return tuple(Part.of(type_.variable, pairs, indexes, repeats=repeats) for indexes, repeats in chosen)


def _with_statuses(rules: Sequence[Rule], order: Sequence[int], codes: bytes) -> tuple[tuple[Rule, Status], ...]:
    """Return the rules, each with the status of its code; `order` are the indexes of the rules of the codes."""
    return tuple((rules[index], _STATUSES[code]) for index, code in sorted(zip(order, codes, strict=True)))
