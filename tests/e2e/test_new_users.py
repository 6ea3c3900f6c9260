"""What three new users do with the tool on their first day, each command as a process."""

import csv
import io
import json

import openpyxl
import pytest

from tests.conftest import QUICK

OLD = {"id": "old", "name": "Old", "restrictions": {"restricted": False, "projects": []}}
NEW = {"id": "new", "name": "New", "restrictions": {"restricted": False, "projects": []}}
BY = ("--owner", "ops@example.com")


@pytest.fixture
def account(tmp_path):
    """Write what the account has."""

    def write(*credentials):
        (tmp_path / "account.json").write_text(json.dumps({"credentials": credentials}))

    write(OLD)
    return write


def test_a_platform_engineer_begins_and_gates_pull_requests_on_what_is_new(process, account):
    begun = process("init", "team")
    assert (begun.code, "next: in team" in begun.out) == (0, True)
    assert process("init", "team").code == 2
    given = ("--input", "account.json", "--rule", "registry-credential-unrestricted")
    first = process(*given)
    assert (first.code, "Registry credential that every project can use" in first.out) == (1, True)
    assert process("baseline", "write", "baseline.json").code == 0
    gate = (*given, "--compare", "baseline.json", "--fail-on-new")
    assert (passed := process(*gate)).code == 0
    assert "1 ongoing violation does not count" in passed.out
    account(OLD, NEW)
    failed = process(*gate)
    assert (failed.code, "- new  new: 'New' is not restricted" in failed.out) == (1, True)
    assert process(*gate).code == 1, "a second try does not heal the gate"
    healing = process(*given, "--compare", "reports/report.json", "--fail-on-new")
    assert (healing.code, "keep the baseline elsewhere" in healing.err) == (2, True)


def test_a_compliance_officer_reports_on_a_framework_and_says_who_does_what(process, account, tmp_path):
    account(OLD, NEW)
    audit = ("--input", "account.json", "--rule", "registry-credential-unrestricted", "--framework", "soc2")
    formats = ("--format", "html,csv,xlsx,json", "--csv-dialect", "excel-semicolon")
    assert process(*audit, *formats).code == 1
    sheets = openpyxl.load_workbook(tmp_path / "reports/report.xlsx")
    assert sheets.sheetnames == ["Findings", "Controls", "Coverage", "Waivers"]
    assert {row[0] for row in sheets["Controls"].iter_rows(min_row=2, values_only=True)} == {"SOC 2"}
    text = (tmp_path / "reports/report.csv").read_bytes().decode("utf-8-sig")
    assert [row["resource_id"] for row in csv.DictReader(io.StringIO(text), delimiter=";")] == ["new", "old"]
    new, old = (each["fingerprint"][:8] for each in process(*audit).report["results"])
    assert process("waivers", "add", f"#{old}", *BY, "--reason", "OPS-12", "--expires", "2199-01-01").code == 2, (
        "too long"
    )
    assert process("annotations", "add", new, *BY, "--due", "2020-01-31", "--comment", "OPS-13").code == 0
    assert process("annotations", "add", old, "--incorrect").code == 2, "it asks for a comment"
    assert process("annotations", "add", old, "--incorrect", "--comment", "a mirror").code == 0
    listed = process("annotations", "list", "--json")
    assert len(json.loads(listed.out)["annotations"]) == 2
    annotated = process(*audit, "--annotations", "annotations.yaml", "--format", "html,json")
    assert (annotated.code, "1 finding is overdue, 1 is reported as incorrect" in annotated.out) == (1, True)
    assert "OPS-13" in (tmp_path / "reports/report.html").read_text()
    checked = process("annotations", "check", "--annotations", "annotations.yaml", "--input", "account.json")
    assert (checked.code, checked.out.split()[0]) == (1, "overdue")


def test_an_sre_runs_it_from_cron_and_watches_it(process, tmp_path):
    assert process(*QUICK, "--quiet", "--format", "none", "--metrics-file", "no/such.prom").code == 2
    logged = process(*QUICK, "--format", "none", "--metrics-file", "audit.prom", "--log-format", "json")
    assert (logged.code, json.loads(logged.err.splitlines()[-1])["exitCode"]) == (1, 1)
    assert "northflank_audit_exit_code" in (tmp_path / "audit.prom").read_text()
    quiet = process(*QUICK, "--quiet", "--format", "none", "--fail-on", "never")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    token = tmp_path / "token"
    token.write_text("hunter2")
    token.chmod(0o644)
    refused = process("--token-file", "token", "--api-url", "http://127.0.0.1:9", "--max-attempts", "1")
    assert (refused.code, "every user of this machine can read it" in refused.out) == (3, True)
    assert "hunter2" not in refused.out + refused.err
    shown = process("config", "show", "--json", "--token-file", "token").out
    assert {"name": "token-file", "value": "token", "source": "flag"} in json.loads(shown)["settings"]
    assert "hunter2" not in shown
