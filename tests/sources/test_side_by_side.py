"""Lists are read at most eight at a time, in order, and never far ahead of their use."""

import threading

import pytest

from northflank_audit.errors import FetchError
from northflank_audit.sources.side_by_side import AHEAD, WINDOW, side_by_side
from tests.conftest import NET, until


def used(items, read):
    return [(item, list(pages)) for item, pages in side_by_side(items, read)]


def test_eight_are_read_at_once_and_no_more():
    together, under_way, most, lock = threading.Barrier(8, timeout=NET), [0], [0], threading.Lock()

    def read(item):
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait()
        with lock:
            under_way[0] -= 1
        yield item

    assert used(range(40), read) == [(each, [each]) for each in range(40)]
    assert most[0] == 8


def test_the_order_is_that_of_the_items_whichever_comes_first():
    last = threading.Event()

    def read(item):
        if item == "first":
            assert last.wait(NET)
        else:
            last.set()
        yield item, 1
        yield item, 2

    assert used(["first", "last"], read) == [(each, [(each, 1), (each, 2)]) for each in ("first", "last")]


def test_an_error_comes_after_the_pages_before_it_and_keeps_no_other_list():
    def read(item):
        yield item
        if item == "a":
            raise FetchError("broken")

    found = []
    for item, pages in side_by_side(["a", "b"], read):
        try:
            found += pages
        except FetchError as error:
            found.append(f"{item}: {error}")
    assert found == ["a", "a: broken", "b"]


def test_a_long_list_is_read_only_a_few_pages_ahead():
    read_pages = []

    def read(_):
        for number in range(1000):
            read_pages.append(number)
            yield number

    for _, pages in side_by_side(["long"], read):
        for page in pages:
            until(lambda: len(read_pages) > min(page + 1, 999))  # noqa: B023 - used at once
            assert len(read_pages) <= page + AHEAD + 2
    assert len(read_pages) == 1000


def test_few_lists_are_begun_before_the_first_is_used():
    begun = []

    def read(item):
        begun.append(item)
        yield item

    coming = side_by_side(range(1000), read)
    next(coming)
    until(lambda: len(begun) == WINDOW)
    coming.close()
    assert len(begun) == WINDOW


@pytest.mark.parametrize("count", [1, 3])
def test_who_stops_waits_for_nothing_and_leaves_no_thread(count):
    def read(_):
        while True:
            yield 1

    before = set(threading.enumerate())
    coming = side_by_side(range(count), read)
    _, pages = next(coming)
    next(pages)
    coming.close()
    until(lambda: set(threading.enumerate()) <= before)


def test_nothing_is_read_of_nothing():
    assert used([], lambda _: pytest.fail("there is nothing")) == []
