import json

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as Predicate
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from jsonschema import Draft202012Validator
from msgspec import UNSET
from msgspec.structs import replace

from northflank_audit.errors import DeliveryError
from northflank_audit.formats import FORMATS
from northflank_audit.gate import Gate
from northflank_audit.model import Severity
from northflank_audit.report import Subject
from tests.formats.conftest import HOSTILE, RULES

DESCRIPTOR = {
    "type": "object",
    "required": ["name", "digest"],
    "properties": {
        "name": {"type": "string"},
        "digest": {
            "type": "object",
            "required": ["sha256"],
            "properties": {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
        },
        "annotations": {"type": "object"},
    },
    "additionalProperties": False,
}
TESTS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
SCHEMA = {
    "type": "object",
    "required": ["_type", "subject", "predicateType", "predicate"],
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "subject": {"type": "array", "minItems": 1, "items": DESCRIPTOR},
        "predicateType": {"const": "https://in-toto.io/attestation/test-result/v0.1"},
        "predicate": {
            "type": "object",
            "required": ["result", "configuration"],
            "properties": {
                "result": {"enum": ["PASSED", "WARNED", "FAILED"]},
                "configuration": {"type": "array", "items": DESCRIPTOR},
                "url": {"type": "string", "format": "uri"},
                "passedTests": TESTS,
                "warnedTests": TESTS,
                "failedTests": TESTS,
            },
            "patternProperties": {"^northflankAudit[A-Z][A-Za-z]*$": {}},
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
"""The in-toto specification's Statement v1 and Test Result v0.1, as far as they can be said in JSON Schema."""

SUBJECTS = [Subject(name="snapshot.json", sha256="cd" * 32)]


def statement(report, subjects=SUBJECTS):
    """Return the statement, checked by in-toto's own messages and by the schema."""
    text = FORMATS["attestation"].render(replace(report, subjects=subjects))
    made = json.loads(text)
    Draft202012Validator(SCHEMA).validate(made)
    message = json_format.Parse(text, Message())
    Statement.copy_from_pb(message).validate()
    known = json_format.ParseDict(made["predicate"], Predicate(), ignore_unknown_fields=True)
    assert list(known.failed_tests) == made["predicate"]["failedTests"]
    return made


def fell(report, **counts):
    """Return the report with one rule, whose verdicts fell like this."""
    none = dict.fromkeys(RULES[0].counts, 0)
    rule = replace(RULES[0], counts={**none, **{"pass" if key == "passed" else key: n for key, n in counts.items()}})
    return replace(report, rules=[rule])


def test_the_whole_of_it(report):
    made = statement(report)
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["subject"] == [{"name": "snapshot.json", "digest": {"sha256": "cd" * 32}}]
    assert made["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    predicate, written = made["predicate"], json.loads(FORMATS["json"].render(report))
    assert {key: predicate[key] for key in predicate if not key.startswith("northflankAudit")} == {
        "result": "FAILED",
        "configuration": [{"name": "rules.yaml", "digest": {"sha256": "ab" * 32}}],
        "passedTests": [],
        "warnedTests": ["provider"],
        "failedTests": ["unrestricted"],
    }
    for key in ("tool", "run", "summary", "coverage", "leftOut", "exitCode"):
        assert predicate[f"northflankAudit{key[0].upper()}{key[1:]}"] == written[key]
    assert predicate["northflankAuditRules"]["provider"] == {
        "severity": "low",
        "params": {"allowed": ["github"], "strict": True},
        "tuned": {"severity": "audit.yaml:3", "params.allowed": "audit.yaml:4"},
        "counts": RULES[0].counts,
    }


@pytest.mark.parametrize(
    ("counts", "where", "amounts_to"),
    [
        ({"passed": 3}, "passedTests", "PASSED"),
        ({"passed": 2, "notapplicable": 1}, "passedTests", "PASSED"),
        ({"notapplicable": 3}, "northflankAuditNotApplicable", "WARNED"),
        ({"passed": 2, "waived": 1}, "warnedTests", "WARNED"),
        ({"passed": 2, "unknown": 1}, "warnedTests", "WARNED"),
        ({"passed": 2, "error": 1}, "warnedTests", "WARNED"),
        ({}, "warnedTests", "WARNED"),  # there was nothing to evaluate
        ({"passed": 2, "fail": 1}, "failedTests", "FAILED"),
        ({"unknown": 2, "fail": 1, "waived": 1}, "failedTests", "FAILED"),
    ],
)
def test_a_rule_passes_only_where_every_verdict_did(clean, counts, where, amounts_to):
    predicate = statement(fell(clean, **counts))["predicate"]
    lists = {
        key: predicate[key] for key in ("passedTests", "warnedTests", "failedTests", "northflankAuditNotApplicable")
    }
    assert lists == {**{key: [] for key in lists}, where: ["provider"]}
    assert predicate["result"] == amounts_to


@pytest.mark.parametrize(
    ("fail_on", "where", "amounts_to"),
    [
        (Severity.LOW, "failedTests", "FAILED"),
        (Severity.MEDIUM, "warnedTests", "WARNED"),
        (None, "warnedTests", "WARNED"),
    ],
)
def test_a_violation_that_does_not_count_for_the_exit_code_warns(clean, fail_on, where, amounts_to):
    predicate = statement(replace(fell(clean, passed=2, fail=1), gate=Gate(fail_on)))["predicate"]
    assert (predicate[where], predicate["result"]) == (["provider"], amounts_to)
    gate = predicate["northflankAuditGate"]
    assert (gate["failOn"], gate["onUnknown"], gate["failOnNew"]) == (fail_on, "fail", False)


def test_an_incomplete_audit_has_failed_and_no_rule_has_passed(incomplete):
    predicate = statement(fell(incomplete, passed=3))["predicate"]
    assert (predicate["result"], predicate["passedTests"], predicate["warnedTests"]) == ("FAILED", [], ["provider"])
    assert predicate["northflankAuditRun"]["complete"] is False
    assert predicate["northflankAuditRun"]["incompleteReasons"] == incomplete.run.incomplete_reasons


def test_every_rule_is_in_one_list_and_those_left_out_in_none(report):
    predicate = statement(replace(report, excluded_rules={"other": "--skip-rule"}))["predicate"]
    listed = predicate["passedTests"] + predicate["warnedTests"] + predicate["failedTests"]
    assert sorted(listed) == sorted(rule.id for rule in report.rules)
    assert predicate["northflankAuditLeftOut"] == {"other": "--skip-rule"}


def test_all_that_was_evaluated_is_a_subject_and_what_was_not_saved_says_so(report):
    made = statement(report, [*SUBJECTS, Subject(name="more.json", sha256="ef" * 32, saved=False)])
    assert made["subject"][1] == {
        "name": "more.json",
        "digest": {"sha256": "ef" * 32},
        "annotations": {"northflankAuditSaved": False},
    }


@pytest.mark.parametrize("subjects", [UNSET, []])
def test_without_a_digest_of_what_was_evaluated_there_is_no_statement(report, subjects):
    with pytest.raises(DeliveryError, match="needs the digest of what was evaluated"):
        FORMATS["attestation"].render(replace(report, subjects=subjects))


def test_hostile_text_is_data(hostile):
    rules = [replace(rule, sha256="ab" * 32) for rule in hostile.rules]  # a digest is ours
    made = statement(replace(hostile, rules=rules), hostile.subjects)
    assert made["subject"][0]["name"] == HOSTILE


def test_with_a_history_each_violation_has_its_age(aged, report):
    found = statement(aged)["predicate"]["northflankAuditFindings"]
    assert [(each["state"], each["ruleId"]) for each in found] == [
        ("ongoing", "unrestricted"), ("reopened", "unrestricted"), ("new", "unrestricted")
    ]  # fmt: skip
    assert found[0]["fingerprint"] == aged.results[0].fingerprint
    assert found[0]["firstSeen"] < found[1]["openSince"] == found[2]["firstSeen"] == found[0]["lastSeen"]
    assert "northflankAuditFindings" not in statement(report)["predicate"]
