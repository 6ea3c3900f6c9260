import json

import pytest

from northflank_audit.config.policy import read_rules
from northflank_audit.policy.rules.examples import run
from tests.conftest import RULES

GOOD = (
    RULES
    + """
    tests: [{given: {id: a, provider: github}, expect: pass}]
"""
)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "wrong.yaml").write_text(GOOD.replace("expect: pass", "expect: fail"))
    (tmp_path / "broken.yaml").write_text(GOOD.replace("severity: high", "severity: hgih"))


def test_the_shipped_rules_have_no_mistake_and_their_examples_pass(audit):
    assert audit("rules", "lint").out == "19 rules, no mistake\n"
    tested = audit("rules", "test")
    assert (tested.code, tested.out.splitlines()[-1].endswith(" examples passed, 0 failed")) == (0, True)


def test_every_shipped_rule_has_examples_that_pass_fail_and_are_unknown_and_all_that_a_report_needs():
    shipped = read_rules(["pack:default", "pack:account"]).checked()
    assert len(shipped) >= 17
    assert all(outcome.passed for outcome in run(shipped))
    for rule in shipped:
        assert {"pass", "fail", "unknown"} <= {example.expect for example in rule.tests}, rule.id
        assert rule.rationale and rule.remediation and rule.references and rule.controls, rule.id
        assert rule.when is None or "notapplicable" in {example.expect for example in rule.tests}, rule.id


FULL_2024 = {
    "id": "a", "name": "A", "description": "What it is for", "provider": "dockerhub",
    "restrictions": {"restricted": True, "projects": ["p"]},
}  # fmt: skip
FULL_2026 = {
    "id": "b", "name": "B", "provider": "custom", "restrictions": {"restricted": True, "projects": ["p"]},
    "registryUrl": "https://registry.example.com", "aws": {"region": "x"}, "gcp": {"projectId": "x"},
    "azure": {"resourceGroup": "x"}, "integrationId": "i", "credentials": {"scope": {"pull": True, "push": False}, "stored": False},
    "registryCredentialRefresh": {"status": "healthy", "failureCount": 0},
    "createdAt": "2026-10-01T00:00:00.000Z", "updatedAt": "2026-10-01T00:00:00.000Z",
}  # fmt: skip
PROVIDERS_2024 = ["dockerhub", "gcr", "gcr-eu", "gcr-us", "gitlab", "github", "custom", "new"]
PROVIDERS_2026 = ["acr", "ecr", "gar", "dockerhub", "dhi", "github", "gitlab", "custom", "legacy", "new"]


def test_an_account_that_answers_all_leaves_nothing_unknown(audit, tmp_path):
    records = [{**FULL_2024, "provider": name, "id": f"old-{name}"} for name in PROVIDERS_2024]
    records += [{**FULL_2026, "provider": name, "id": f"new-{name}"} for name in PROVIDERS_2026]
    (tmp_path / "i.json").write_text(json.dumps({"credentials": records}))
    summary = audit("--input", "i.json").report["summary"]
    assert (summary["unknown"], summary["error"]) == (0, 0)


def test_rules_with_organisations_own_values_do_not_run_until_these_are_given(audit, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [{**FULL_2026, "provider": "never-heard-of"}]}))
    report = audit("--input", "i.json").report
    unset = {f"registry-credential-{name}" for name in ("provider-allowed", "host-allowed", "name-pattern")}
    assert {each["id"] for each in report["notConfigured"]} == unset
    assert not unset & {each["id"] for each in report["rules"]}
    (tmp_path / "audit.yaml").write_text(
        "overrides:\n  registry-credential-provider-allowed: {params: {allowed: [github]}}\n"
    )
    report = audit("--input", "i.json").report
    assert {each["id"] for each in report["notConfigured"]} == unset - {"registry-credential-provider-allowed"}
    assert [each["status"] for each in report["results"] if each["ruleId"].endswith("provider-allowed")] == ["fail"]


def test_lint_and_test_say_where_and_exit_with_1(audit, files):
    assert audit("rules", "lint", "good.yaml").code == 0
    lint = audit("rules", "lint", "broken.yaml")
    assert (lint.code, lint.out.startswith("broken.yaml:5:15: 'hgih' is not one of info")) == (1, True)
    assert audit("rules", "lint", "none.yaml").code == 2
    test = audit("rules", "test", "--rules", "wrong.yaml")
    assert test.code == 1
    assert "wrong.yaml:15: provider: example 1: expected fail, got pass" in test.out
    assert "without an example: unrestricted" in test.out
    assert audit("rules", "test", "broken.yaml").code == 1


def test_an_example_can_name_other_records_and_the_message_that_it_must_get(audit, tmp_path):
    (tmp_path / "r.yaml").write_text("""
rules:
  - id: alone
    title: Alone
    severity: low
    require: size(resources) == 1 && size(projects) == 0
    message: "{name} is not alone"
    tests:
      - {name: right, given: {id: a, name: A}, resources: [{id: b}], projects: [], expect: fail, message: A is not alone}
      - {name: among them, given: {id: a}, resources: [{id: a}], projects: [], expect: pass}
      - {name: nothing known, given: {id: a}, expect: pass}
      - {name: other words, given: {id: a, name: A}, resources: [{id: b}], projects: [], expect: fail, message: A is alone}
  - id: few
    title: Few
    severity: low
    resource: account
    require: size(resources) <= 1
    tests:
      - {resources: [{id: a}], expect: pass}
      - {given: {id: c}, resources: [{id: a}, {id: b}], expect: fail}
""")
    tested = audit("rules", "test", "r.yaml")
    said = tested.out.splitlines()
    assert tested.code == 1
    assert said[0] == "r.yaml:11: alone: nothing known: expected pass, got unknown"
    assert "    require  = unknown: `resources` is not known" in said
    assert "r.yaml:12: alone: other words: expected the message 'A is alone', got 'A is not alone'" in said
    assert said[-1] == "4 examples passed, 2 failed"


def test_a_rule_about_accounts_that_reads_a_credential_is_a_mistake_with_its_place(audit, tmp_path):
    rule = RULES.replace("    severity: high", "    severity: high\n    resource: account")
    (tmp_path / "r.yaml").write_text(rule)
    lint = audit("rules", "lint", "r.yaml")
    assert lint.out.startswith(
        "r.yaml:7:14: require: unknown name 'credential.restrictions.restricted'; a rule about this type has params, now, account"
    )


def test_list_shows_the_selected_rules_and_their_tuning(audit, files, tmp_path):
    listed = audit("rules", "list", "--rules", "good.yaml", "--skip-rule", "provider")
    assert listed.out == "unrestricted  high      Restricted to projects\n"
    (tmp_path / "audit.yaml").write_text(
        "overrides: {provider: {severity: info, params: {allowed: [x]}}, unrestricted: off}\n"
    )
    (rule,) = json.loads(audit("rules", "list", "--rules", "good.yaml", "--json").out)["rules"]
    assert (rule["severity"], rule["params"]) == ("info", {"allowed": ["x"]})


def test_explain(audit, files):
    shown = audit("rules", "explain", "provider", "--rules", "good.yaml").out
    for part in ("credential.provider in params.allowed", 'allowed = ["github", "dockerhub"]', "good.yaml:8", "always"):
        assert part in shown
    assert audit("rules", "explain", "nope").code == 2


def test_the_schema_is_of_rule_files(audit):
    schema = json.loads(audit("rules", "schema").out)
    assert schema["$defs"]["RuleEntry"]["required"] == ["id", "title", "severity", "require"]
    assert schema["$defs"]["RuleEntry"]["additionalProperties"] is False
