"""What could not be evaluated is one line for each cause, and a rule that always fails is never ignored."""

import datetime as dt

import click
import pytest
from msgspec.structs import replace

from northflank_audit.audit.verdict_totals import MOST_CAUSES, VerdictTotals
from northflank_audit.cli.summary import lines
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.headline import headline, no_violation, outcome, title
from northflank_audit.formats.text import missing
from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_book import WaiverBook
from northflank_audit.report import Coverage, Origin, Run, Tool
from tests.conftest import resource, rule
from tests.formats.conftest import clean, report

__all__ = ["clean", "report"]

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BROKEN = {
    "id": "ratio",
    "title": "Ratio",
    "require": "100 / credential.n > 1",
    "when": "credential.provider != 'legacy'",
}
SIXTY_ONE = [resource(id=f"c{number:02}", name=f"N{number}", provider="ecr", n=0) for number in range(61)]


@pytest.fixture
def evaluated():
    def make(*resources, on_unknown="fail", entry=BROKEN):
        totals = VerdictTotals(engine := Engine([rule(**entry)], NOW), WaiverBook([], NOW.date()))
        totals.add(engine.evaluate(resources))
        problems = totals.inconclusive(broken=on_unknown == "ignore")
        run = Run(id="1", started_at=NOW, finished_at=NOW, source=Origin(kind="api"), complete=not problems,
                  incomplete_reasons=problems)  # fmt: skip
        coverage = Coverage(resources=len(resources), requests=1, pages=1)
        return totals.report(Tool("t", "1"), run, coverage, [], Gate(Severity.LOW))

    return make


def test_sixty_one_equal_errors_are_one_reason_that_names_the_rule_the_cause_and_how_many(evaluated):
    report = evaluated(*SIXTY_ONE)
    assert len(report.results) == 61
    (said,) = report.run.incomplete_reasons
    assert said.startswith("rule ratio failed on all 61 registry credentials: ")
    assert {each.reason for each in report.results} == {said.partition(": ")[2]}
    clause = said.removeprefix("rule ratio ")
    bodies = [
        click.unstyle("\n".join(lines(report, []))),
        FORMATS["md"].render(report),
        FORMATS["html"].render(report),
        FORMATS["github"].render(report),
        " ".join(mailbody.text(report, "kept").split()),
        mailbody.html(report, "kept"),
    ]
    for body in bodies:
        assert clause in body
        assert "verdicts are unknown" not in body
    assert "c07" not in bodies[0] + bodies[1] + bodies[3] + bodies[4]


@pytest.mark.parametrize(("on_unknown", "code"), [("fail", 3), ("ignore", 3)])
def test_a_rule_that_fails_on_everything_is_broken_whatever_is_ignored(evaluated, on_unknown, code):
    report = evaluated(*SIXTY_ONE, on_unknown=on_unknown)
    assert (report.exit_code, outcome(report)) == (code, "INCOMPLETE")
    assert "rule ratio failed on all 61 registry credentials" in report.run.incomplete_reasons[0]
    assert headline(report) == "Nothing could be evaluated on 61 registry credentials"


def test_what_fails_on_some_can_be_ignored(evaluated):
    report = evaluated(*SIXTY_ONE, resource(id="good", n=1, provider="ecr"), on_unknown="ignore")
    assert (report.exit_code, outcome(report)) == (0, "PASSED")
    assert "3 of" not in headline(report)
    report = evaluated(*SIXTY_ONE, resource(id="good", n=1, provider="ecr"))
    assert report.run.incomplete_reasons[0].startswith("rule ratio failed on 61 of 62 registry credentials: ")


def test_what_evaluated_nothing_is_never_headed_passed(evaluated):
    unknown = evaluated(resource(provider="ecr"), resource(id="b", provider="legacy"), on_unknown="ignore")
    assert (unknown.summary.unknown, unknown.summary.notapplicable, unknown.exit_code) == (1, 1, 0)
    assert headline(unknown) == "Nothing could be evaluated on 2 registry credentials"
    aside = evaluated(resource(provider="legacy"))
    assert headline(aside) == "No rule applies to 1 registry credential"
    for each in (unknown, aside):
        assert outcome(each) == "INCONCLUSIVE"
        assert "No violations" not in title(each)
        page = FORMATS["html"].render(each).partition("</style>")[2]  # the style knows all outcomes
        texts = [FORMATS[name].render(each) for name in ("md", "github")]
        for body in (page, *texts, mailbody.text(each, "k"), "\n".join(lines(each, []))):
            assert "INCONCLUSIVE" in body
            assert "PASSED" not in body


def test_an_account_without_a_credential_passes(evaluated):
    assert outcome(evaluated()) == "PASSED"


def test_where_nothing_was_seen_the_headline_says_so(clean):
    run = replace(clean.run, complete=False, incomplete_reasons=["HTTP 401"])
    coverage = replace(clean.coverage, resources=0, results=0, pages=0, count=0)
    summary = replace(clean.summary, passed=0)
    report = replace(clean, run=run, coverage=coverage, summary=summary, exit_code=3)
    assert report.saw_nothing
    assert headline(report) == "Nothing could be seen"
    assert title(report) == "INCOMPLETE: nothing could be seen"
    assert no_violation(report) == "Nothing could be seen."
    assert "listed below" not in missing(report)[1]
    text = click.unstyle("\n".join(lines(report, [])))
    assert text.startswith("INCOMPLETE  nothing could be seen\n")
    assert "o violation" not in text


def test_what_is_unknown_for_want_of_each_ones_details_is_one_cause(evaluated):
    shortfall = "details of '{}' of team t: HTTP 403"
    some = [replace(resource(id=each, team="t"), shortfall=shortfall.format(each)) for each in ("a", "b")]
    report = evaluated(*some, entry={"require": "credential.ok"})
    assert report.run.incomplete_reasons == [
        "rule r is unknown for all 2 registry credentials: ok is not known (its details: HTTP 403)"
    ]
    assert "details of 'a' of team t: HTTP 403" in report.results[0].message


def test_more_causes_than_anyone_reads_are_counted(evaluated):
    some = [replace(resource(id=f"c{n:02}"), shortfall=f"why {n}") for n in range(MOST_CAUSES + 5)]
    reasons = evaluated(*some, entry={"require": "credential.ok"}).run.incomplete_reasons
    assert len(reasons) == MOST_CAUSES + 1
    assert reasons[0] == "rule r is unknown for c00: ok is not known (why 0)"
    assert reasons[-1] == "5 more verdicts are unknown or errors"


def test_a_verdict_that_is_firm_has_no_reason(evaluated):
    (failed,) = evaluated(resource(ok=False), entry={"require": "credential.ok"}).results
    assert failed.status is Status.FAIL
    assert "reason" not in FORMATS["json"].render(
        evaluated(resource(ok=False), entry={"require": "credential.ok"})
    ).replace("incompleteReasons", "")
