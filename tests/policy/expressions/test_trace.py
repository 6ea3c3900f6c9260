import datetime as dt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from northflank_audit.policy.expressions.cel import CelError, Expression, Failed, Missing
from northflank_audit.policy.expressions.syntax import parse
from northflank_audit.policy.expressions.trace import MOST_TRACED, NotNeeded, Untraced, trace
from northflank_audit.policy.expressions.trace_text import lines
from northflank_audit.policy.rules.examples import present
from northflank_audit.resources import TYPES
from tests.policy.expression_meaning import SHIPPED, booleans, meaning

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def known(record, params=None, detailed=True, now=NOW):
    return {"credential": record, "params": params or {}, "now": now, "detailed": detailed}


def traced(source, params=None, **record):
    return "\n".join(lines(trace(source, known(record, params)), "require"))


def every(step):
    yield step
    for below in step.steps:
        yield from every(below)


def explained(step):
    """Tell whether the steps right below a chain or a choice account for its value, literals aside."""
    node = parse(step.text)
    outcomes = [below.outcome for below in step.steps]
    if len(outcomes) < len(node.children):  # a literal has no step
        return True
    match node.kind:
        case "and" | "or":
            ends = node.kind == "or"
            asked = [outcome for outcome in outcomes if outcome != NotNeeded()]
            assert outcomes[len(asked) :] == [NotNeeded()] * (len(outcomes) - len(asked))
            if asked[-1] is ends:
                return step.outcome is ends
            erred = [outcome for outcome in asked if not isinstance(outcome, bool)]
            return len(asked) == len(outcomes) and (
                not isinstance(step.outcome, bool) if erred else step.outcome is not ends
            )
        case "ternary":
            condition, *branches = outcomes
            if not isinstance(condition, bool):
                return branches == [NotNeeded(), NotNeeded()] and not isinstance(step.outcome, bool)
            taken, other = branches if condition else reversed(branches)
            return other == NotNeeded() and (taken == step.outcome or isinstance(taken, Missing | Failed))
    return True


def holds(source, variables):
    step = trace(source, variables)
    assert step.outcome == Expression(source).evaluate(variables)
    for part in every(step):
        assert part is step or part.text in source[part.start : part.end]
        assert explained(part)
    assert all(line.isprintable() and len(line.strip()) < 210 for line in lines(step, "require"))
    return step


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: rule.id)
def test_the_whole_of_a_shipped_rule_is_what_the_engine_gives(rule):
    assert rule.tests
    for example in rule.tests:
        variables = known(
            present(example.given, TYPES[rule.resource]),
            {**rule.params, **example.params},
            example.detailed,
            example.now,
        )
        for source in filter(None, (rule.when, rule.require)):
            holds(source, variables)


_scalars = st.one_of(st.booleans(), st.integers(-1, 3), st.sampled_from(["x", "é😀", "\u202e\x1b\n", ""]), st.just(1.5))
_records = st.fixed_dictionaries(
    {},
    optional={
        "a": st.one_of(_scalars, st.dictionaries(st.sampled_from(["b", "k"]), _scalars)),
        "b": _scalars,
        "a-b": _scalars,
        "l": st.one_of(
            st.lists(_scalars, max_size=MOST_TRACED + 3), st.dictionaries(st.text(max_size=2), _scalars), _scalars
        ),
    },
)


@given(booleans, _records, st.booleans(), st.sampled_from([{}, {"x": 1}, {"x": "y"}]))
def test_the_whole_is_what_the_engine_gives(source, record, detailed, params):
    assume(meaning(source) is not None)
    holds(source, known(record, params, detailed))


def test_it_reads_from_the_whole_down_to_the_fields():
    (rule,) = (rule for rule in SHIPPED if rule.id == "registry-credential-unrestricted")
    step = trace(rule.require, known({"id": "a"}, rule.params))
    assert list(lines(step, "require")) == [
        "require  = unknown: `restrictions` is missing",
        "  !has(credential.restrictions) && params.absent == 'unrestricted'  = false",
        "    !has(credential.restrictions)  = true",
        "    params.absent == 'unrestricted'  = false",
        '      params.absent  = "unknown"',
        "  credential.restrictions.restricted  = missing: credential has no `restrictions`",
    ]
    assert next(lines(step)).startswith("!has(")


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        # what came before decides
        ("credential.a && credential.b", {"a": False}, ["credential.a  = false", "credential.b  not needed"]),
        ("credential.a || credential.b", {"a": True}, ["credential.a  = true", "credential.b  not needed"]),
        # an error does not
        (
            "credential.a && credential.b",
            {"b": False},
            ["credential.a  = missing: credential has no `a`", "credential.b  = false"],
        ),
        ("true || credential.b", {}, ["credential.b  not needed"]),
        (
            "credential.a ? credential.b : credential.c",
            {"a": False, "c": True},
            ["credential.a  = false", "credential.b  not needed", "credential.c  = true"],
        ),
        (
            "credential.a ? credential.b : credential.c",
            {},
            ["credential.a  = missing: credential has no `a`", "credential.b  not needed", "credential.c  not needed"],
        ),
        # the first key that is missing
        ("credential.a.b['c'].d", {"a": {"b": {}}}, ["credential.a.b['c'].d  = missing: credential.a.b has no `'c'`"]),
        ("credential.`a-b`.c", {}, ["credential.`a-b`.c  = missing: credential has no `a-b`"]),
        ("(credential.a) == 1", {}, ["(credential.a)  = missing: credential has no `a`"]),
        ("has(credential.a.b) && detailed", {}, ["has(credential.a.b)  = missing: `a` is missing", "detailed  = true"]),
        ("has(credential.l[0].a)", {"l": [{}]}, ["credential.l[0]  = {}", "  credential.l  = [{}]"]),
        # not itself, but what it negates
        ("!(credential.a == 'x')", {"a": "x"}, ['credential.a  = "x"']),
        ("credential.a + 1 == 2", {"a": "x"}, ["credential.a + 1  = failed: No matching overloads found : _+_(string, int64)", '  credential.a  = "x"']),
        ("credential.a", {"a": "x"}, ['credential.a  = "x"']),
        ("detailed == true && 'z' != {'k': 'x'}.y", {}, ["detailed == true  = true", "'z' != {'k': 'x'}.y  = missing: `y` is missing", "  {'k': 'x'}.y  = missing: `y` is missing"]),
        ("google.protobuf.Int32Value{value: credential.a} == 1", {"a": 1}, ["google.protobuf.Int32Value{value: credential.a}  = 1", "  credential.a  = 1"]),
    ],
)  # fmt: skip
def test_the_steps_of_an_expression(source, record, expected):
    assert traced(source, **record).split("\n  ")[1:] == expected


def test_a_macro_tells_its_first_elements_and_stops_where_the_engine_does():
    source = "credential.l.{}(e, e > params.x)"
    assert traced(source.format("all"), {"x": 1}, l=[2, 1, 5]).splitlines() == [
        "require  = false",
        "  credential.l  = [2, 1, 5]",
        "  e  = 2",
        "    e > params.x  = true",
        "      params.x  = 1",
        "  e  = 1",
        "    e > params.x  = false",
        "      params.x  = 1",
    ]
    assert [step.outcome for step in trace(source.format("exists"), known({"l": [1, 2, 3]}, {"x": 1})).steps] == [
        [1, 2, 3],
        1,
        2,
    ]
    whole = trace(source.format("exists_one"), known({"l": [2] * 9}, {"x": 1}))
    assert [step.outcome for step in whole.steps] == [[2] * 9, *[2] * MOST_TRACED, Untraced(9 - MOST_TRACED)]
    assert list(lines(whole))[-1] == "  e  … 4 more"
    assert [step.text for step in trace(source.format("all"), known({"l": "x"})).steps] == ["credential.l"]


def test_a_map_is_gone_over_by_its_keys_in_their_order():
    record = {"m": {key: number for number, key in enumerate(["q", 'p"\\\n😀\x01', "", "o"])}}
    whole = trace("credential.m.all(k, credential.m[k] >= 0)", known(record))
    elements = [step for step in whole.steps if step.text == "k"]
    assert [step.outcome for step in elements] == sorted(record["m"])
    assert [[below.outcome for below in step.steps[0].steps] for step in elements] == [
        [record["m"][step.outcome]] for step in elements
    ]
    assert list(lines(whole))[1].startswith('  credential.m  = {"": 2, "o": 3, "p')
    assert traced("{true: 1, 7: 2}.all(k, dyn(k) != 'x')").splitlines()[1:] == ["  k  = 7", "    dyn(k) != 'x'  = true", "      dyn(k)  = 7", "  k  = true", "    dyn(k) != 'x'  = true", "      dyn(k)  = true"]  # fmt: skip


def test_a_map_with_a_condition_makes_nothing_of_what_does_not_meet_it():
    assert traced("credential.l.map(e, e > 1, e * 2) == [4]", l=[1, 2]).splitlines()[3:] == [
        "    e  = 1",
        "      e > 1  = false",
        "      e * 2  not needed",
        "    e  = 2",
        "      e > 1  = true",
        "      e * 2  = 4",
    ]


def test_variables_of_macros_are_known_within_them_however_deep():
    source = "cel.bind(n, credential.n + 1, credential.l.all(e, e.all(n, n == 1) && cel.bind(m, n * 2, m == 8)))"
    assert traced(source, n=3, l=[[1]]).splitlines() == [
        "require  = true",
        "  n  = 4",
        "    credential.n  = 3",
        "  credential.l  = [[1]]",
        "  e  = [1]",
        "    e.all(n, n == 1) && cel.bind(m, n * 2, m == 8)  = true",
        "      e.all(n, n == 1)  = true",
        "        n  = 1",
        "          n == 1  = true",
        "      cel.bind(m, n * 2, m == 8)  = true",
        "        m  = 8",
    ]


def test_a_value_shows_as_one_short_printable_line_of_json():
    text = traced(
        "credential.a == 'x' || credential.b == 1 || now - duration('90s') == now", a="\u202e\x1b[2J\n", b=["y" * 200]
    )
    assert '  credential.a  = "\\u202e\\u001b[2J\\n"' in text
    assert f'  credential.b  = ["{"y" * 97}…\n' in text
    assert "  now - duration('90s')  = \"2025-12-31T23:58:30Z\"" in text
    assert "duration('90s')  = \"90s\"" in text
    assert traced("type(credential.a) == string || b'x' + b'\\xff' == b''", a=1).splitlines()[2::3] == [
        '    type(credential.a)  = "INT"',
        "    b'x' + b'\\xff'  = \"x\\\\xff\"",
    ]


def test_a_long_part_is_cut_and_a_broken_one_is_one_line():
    text = traced(f"credential.a == '{'x' * 200}' ||\n   credential.b\n\n == 1 || detailed", a=1, b=2)
    assert text.splitlines()[1] == f"  credential.a == '{'x' * 82}…  = false"
    assert "  credential.b == 1  = false" in text


def test_an_error_of_the_whole_is_named_as_its_verdict():
    assert traced("credential.a", a=1).splitlines()[0] == "require  = error: returned int, not true or false"
    with pytest.raises(CelError):
        trace("credential.a ==", known({}))


def test_what_the_engine_cannot_take_bound_is_an_error_of_the_part_alone():
    whole = holds(f"{'[' * 30}1{']' * 30}.all(e, e == e && detailed)", known({}))
    assert whole.outcome is True
    (element,) = (step for step in whole.steps if step.text == "e")
    assert element.outcome.reason.startswith("can't be evaluated on its own: ")


def test_the_element_that_decides_is_told_however_late_it_comes():
    credential = {"list": [*range(8), 99, 100]}
    step = trace("credential.list.exists(one, one > 50)", {"credential": credential})
    traced = [below.outcome for below in step.steps if below.text == "one"]
    assert traced == [0, 1, 2, 3, 4, 99]
    step = trace("credential.list.all(one, one < 50)", {"credential": credential})
    assert [below.outcome for below in step.steps if below.text == "one"] == [0, 1, 2, 3, 4, 99]
    step = trace("credential.list.all(one, one < 500)", {"credential": credential})
    assert [below.outcome for below in step.steps if below.text == "one"][-1] == Untraced(5)
    names = {"list": [{"n": 1}] * 6 + [{}] + [{"n": 1}]}
    step = trace("credential.list.all(one, one.n == 1)", {"credential": names})
    assert [below.outcome for below in step.steps if below.text == "one"][5:] == [{}, Untraced(2)]
