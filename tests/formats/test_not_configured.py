"""Rules that did not run for want of a parameter: each format names them apart from all others."""

import json

import pytest
from click import unstyle
from msgspec.structs import replace

from northflank_audit.audit.compliance import frameworks
from northflank_audit.cli import summary
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.brief import brief
from northflank_audit.model import Severity
from northflank_audit.parameters import ParameterSchema
from northflank_audit.report import NotConfigured, Subject
from tests.unpacked import rendered

RULE = NotConfigured(
    id="hosts",
    title="Hosts are `allowed`",
    severity=Severity.MEDIUM,
    controls={"soc2": ["CC9.9"], "own": ["2"]},
    requires=["allowed", "teams"],
    param_schemas={
        "allowed": ParameterSchema(default=[], description="The *hosts*.", type="array", examples=[["a.example"]])
    },
)
WHY = "set params.allowed and params.teams"


@pytest.fixture
def unset(report):
    made = frameworks(report.rules, [RULE], seen=True)
    subjects = [Subject(name="snapshot.json", sha256="cd" * 32)]
    return replace(report, not_configured=[RULE], compliance=made, subjects=subjects)


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if name not in ("ocsf", "gitlab", "json", "attestation", "github")]
)
def test_a_report_names_the_rule_and_what_to_set(unset, report, name):
    text = rendered(FORMATS[name], unset)
    assert WHY in text
    assert "hosts" in text
    assert "onfigured" not in rendered(FORMATS[name], report).replace("notConfigured", "")


def test_it_stands_under_a_heading_of_its_own(unset):
    assert '<h2 id="notconfigured">Not configured</h2>' in FORMATS["html"].render(unset)
    assert "\n## Not configured\n" in FORMATS["md"].render(unset)
    assert "NOT CONFIGURED\n  - Hosts are allowed: set params.allowed" in mailbody.text(unset, "")
    assert "Not configured</h2>" in mailbody.html(unset, "")
    assert f"Not configured: `hosts` ({WHY})." in brief(unset)


def test_what_to_set_is_described(unset):
    assert '`allowed`: The <em>hosts</em>. Allowed: a list; for example \\["a.example"\\].\n' in FORMATS["md"].render(
        unset
    )
    assert "The <em>hosts</em>. Allowed: a list; for example [&#34;a.example&#34;]." in FORMATS["html"].render(unset)
    (rule,) = json.loads(FORMATS["json"].render(unset))["notConfigured"]
    assert rule["paramSchemas"]["allowed"]["description"] == "The *hosts*."


def test_the_terminal_names_it(unset):
    assert f"not configured: hosts: {WHY}" in [unstyle(line) for line in summary.lines(unset, [])]


def test_programs_read_which_parameters_to_set(unset):
    (rule,) = json.loads(FORMATS["json"].render(unset))["notConfigured"]
    assert (rule["id"], rule["requires"]) == ("hosts", ["allowed", "teams"])
    predicate = json.loads(FORMATS["attestation"].render(unset))["predicate"]
    assert predicate["northflankAuditNotConfigured"] == {"hosts": ["allowed", "teams"]}
    line = json.loads(FORMATS["jsonl"].render(unset).splitlines()[-1])
    assert (line["ruleId"], line["status"], line["outcome"], line["counts"]) == ("hosts", None, "notconfigured", False)


def test_ci_is_told_how_many(unset, report):
    assert "1 rule not configured" in FORMATS["github"].render(unset)
    assert "not configured" not in FORMATS["github"].render(report)


def test_its_controls_are_listed_as_not_covered_and_never_as_met(unset):
    by_id = {each["id"]: each for each in json.loads(FORMATS["json"].render(unset))["compliance"]}
    assert "CC9.9" not in [control["id"] for control in by_id["soc2"]["controls"]]
    assert by_id["soc2"]["notCovered"] == [{"id": "CC9.9", "reason": f"hosts is not configured: {WHY}"}]
    assert f"Not covered: CC9.9 (hosts is not configured: {WHY})" in FORMATS["md"].render(unset)
    assert "1 control not covered" in FORMATS["html"].render(unset)
