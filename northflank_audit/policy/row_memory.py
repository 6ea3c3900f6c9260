"""Remembers the codes of a batch's rules by what they read of a record."""

import marshal
from collections.abc import Mapping, Sequence
from itertools import repeat
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
        self._rows: dict[bytes, bytes] = {}

    def rows(self, records: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> list[bytes] | None:
        """Return the codes of each record, a byte for each rule, or None if any rule failed on any record.

        `variables` are those of the batch; all except `detailed` must be the same in every call.
        """
        marks = self._marks(records, variables["detailed"])
        if marks is None:
            return self._batch.evaluate(records, variables)
        new = {mark: record for mark, record in zip(marks, records, strict=True) if mark not in self._rows}
        if new:
            found = self._batch.evaluate(list(new.values()), variables)
            if found is None:
                return None
            if len(self._rows) + len(new) > _MOST:
                self._rows = {mark: self._rows[mark] for mark in marks if mark not in new}
            self._rows.update(zip(new, found, strict=True))
        return list(map(self._rows.__getitem__, marks))

    def _marks(self, records: Sequence[Mapping[str, Any]], detailed: bool) -> list[bytes] | None:
        """Return for each record what tells it from those with other codes; None if they can't be compared."""
        if self._batch.keys is None:
            return None
        columns = [[record.get(key, ...) for record in records] for key in self._batch.keys]
        try:
            return list(map(marshal.dumps, zip([detailed] * len(records), *columns, strict=True), repeat(_FORM)))
        except ValueError:  # nested too deeply, or not from JSON
            return None
