import datetime as dt

import pytest

from northflank_audit.policy.cel import Batch, CelError, Expression, Failed, Missing

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def value(source, record=None, **params):
    known = {"credential": record or {}, "params": params, "now": NOW, "detailed": True}
    return Expression(source).evaluate(known)


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        ("credential.a", {"a": True}, True),
        ("credential.a == 'x'", {"a": "y"}, False),
        ("credential.a || credential.b", {"b": True}, True),  # || absorbs the missing a
        ("credential.a && credential.b", {"b": False}, False),  # && as well
        ("has(credential.a) && credential.a.b", {}, False),
        ("now - timestamp(credential.t) < duration('24h')", {"t": "2025-12-31T12:00:00Z"}, True),
        ("credential.name.lowerAscii() == 'ab'", {"name": "AB"}, True),
        ("detailed // a comment", {}, True),
    ],
)
def test_expressions_that_have_a_value(source, record, expected):
    assert value(source, record) is expected


@pytest.mark.parametrize("source", ["credential.a", "credential.a.b == 1", "credential['a'] == 1", "!credential.a"])
def test_a_key_that_is_not_there_is_missing(source):
    assert isinstance(value(source), Missing)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        ("credential.a + 1 > 2", {"a": "text"}),
        ("credential.a / 0 > 2", {"a": 1}),
        ("credential.a.b", {"a": "text"}),
        ("credential.a", {"a": "no boolean"}),
        ("credential.a > 0", {"a": 2**70}),
        ("credential.a == 'x'", {"a": "\ud800"}),
        ("timestamp(credential.a) < now", {"a": "yesterday"}),
        ("credential.a.matches('[')", {"a": "x"}),
    ],
)
def test_a_failing_expression_is_an_error_and_not_missing_data(source, record):
    assert isinstance(value(source, record), Failed)


@pytest.mark.parametrize(
    ("source", "line", "column", "problem"),
    [
        ("creds.name", 1, 6, "unknown name"),
        ("credential.a ==", 1, 16, "Syntax error"),
        ("true &&\n 1 + 'a' == 2", 2, 4, "no matching overload"),
        ("'text'", 1, 1, "must give true or false, and gives string"),
    ],
)
def test_a_mistake_has_its_place(source, line, column, problem):
    with pytest.raises(CelError) as caught:
        Expression(source)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("credential.a.b && credential['c'].d == 1", [("a", "b"), ("c", "d")]),
        ("has(credential.a) && has(credential.a.b)", [("a", "b")]),
        ("credential.list.all(p, p.x != credential.name)", [("list",), ("name",)]),
        ("cel.bind(x, credential.z, x.y == 1)", [("z",)]),
        ("[credential.a][0] == {'k': credential.b}.k", [("a",), ("b",)]),
        ("credential.all(k, k != '')", [()]),
        ("params.x == 1 && now == now && detailed", []),
    ],
)
def test_the_fields_that_an_expression_reads(source, fields):
    assert list(Expression(source).fields) == fields


PAIRS = [(None, "credential.a == 1"), ("has(credential.b)", "credential.b == params.x"), (None, "detailed // why")]


def test_a_batch_gives_what_single_evaluations_give():
    pairs = [(when and Expression(when), Expression(require)) for when, require in PAIRS]
    page = [{"a": 1}, {"a": 2, "b": 5}, {"a": 1, "b": 6}]
    variables = {"parameters": [{}, {"x": 5}, {}], "now": NOW, "detailed": True}
    assert Batch(pairs).evaluate(page, variables) == [[1, 2, 1], [0, 1, 1], [1, 0, 1]]


def test_a_batch_with_one_error_gives_nothing():
    pairs = [(None, Expression("credential.a == 1"))]
    variables = {"parameters": [{}], "now": NOW, "detailed": True}
    assert Batch(pairs).evaluate([{"a": 1}, {}], variables) is None
    assert Batch(pairs).evaluate([{"a": "\ud800"}], variables) is None
