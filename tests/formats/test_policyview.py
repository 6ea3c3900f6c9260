from msgspec.structs import replace

from northflank_audit.audit.compliance import frameworks
from northflank_audit.formats import FORMATS, markdown
from northflank_audit.formats.policyview import (
    AppliedSetting,
    anchors,
    controls,
    framework_statuses,
    rule_files,
    settings,
    unseen,
    verdict_counts,
)
from northflank_audit.model import Status
from northflank_audit.parameters import ParameterSchema, ValueSchema


def test_controls_are_named_by_the_titles_of_the_report(report):
    assert controls(report.rules[1], {"soc2": "SOC 2"}) == ["SOC 2 CC6.1, CC6.3", "own 1"]


def test_a_framework_says_how_many_of_its_covered_controls_are_met(report, clean):
    assert [said for _, said, _ in framework_statuses(report)] == [
        "0 of 3 covered controls met, 1 waived, 2 not met",
        "0 of 1 covered control met, 1 not met",
    ]
    assert [said for _, said, _ in framework_statuses(clean)] == [
        "3 of 3 covered controls met",
        "1 of 1 covered control met",
    ]


def test_a_bar_is_full_and_without_gaps(report):
    (soc2, _) = framework_statuses(report)
    assert soc2.segments == [("waived", "0.0%", "33.3%"), ("notmet", "33.3%", "66.7%")]


def test_only_what_was_not_seen_is_said_not_to_have_been(report, incomplete, clean):
    assert not unseen(report)
    assert unseen(incomplete)
    assert unseen(replace(clean, compliance=frameworks(clean.rules, seen=False)))


def test_a_control_tells_the_verdicts_that_there_are(report):
    _, shared, _ = report.compliance[0].controls
    assert verdict_counts(shared) == ["2 pass", "1 fail", "1 waived", "1 unknown", "1 not applicable"]
    assert verdict_counts(replace(shared, counts={"pass": 0})) == ["none"]


def test_a_setting_says_what_overrode_it(report):
    assert settings(report.rules[0]) == [
        AppliedSetting("severity = low", "audit.yaml:3"),
        AppliedSetting('allowed = ["github"]', "audit.yaml:4"),
        AppliedSetting("strict = true", None),
    ]
    assert settings(report.rules[1]) == []


def test_a_rule_file_is_named_once_with_its_digest(report):
    one, two = report.rules
    assert rule_files(report) == [("rules.yaml", "ab" * 32, 2)]
    moved = replace(report, rules=[replace(one, origin="C:/more.yaml:1", sha256="cd" * 32), two])
    assert rule_files(moved) == [("C:/more.yaml", "cd" * 32, 1), ("rules.yaml", "ab" * 32, 1)]


def test_a_rule_leads_to_the_worst_that_was_found(report, clean):
    violated, unknown, waived = report.results
    assert anchors(report) == {"provider": f"f-{waived.fingerprint}", "unrestricted": "rule-unrestricted"}
    assert anchors(clean) == {"provider": "about-provider", "unrestricted": "about-unrestricted"}
    both = replace(waived, rule_id="unrestricted")
    for results in ([unknown, both], [both, unknown]):
        assert anchors(replace(report, results=results))["unrestricted"] == f"f-{unknown.fingerprint}"
    again = replace(unknown, fingerprint="later", status=Status.ERROR)
    assert anchors(replace(report, results=[unknown, again]))["unrestricted"] == f"f-{unknown.fingerprint}"
    passed = replace(violated, status=Status.PASS)  # folded away, where a link does not reach everywhere
    assert anchors(replace(report, results=[passed]))["unrestricted"] == "about-unrestricted"


def test_a_setting_says_what_it_is_for_and_what_it_may_be(report):
    schema = ParameterSchema(
        default=[], description="Which.", type="array", items=ValueSchema(enum=["a"]), examples=[["a"]]
    )
    rule = replace(report.rules[0], params={"p": [], "q": 1}, param_schemas={"p": schema}, overridden={})
    described, plain = settings(rule)
    assert (described.description, described.allowed) == ("Which.", 'a list; each item is one of a; for example ["a"]')
    assert (plain.description, plain.allowed) == ("", "")
    page = FORMATS["html"].render(replace(report, rules=[rule, *report.rules[1:]]))
    assert "Which. Allowed: a list; each item is one of a; for example [&#34;a&#34;]." in page


def test_markdown_describes_parameters_where_a_rule_is_violated_and_of_others_if_there_is_room(report, monkeypatch):
    schema = ParameterSchema(default=1, description="The *most* | of\n\nthem.", type="integer", minimum=0)
    changed = {"params": {"max": 3}, "param_schemas": {"max": schema}, "overridden": {"params.max": "a.yaml:4"}}
    described = replace(report, rules=[replace(each, **changed) for each in report.rules])
    says = "`max = 3` set at a.yaml:4: The <em>most</em> &#124; of them. Allowed: a whole number, at least 0."
    text = FORMATS["md"].render(described)
    assert f"**Parameters:** {says}\n" in text
    assert text.count(f"| {says} |") == len(report.rules)
    monkeypatch.setattr(markdown, "LONGEST", len(text) - 1)
    shorter = FORMATS["md"].render(described)
    assert f"**Parameters:** {says}\n" in shorter
    assert "| `max = 3` set at a.yaml:4 |" in shorter
