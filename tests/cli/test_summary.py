import datetime as dt

import click
import pytest

from northflank_audit.audit.verdict_totals import VerdictTotals
from northflank_audit.cli.summary import MOST, _reasons, lines
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
        engine = Engine([rule(**{"require": "credential.ok", **entry})], NOW)
        totals = VerdictTotals(engine, WaiverBook([], NOW.date()))
        totals.add(engine.evaluate(resources))
        run = Run(id="1", started_at=NOW, finished_at=NOW, source=Origin(kind="api"), complete=complete,
                  incomplete_reasons=[] if complete else ["page 2: gone"])  # fmt: skip
        report = totals.report(Tool("t", "1"), run, Coverage(resources=len(resources)), ["careful"], Gate(Severity.LOW))
        return click.unstyle("\n".join(lines(report, ["a.html"])))

    return make


def test_it_passed(summary):
    text = summary(resource(ok=True))
    assert text.startswith("PASSED  no violation")
    assert "1 registry credential × 1 rule = 1 verdict: 1 pass, 0 fail" in text
    assert text.endswith("reports: a.html\nexit code 0")


def test_violations_are_named_and_a_long_list_is_cut_and_counted(summary):
    text = summary(*[resource(id=f"c{n:02}", name=f"N{n}", team="t", ok=False) for n in range(MOST + 3)])
    assert text.startswith(f"VIOLATED  {MOST + 3} violations: {MOST + 3} low")
    assert "        - t/c00: N0: T" in text
    assert "… and 3 more violations, in the reports" in text


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
    listed = [click.unstyle(each) for each in _reasons([f"r{n}" for n in range(MOST + 2)])]
    assert listed[:MOST] == [f"  incomplete: r{n}" for n in range(MOST)]
    assert listed[MOST:] == ["  … and 2 more reasons, in the reports"]


def test_a_title_of_a_rule_is_no_command_to_the_terminal_or_to_the_ci_that_reads_it(summary):
    text = summary(resource(ok=False), title="T\n::error::x \x1b[31m\u202e")
    assert "\nlow       T ::error::x" in text
    assert not {"\x1b", "\u202e"} & set(text)
