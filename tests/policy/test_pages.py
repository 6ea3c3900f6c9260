"""A page, in batches and from memory, gives what one evaluation at a time gives: that of a rule over a whole record."""

import datetime as dt
import random
from functools import cache, partial

from hypothesis import given
from hypothesis import strategies as st

from northflank_audit.config.policy import select_rules
from northflank_audit.model import Resource, Status
from northflank_audit.policy import outcome_memory
from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.expressions.cel import Absent, Expression, Failed, Missing
from northflank_audit.policy.kinds import FieldKinds, Uncertainty
from northflank_audit.policy.selection import Selection
from northflank_audit.policy.verdict import decided
from northflank_audit.resources import TYPES, Kind
from tests.conftest import resource, rule

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
VALUES = {
    Kind.TEXT: ["", "a", "git.example.com/a/b:latest", "https://h:8/p", "Postgresql", "10.0.0.0/8"],
    Kind.BOOLEAN: [True, False],
    Kind.NUMBER: [0, 1, 1.0, 30, 2.5],
    Kind.TIME: ["2025-12-31T00:00:00Z", "2020-01-01T00:00:00+01:00", "2099-01-01T00:00:00Z"],
}
ODD = [None, 5, "x", [], {}, ["x", 3], {"id": "x"}, True]
"""Values of any kind for any field: what no documentation lets expect."""


@cache
def everything():
    """Return an engine for the rules of all packs that need only the resource, and these rules by type."""
    rules = [CompiledRule.of(each) for each in select_rules(["pack:everything"], Selection())]
    own = [each for each in rules if not each.account_scoped]
    return Engine([each.rule for each in own], NOW), {
        kind: [each for each in own if each.rule.resource == kind] for kind in {each.rule.resource for each in own}
    }


def value_of(node, chance):
    """Return a value for a place in a tree of fields, as documented or, seldom, odd."""
    if chance.random() < 0.03:
        return chance.choice(ODD)
    if isinstance(node, dict):
        return {name: value_of(below, chance) for name, below in node.items() if chance.random() < 0.8}
    if hasattr(node, "item"):
        return [value_of(node.item, chance) for _ in range(chance.randrange(3))]
    if node.values and chance.random() < 0.8:
        return chance.choice(sorted(node.values))
    return chance.choice(VALUES.get(node.kind, ODD))


def made(kind, number, chance):
    """Return a resource of a type with some of its parts."""
    record = value_of(kind.field_tree, random.Random(chance.randrange(4)) if chance.random() < 0.5 else chance)
    parts = frozenset(part.name for part in kind.sources if part is kind.listing or chance.random() < 0.6)
    record = {**(record if isinstance(record, dict) else {}), "id": f"r{number}"}
    omitted = frozenset(chance.sample(sorted(record), 1) if chance.random() < 0.1 else ())
    return Resource(type=kind.name, id=f"r{number}", name=None, team=None, project="p", record=record, parts=parts,
                    omitted_fields=omitted)  # fmt: skip


def one_at_a_time(rules, resources):
    """Yield each verdict as one evaluation of one rule over one whole record gives it."""
    variable = TYPES[rules[0].rule.resource].variable
    reads = [read.path for each in rules for one in each.expressions for read in one.reads_within]
    kinds = FieldKinds(TYPES[rules[0].rule.resource], [path[1:] for path in reads if path[0] == variable], NOW)
    for each in resources:
        record, invalid, absent = kinds.uncertainty(each) or Uncertainty(each.record, {}, frozenset())
        for ready in rules:
            variables = {variable: record, "params": ready.rule.params, "now": NOW, "detailed": each.detailed}
            evaluate = partial(Expression.evaluate, variables=variables, absent=Absent(absent))
            expression, outcome = decided(ready, evaluate)
            yield (
                ready.rule.id,
                each.id,
                *worded(outcome, expression),
                invalid if isinstance(outcome, Missing) else None,
            )


def worded(outcome, expression):
    if isinstance(outcome, Missing | Failed):
        status = Status.UNKNOWN if isinstance(outcome, Missing) else Status.ERROR
        return status, outcome.reason, outcome if isinstance(outcome, Missing) else None, expression
    return {None: Status.NOTAPPLICABLE, True: Status.PASS, False: Status.FAIL}[outcome], "", None, None


def verdicts(engine, resources):
    return [
        (each.rule.id, each.resource.id, each.status, each.reason, each.missing, each.decided_by, each.invalid)
        for each in engine.evaluate(resources)
    ]


@given(st.integers(0, 2**32))
def test_generated_resources_of_every_type_by_all_bundled_rules(seed):
    engine, by_type = everything()
    chance = random.Random(seed)
    kind = chance.choice(sorted(by_type))
    resources = [made(TYPES[kind], number, chance) for number in range(12)]
    assert verdicts(engine, resources) == list(one_at_a_time(by_type[kind], resources))


RULES = [
    {"require": "credential.a == 1"},
    {"require": "type(credential.a) == int"},
    {"when": "has(credential.b)", "require": "credential.b.c != params.c", "params": {"c": "x"}},
    {"require": "size(credential.l) > 1 || credential.l.exists(each, each.name == 'n')"},
    {"require": "'b' in credential && credential.size() > 1"},
    {"require": "credential.a / 2 == 0"},
    {"require": "detailed || credential.b.c == ''"},
]
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from([0, 1, 1.0, -0.0, True, "1", None, 2**40]),
        "b": st.sampled_from([{}, {"c": ""}, {"c": "x"}, {"c": 1, "d": [1.0]}, []]),
        "l": st.sampled_from([[], [{}], [{"name": "n"}], [{"name": "n"}, {}], {"name": "n"}, ["n"]]),
        "z": st.sampled_from([1, {"deep": [{"er": 1}]}, "x" * 300]),
    },
)


@given(st.lists(st.tuples(RECORDS, st.booleans()), max_size=12))
def test_values_that_python_holds_to_be_equal_and_that_cel_does_not(records):
    rules = [rule(id=f"r{number}", **entry) for number, entry in enumerate(RULES)]
    resources = [resource(id=f"c{number}", detailed=whole, **each) for number, (each, whole) in enumerate(records)]
    wanted = list(one_at_a_time([CompiledRule.of(each) for each in rules], resources))
    assert verdicts(Engine(rules, NOW), resources) == wanted


def test_a_value_that_cel_cannot_hold_is_an_error_of_the_rules_that_read_it_alone():
    rules = [rule(id="reads", require="credential.a != ''"), rule(id="other", require="credential.b == 1")]
    resources = [resource(id="c0", a="\ud800", b=1), resource(id="c1", a="x", b=1, **{"\ud800": 1}), resource(id="c2")]
    found = [(each.rule.id, each.resource.id, each.status) for each in Engine(rules, NOW).evaluate(resources)]
    assert found == [("reads", "c0", Status.ERROR), ("other", "c0", Status.PASS),
                     ("reads", "c1", Status.PASS), ("other", "c1", Status.PASS),
                     ("reads", "c2", Status.UNKNOWN), ("other", "c2", Status.UNKNOWN)]  # fmt: skip


def test_a_rule_is_evaluated_once_for_records_that_are_equal_in_what_it_reads(monkeypatch):
    evaluated = []
    monkeypatch.setattr(outcome_memory, "decided", lambda each, _: (evaluated.append(each), (each.require, True))[1])
    engine = Engine([rule(require="credential.missing != 'x' && credential.a == 1")], NOW)
    resources = [resource(id=f"c{number}", name=f"n{number}", a=number % 3) for number in range(300)]
    assert len(list(engine.evaluate(resources))) == 300
    assert len(evaluated) == 3


def test_only_what_lacks_something_that_a_rule_reads_is_evaluated_outside_a_batch(monkeypatch):
    found = []
    by_itself = outcome_memory.decided
    monkeypatch.setattr(outcome_memory, "decided", lambda each, of: found.append(each.rule.id) or by_itself(each, of))
    rules = [
        rule(id="named", require="credential.name != 'x'"),
        rule(id="items", require="credential.l.all(each, each.a.b == 1 && each.c != '')"),
        rule(id="both", require="credential.d == 1 && !has(credential.e)"),
    ]
    records = [{"l": [{"a": {"b": number % 2}, "c": "c"}], "d": 1} for number in range(8)]
    records[3] = {"l": [{"a": {}, "c": "c"}], "d": 1}
    records[5] = {"l": [{"a": {"b": 1}}], "d": 1}
    records[6] = {"l": []}
    resources = [resource(id=f"c{number}", name=f"n{number}", **each) for number, each in enumerate(records)]
    engine = Engine(rules, NOW)
    for _ in range(2):  # the second time, gaps are expected
        assert verdicts(engine, resources) == list(one_at_a_time([CompiledRule.of(each) for each in rules], resources))
    assert found == ["items", "both", "items", "items", "both"]  # "both" is remembered of the first and the second


def test_what_is_remembered_of_a_rule_is_bounded(monkeypatch):
    monkeypatch.setattr(outcome_memory, "_MOST", 5)
    memory = outcome_memory.OutcomeMemory(CompiledRule.of(rule(require="credential.a == 1")), "credential")
    for number in range(100):
        memory.outcome({"a": number}, frozenset(), {"now": NOW, "detailed": True})
        memory.outcome({"a": "x" * 1_000 + str(number)}, frozenset(), {"now": NOW, "detailed": True})
        assert len(memory._outcomes) <= 5


def test_what_is_remembered_depends_on_what_was_read():
    variables = {"now": NOW, "detailed": True}

    def outcomes(require, *calls):
        memory = outcome_memory.OutcomeMemory(CompiledRule.of(rule(require=require)), "credential")
        return [memory.outcome({}, absent, {**variables, **given})[1] for absent, given in calls]

    sure, absent = frozenset(), frozenset({"a"})
    assert outcomes("detailed", (sure, {}), (sure, {"detailed": False})) == [True, False]
    tested = outcomes("!has(credential.a)", (sure, {}), (absent, {}), (None, {}), (sure, {}))
    assert [getattr(each, "key", each) for each in tested] == [True, "a", "a", True]


def test_a_record_in_doubt_is_in_no_batch_even_after_a_page_with_gaps():
    the_rule = rule(require="credential.b == 2 || (credential.a == 1 && credential.size() > 1)")
    engine, ready = Engine([the_rule], NOW), [CompiledRule.of(the_rule)]
    for page in (
        [resource(id="gap")],
        [resource(id="doubt", detailed=False, a=1, b=1), resource(id="no need", b=2)],
        [resource(id="sure", a=1, b=1)],
    ):
        assert verdicts(engine, page) == list(one_at_a_time(ready, page))
