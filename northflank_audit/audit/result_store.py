"""Keeps results that reports list only on request (`--include`) in order, in a temporary file if they are many."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast, overload

import msgspec

from northflank_audit import typed
from northflank_audit.model import Result
from northflank_audit.spool import Spool

MOST: Final = 20_000
"""Results that stay in memory; more are sorted and written to the file, so many at a time."""
_BLOCK: Final = 16 * 1024
"""Bytes that are read of each sorted run at once."""

Order = tuple[int, str, str, str, str, str]
"""`Result.order`."""
_Line = tuple[Order, bytes]
"""A result's order, and the result as JSON."""


class _Run(NamedTuple):
    """Where sorted results are in the file."""

    start: int
    end: int


class ResultStore:
    """Takes results in any order."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._recent: list[Result] = []
        self._spool = Spool()
        self._size = self._count = 0
        self._runs: list[_Run] = []
        self.problem = ""
        """Why the results could not be kept; then there are none."""

    def add(self, result: Result) -> None:
        """Keep a result."""
        self._recent.append(result)
        self._count += 1
        if len(self._recent) >= self._most:
            self._spill()

    def merged(self, listed: list[Result]) -> list[Result]:
        """Return these results, which are sorted, and the stored ones, in order.

        If they are many it is no list, but a sequence that reads them from the file when it is iterated. Formats need
        no more; the library makes a list of it.
        """
        if self._runs:
            self._spill()
        if self.problem:
            return listed
        if self._runs:
            return cast("list[Result]", _Results(listed, self._count, self))
        return sorted([*listed, *self._recent], key=_order)

    def stored(self) -> Iterator[_Line]:
        """Yield the stored results in order."""
        return heapq.merge(*(self._lines(run) for run in self._runs), key=itemgetter(0))

    def _spill(self) -> None:
        results, self._recent = sorted(self._recent, key=_order), []
        encoder, start = msgspec.json.Encoder(), self._size
        try:
            for each in results if not self.problem else ():
                line = encoder.encode((each.order, each)) + b"\n"
                self._spool.write(line)
                self._size += len(line)
        except OSError as error:
            self.problem = f"a temporary file could not be written, so only findings are listed ({error.strerror})"
        self._runs.append(_Run(start, self._size))

    def _lines(self, run: _Run) -> Iterator[_Line]:
        """Yield a run's results."""
        decoder = typed.decoder(tuple[Order, msgspec.Raw])
        file, place, rest = self._spool.file, run.start, b""
        while place < run.end:
            file.seek(place)
            text = file.read(min(_BLOCK, run.end - place))
            place += len(text)
            *lines, rest = (rest + text).split(b"\n")
            for line in lines:
                order, result = decoder.decode(line)
                yield order, bytes(result)


class _Results(Sequence[Result]):
    """Results in order, some of which are read from a file when they are iterated."""

    def __init__(self, listed: list[Result], stored: int, store: ResultStore) -> None:
        self._listed, self._stored, self._store = listed, stored, store

    def __len__(self) -> int:
        return len(self._listed) + self._stored

    def __iter__(self) -> Iterator[Result]:
        decoder = typed.decoder(Result)
        listed = ((each.order, each) for each in self._listed)
        both: Any = heapq.merge(listed, self._store.stored(), key=itemgetter(0))
        for _, each in both:
            yield each if isinstance(each, Result) else decoder.decode(each)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            return list(islice(self, *index.indices(len(self))))
        return next(islice(self, range(len(self))[index], None))


def _order(result: Result) -> Order:
    return result.order
