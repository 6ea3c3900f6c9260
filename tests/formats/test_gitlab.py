import json

import jsonschema
import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.model import Severity, Status
from northflank_audit.printable import printable
from tests.formats.conftest import result

CATEGORIES = [
    "Bug Risk", "Clarity", "Compatibility", "Complexity", "Duplication", "Performance", "Security", "Style"
]  # fmt: skip
# What GitLab documents of a code quality report (docs.gitlab.com, "Code Quality report format").
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "categories", "description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            # These two are Code Climate's (its specification for analyzers, "Issues").
            "type": {"const": "issue"},
            "categories": {"type": "array", "minItems": 1, "items": {"enum": CATEGORIES}},
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "additionalProperties": False,
                "properties": {
                    "path": {"type": "string", "minLength": 1, "not": {"pattern": r"^\./"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "additionalProperties": False,
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def issues(report):
    found = json.loads(FORMATS["gitlab"].render(report))
    jsonschema.validate(found, SCHEMA)
    fingerprints = [issue["fingerprint"] for issue in found]
    assert len(set(fingerprints)) == len(fingerprints)
    return found


def shown(report):
    return [(issue["check_name"], issue["severity"], issue["description"]) for issue in issues(report)]


def test_the_whole_list(report):
    assert issues(report) == [
        {
            "type": "issue",
            "categories": ["Security"],
            "description": "registry credential a: a can be used by every project",
            "check_name": "unrestricted",
            "fingerprint": "6b5f95636588782c585bd8fbb1513038",
            "severity": "critical",
            "location": {"path": "rules.yaml", "lines": {"begin": 3}},
        },
        {
            "type": "issue",
            "categories": ["Security"],
            "description": "registry credential c: unknown: c could not be evaluated",
            "check_name": "unrestricted",
            "fingerprint": "9879903843167ecd498dcfe7d79068d6",
            "severity": "critical",
            "location": {"path": "rules.yaml", "lines": {"begin": 3}},
        },
    ]


def test_an_incomplete_audit_has_an_issue_for_each_reason(incomplete, clean):
    reasons = [
        ("audit-incomplete", "blocker", "the audit is incomplete: page 2: 403 Forbidden"),
        ("audit-incomplete", "blocker", "the audit is incomplete: 1 verdict is unknown"),
    ]
    assert shown(incomplete)[:2] == reasons
    assert shown(replace(clean, run=incomplete.run)) == reasons
    twice = replace(incomplete.run, incomplete_reasons=["the same", "the same"])
    assert len(shown(replace(clean, run=twice))) == 1
    assert len(shown(replace(clean, run=replace(incomplete.run, incomplete_reasons=[])))) == 1


def test_a_list_is_empty_only_where_the_audit_is_complete(clean):
    assert FORMATS["gitlab"].render(clean) == "[]\n"


def test_what_is_not_known_today_is_not_said_fixed(full):
    before = {each.fingerprint for each in full.unsettled}
    assert before < {issue["fingerprint"] for issue in issues(full)}
    assert shown(full)[2:] == [
        ("unrestricted", "critical", "registry credential c: violated before, now unknown (could not be evaluated): c can be used by every project"),
        ("former", "critical", "registry credential z: violated before, now unknown (rule did not run): z can be used by every project"),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.ERROR])
def test_a_violation_that_takes_the_place_of_an_unknown_verdict_is_new(report, status):
    (unknown,) = issues(replace(report, results=[result(status=status)]))
    (violation,) = issues(replace(report, results=[result()]))
    assert unknown["description"].startswith(f"registry credential a: {status}: ")
    assert unknown["fingerprint"] != violation["fingerprint"]


def test_every_severity_has_its_own(report):
    found = issues(replace(report, results=[result(resource=each, severity=each) for each in Severity]))
    assert [issue["severity"] for issue in found] == ["info", "minor", "major", "critical", "blocker"]


def test_accounts_and_teams_are_told_apart(with_account):
    assert shown(with_account)[-1] == ("many", "minor", "team payments: team payments holds more than 100")


def test_hostile_text_shows_as_what_it_is(hostile):
    for issue in issues(hostile):
        for text in (issue["description"], issue["check_name"], issue["location"]["path"]):
            assert printable(text) == text


def test_ages_fit_the_schema(aged):
    assert len(issues(aged)) >= 4
