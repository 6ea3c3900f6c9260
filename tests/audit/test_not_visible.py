"""What the API does not show: named in the report, and never a reason to call a control met."""

import json

from northflank_audit.audit.compliance import frameworks
from northflank_audit.audit.not_visible import FACTS, facts
from northflank_audit.config.policy import packs, read_rules
from northflank_audit.report import TypeCoverage
from tests.audit.test_compliance import summary


def test_it_is_named_where_more_than_registry_credentials_is_audited():
    assert facts([TypeCoverage(type="registry-credential")]) == ()
    assert facts([TypeCoverage(type="registry-credential"), TypeCoverage(type="addon")]) == FACTS


def test_controls_that_it_alone_could_prove_are_not_covered():
    (pci,) = frameworks([summary("a", {"pci-dss": ["7.2.5"]}, **{"pass": 1})], not_visible=FACTS, seen=True)
    assert [control.id for control in pci.controls] == ["7.2.5"]
    reasons = {each.id: each.reason for each in pci.not_covered}
    assert "multi-factor authentication" in reasons["8.4.2"]
    assert "sessions" in reasons["8.2.8"]
    assert list(reasons) == ["8.2.8", "8.4.1", "8.4.2", "8.4.3", "10.2.1.2", "10.2.1.5"]


def test_a_rule_of_someone_else_may_show_such_a_control_violated_and_never_met():
    for count, verdicts in (("pass", []), ("fail", ["notmet"])):
        (iso,) = frameworks([summary("a", {"iso-27001": ["A.8.5"]}, **{count: 1})], not_visible=FACTS, seen=True)
        assert [control.verdict for control in iso.controls] == verdicts
        assert [each.id for each in iso.not_covered] == ([] if verdicts else ["A.8.5"])


def test_no_bundled_rule_claims_such_a_control():
    hidden = {(framework, control) for fact in FACTS for framework, ids in fact.controls.items() for control in ids}
    for pack in packs():
        for rule in read_rules([f"pack:{pack}"]).checked():
            claimed = {(framework, control) for framework, ids in rule.controls.items() for control in ids}
            assert not claimed & hidden, rule.id


def test_controls_that_rules_prove_parts_of_are_none_of_them():
    hidden = {control for fact in FACTS for ids in fact.controls.values() for control in ids}
    assert not hidden & {"CC6.1", "AC-2", "AC-6", "A.5.15", "7.2.5"}
    assert {"8.4.2", "8.2.8", "IA-2(1)", "AC-12", "A.8.5", "6.3", "6.5"} <= hidden


def test_an_audit_of_other_types_reports_it(audit):
    done = audit("--demo", "--rules", "pack:data", "--format", "json", "--verbose")
    assert done.report["coverage"]["notVisible"] == [fact.text for fact in FACTS]
    assert "  not visible through the API:\n    multi-factor authentication" in done.out
    assert {"id": "A.8.5", "reason": f"the API does not show {FACTS[0].text}"} in next(
        each["notCovered"] for each in done.report["compliance"] if each["id"] == "iso-27001"
    )
    assert json.loads((done.folder / "reports/report.json").read_text())["coverage"]["types"][0]["inScope"] is True
