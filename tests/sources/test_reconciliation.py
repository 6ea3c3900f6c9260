import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from northflank_audit.errors import FetchError
from northflank_audit.resources import TYPES
from northflank_audit.sources.reconciliation import ListAgain, differences, without


@pytest.mark.parametrize(
    ("record", "detail", "paths"),
    [
        ({"a": 1}, {"b": 2}, []),
        ({"a": 1, "b": "x"}, {"a": 2, "b": "x"}, ["a"]),
        ({"a": {"b": True, "c": 1}}, {"a": {"b": False}}, ["a.b"]),
        ({"a": "x"}, {"a": {}}, ["a"]),
        ({"a": True}, {"a": 1}, ["a"]),
        ({"a": ["p", "q"]}, {"a": ["q", "p"]}, []),
        ({"a": ["p"]}, {"a": ["p", None]}, ["a"]),
        ({"updatedAt": 1, "registryCredentialRefresh": {"status": "x"}}, {"updatedAt": 2, "registryCredentialRefresh": {"status": "y"}}, []),
        ({"a": {"status": "x"}}, {"a": {"status": "y"}}, ["a.status"]),
        ({"name": "was s3cr3t"}, {"name": "was ***"}, []),
    ],
)  # fmt: skip
def test_two_answers_differ_where_both_say_something_else_about_what_does_not_change_by_itself(record, detail, paths):
    changing = TYPES["registry-credential"].changing | {"updatedAt"}
    assert sorted(differences(record, detail, changing)) == paths
    assert not list(differences(without(record, paths), without(detail, paths), changing))


def test_a_page_is_read_again_once_by_however_many_threads():
    read, started = [], threading.Barrier(4)

    def page(number):
        read.append(number)
        return {"a": {"id": "a"}}

    again = ListAgain(page)

    def ask(number):
        started.wait()
        return again.page(number)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, [1, 1, 2, 2])) == [{"a": {"id": "a"}}] * 4
    assert sorted(read) == [1, 2]


def test_a_page_that_can_not_be_read_again_is_not_asked_for_twice():
    read = []

    def page(number):
        read.append(number)
        raise FetchError("no")

    again = ListAgain(page)
    for _ in range(2):
        with pytest.raises(FetchError, match="no"):
            again.page(1)
    assert read == [1]
