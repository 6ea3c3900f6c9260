import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.model import Status, Waiver, fingerprint
from northflank_audit.policy.engine import PAGE, Engine
from northflank_audit.policy.examples import present
from tests.conftest import resource, rule, rules

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def judged(the_rule, *resources):
    engine = Engine([the_rule], NOW)
    return [engine.result(verdict) for verdict in engine.judge(resources)]


@pytest.mark.parametrize(
    ("entry", "record", "status"),
    [
        ({"require": "credential.x == 1"}, {"x": 1}, "pass"),
        ({"require": "credential.x == 1"}, {"x": 2}, "fail"),
        ({"require": "credential.x == 1"}, {}, "unknown"),
        ({"require": "credential.x + 1 == 2"}, {"x": "s"}, "error"),
        ({"require": "credential.x"}, {"x": 7}, "error"),
        ({"when": "credential.y", "require": "false"}, {"y": False}, "notapplicable"),
        ({"when": "credential.y", "require": "true"}, {}, "unknown"),
        ({"when": "credential.y", "require": "true"}, {"y": 3}, "error"),
        ({"when": "credential.y", "require": "credential.x"}, {"y": True, "x": False}, "fail"),
    ],
)
def test_each_verdict(entry, record, status):
    assert [item.status for item in judged(rule(**entry), resource(**record))] == [status]


def test_every_pair_of_rule_and_resource_has_a_verdict_and_only_what_erred_is_unknown():
    engine = Engine(rules(), NOW)
    count = 2 * PAGE + 50
    page = [resource(id=f"c{n}", provider="github", restrictions={"restricted": True}) for n in range(count)]
    page[130] = resource(id="c130", provider="github")
    verdicts = list(engine.judge(page))
    assert len(verdicts) == 2 * count
    assert [(v.rule.id, v.resource.id) for v in verdicts if v.status is not Status.PASS] == [("unrestricted", "c130")]


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "a": st.sampled_from([1, 2, "x", None, True]),
                "b": st.booleans(),
                "c": st.lists(st.integers(), max_size=2),
            },
        ),
        max_size=12,
    )
)
def test_a_page_gives_the_same_as_its_records_one_by_one(records):
    engine = Engine(
        [
            rule(id="p", require="credential.a == 1"),
            rule(id="q", when="has(credential.b)", require="credential.b"),
            rule(id="s", require="size(credential.c) > 0 || credential.b"),
        ],
        NOW,
    )
    page = [resource(**{**present(record), "id": str(n)}) for n, record in enumerate(records)]
    together = [(v.rule.id, v.resource.id, v.status) for v in engine.judge(page)]
    alone = [(v.rule.id, v.resource.id, v.status) for one in page for v in engine.judge([one])]
    assert together == alone


def test_a_failure_names_the_credential_and_shows_what_was_read():
    the_rule = rule(
        require="credential.restrictions.restricted && credential.p != ''",
        when="credential.provider != 'x'",
        message="{name} ({id}, {provider}, {team}) beyond {params.max}; {params.l}",
        params={"max": 3, "l": ["a", "b"]},
    )
    found = resource(team="t", name="N", provider="ecr", restrictions={"restricted": False})
    (result,) = judged(the_rule, found)
    assert result.message == "N (a, ecr, t) beyond 3; a, b"
    assert result.evidence == {"restrictions.restricted": False}
    assert result.resource.team == "t"


def test_what_is_absent_shows_as_a_question_mark():
    (result,) = judged(rule(require="false", message="{name}, {provider}, {team}"), resource())
    assert result.message == "?, ?, ?"


def test_an_unknown_says_what_is_missing_and_why():
    (result,) = judged(rule(require="credential.restrictions.restricted"), resource(name="N"))
    assert result.message == "N could not be judged: restrictions.restricted is not known (the API did not give it)"
    assert result.evidence == {}


def test_params_named_like_anything_reach_only_their_own_rule():
    engine = Engine(
        [
            rule(id="p", require="params.x == 1", params={"x": 1}),
            rule(id="q", require="params.x == 2", params={"x": 2}),
        ],
        NOW,
    )
    assert {v.status for v in engine.judge([resource(), resource(id="b")])} == {Status.PASS}


def test_the_fingerprint_depends_on_rule_team_and_resource_alone():
    prints = {fingerprint(*key) for key in [("r", None, "a"), ("r", "t", "a"), ("q", None, "a"), ("r", None, "b")]}
    assert len(prints) == 4
    assert fingerprint("r", None, "a") == "94f40721fd687abf828549d5b02bdafd"  # a change would make every finding new
    (one,) = judged(rule(require="false", severity="low"), resource(name="before"))
    (two,) = judged(rule(require="false", severity="high", title="other"), resource(name="after"))
    assert one.fingerprint == two.fingerprint


def test_a_waiver_is_carried_by_its_result():
    engine = Engine([rule(require="false")], NOW)
    waiver = Waiver(rule="r", resource="a", reason="x", owner="y", expires=dt.date(2027, 1, 1))
    result = engine.result(next(engine.judge([resource()])), waiver)
    assert (result.status, result.waiver, result.violates) == (Status.FAIL, waiver, False)
