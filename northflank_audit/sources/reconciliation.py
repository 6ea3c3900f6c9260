"""Reads lists again, to distinguish contradictions from changes."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from northflank_audit.errors import FetchError
from northflank_audit.model import Resource
from northflank_audit.resources.redaction import MASK

Records = Mapping[str, dict[str, Any]]
"""The records of a list's page, without secrets, by id."""


class Settled(NamedTuple):
    """The outcome of reading a resource's parts."""

    resource: Resource | None
    """None if it was deleted."""
    problems: tuple[str, ...] = ()
    """What makes the audit incomplete, besides what the resource lacks."""
    warnings: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    """Why parts were not requested."""
    used: int = 0
    """Answers that were used."""


class ListAgain:
    """Pages of lists, each read again at most once, from any thread."""

    def __init__(self, read: Callable[[int], Records]) -> None:
        """Read nothing yet. `read` reads a page by its number in this run, or raises FetchError or RecursionError."""
        self._read = read
        self._pages: dict[int, Records | FetchError] = {}
        self._lock = threading.Lock()

    def page(self, number: int) -> Records:
        """Return a page as it is now. Raises FetchError if it can't be read."""
        with self._lock:
            if number not in self._pages:
                self._pages[number] = self._fetched(number)
            fresh = self._pages[number]
        if isinstance(fresh, FetchError):
            raise fresh
        return fresh

    def _fetched(self, number: int) -> Records | FetchError:
        try:
            return self._read(number)
        except FetchError as error:
            return error
        except RecursionError:
            return FetchError("its list's page, read again, is nested too deeply")


def differences(
    record: Mapping[str, Any], detail: Mapping[str, Any], changing: Collection[str], path: str = ""
) -> Iterator[str]:
    """Yield the path of each field that differs, except those that change by themselves.

    Values that were masked in one of them can't be compared.
    """
    for key in record.keys() & detail.keys():
        one, other, here = record[key], detail[key], f"{path}{key}"
        if isinstance(one, dict) and isinstance(other, dict):
            yield from differences(one, other, changing, f"{here}.")
        elif here not in changing and not _same(one, other):
            yield here


def without(record: Mapping[str, Any], paths: Iterable[str]) -> dict[str, Any]:
    """Return a record without the fields at these paths."""
    kept = dict(record)
    for path in paths:
        key, _, rest = path.partition(".")
        if rest:
            kept[key] = without(kept[key], [rest])
        else:
            kept.pop(key, None)
    return kept


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) and isinstance(other, str) and MASK in one + other:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return type(one) is type(other) and bool(one == other)
