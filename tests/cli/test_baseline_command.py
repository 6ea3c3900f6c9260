"""The gate on what is new, and the baseline that can be committed for it."""

import json
import os

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import AuditError

RULES = """
rules:
  - {id: restricted, title: T, severity: high, require: credential.restrictions.restricted}
  - {id: named, title: T, severity: low, require: credential.name != ''}
"""
AUDIT = ("--input", "i.json", "--rules", "r.yaml", "--format", "json")
GATE = (*AUDIT, "--fail-on-new", "--compare")


def account(*ids, **more):
    open_ = {"restrictions": {"restricted": False, "projects": []}}
    return json.dumps({"credentials": [{"id": each, "name": f"secret name {each}", **open_} for each in ids], **more})


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run a command in a folder with rules, an account and a report of it; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(account("b", "a"))

    def run(*arguments, **environment):
        done = CliRunner().invoke(cli, arguments, env=environment)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, done.output, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr

    assert run(*AUDIT)[0] == 1
    return run


def report(tmp_path):
    return json.loads((tmp_path / "reports/report.json").read_text())


def test_a_baseline_has_a_line_for_each_violation_sorted_and_without_names(command, tmp_path):
    assert command("baseline", "write", "base.json") == (0, "base.json: 2 violations of 2 rules\n", "")
    text = (tmp_path / "base.json").read_text()
    assert "secret name" not in text
    found = json.loads(text)
    assert (found["kind"], found["schemaVersion"], found["run"]) == (
        "northflank-audit-baseline",
        "1.0",
        report(tmp_path)["run"],
    )
    assert [each["id"] for each in found["rules"]] == ["named", "restricted"]
    assert found["violations"] == sorted(
        [
            {
                "fingerprint": each["fingerprint"],
                "rule": "restricted",
                "type": "registry-credential",
                "team": None,
                "project": None,
                "date": each_date(tmp_path),
            }
            for each in report(tmp_path)["results"]
        ],
        key=lambda each: each["fingerprint"],
    )
    assert sum('"fingerprint"' in line for line in text.splitlines()) == 2, "a violation a line"
    assert command("baseline", "write", "-")[1] == text


def each_date(tmp_path):
    return report(tmp_path)["run"]["startedAt"][:10]


def test_a_violation_keeps_the_date_that_it_has_in_the_older_file(command, tmp_path):
    command("baseline", "write", "base.json")
    old = (tmp_path / "base.json").read_text().replace(f'"date":"{each_date(tmp_path)}"', '"date":"2026-01-31"')
    (tmp_path / "base.json").write_text(old)
    (tmp_path / "i.json").write_text(account("a", "b", "c"))
    command(*AUDIT)
    command("baseline", "write", "base.json")
    dates = [each["date"] for each in json.loads((tmp_path / "base.json").read_text())["violations"]]
    assert sorted(dates) == ["2026-01-31", "2026-01-31", each_date(tmp_path)]


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(command, tmp_path):
    (tmp_path / "shared.json").write_text("old")
    (tmp_path / "base.json").symlink_to("shared.json")
    assert command("baseline", "write", "base.json")[0] == 0
    assert (tmp_path / "base.json").is_symlink()
    assert json.loads((tmp_path / "shared.json").read_text())["violations"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["base.json", "--from", "none.json"], "none.json: can't be read"),
        (["base.json", "--from", "r.yaml"], "--from r.yaml: not a report.json of this tool"),
        (["base.json", "--from", "base.json"], "--from base.json: a baseline file; name the report.json"),
        (["reports/report.json"], "this is the report itself"),
        (["r.yaml/base.json"], "r.yaml/base.json could not be written"),
    ],
)
def test_what_is_no_report_makes_no_baseline_and_overwrites_nothing(command, tmp_path, arguments, expected):
    command("baseline", "write", "base.json")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    code, _, err = command("baseline", "write", *arguments)
    assert (code, expected in err) == (2, True), err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_an_incomplete_report_is_no_baseline(command, tmp_path):
    (tmp_path / "i.json").write_text(
        json.dumps({"data": json.loads(account("a")), "pagination": {"hasNextPage": True}})
    )
    assert command(*AUDIT)[0] == 3
    code, _, err = command("baseline", "write", "base.json")
    assert (code, "an incomplete report is no baseline (i.json: " in err) == (2, True)
    assert not (tmp_path / "base.json").exists()


def test_ongoing_violations_pass_and_a_new_one_does_not(command, tmp_path):
    command("baseline", "write", "base.json")
    code, out, _ = command(*GATE, "base.json")
    gate = report(tmp_path)["gate"]
    assert (code, gate["failOn"], gate["failOnNew"], gate["notCounted"]) == (0, "info", True, 2)
    assert out.startswith("VIOLATED  2 violations: 2 high; 2 ongoing violations do not count\n")
    (tmp_path / "i.json").write_text(account("a", "c"))
    code, out, _ = command(*GATE, "base.json")
    assert (code, "1 new, 1 ongoing, 1 resolved" in out) == (1, True)
    assert out.startswith("VIOLATED  2 violations: 2 high; 1 ongoing violation does not count\n")
    assert command(*GATE, "base.json")[0] == 1, "a second try heals nothing"
    assert command(*GATE, "base.json", "--fail-on", "critical")[0] == 0


def test_what_a_baseline_file_knows_by_its_fingerprint_alone_is_named_so(command, tmp_path):
    command("baseline", "write", "base.json")
    (tmp_path / "i.json").write_text(account("a"))
    _, out, _ = command(*GATE, "base.json")
    (gone,) = report(tmp_path)["resolved"]
    assert (gone["became"], gone["resource"]["id"]) == ("gone", f"#{gone['fingerprint'][:12]}")
    assert f"resolved, gone: restricted on {gone['resource']['id']}" in out


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"violations": [{"fingerprint": "x"}]}, "$.violations[0]"),
        ({"rules": None}, "$.rules"),
        ({"violation": []}, "unknown field `violation`"),
        ({"schemaVersion": "2.0"}, "$.schemaVersion"),
        ({"rules": [{"id": "r", "params": {"x": json.loads("[" * 300 + "]" * 300)}}]}, "nested too deeply"),
    ],
)
def test_a_mistake_in_a_baseline_file_is_told_with_its_place(command, tmp_path, change, where):
    command("baseline", "write", "base.json")
    text = json.dumps({**json.loads((tmp_path / "base.json").read_text()), **change})
    (tmp_path / "base.json").write_text(text)
    code, _, err = command(*GATE, "base.json")
    assert (code, err.startswith("--compare base.json: not a baseline of this tool ("), where in err) == (
        2,
        True,
        True,
    ), err


# The gate heals by no second try


def same(tmp_path):
    return "reports/report.json"


def another_path(tmp_path):
    return f"{tmp_path}/reports/../reports/report.json"


def a_link(tmp_path):
    (tmp_path / "l.json").symlink_to("reports/report.json")
    return "l.json"


def a_link_to_a_folder(tmp_path):
    (tmp_path / "l").symlink_to("reports")
    return "l/report.json"


def a_hard_link(tmp_path):
    os.link(tmp_path / "reports/report.json", tmp_path / "h.json")
    return "h.json"


def an_output_that_links_here(tmp_path):
    (tmp_path / "reports/report.json").rename(tmp_path / "base.json")
    (tmp_path / "reports/report.json").symlink_to("../base.json")
    return "base.json"


@pytest.mark.parametrize(
    "named", [same, another_path, a_link, a_link_to_a_folder, a_hard_link, an_output_that_links_here]
)
def test_a_baseline_that_this_run_replaces_is_refused(command, tmp_path, named):
    path = named(tmp_path)
    before = (tmp_path / "reports/report.json").read_bytes()
    code, _, err = command(*GATE, path)
    assert (code, "this run replaces the file of --compare" in err) == (2, True)
    assert (tmp_path / "reports/report.json").read_bytes() == before
    assert command(*AUDIT, "--compare", path)[0] == 1, "without the gate it may be that file"


@pytest.mark.parametrize(
    "option", [("--output", "json=base.json"), ("--save-snapshot", "base.json"), ("--output", "csv=base.json")]
)
def test_it_is_refused_whichever_output_it_is(command, option):
    command("baseline", "write", "base.json")
    code, _, err = command(*GATE, "base.json", *option)
    assert (code, "this run replaces the file of --compare" in err) == (2, True)


def test_one_that_is_not_there_yet_is_refused_too(command, tmp_path):
    code, _, err = command(*GATE, "new/report.json", "--output-dir", "new")
    assert (code, "this run replaces the file of --compare" in err) == (2, True)
    assert not (tmp_path / "new").exists()


def test_without_a_baseline_nothing_is_known_to_be_new(command):
    code, _, err = command(*AUDIT, "--fail-on-new")
    assert (code, "--fail-on-new needs a baseline that says what is not new: add --compare FILE" in err) == (2, True)


def test_it_may_stand_in_a_config_file_and_in_a_variable(command, tmp_path):
    command("baseline", "write", "base.json")
    assert command(*AUDIT, NORTHFLANK_AUDIT_FAIL_ON_NEW="true", NORTHFLANK_AUDIT_COMPARE="base.json")[0] == 0
    (tmp_path / "c.yaml").write_text("fail-on-new: true\ncompare: base.json\n")
    assert command(*AUDIT, "--config", "c.yaml")[0] == 0
    assert report(tmp_path)["warnings"] == []


def test_a_found_config_that_weakens_the_gate_by_it_is_named(command, tmp_path):
    command("baseline", "write", "base.json")
    (tmp_path / "audit.yaml").write_text("compare: base.json\n")
    command(*AUDIT)
    assert report(tmp_path)["warnings"] == [], "a comparison alone weakens nothing"
    assert command(*AUDIT, "--fail-on-new")[0] == 0
    assert "set by audit.yaml, which was found, not named: compare (audit.yaml:1);" in report(tmp_path)["warnings"][0]
    (tmp_path / "audit.yaml").write_text("fail-on-new: true\ncompare: base.json\n")
    command(*AUDIT)
    assert ": fail-on-new (audit.yaml:1), compare (audit.yaml:2);" in report(tmp_path)["warnings"][0]


def test_as_a_process(audit, tmp_path):
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(account("a", "b"))
    assert audit(*AUDIT).code == 1
    assert audit("baseline", "write", "base.json").code == 0
    passed = audit(*GATE, "base.json")
    assert (passed.code, passed.report["gate"]["notCounted"]) == (0, 2), passed.err
    (tmp_path / "i.json").write_text(account("a", "b", "c"))
    assert audit(*GATE, "base.json").code == 1
