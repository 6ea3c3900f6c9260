"""Remembers the codes of a batch's rules by what they read of a record."""

import marshal
from collections.abc import Mapping, Sequence
from typing import Any, Final

from northflank_audit.policy.expressions.batch import Batch

_MOST: Final = 4096
"""Rows that are kept; then they are forgotten."""
_FORM: Final = 2
"""Marshal's version without references, in which equal values have equal bytes, and 1, 1.0 and true do not."""


class RowMemory:
    """Evaluates a batch's rules on records that differ in what these rules read; the others have the same codes.

    In large accounts most records are equal in that, and finding codes takes a hundredth of evaluating them.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._rows: dict[tuple[Any, bool], Sequence[int]] = {}

    def rows(self, records: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> list[Sequence[int]] | None:
        """Return a row of codes for each record, or None if any rule failed on any record.

        `variables` are those of the batch; all except `detailed` must be the same in every call.
        """
        if self._batch.keys is None:
            return self._batch.evaluate(records, variables)
        marks = [self._mark(record, index, detailed=variables["detailed"]) for index, record in enumerate(records)]
        new = {mark: index for index, mark in enumerate(marks) if mark not in self._rows}
        found = self._batch.evaluate([records[index] for index in new.values()], variables) if new else []
        if found is None:
            return None
        fresh = dict(zip(new, found, strict=True))
        rows = [fresh[mark] if mark in fresh else self._rows[mark] for mark in marks]
        if len(self._rows) + len(fresh) > _MOST:
            self._rows.clear()
        self._rows.update((mark, row) for mark, row in fresh.items() if isinstance(mark[0], bytes))
        return rows

    def _mark(self, record: Mapping[str, Any], index: int, *, detailed: bool) -> tuple[Any, bool]:
        """Return what tells a record from those with other codes: what is read of it, else its place in the page."""
        try:
            read = {key: record[key] for key in self._batch.keys or () if key in record}
            return marshal.dumps(read, _FORM), detailed
        except ValueError:  # nested too deeply, or not from JSON
            return index, detailed
