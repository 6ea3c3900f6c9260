"""Results that are listed only on request: in order, and complete, however many they are."""

import errno
import random

import pytest

from northflank_audit.audit.result_store import ResultStore
from northflank_audit.model import Severity, Status
from northflank_audit.spool import Spool
from tests.formats.conftest import result


def some(count, seed=1):
    made = [
        result(f"r{n % 3}", f"c{n}", severity=list(Severity)[n % 3], status=Status.PASS if n % 4 else Status.FAIL)
        for n in range(count)
    ]
    random.Random(seed).shuffle(made)
    return made


def split(results, most):
    store = ResultStore(most)
    for each in results:
        if each.status is Status.PASS:
            store.add(each)
    listed = sorted((each for each in results if each.status is not Status.PASS), key=lambda each: each.order)
    return store, listed


@pytest.mark.parametrize("most", [7, 40, 1000])
def test_they_come_in_the_reports_order_from_a_file_as_from_memory(most):
    results = some(100)
    store, listed = split(results, most)
    merged = store.merged(listed)
    expected = sorted(results, key=lambda each: each.order)
    assert list(merged) == expected == list(merged)
    assert (len(merged), merged[0], merged[-1], merged[10:13]) == (100, expected[0], expected[-1], expected[10:13])


def test_a_disk_without_room_loses_no_finding_and_says_so(monkeypatch):
    def full(_spool, _content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "write", full)
    store, listed = split(some(100), 7)
    assert store.merged(listed) == listed
    assert "could not be written" in store.problem
    assert "No space left on device" in store.problem
