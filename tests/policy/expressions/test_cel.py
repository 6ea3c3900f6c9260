import datetime as dt
import gc
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.policy.expressions import environment
from northflank_audit.policy.expressions.batch import Batch
from northflank_audit.policy.expressions.cel import (
    MOST_STEPS,
    Absent,
    CelError,
    Expression,
    Failed,
    Missing,
    Shared,
)
from northflank_audit.policy.expressions.environment import many
from northflank_audit.policy.expressions.presence import ANY_FIELD
from northflank_audit.policy.expressions.trace import trace
from tests.policy.expression_meaning import booleans

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
    ("source", "expected"),
    [
        ("creds.name", [("creds.name", "unknown name 'creds.name'; choose from credential, params, now, detai")]),
        ("credental.a", [("credental.a", "unknown name 'credental.a' (did you mean 'credential'?)")]),
        ("credential.a.lowerAsci()", [("lowerAsci", "unknown function 'lowerAsci' (did you mean 'lowerAscii'?)")]),
        ("'😀é' == creds.a && foo == 1", [("creds.a", "unknown name 'creds.a'"), ("foo", "unknown name 'foo'")]),
        ("true &&\n 1 + 'a' == 2", [("+", "no matching overload: '+' does not take (int, string)")]),
        ("'text'", [("'text'", "must return true or false, but returns string")]),
        ("credential.a ==", [("", "Syntax error: the expression ends too early")]),
        ("credential.a = 1", [("=", "Syntax error: '=' is not valid CEL; CEL writes ==")]),
        ("credential.a === 1", [("===", "Syntax error: CEL compares with ==")]),
        ("credential.a and true", [("and", "Syntax error: 'and' is not valid CEL; write &&")]),
        ("not credential.a", [("not", "Syntax error: 'not' is not valid CEL; write !")]),
        ("credential.a == True", [("True", "unknown name 'True'; CEL writes true")]),
        ("(credential.a", [("", "Syntax error: a ')' is missing")]),
        ("credential.a == 'x", [("'x", "Syntax error: the text that begins here has no end")]),
        ("credential.a )", [(")", "Syntax error: ')' does not belong here")]),
        ("#", [("#", "Syntax error: '#' is not valid CEL")]),
        ("has(credential)", [("c", "has() argument must be a field selection")]),
    ],
)
def test_every_mistake_has_its_place_and_says_what_to_do(source, expected):
    with pytest.raises(CelError) as caught:
        Expression(source)
    found = [(source[each.index : each.index + each.width], each.text) for each in caught.value.problems]
    assert len(found) == len(expected)
    for (place, text), (expected_place, expected_text) in zip(found, expected, strict=True):
        assert (place, text[: len(expected_text)]) == (expected_place, expected_text)


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("credential.a.b && credential['c'].d == 1", [("a", "b"), ("c", "d")]),
        ("has(credential.a) && has(credential.a.b)", [("a", "b")]),
        ("credential.list.all(p, p.x != credential.name)", [("list",), ("name",)]),
        ("cel.bind(x, credential.z, x.y == 1)", [("z", "y")]),
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
    assert Batch("credential", pairs).evaluate(page, variables) == [b"\1\2\1", b"\0\1\1", b"\1\0\1"]


def test_a_batch_with_one_error_gives_nothing():
    pairs = [(None, Expression("credential.a == 1"))]
    variables = {"parameters": [{}], "now": NOW, "detailed": True}
    assert Batch("credential", pairs).evaluate([{"a": 1}, {}], variables) is None
    assert Batch("credential", pairs).evaluate([{"a": "\ud800"}], variables) is None


OTHERS = [{"id": "a", "x": 1}, {"id": "b", "x": 1}, {"id": "c"}]


def among(source, record=None, **shared):
    own = {"credential": record or {}, "params": {}, "detailed": True}
    return Expression(source).evaluate_among(own, Shared({"now": NOW, **shared}))


def test_an_expression_sees_the_other_records_and_the_projects():
    twice = "resources.exists(o, o.id != credential.id && o.x == credential.x)"
    assert among(twice, {"id": "a", "x": 1}, resources=OTHERS) is True
    assert isinstance(among(twice, {"id": "a", "x": 2}, resources=OTHERS), Missing)
    assert among("credential.ids.all(p, p in projects)", {"ids": ["p", "q"]}, projects=["q", "r", "p"]) is True
    assert among("credential.ids.all(p, p in projects)", {"ids": ["p", "q"]}, projects=["q", "r"]) is False


@pytest.mark.parametrize("variable", ["resources", "projects"])
def test_a_variable_that_is_not_known_is_missing_where_it_matters_and_nowhere_else(variable):
    assert among(f"size({variable}) > 0") == Missing(
        f'No value with name "{variable}" found in Activation', variable=variable
    )
    assert among(f"true || size({variable}) > 0") is True
    assert among(f"size({variable}) > 0 && false") is False
    assert Expression(f"size({variable}) > 0").account_variables == {variable}
    assert Expression(f"credential.list.all({variable}, {variable} == 1)").account_variables == set()


def test_a_rule_about_accounts_has_no_credential_and_is_told_what_it_has():
    assert Expression("size(resources) <= 1", "account").evaluate({"resources": [{}], "params": {}, "now": NOW}) is True
    for name in ("credential.x", "detailed"):
        with pytest.raises(CelError, match=f"unknown name '{name}'; a rule about this type has"):
            Expression(f"{name} == true", "account")
    with pytest.raises(
        CelError, match="unknown name 'credentials.x'; choose from params, now, account, resources, projects"
    ):
        Expression("credentials.x == 1", "account")


values = st.one_of(
    st.integers(0, 2), st.booleans(), st.sampled_from(["x", "\ud800", 2**70]), st.lists(st.integers(0, 2), max_size=2)
)
records = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
SOURCES = [
    "resources.exists(o, o.a == credential.a && o.b != credential.b) // why",
    "credential.c && size(resources) > size(projects)",
    "has(credential.a) ? 'x' in projects : resources.all(o, o.a == 1)",
    "detailed && params.x == 1 && credential.a",
    "cel.bind(a, credential.a, resources.exists(a, a.b == 1) || a == 1)",
]


@given(st.sampled_from(SOURCES), records, st.none() | st.lists(records, max_size=3), st.none() | st.just(["x"]))
def test_shared_variables_give_what_all_in_one_gives(source, record, resources, projects):
    shared = {name: value for name, value in (("resources", resources), ("projects", projects)) if value is not None}
    own = {"credential": record, "params": {"x": 1}, "detailed": True}
    expression = Expression(source)
    expected = expression.evaluate({"now": NOW, **shared, **own})
    assert expression.evaluate_among(own, Shared({"now": NOW, **shared})) == expected
    expression._among = None  # as for one that is well alone and not within another
    assert expression.evaluate_among(own, Shared({"now": NOW, **shared})) == expected


def test_each_evaluation_over_shared_variables_has_its_own_record():
    shared = Shared({"now": NOW, "resources": OTHERS})
    expression = Expression("resources.exists(o, o.id == credential.id)")
    found = [
        expression.evaluate_among({"credential": {"id": n}, "params": {}, "detailed": True}, shared) for n in range(99)
    ]
    assert not any(found)
    assert expression.evaluate_among({"credential": {"id": "c"}, "params": {}, "detailed": True}, shared) is True


def test_too_many_steps_through_lists_are_an_error_in_words():
    outcome = among("resources.exists(o, o.id == credential.id)", {"id": "x"}, resources=[{"id": "a"}] * MOST_STEPS)
    assert outcome == Failed(
        "it takes 10,000 steps through lists or more, which one evaluation may not", exhausted=True
    )
    assert (
        among("resources.exists(o, o.id == credential.id)", {"id": "x"}, resources=[{"id": "a"}] * (MOST_STEPS - 1))
        is False
    )
    assert among("size(resources) > 0", resources=[{"id": "a"}] * 2 * MOST_STEPS) is True


ABSENT = {
    "has(credential.x)": "x",
    "!has(credential.m.x)": "x",
    "'x' in credential": "x",
    "'x' in credential.restrictions": "x",
    "params.names.exists(name, name in credential)": "x",
    "size(credential) == 1": ANY_FIELD,
    "credential.exists(key, key == 'x')": ANY_FIELD,
    "credential == {'a': 1}": ANY_FIELD,
    "{'k': has(credential.x)}.k": "x",
    "[has(credential.x)][0]": "x",
    "cel.bind(c, credential, has(c.x))": "x",
    "cel.bind(m, credential.m, has(m.x))": "x",
    "resources.all(r, !has(r.x))": "x",
    "resources.exists(r, 'x' in r)": "x",
    "resources.filter(r, r.a == 1).exists(r, has(r.m.x))": "x",
    "cel.bind(first, resources[0], has(first.x))": "x",
    "has(resources[0].x)": "x",
    "resources.exists(r, r == credential)": ANY_FIELD,
    "resources.exists(r, params.names.exists(name, has(r.x) && name == 'x'))": "x",
    "size(resources) < 3 && has(credential.x)": "x",
    "credential.list.exists(r, has(r.x))": ANY_FIELD,  # nothing documents that it is a list
    "size(credential.restrictions) == 1": ANY_FIELD,
    "credential.restrictions.all(k, k != 'x')": ANY_FIELD,
    "credential.restrictions == {}": ANY_FIELD,
    "cel.bind(m, credential.restrictions, !('x' in m))": "x",
    "[credential.restrictions].all(m, !('x' in m))": ANY_FIELD,
    "!('x' in dyn(resources[0]))": "x",
    "resources.all(r, !('x' in (true ? r : {})))": ANY_FIELD,
    "resources.map(r, {'r': r}).all(m, !('x' in m.r))": ANY_FIELD,
    "resources == [{'a': 1}]": ANY_FIELD,
    "{'a': 1} in resources": ANY_FIELD,
    "credential in [{'a': 1}]": ANY_FIELD,
    "resources.all(r, size(r) == 1)": ANY_FIELD,
    "resources.all(r, r.restrictions == params)": ANY_FIELD,
    "cel.bind(all, resources, all.all(r, r.all(k, k != 'x')))": ANY_FIELD,
    "'%s'.format([credential.restrictions]) == ''": ANY_FIELD,
}
"""Expressions that ask for a field that is not there, and the key that their cautious form misses."""
SETTLED = [
    "has(credential.a)",
    "!has(credential.x) || credential.a == 1",
    "has(params.x) || !params.names.exists(name, has(params.x))",
    "resources.all(r, r.a != credential.a || r.m != null)",
    "resources.exists(r, params.names.exists(name, name == 'x' && r.a == 1))",
    "resources.map(r, r.a).exists(a, a == 1)",
    "'p' in credential.restrictions.projects",
    "resources.exists(r, r.a == 1 || has(r.x))",
    "1.5 < 2.0 && credential['a'] == 1",
    "size(resources) == 1 && resources != []",
    "resources.filter(r, r.a == 1).size() == 1",
    "!(credential.a in resources.map(r, r.provider)) || true",
    "'p' in resources[0].restrictions.projects",
    "credential.restrictions.projects == params.names",
    "credential.restrictions.projects.all(p, p in params.names || p == 'p')",
    "size(credential.a == 1 ? credential.restrictions.projects : []) == 1",
    "url('https://a.b/').host in params.names || true",
]
"""Expressions that what is there settles."""
ALL = Absent(None, None)
TERSE = {"a": 1, "m": {"b": 1}, "list": [{}], "restrictions": {"projects": ["p"]}}


@pytest.mark.parametrize("source", [*ABSENT, *SETTLED])
def test_a_field_that_may_be_there_is_missing_to_an_expression_that_asks_for_it(source):
    expression = Expression(source)
    own = {"credential": TERSE, "params": {"names": ["x"]}, "detailed": False}
    shared = Shared({"resources": [TERSE], "projects": [], "now": NOW})
    outcome = expression.evaluate({**shared.variables, **own}, absent=ALL)
    assert outcome == expression.evaluate_among(own, shared, absent=ALL)
    if source in SETTLED:
        assert outcome is expression.evaluate({**shared.variables, **own})
    else:
        assert (type(outcome), outcome.key) == (Missing, ABSENT[source])
        assert any(expression.asks(ALL))
        assert not any(expression.asks(Absent()))
        assert trace(source, {**shared.variables, **own}, absent=ALL).outcome == outcome


def test_only_what_asks_for_a_field_is_affected_by_its_absence():
    x, y = frozenset({"x", "z"}), frozenset({"y"})
    asks = "has(credential.x) && credential.y == 1 && resources.all(r, has(r.y))"
    assert Expression(asks).asks(Absent(own=x)) == (True, False)
    assert Expression(asks).asks(Absent(own=y, others=x)) == (False, False)
    assert Expression(asks).asks(Absent(others=y)) == (False, True)
    assert Expression("params.names.exists(name, name in credential)").asks(Absent(own=y)) == (True, False)


@given(booleans, st.sampled_from([{}, {"a": 1}, {"a": {"b": 1}}, {"l": [1, 2]}, {"a": {"k": {"b": 2}}, "b": "x"}]))
def test_the_cautious_form_gives_the_same_or_misses_something(source, record):
    try:
        expression = Expression(source)
    except CelError:
        return
    variables = {"credential": record, "params": {"x": 1}, "detailed": False, "resources": [record], "projects": []}
    careful, outcome = expression.evaluate(variables, absent=ALL), expression.evaluate(variables)
    assert isinstance(careful, Missing) or isinstance(outcome, Failed) or careful == outcome


def test_what_a_bound_name_is_bound_to_is_read_outside_of_it():
    expression = Expression("cel.bind(resources, resources.filter(r, r.id != 'x'), size(resources) > 0)", "account")
    assert expression.account_variables == {"resources"}
    assert expression.evaluate({"resources": [{"id": "a"}], "params": {}, "now": NOW}) is True


def test_the_results_of_url_are_independent_and_take_no_memory():
    """The engine never frees what a function returns, so an audit of many addresses would grow by a map for each."""
    compare = many().compile("[url(page[0]), url(page[1])].map(u, u.host) + [string(url(page[0]) == url(page[1]))]")
    found = compare.eval(data={"page": ["https://a.example/", "http://b.example/"]}).plain_value()
    assert found == ["a.example", "b.example", "false"]
    hosts = many().compile("page.map(x, url(x).host)")
    hosts.eval(data={"page": ["https://a.example/"]})
    tracemalloc.start()
    try:
        for _ in range(1000):
            hosts.eval(data={"page": ["https://a.example/"]})
        own = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, environment.__file__)])
    finally:
        tracemalloc.stop()
    assert sum(each.size for each in own.statistics("filename")) < 10_000, "1,000 results take 200,000 bytes"


def test_no_record_is_kept_after_its_evaluation():
    same = Expression("resources.exists_one(r, r.id == credential.id)")
    shared = Shared({"account": {}, "resources": [{"id": "a"}], "projects": [], "now": NOW})
    records = [{"id": name, "restrictions": {"projects": []}} for name in ("a", "b")]
    nested = [each["restrictions"] for each in records]
    before = [sys.getrefcount(each) for each in (*records, *nested)]
    own = [{"credential": each, "params": {}, "detailed": True} for each in records]
    assert [same.evaluate_among(each, shared) for each in own * 10] == [True, False] * 10
    del shared, own
    gc.collect()
    assert [sys.getrefcount(each) for each in (*records, *nested)] == before
