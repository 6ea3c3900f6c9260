import pytest
from hypothesis import assume, given
from msgspec.structs import replace

from northflank_audit.policy.expressions.syntax import parse
from northflank_audit.policy.lint import mutation as module
from northflank_audit.policy.lint.mutation import mutants, trials
from northflank_audit.policy.rules.examples import run
from tests.conftest import rule
from tests.policy.expression_meaning import SHIPPED, booleans, meaning


def passes(the_rule):
    return all(outcome.passed for outcome in run([the_rule]))


def survivors(the_rule):
    return [(trial.key, trial.mutant.source) for trial in trials(the_rule, passes) if not trial.noticed]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a", ["!a"]),
        ("!a", ["a"]),
        ("! !a", ["!a"]),
        ("(a)", ["!(a)"]),
        ("a == b", ["a != b"]),
        ("a != b", ["a == b"]),
        ("a < b", ["a >= b", "a <= b"]),
        ("a <= b", ["a > b", "a < b"]),
        ("a > b", ["a <= b", "a >= b"]),
        ("a >= b", ["a < b", "a > b"]),
        ("a in b", ["!(a in b)"]),
        ("a && b", ["!a && b", "b", "!(a && b)", "a", "a && !b"]),
        ("a || b", ["!a || b", "b", "!(a || b)", "a", "a || !b"]),
        (
            "a || b && c",
            [
                "!a || b && c",
                "b && c",
                "!(a || b && c)",
                "a",
                "a || !b && c",
                "a || c",
                "a || !(b && c)",
                "a || b",
                "a || b && !c",
            ],
        ),
        ("!(a || b)", ["(a || b)", "!(!a || b)", "!(b)", "!(a)", "!(a || !b)"]),
        ("a ? b : c", ["!a ? b : c", "!(a ? b : c)", "b", "c"]),
        ("a == b ? c : d", ["!(a == b ? c : d)", "c", "d", "a != b ? c : d"]),
        ("a == 5", ["a != 5", "a == 6", "a == 4"]),
        ("a == -1", ["a != -1", "a == 0", "a == -2"]),
        ("a == 0", ["a != 0", "a == 1", "a == -1"]),
        ("a == 0u", ["a != 0u", "a == 1u"]),
        ("a == 0x0F", ["a != 0x0F", "a == 16", "a == 14"]),
        ("a == 9223372036854775807", ["a != 9223372036854775807", "a == 9223372036854775806"]),
        ("a == 1.5", ["a != 1.5", "a == 2.5", "a == 0.5"]),
        ("a == 1e300", ["a != 1e300"]),
        ("a == true", ["a != true", "a == false"]),
        ("a == 'b'", ["a != 'b'", "a == 'bx'", "a == ''"]),
        ("a == ''", ["a != ''", "a == 'x'"]),
        ('a == r"""b"""', ['a != r"""b"""', 'a == r"""bx"""', 'a == r""""""']),
        ("a == b''", ["a != b''", "a == b'x'"]),
        ("a in [1]", ["!(a in [1])", "a in []", "a in [2]", "a in [0]"]),
        (
            "a in ['b', 'c', ]",
            [
                "!(a in ['b', 'c', ])",
                "a in ['bx', 'c', ]",
                "a in ['', 'c', ]",
                "a in ['c', ]",
                "a in ['b', ]",
                "a in ['b', 'cx', ]",
                "a in ['b', '', ]",
            ],
        ),
        ("a['b'].c", ["!a['b'].c"]),
        ("a[1]", ["!a[1]", "a[2]", "a[0]"]),
        ("a.trim() == b", ["a == b", "a.trim() != b"]),
        ("a.all(x, x)", ["!a.all(x, x)", "a.exists(x, x)"]),
        ("a.exists(x, x)", ["!a.exists(x, x)", "a.all(x, x)"]),
        ("a - b * c", ["!(a - b * c)", "a + b * c", "a - b / c"]),
        (" a // b && c\n", [" !a // b && c\n"]),
        ("a // why\n && b", ["!a // why\n && b", "b", "!(a // why\n && b)", "a", "a // why\n && !b"]),
    ],
)
def test_the_mutants_of_an_expression(source, expected):
    root = parse(source)
    always = [source[: root.start] + value + source[root.end :] for value in ("true", "false")]
    assert [mutant.source for mutant in mutants(source) if mutant.source not in always] == expected
    assert {mutant.source for mutant in mutants(source)} >= set(always)


@given(booleans)
def test_every_mutant_differs_says_where_and_mostly_compiles(source):
    assume(meaning(source) is not None)
    made = mutants(source)
    texts = [mutant.source for mutant in made]
    assert len({source, *texts}) == len(texts) + 1
    assert [mutant.start for mutant in made] == sorted(mutant.start for mutant in made)
    for mutant in made:
        assert mutant.source.startswith(source[: mutant.start])
        assert mutant.source.endswith(source[mutant.end :])
        assert parse(mutant.source)
    assert sum(meaning(text) is not None for text in texts) >= 0.95 * len(texts)


def test_a_mutant_says_what_was_done():
    source = "credential.a <= 5 && !(credential.b in ['x'])"
    clause = "credential.a <= 5"
    said = {(mutant.what, source[mutant.start : mutant.end]) for mutant in mutants(source)}
    assert said >= {
        (f"`{source}` was negated", source),
        (f"the clause `{clause}` was dropped", f"{clause} && "),
        ("`<=` became `<`", "<="),
        ("`5` became `6`", "5"),
        ("the `!` of `!(credential.b in ['x'])` was dropped", "!(credential.b in ['x'])"),
        ("`'x'` was taken out of the list", "'x'"),
    }


def test_always_and_never_are_mistakes_too():
    assert survivors(rule(require="credential.x == 'y'", tests=[example("pass", x="y")])) == [("require", "true")]
    assert [mutant.source for mutant in mutants("true")] == ["!true", "false"]


def example(expect, **given):
    return {"given": {"id": "a", **given}, "expect": expect}


def test_a_mistake_that_no_example_notices_survives():
    few = [example("pass", n=3), example("fail", n=9)]
    assert survivors(rule(require="credential.n <= 5", tests=few)) == [
        ("require", "credential.n < 5"),
        ("require", "credential.n <= 6"),
        ("require", "credential.n <= 4"),
    ]
    assert survivors(rule(require="credential.n <= 5", tests=[*few, example("pass", n=5), example("fail", n=6)])) == []


def test_when_is_tried_as_well():
    the_rule = rule(when="credential.a && credential.b", require="credential.c", tests=[])
    keys = {trial.key for trial in trials(the_rule, passes)}
    assert keys == {"when", "require"}
    assert {key for key, _ in survivors(the_rule)} == keys  # there is no example at all
    noticing = [
        example("pass", a=True, b=True, c=True),
        example("fail", a=True, b=True, c=False),
        example("notapplicable", a=False, b=True),
        example("notapplicable", a=True, b=False),
    ]
    assert survivors(rule(when="credential.a && credential.b", require="credential.c", tests=noticing)) == []


def test_a_mutant_that_does_not_compile_is_no_trial(monkeypatch):
    made = [module.Mutant("nonsense", 0, 1, text) for text in ("1 +", "1 + 1", "false")]
    monkeypatch.setattr(module, "mutants", lambda _: made)
    assert [trial.mutant for trial in trials(rule(require="true"), passes)] == made[2:]


@pytest.mark.parametrize("the_rule", SHIPPED, ids=lambda the_rule: the_rule.id)
def test_the_shipped_examples_notice_every_mistake(the_rule):
    assert passes(the_rule)
    assert survivors(the_rule) == []
    assert survivors(replace(the_rule, tests=the_rule.tests[:1])) != []
