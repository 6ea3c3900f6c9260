import datetime as dt

import pytest

from northflank_audit.audit.compliance import frameworks
from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.report import Coverage, NotConfigured, Origin, RuleSummary, Run, Tool
from tests.conftest import resource, rule

COUNTS = dict.fromkeys((*Status, "waived"), 0)


def summary(identity="r", controls=None, **counts):
    return RuleSummary(
        id=identity,
        title="T",
        severity=Severity.LOW,
        rationale="",
        remediation="",
        references=[],
        controls=controls or {"soc2": ["CC6.1"]},
        params={},
        origin="r.yaml:1",
        counts={**COUNTS, "pass": 0, **counts},
    )


def verdict(*rules, seen=True):
    (framework,) = frameworks(rules, seen=seen)
    (control,) = framework.controls
    return control.verdict


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"pass": 3}, "met"),
        ({"pass": 3, "notapplicable": 2}, "met"),
        ({"notapplicable": 2}, "notapplicable"),
        ({}, "notapplicable"),
        ({"pass": 3, "waived": 1}, "waived"),
        ({"waived": 1, "notapplicable": 1}, "waived"),
        ({"pass": 3, "waived": 1, "fail": 1}, "notmet"),
        ({"fail": 1}, "notmet"),
        ({"pass": 3, "unknown": 1}, "notknown"),
        ({"waived": 1, "unknown": 1}, "notknown"),
        ({"notapplicable": 1, "error": 1}, "notknown"),
        ({"unknown": 1, "error": 1, "fail": 1}, "notmet"),
    ],
)
def test_a_control_is_as_good_as_the_worst_verdict_under_it(counts, expected):
    assert verdict(summary(**counts)) == expected
    passed = {**COUNTS, "pass": 5}
    with_another = expected if expected != "notapplicable" else "met"
    assert verdict(summary(**counts), summary("s", **passed)) == with_another
    assert verdict(summary("s", **passed), summary(**counts)) == with_another


@pytest.mark.parametrize("counts", [{"pass": 3}, {"waived": 1}, {"notapplicable": 1}, {}])
def test_nothing_is_met_where_not_everything_was_seen(counts):
    assert verdict(summary(**counts), seen=False) == "notknown"


def test_nothing_is_met_unless_the_caller_says_that_all_was_seen():
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    engine = Engine([rule(controls={"soc2": ["CC6.1"]})], now)
    totals = VerdictTotals(engine, WaiverBook([], now.date()))
    totals.add(engine.evaluate([resource()]))
    run = Run(id="1", started_at=now, finished_at=now, source=Origin(kind="api"), complete=True, incomplete_reasons=[])

    def met(**said):
        (framework,) = totals.report(Tool("t", "1"), run, Coverage(), [], Gate(None), **said).compliance
        return framework.controls[0].verdict

    assert (met(), met(seen=True)) == ("notknown", "met")


def test_a_control_names_each_rule_under_it_once_and_adds_up_their_counts():
    rules = [
        summary("a", {"soc2": ["CC6.1", "CC6.1"]}, **{"pass": 1, "fail": 2}),
        summary("b", {"soc2": ["CC6.1"]}, **{"pass": 3, "waived": 1}),
    ]
    (framework,) = frameworks(rules, seen=True)
    (control,) = framework.controls
    assert control.rules == ["a", "b"]
    assert control.counts == {**COUNTS, "pass": 4, "fail": 2, "waived": 1}


def test_a_control_whose_only_rules_are_not_configured_is_not_covered():
    unset = NotConfigured(
        id="b", title="B", severity=Severity.LOW, controls={"soc2": ["CC6.1", "CC6.3"], "own": ["1"]}, requires=["a"]
    )
    soc2, own = frameworks([summary("a", {"soc2": ["CC6.1"]}, **{"pass": 1})], [unset], seen=True)
    assert [(control.id, control.rules) for control in soc2.controls] == [("CC6.1", ["a"])]
    assert [(each.id, each.reason) for each in soc2.not_covered] == [("CC6.3", "b is not configured: set params.a")]
    assert (own.controls, [each.id for each in own.not_covered]) == ([], ["1"])


def test_a_rule_stands_under_its_own_controls_alone():
    rules = [
        summary("a", {"soc2": ["CC6.1"], "cis-v8": ["3.3"]}, fail=1),
        summary("b", {"soc2": ["CC6.3"]}, **{"pass": 1}),
    ]
    assert [
        (framework.id, control.id, control.verdict, control.rules)
        for framework in frameworks(rules, seen=True)
        for control in framework.controls
    ] == [
        ("soc2", "CC6.1", "notmet", ["a"]),
        ("soc2", "CC6.3", "met", ["b"]),
        ("cis-v8", "3.3", "notmet", ["a"]),
    ]


def test_known_frameworks_come_first_and_by_their_titles_then_the_others_by_name():
    rules = [
        summary("a", {"zoo": ["1"], "pci-dss": ["1"], "own": ["1"], "empty": []}),
        summary("b", {"iso-27001": ["A.1"], "soc2": ["CC1"]}),
    ]
    assert [(each.id, each.title) for each in frameworks(rules, seen=True)] == [
        ("soc2", "SOC 2"),
        ("iso-27001", "ISO/IEC 27001:2022"),
        ("pci-dss", "PCI DSS 4.0.1"),
        ("own", "own"),
        ("zoo", "zoo"),
    ]


def test_controls_come_as_people_count():
    written = [
        "CC6.10",
        "AC-10",
        "A.5.15",
        "CC6.1",
        "AC-2(11)",
        "A.5.9",
        "AC-2(3)",
        "AC-2",
        "CC6",
        "7.2.5.1",
        "12.8",
        "",
    ]
    written.append("9" * 5000)  # more digits than Python makes a number of
    (framework,) = frameworks([summary(controls={"soc2": written})], seen=True)
    assert [control.id for control in framework.controls] == [
        *("", "7.2.5.1", "12.8", "9" * 5000),
        *("A.5.9", "A.5.15", "AC-2", "AC-2(3)", "AC-2(11)", "AC-10", "CC6", "CC6.1", "CC6.10"),
    ]
