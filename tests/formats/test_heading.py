"""Violations are headed by what is wrong; what passes or is unknown, by what should be so."""

import click
import pytest
from msgspec.structs import replace

from northflank_audit.cli.summary import lines
from northflank_audit.delivery import notify
from northflank_audit.formats import FORMATS, mailbody
from northflank_audit.formats.brief import brief
from northflank_audit.gate import Gate
from northflank_audit.model import Status

TITLE, FINDING = "Registry credentials are restricted", "Open to every project"


def headed(report, status):
    """Return a report whose only result has this status, by a rule that has a finding."""
    results = [replace(each, status=status) for each in report.results if each.rule_id == "unrestricted"][:1]
    counts = {each: int(each == status) for each in (*Status, "waived")}
    rules = [
        replace(rule, title=TITLE, finding=FINDING, counts=counts) for rule in report.rules if rule.id == "unrestricted"
    ]
    failures = {**dict.fromkeys(report.summary.fail_by_severity, 0), "high": int(status is Status.FAIL)}
    summary = replace(report.summary, passed=0, fail=failures["high"], unknown=1 - failures["high"], waived=0,
                      notapplicable=0, fail_by_severity=failures)  # fmt: skip
    return replace(report, rules=rules, results=results, summary=summary, compliance=[])


WRITTEN = {
    "terminal": lambda report: click.unstyle("\n".join(lines(report, []))),
    "mail": lambda report: mailbody.text(report, "kept"),
    "mail as HTML": lambda report: mailbody.html(report, "kept"),
    "step summary": brief,
    **{name: FORMATS[name].render for name in ("html", "md", "github", "ocsf")},
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_violation_is_headed_by_what_is_wrong(report, written):
    assert FINDING in written(headed(report, Status.FAIL))


@pytest.mark.parametrize("written", [WRITTEN[name] for name in WRITTEN if name != "step summary"])
def test_what_is_unknown_is_not_headed_as_if_it_were_wrong(report, written):
    text = written(headed(report, Status.UNKNOWN))
    assert TITLE in text
    assert FINDING not in text


def test_sarif_describes_a_rule_by_what_is_wrong(report):
    assert f'"text": "{FINDING}"' in FORMATS["sarif"].render(headed(report, Status.FAIL))


def test_a_rule_without_a_finding_heads_violations_by_its_title(report):
    assert report.rules[1].heading == report.rules[1].title


SAID = {**WRITTEN, "notification": lambda report: notify.body(report, []), "junit": FORMATS["junit"].render}


@pytest.mark.parametrize(
    "written", [SAID[name] for name in SAID if name != "ocsf"], ids=[n for n in SAID if n != "ocsf"]
)
def test_ongoing_violations_that_do_not_count_are_said_where_the_verdict_is(full, written):
    ongoing = [replace(each, state="ongoing") if each.violates else each for each in full.results]
    gate = Gate(fail_on_new=True)
    text = " ".join(written(replace(full, results=ongoing, gate=gate.over(ongoing), exit_code=0)).split())
    assert "1 ongoing violation does not count" in text or "every violation is ongoing, and only new ones fail" in text
    assert "does not count" not in written(replace(full, gate=gate))
