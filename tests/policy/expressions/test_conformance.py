"""The CEL specification's own cases, from conformance.yaml, through the environment that rules have."""

import datetime as dt
from operator import itemgetter
from pathlib import Path

import pytest
import yaml

from northflank_audit.policy.compiled_rule import CompiledRule
from northflank_audit.policy.expressions.batch import Batch
from northflank_audit.policy.expressions.cel import CelError, Expression
from northflank_audit.policy.outcome_memory import OutcomeMemory
from tests.conftest import rule

TABLE = Path(__file__).with_name("conformance.yaml").read_text(encoding="utf-8")
CASES = [case for cases in yaml.load(TABLE, yaml.CSafeLoader).values() for case in cases]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def outcome(question, bindings):
    """Return true or false, or `refused`, `missing` or `failed`; from memory it must be the same."""
    for name in bindings:
        question = f"cel.bind({name}, credential.{name}, {question})"
    try:
        expression = Expression(question)
    except CelError:
        return "refused"
    given = expression.evaluate({"credential": bindings, "params": {}, "now": NOW, "detailed": True})
    memory = OutcomeMemory(CompiledRule(rule(), None, expression), "credential")
    more = {**bindings, "unread": [{}]}
    for record in (bindings, more, bindings):
        assert memory.outcome(record, frozenset(), {"now": NOW, "detailed": True}) == (expression, given)
    return given if isinstance(given, bool) else type(given).__name__.lower()


def asked(source, gives):
    """Return a question with a boolean answer, and the answer that is right."""
    if isinstance(gives, bool):
        return source, gives
    # Numbers of different types are equal in CEL, so equality alone would not do.
    same = "got == wanted && type(got) == type(wanted)"
    return f"cel.bind(got, {source}, cel.bind(wanted, {gives}, {same}))", True


def has_a_value(source):
    """Return a question that is true whatever the value, and an error where there is none."""
    return f"[{source}] != []"


@pytest.mark.parametrize("case", CASES, ids=itemgetter("name"))
def test_rules_are_evaluated_as_the_specification_says(case):
    if "zone" in case and not Path("/usr/share/zoneinfo", case["zone"]).exists():
        pytest.skip(f"this machine does not know the time zone {case['zone']}")
    bindings, source, wanted = case.get("bindings", {}), case["expr"], case.get("deviates", case)
    if "unchecked" in case:
        assert outcome(has_a_value(source), bindings) == "refused"
        source = case["unchecked"]
    if "error" in wanted:
        assert outcome(has_a_value(source), bindings) == wanted["error"]
    else:
        question, answer = asked(source, wanted["gives"])
        assert outcome(question, bindings) is answer


def test_a_batch_gives_the_same_values():
    results = [(case, case.get("deviates", case)) for case in CASES if not {"bindings", "zone"} & case.keys()]
    asking = [asked(case.get("unchecked", case["expr"]), r["gives"]) for case, r in results if "gives" in r]
    pairs = [(None, Expression(question)) for question, _ in asking]
    variables = {"parameters": [{}] * len(pairs), "now": NOW, "detailed": True}
    held = [Batch.HELD if answer else Batch.VIOLATED for _, answer in asking]
    assert Batch("credential", pairs).evaluate([{}], variables) == [bytes(held)]
