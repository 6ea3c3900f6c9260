import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from northflank_audit.formats import FORMATS
from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from tests.conftest import NET, needed, needed_package
from tests.formats.conftest import poisoned, result

SCHEMA = Path(__file__).with_name("junit.rnc")
JING = "nu.validator.vendor.thaiopensource.relaxng.util.Driver"
"""The RELAX NG validator that the Nu HTML checker brings along."""


def validated(*files):
    """Return what the validator has to say of files; nothing where they fit the schema."""
    command = [needed("java"), "-cp", str(needed_package("vnu-jar/build/dist/vnu.jar")), JING, "-c", str(SCHEMA)]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False, timeout=NET)
    return done.stdout + done.stderr


def read(report):
    """Return (suite, case, what it ended with) as a CI system reads them; the numbers must be those of the cases."""
    root = ET.fromstring(FORMATS["junit"].render(report))
    cases = []
    for suite in root:
        ended = [case[0].tag if len(case) and case[0].tag != "system-out" else "passed" for case in suite]
        counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        assert {name: suite.get(name) for name in counts} == {n: str(ended.count(tag)) for n, tag in counts.items()}
        assert suite.get("tests") == str(len(suite)) != "0"
        (classname,) = {case.get("classname") for case in suite}
        assert classname.rpartition(".")[2] == suite.get("name")
        assert classname.rpartition(".")[0] in ("", "registry-credential", "account")
        cases += [(suite.get("name"), case.get("name"), how) for case, how in zip(suite, ended, strict=True)]
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    assert len({case[:2] for case in cases}) == len(cases)
    return cases


def test_the_whole_document(report):
    assert FORMATS["junit"].render(report) == (
        """\
<?xml version='1.0' encoding='utf-8'?>
<testsuites name="northflank-audit" tests="4" failures="1" errors="1" time="2.500">
  <testsuite name="audit" tests="1" failures="0" errors="0" time="2.500" skipped="0" timestamp="2026-11-24T06:00:00">
    <testcase name="the audit is complete" classname="audit" time="2.500">
      <system-out>Exit code 1: the audit is complete, and there are violations at or above the severity that fails an audit (--fail-on).</system-out>
    </testcase>
  </testsuite>
  <testsuite name="provider" tests="1" failures="0" errors="0" time="0.000" skipped="1" timestamp="2026-11-24T06:00:00">
    <testcase name="b" classname="registry-credential.provider" time="0.000">
      <skipped message="waived until 2027-01-31 by ops@example.com (Migrated in Q1): b uses quay">waived until 2027-01-31 by ops@example.com (Migrated in Q1): b uses quay
restrictions.restricted = false</skipped>
    </testcase>
  </testsuite>
  <testsuite name="unrestricted" tests="2" failures="1" errors="1" time="0.000" skipped="0" timestamp="2026-11-24T06:00:00">
    <testcase name="a" classname="registry-credential.unrestricted" time="0.000">
      <failure message="a can be used by every project" type="fail high">a can be used by every project
restrictions.restricted = false
Select the projects.</failure>
    </testcase>
    <testcase name="c" classname="registry-credential.unrestricted" time="0.000">
      <error message="c could not be evaluated" type="unknown high">c could not be evaluated
Select the projects.</error>
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_an_incomplete_audit_has_an_error_with_its_reasons(incomplete, clean):
    for each in (incomplete, replace(clean, run=incomplete.run)):
        assert read(each)[0] == ("audit", "the audit is complete", "error")
        error = ET.fromstring(FORMATS["junit"].render(each)).find(".//error")
        assert error.text == "page 2: 403 Forbidden\n1 verdict is unknown"
    unsaid = replace(clean, run=replace(incomplete.run, incomplete_reasons=[]))
    assert read(unsaid)[0][2] == "error"


def test_a_rule_passes_where_all_its_verdicts_do(clean):
    assert read(clean)[1:] == [
        ("provider", "Provider is allowed", "passed"),
        ("unrestricted", "Restricted to projects", "passed"),
    ]
    assert "<system-out>3 pass</system-out>" in FORMATS["junit"].render(clean)


def test_a_rule_does_not_pass_by_what_an_incomplete_audit_saw(clean, incomplete):
    seen = replace(clean, run=incomplete.run)
    assert {how for _, _, how in read(seen)[1:]} == {"skipped"}
    assert 'message="3 pass, but the audit is incomplete"' in FORMATS["junit"].render(seen)


@pytest.mark.parametrize("against", ["fail", "unknown", "error", "waived"])
def test_a_rule_with_anything_against_it_does_not_pass(clean, against):
    status, waiver = (Status.FAIL, None) if against == "waived" else (Status(against), None)
    one, other = clean.rules
    rules = [replace(one, counts={**one.counts, against: 1}), other]
    cases = read(replace(clean, rules=rules, results=[result(one.id, status=status, waiver=waiver)]))
    assert [how for suite, _, how in cases if suite == one.id] == [
        "error" if against in ("unknown", "error") else "failure"
    ]


@pytest.mark.parametrize(
    ("counts", "how", "said"),
    [
        ({"pass": 2, "notapplicable": 1}, "passed", "2 pass, 1 not applicable"),
        ({"notapplicable": 3}, "skipped", "3 not applicable"),
        ({}, "skipped", "nothing to evaluate"),
    ],
)
def test_a_rule_says_what_is_only_counted(clean, counts, how, said):
    one, other = clean.rules
    report = replace(clean, rules=[replace(one, counts={**dict.fromkeys(one.counts, 0), **counts}), other])
    assert read(report)[1] == ("provider", "Provider is allowed", how)
    assert said in FORMATS["junit"].render(report)


def test_verdicts_that_are_listed_are_not_said_twice(clean):
    passed = [result("provider", each, status=Status.PASS) for each in "abc"]
    assert [case for case in read(replace(clean, results=passed)) if case[0] == "provider"] == [
        ("provider", each, "passed") for each in "abc"
    ]
    skipped = result("provider", status=Status.NOTAPPLICABLE)
    assert [case for case in read(replace(clean, results=[skipped])) if case[0] == "provider"] == [
        ("provider", "a", "skipped"),
        ("provider", "Provider is allowed", "passed"),
    ]


@pytest.mark.parametrize(
    ("gate", "counted", "said"),
    [
        (Gate(Severity.HIGH), {"error": 1, "failure": 1}, "low is below the severity that fails this audit (--fail-on high): a is low"),
        (Gate(None), {"error": 1}, "high is below the severity that fails this audit (--fail-on never): a is high"),
        (Gate(Severity.HIGH, "ignore"), {"failure": 1}, "what could not be evaluated does not fail this audit (--on-unknown ignore): a is odd"),
    ],
)  # fmt: skip
def test_what_does_not_count_for_the_exit_code_is_skipped_with_the_reason(report, gate, counted, said):
    results = [
        result(message="a is high"),
        result("provider", severity=Severity.LOW, message="a is low"),
        result("provider", "b", status=Status.UNKNOWN, severity=Severity.LOW, message="a is odd"),
    ]
    text = FORMATS["junit"].render(replace(report, results=results, gate=gate))
    root = ET.fromstring(text)
    assert {tag: len(root.findall(f".//{tag}")) for tag in ("error", "failure")} == {
        "error": 0,
        "failure": 0,
        **counted,
    }
    assert said in {each.get("message") for each in root.iter("skipped")}
    assert "passed" not in {how for _, _, how in read(replace(report, results=results, gate=gate))[1:]}


def test_a_rule_that_fails_on_everything_is_never_set_aside(report):
    none = dict.fromkeys(report.rules[0].counts, 0)
    broken = replace(report.rules[0], counts={**none, "error": 1})
    errors = [result(broken.id, status=Status.ERROR)]
    ignoring = replace(report, rules=[broken], results=errors, gate=Gate(on_unknown="ignore"))
    assert read(ignoring)[-1] == (broken.id, "a", "error")
    partly = replace(ignoring, rules=[replace(broken, counts={**none, "error": 1, "pass": 1})])
    assert read(partly)[-1] == (broken.id, "a", "skipped")


def test_every_element_has_a_time_and_the_sums_are_right(full):
    root = ET.fromstring(FORMATS["junit"].render(full))
    times = [float(each.get("time")) for each in root.iter("testcase")]
    assert sum(times) == float(root.get("time")) == 2.5
    for suite in root:
        assert float(suite.get("time")) == sum(float(case.get("time")) for case in suite)


def test_resources_are_told_apart(full, with_account):
    assert ("provider", "payments/t", "passed") in read(full)
    assert read(with_account)[-1] == ("many", "team payments", "failure")


def test_what_is_written_fits_the_schema(report, incomplete, clean, full, with_account, hostile, tmp_path):
    reports = (
        report,
        incomplete,
        clean,
        full,
        with_account,
        hostile,
        poisoned(full, "\uffff\x00\x85\U0001fffe]]>&amp;"),
    )
    files = [tmp_path / f"{n}.xml" for n in range(len(reports))]
    for file, each in zip(files, reports, strict=True):
        file.write_text(FORMATS["junit"].render(each), encoding="utf-8")
    assert validated(*files) == ""
    wrong = tmp_path / "wrong.xml"
    wrong.write_text(files[0].read_text().replace('tests="1"', 'tests="one"', 1))
    assert "wrong.xml" in validated(wrong)
