"""Evaluates rules in batches, without the records that would spoil them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import msgspec

from northflank_audit import typed
from northflank_audit.policy.expressions.batch import Batch
from northflank_audit.policy.expressions.cel import Expression
from northflank_audit.policy.expressions.field_reads import FieldRead
from northflank_audit.policy.row_memory import RowMemory
from northflank_audit.resources.paths import ITEM

UNSURE: Final = 3
"""The code of a rule that has to be evaluated by itself; the others are those of `Batch`."""

Pair = tuple[Expression | None, Expression]
"""A rule's `when` and `require`."""


class Part(NamedTuple):
    """Rules that are evaluated together."""

    indexes: tuple[int, ...]
    """Which they are of all rules about the type."""
    batch: Batch
    needed: Any
    """The type of a record that lacks nothing that they read; with any other, the batch has no result."""
    repeats: bool
    """Whether records may be equal in what they read."""

    @classmethod
    def of(cls, variable: str, pairs: Sequence[Pair], indexes: Sequence[int], *, repeats: bool) -> Self:
        """Compile the rules with these indexes; `variable` is the name of a record in them."""
        chosen = [pairs[index] for index in indexes]
        paths = [read.path[1:] for read in reads(chosen, variable) if not read.tested]
        return cls(tuple(indexes), Batch(variable, chosen), _needed(paths), repeats)


class Column:
    """The codes of a part's rules, with these parameters."""

    def __init__(self, part: Part, parameters: Sequence[Mapping[str, Any]]) -> None:
        self._parameters = parameters
        self._needed = part.needed
        self._rows = RowMemory(part.batch).rows if part.repeats else part.batch.evaluate
        self._expects_gaps = False
        """Whether a batch failed because records lacked something, so that the next pages may, too."""

    def rows(self, records: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> Sequence[bytes]:
        """Return the codes of each record, a byte for each rule; they are unsure if a rule may fail on it."""
        inputs = {"parameters": self._parameters, **variables}
        rows = None if self._expects_gaps else self._rows(records, inputs)
        if rows is not None:
            return rows
        gaps = [self._lacks(record) for record in records]
        self._expects_gaps = any(gaps)
        rows = self._rows([record for record, gap in zip(records, gaps, strict=True) if not gap], inputs)
        return with_unsure(rows or (), gaps if rows is not None else [True] * len(records), len(self._parameters))

    def _lacks(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record lacks something that a rule reads; true may also mean unknown."""
        try:
            typed.convert(record, self._needed)
        except ValueError:  # which includes msgspec's ValidationError
            return True
        return False


def with_unsure(rows: Sequence[bytes], unsure: Sequence[bool], width: int) -> Sequence[bytes]:
    """Return these rows in their order, and between them those that are unsure about all of that many rules."""
    if not any(unsure):
        return rows
    rest = iter(rows)
    return [bytes([UNSURE]) * width if one else next(rest) for one in unsure]


def reads(pairs: Iterable[Pair], variable: str) -> list[FieldRead]:
    """Return what rules read of the record of that name."""
    expressions = [each for pair in pairs for each in pair if each is not None]
    return [read for each in expressions for read in each.reads_within if read.path[0] == variable]


def _needed(paths: Iterable[Sequence[str]]) -> Any:
    """Return the type of a value that lacks nothing of these paths; the key `[]` stands for each item of a list."""
    rest: dict[str, list[Sequence[str]]] = {}
    for path in filter(None, paths):
        rest.setdefault(path[0], []).append(path[1:])
    below = {key: _needed(each) for key, each in rest.items()}
    if not below:
        return Any
    if below.keys() == {ITEM}:
        return list.__class_getitem__(below[ITEM])
    names = {f"field{number}": key for number, key in enumerate(below)}
    return msgspec.defstruct("Needed", [(name, below[key]) for name, key in names.items()], rename=names, gc=False)
