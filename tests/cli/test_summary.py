import datetime as dt

import click
import pytest

from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.cli.summary import MOST, MOST_COUNTED, _reasons, lines
from northflank_audit.gate import Gate
from northflank_audit.model import Severity
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.report import Coverage, Origin, Run, Tool
from tests.conftest import resource, rule

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def summary():
    def make(*resources, complete=True, **entry):
        return audited([rule(**{"require": "credential.ok", **entry})], resources, complete=complete)

    return make


def audited(rules, resources, written=("a.html",), *, complete=True):
    engine = Engine(rules, NOW)
    totals = VerdictTotals(engine, WaiverBook([], NOW.date()))
    totals.add(engine.evaluate(resources))
    run = Run(id="1", started_at=NOW, finished_at=NOW, source=Origin(kind="api"), complete=complete,
              incomplete_reasons=[] if complete else ["page 2: gone", *totals.inconclusive()])  # fmt: skip
    report = totals.report(Tool("t", "1"), run, Coverage(resources=len(resources)), ["careful"], Gate(Severity.LOW))
    return click.unstyle("\n".join(lines(report, written)))


def test_it_passed(summary):
    text = summary(resource(ok=True))
    assert text.startswith("PASSED  no violation")
    assert "1 registry credential × 1 rule = 1 verdict: 1 pass, 0 fail" in text
    assert text.endswith("reports: a.html\nexit code 0")


def test_violations_are_named_and_a_long_list_is_cut_and_counted(summary):
    text = summary(*[resource(id=f"c{n:02}", name=f"N{n}", team="t", ok=False) for n in range(MOST + 3)])
    assert text.startswith(f"VIOLATED  {MOST + 3} violations: {MOST + 3} low")
    assert "        - t/c00: N0: T" in text
    assert "… and 3 more violations, in the reports: a.html" in text


def test_what_is_incomplete_never_reads_as_passed(summary):
    text = summary(resource(), complete=False)
    assert text.startswith(
        "INCOMPLETE  nothing could be evaluated on 1 registry credential\n  incomplete: page 2: gone"
    )
    assert "unknown   T" in text
    assert "PASSED" not in text
    assert text.endswith("exit code 3")


def test_reasons_are_cut_and_counted():
    """A team that does not exist gives a reason for each list and each rule."""
    listed = [click.unstyle(each) for each in _reasons([f"r{n}" for n in range(MOST + 2)], "in the reports")]
    assert listed[:MOST] == [f"  incomplete: r{n}" for n in range(MOST)]
    assert listed[MOST:] == ["  … and 2 more reasons, in the reports"]


def test_a_title_of_a_rule_is_no_command_to_the_terminal_or_to_the_ci_that_reads_it(summary):
    text = summary(resource(ok=False), title="T\n::error::x \x1b[31m\u202e")
    assert "\nlow       T ::error::x" in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_one_rule_with_many_violations_drowns_no_other():
    rules = [
        rule(id="unused", title="Used", require="false", severity="high"),
        *(rule(id=f"r{n:02}", title=f"R{n}", require="false") for n in range(30)),
    ]
    text = audited(rules, [resource(id=f"c{n:02}") for n in range(41)])
    assert text.count("  unused\n") == 1
    assert "        - c02: ?: Used\n          … and 38 more of unused\n\nlow       R0  r00\n" in text
    assert "        - c01: ?: R5\n          … and 39 more of r05\n\nlow       R6  r06: 41 violations\n" in text
    assert "low       R7  r07: 41 violations\n" in text
    assert f"          … and {30 - 6 - MOST_COUNTED} more violated rules\n" in text
    assert f"          … and {31 * 41 - MOST} more violations, in the reports: a.html\n" in text


def test_rules_that_are_unknown_for_the_same_reason_are_one_reason():
    rules = [rule(id=f"r{n}", title=f"R{n}", require="credential.a") for n in range(17)]
    rules += [rule(id="other", title="Other", require="credential.b")]
    text = audited(rules, [resource(id="c")], complete=False)
    assert text.count(" a is not known") == 2
    assert "  incomplete: 17 rules are unknown for c: a is not known (the API did not give it); --absent says" in text
    assert "unknown   R0  r0 and 16 more rules\n        - c: a is not known" in text
    assert "unknown   Other  other\n        - c: b is not known" in text


def test_without_a_report_it_is_said_that_what_is_cut_is_nowhere():
    text = audited([rule(id="r", title="T", require="false")], [resource(id=f"c{n}") for n in range(MOST + 1)], [])
    assert "… and 1 more violations, in no report, because none was written (--format, --output)\n" in text


def test_the_page_is_named_among_the_reports():
    text = audited([rule(require="false")], [resource(id=f"c{n}") for n in range(MOST + 1)], ["r.csv", "r.html"])
    assert "in the reports: r.html\n" in text
