"""Records that are equal in what rules read are evaluated once, and no others."""

import datetime as dt

import pytest

from northflank_audit.policy import row_memory
from northflank_audit.policy.expressions.batch import Batch
from northflank_audit.policy.expressions.cel import compiled
from northflank_audit.policy.row_memory import RowMemory

KIND = "registry-credential"
NOW = {"now": dt.datetime(2026, 11, 1, tzinfo=dt.UTC), "parameters": [{"allowed": ["a"]}, {}]}
SOURCES = [(None, "credential.provider in params.allowed"), ("detailed", "credential.restrictions.restricted == true")]


class Counted(Batch):
    """A batch that remembers how many records it evaluated."""

    evaluated = 0

    def evaluate(self, page, variables):
        self.evaluated += len(page)
        return super().evaluate(page, variables)


@pytest.fixture
def batch():
    pairs = [(when and compiled(when, KIND), compiled(require, KIND)) for when, require in SOURCES]
    return Counted("credential", pairs)


def record(number, provider="a", restricted=True):
    return {"id": f"c{number}", "provider": provider, "restrictions": {"restricted": restricted}}


def rows(memory, records, *, detailed=True):
    found = memory.rows(records, {**NOW, "detailed": detailed})
    return found and list(map(list, found))


def test_equal_records_are_evaluated_once_in_a_page_and_between_pages(batch):
    memory = RowMemory(batch)
    assert rows(memory, [record(1), record(2), record(3, "b")]) == [[1, 1], [1, 1], [0, 1]]
    assert batch.evaluated == 2
    assert rows(memory, [record(4, "b"), record(5), record(6, "b", restricted=False)]) == [[0, 1], [1, 1], [0, 0]]
    assert batch.evaluated == 3


def test_what_is_not_detailed_is_remembered_apart(batch):
    memory = RowMemory(batch)
    assert rows(memory, [record(1)], detailed=False) == [[1, 2]]
    assert rows(memory, [record(1)], detailed=True) == [[1, 1]]


def test_values_of_other_types_are_other_values(batch):
    memory = RowMemory(batch)
    assert rows(memory, [record(1, restricted=True)]) == [[1, 1]]
    assert rows(memory, [record(1, restricted=1)]) == [[1, 0]]
    assert rows(memory, [record(1, restricted=True)]) == [[1, 1]]


def test_a_key_without_a_value_is_not_one_that_is_lacking():
    memory = RowMemory(Batch("credential", [(None, compiled("has(credential.provider)", KIND))]))
    assert rows(memory, [record(1), record(2, None), {}]) == [[1], [1], [0]]


def test_rules_that_read_nothing_of_a_record_are_evaluated_once():
    memory = RowMemory(batch := Counted("credential", [(None, compiled("detailed", KIND))]))
    assert rows(memory, [record(1), record(2)]) + rows(memory, [record(3)]) == [[1]] * 3
    assert rows(memory, [record(1), {}], detailed=False) == [[0]] * 2
    assert batch.evaluated == 2


def test_a_page_with_an_error_has_no_rows_and_is_not_remembered(batch):
    memory = RowMemory(batch)
    assert rows(memory, [record(1), {"id": "c2", "provider": "a"}]) is None
    assert rows(memory, [{"id": "c2", "provider": "a"}]) is None
    assert rows(memory, [record(1)]) == [[1, 1]]


def test_what_cannot_be_compared_is_evaluated_each_time(batch):
    memory, odd = RowMemory(batch), object()
    records = [{**record(number), "provider": odd} for number in range(2)]
    assert rows(memory, records) is None
    assert batch.evaluated == 2


def test_a_memory_is_bounded(batch, monkeypatch):
    monkeypatch.setattr(row_memory, "_MOST", 3)
    memory = RowMemory(batch)
    for number in range(20):
        assert rows(memory, [record(number, f"p{number}"), record(number)]) == [[0, 1], [1, 1]]
        assert len(memory._rows) <= 3


def test_no_records_have_no_rows(batch):
    assert rows(RowMemory(batch), []) == []
