import re
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.formats.workflow import command
from northflank_audit.model import Severity, Status
from northflank_audit.printable import printable
from tests.formats.conftest import HOSTILE, crowd, result


def render(report):
    return FORMATS["github"].render(report)


def unescaped(value, table):
    for written, read in table.items():
        value = value.replace(written, read)
    return value.replace("%25", "%")


def as_the_runner_reads_it(line):
    """Return a command's name, properties and text as actions/runner does: up to the second `::`, then unescaped."""
    assert line.startswith("::")
    head, _, text = line[2:].partition("::")
    name, _, where = head.partition(" ")
    properties = dict(each.split("=", 1) for each in where.split(",") if each)
    breaks = {"%0D": "\r", "%0A": "\n"}
    marks = {**breaks, "%3A": ":", "%2C": ","}
    return name, {key: unescaped(value, marks) for key, value in properties.items()}, unescaped(text, breaks)


def levels(text):
    return Counter(as_the_runner_reads_it(line)[0] for line in text.splitlines())


def test_the_whole_of_it(full):
    assert render(full) == (
        "::error file=rules.yaml,line=3,title=High%2C new%3A Restricted to projects::a: a can be used by every project\n"
        "::warning file=rules.yaml,line=3,title=Unknown%3A Restricted to projects::rule unrestricted is unknown for c: c could not be evaluated\n"
        "::notice title=Northflank audit%3A VIOLATED::1 violation on 1 of 3 registry credentials\n"
    )


def test_each_reason_why_it_is_incomplete_is_an_error_and_comes_first(incomplete):
    lines = render(incomplete).splitlines()
    assert lines[:2] == [
        "::error title=The audit is incomplete::page 2: 403 Forbidden",
        "::error title=The audit is incomplete::1 verdict is unknown",
    ]
    assert lines[-1].startswith("::notice title=Northflank audit%3A INCOMPLETE::The audit could not see")


def test_a_green_audit_is_one_line_that_says_so(clean):
    assert render(clean) == ("::notice title=Northflank audit%3A PASSED::No violations on 3 registry credentials\n")


def test_the_severity_makes_the_level(report):
    every = [result(resource=each, severity=each) for each in Severity]
    names = [as_the_runner_reads_it(line)[0] for line in render(replace(report, results=every)).splitlines()]
    assert names == ["notice", "notice", "warning", "error", "error", "notice"]


def test_what_waits_for_nobody_takes_no_annotation(full):
    assert "b uses quay" not in render(full)  # waived
    assert "y can be used" not in render(full)  # resolved


def test_a_rule_that_failed_itself_is_a_warning(report):
    broken = replace(report, results=[result(status=Status.ERROR, message="a type mismatch")])
    assert render(broken).startswith("::warning file=rules.yaml,line=3,title=Error%3A Restricted")


def test_a_team_is_named(with_account):
    assert "::team payments: team payments holds more than 100\n" in render(with_account)


def test_no_more_are_given_than_a_step_shows_the_worst_come_first_and_the_rest_is_counted(incomplete):
    results = [
        *(result(resource=f"h{number}") for number in range(30)),
        *(result(resource=f"m{number}", severity=Severity.MEDIUM) for number in range(30)),
        *(result(resource=f"l{number}", severity=Severity.LOW) for number in range(30)),
        *(result(resource=f"u{number}", status=Status.UNKNOWN) for number in range(30)),
    ]
    text = render(replace(incomplete, results=results))
    assert levels(text) == {"error": 10, "warning": 10, "notice": 10}
    assert "::h7: " in text and "::h8: " not in text  # two reasons came before
    assert text.splitlines()[-1].endswith("Only in the reports: 63 violations, 30 reasons why verdicts are unknown")


def test_more_reasons_than_are_shown_are_counted(incomplete):
    run = replace(incomplete.run, incomplete_reasons=[f"page {number}" for number in range(12)])
    text = render(replace(incomplete, run=run))
    assert levels(text)["error"] == 10
    assert text.splitlines()[-1].endswith("2 reasons why it is incomplete, 1 violation")


def test_a_hundred_thousand_findings_are_as_long_as_ten(report):
    text = render(crowd(report, 100_000))
    assert text.splitlines()[-1].endswith(". Only in the reports: 99990 violations")
    assert len(text) < 3_000


def test_hostile_text_makes_no_second_command(hostile):
    lines = render(hostile).splitlines()
    assert len(lines) == 4
    for name, properties, text in map(as_the_runner_reads_it, lines):
        assert name in {"error", "warning", "notice"}
        assert properties.keys() <= {"file", "line", "title"}
        assert text.isprintable()


TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from("%:,=\r\n\x1b\u2028\x85 0ADa#["))


@given(TEXTS, TEXTS)
@example("\n::error::x", "\r\n::stop-commands::x")
@example("%0A::error::x", "a,line=9::x")
@example(HOSTILE, HOSTILE)
def test_whatever_is_in_it_a_command_stays_one_command(text, title):
    made = command("warning", text, title=title, line=3)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", made)
    assert as_the_runner_reads_it(made) == ("warning", {"title": printable(title), "line": "3"}, printable(text))


def test_what_is_escaped_is_read_again():
    made = command("error", "100% of a::b, %0A", title="a: b, 50%", line=1)
    assert as_the_runner_reads_it(made) == ("error", {"title": "a: b, 50%", "line": "1"}, "100% of a::b, %0A")
    assert command("notice", "x") == "::notice::x"
