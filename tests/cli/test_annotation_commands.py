"""The commands about annotations, and that annotations change no verdict."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import AuditError
from tests.conftest import TODAY

pytestmark = pytest.mark.usefixtures("noon")

SOON = str(TODAY + dt.timedelta(10))
PAST = str(TODAY - dt.timedelta(1))
RULES = """
rules:
  - {id: restricted, title: T, severity: high, require: credential.restrictions.restricted}
  - {id: named, title: T, severity: low, require: has(credential.name)}
"""


def credential(name, restricted=False):
    return {"id": name, "name": "x", "restrictions": {"restricted": restricted, "projects": []}}


ACCOUNT = {"credentials": [credential("a"), credential("b"), credential("closed", restricted=True)]}
AUDIT = ("--input", "i.json", "--rules", "r.yaml", "--format", "json")


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run a command in a folder with rules and an account; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))

    def run(*arguments, **environment):
        done = CliRunner().invoke(cli, arguments, env=environment)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, done.output, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr

    return run


def note(resource, rule="restricted", **more):
    return {"rule": rule, "resource": resource, **(more or {"owner": "me"})}


def write(tmp_path, *annotations):
    (tmp_path / "a.yaml").write_text(json.dumps({"annotations": annotations}, indent=0))


def report(tmp_path):
    return json.loads((tmp_path / "reports/report.json").read_text())


def test_an_annotation_changes_no_verdict_and_no_exit_code(command, tmp_path):
    assert command(*AUDIT)[0] == 1
    plain = report(tmp_path)
    write(tmp_path, note("a", owner="ops", due=PAST), note("b", comment="wrong", incorrect=True), note("gone"))
    code, out, _ = command(*AUDIT, "--annotations", "a.yaml")
    noted = report(tmp_path)
    assert (code, noted["exitCode"], noted["summary"], noted["gate"]) == (1, 1, plain["summary"], plain["gate"])
    bare = [
        {key: value for key, value in each.items() if key not in ("annotation", "overdue")} for each in noted["results"]
    ]
    assert bare == plain["results"]
    assert [each.get("overdue") for each in noted["results"]] == [True, None]
    assert noted["annotations"] == {"overdue": 1, "incorrect": 1, "unused": [note("gone")]}
    assert "1 finding is overdue, 1 is reported as incorrect\n" in out
    assert f"          overdue: ops, due {PAST}\n" in out


def test_what_is_waived_is_never_overdue_and_what_is_due_today_is_not(command, tmp_path):
    write(tmp_path, note("*", due=PAST))
    waiver = {"rule": "restricted", "resource": "a", "reason": "r", "owner": "o", "expires": SOON}
    (tmp_path / "w.yaml").write_text(json.dumps({"waivers": [waiver]}))
    command(*AUDIT, "--annotations", "a.yaml", "--waivers", "w.yaml")
    assert [each.get("overdue") for each in report(tmp_path)["results"]] == [None, True]
    write(tmp_path, note("*", due=str(TODAY)))
    command(*AUDIT, NORTHFLANK_AUDIT_ANNOTATIONS="a.yaml")
    assert report(tmp_path)["annotations"]["overdue"] == 0


def test_what_is_resolved_is_no_longer_overdue(command, tmp_path):
    write(tmp_path, note("a", owner="ops", due=PAST))
    command(*AUDIT, "--annotations", "a.yaml")
    assert report(tmp_path)["results"][0]["overdue"] is True
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [credential("a", restricted=True), credential("b")]}))
    command(*AUDIT, "--annotations", "a.yaml", "--compare", "reports/report.json")
    (fixed,) = report(tmp_path)["resolved"]
    assert (fixed["became"], "overdue" in fixed, "annotation" in fixed) == ("fixed", False, False)


def test_what_is_unknown_can_be_annotated_too(command, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [{"id": "s", "name": "x"}]}))
    write(tmp_path, note("s", comment="The API omits it", due=PAST))
    (tmp_path / "c.yaml").write_text("annotations: a.yaml\n")
    assert command(*AUDIT, "--config", "c.yaml")[0] == 3
    (result,) = report(tmp_path)["results"]
    assert (result["status"], result["annotation"]["comment"], result["overdue"]) == (
        "unknown",
        "The API omits it",
        True,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"rule": "restricted", "resource": "a"}, "a.yaml:3:1: an annotation needs 'owner', 'due' or 'comment'"),
        ({**note("a"), "incorrect": True}, "a.yaml:3:1: an annotation with 'incorrect: true' needs its comment"),
        ({**note("a"), "incorrect": True, "comment": " "}, "needs its comment"),
        (note("a", due="2027-02-30"), "a.yaml:6:8: not a date such as 2027-01-31"),
        (note("a", ower="me"), "a.yaml:6:1: unknown key 'ower' (did you mean 'owner'?)"),
        ({**note(" ")}, "a.yaml:5:13: an annotation needs its resource"),
        ({**note("a"), "type": "adon"}, "unknown type 'adon' (did you mean 'addon'?)"),
    ],
)
def test_a_mistake_is_told_with_its_place_before_anything_is_fetched(command, tmp_path, given, expected):
    write(tmp_path, given)
    code, _, err = command(*AUDIT, "--annotations", "a.yaml")
    assert (code, expected in err) == (2, True), err
    assert not (tmp_path / "reports").exists()
    code, out, _ = command("rules", "lint", "--rules", "r.yaml", "--annotations", "a.yaml")
    assert (code, expected in out) == (1, True)


def test_a_misspelt_rule_is_told(command, tmp_path):
    write(tmp_path, note("a", rule="restrictd"))
    assert (
        "warning: a.yaml:3: no rule 'restrictd' (did you mean 'restricted'?)"
        in command(*AUDIT, "--annotations", "a.yaml")[1]
    )


# Adding


@pytest.fixture
def prints(command, tmp_path):
    assert command(*AUDIT, "--include", "pass")[0] == 1
    return {(each["ruleId"], each["resource"]["id"]): each["fingerprint"] for each in report(tmp_path)["results"]}


def test_findings_are_annotated_by_their_fingerprints_and_the_file_stays_as_it_was(command, prints, tmp_path):
    (tmp_path / "annotations.yaml").write_text("# ours\nannotations: # none yet\n# end\n")
    code, out, _ = command(
        "annotations",
        "add",
        f"#{prints['restricted', 'a'][:8]}",
        "--owner",
        "ops",
        "--due",
        SOON,
        "--comment",
        "OPS: #12",
    )
    assert (code, out.splitlines()[0]) == (
        0,
        f"annotations.yaml:3: restricted for a of the token's own account: ops, due {SOON}: OPS: #12",
    )
    assert (tmp_path / "annotations.yaml").read_text() == (
        "# ours\nannotations: # none yet\n  - rule: restricted\n    resource: a\n    team: null\n"
        f"    owner: ops\n    due: {SOON}\n    comment: 'OPS: #12'\n# end\n"
    )
    assert command("annotations", "add", "--all-of", "restricted", "--incorrect", "--comment", "Behind a proxy")[0] == 0
    command(*AUDIT, "--annotations", "annotations.yaml")
    found = [each["annotation"] for each in report(tmp_path)["results"]]
    assert [each.get("incorrect", False) for each in found] == [False, True]
    code, _, err = command("annotations", "add", prints["restricted", "a"], "--owner", "x")
    assert (code, "annotations.yaml:3: it is annotated there already" in err) == (2, True)


@pytest.mark.parametrize(
    ("which", "options", "expected"),
    [
        ("a", (), "an annotation needs content: give --owner, --due or --comment"),
        ("a", ("--incorrect", "--owner", "me"), "--incorrect: say with --comment what the tool is wrong about"),
        ("a", ("--owner", " "), "--owner: required for an annotation"),
        ("a", ("--due", "soon"), "--due: 'soon' is not a date such as 2027-01-31"),
        ("closed", ("--owner", "me"), "this result is not a finding: it is 'pass'"),
    ],
)
def test_what_says_nothing_is_refused_and_nothing_is_written(command, prints, tmp_path, which, options, expected):
    code, _, err = command("annotations", "add", prints["restricted", which], *options)
    assert (code, expected in err) == (2, True), err
    assert not (tmp_path / "annotations.yaml").exists()


# Listing and checking


def test_the_list_of_a_file(command, tmp_path):
    (tmp_path / "annotations.yaml").write_text(
        json.dumps({"annotations": [note("a", owner="me", due=SOON), note("b", comment="c")]}, indent=0)
    )
    code, out, _ = command("annotations", "list")
    assert (code, out) == (
        0,
        f"annotations.yaml:3: restricted for a; me, due {SOON}\nannotations.yaml:9: restricted for b; c\n2 annotations\n",
    )
    found = json.loads(command("annotations", "list", "--json")[1])["annotations"]
    assert found == [
        {**note("a", owner="me", due=SOON), "place": "annotations.yaml:3", "daysLeft": 10},
        {**note("b", comment="c"), "place": "annotations.yaml:9", "daysLeft": None},
    ]


def check(command, tmp_path, *annotations, more=()):
    write(tmp_path, *annotations)
    return command("annotations", "check", "--input", "i.json", "--rules", "r.yaml", "--annotations", "a.yaml", *more)


def test_what_is_overdue_or_about_nothing_fails_the_check(command, tmp_path):
    assert check(command, tmp_path, note("a"), note("b", due=SOON), more=["--within", "9"]) == (
        0,
        "2 annotations in a.yaml, 2 fine\n",
        "",
    )
    code, out, _ = check(command, tmp_path, note("b", due=SOON))
    assert (code, out.splitlines()[0]) == (0, f"due       a.yaml:3: restricted for b; due {SOON} (in 10 days)")
    code, out, _ = check(command, tmp_path, note("a", due=PAST), note("closed", due=PAST), note("x", rule="restrictd"))
    assert code == 1
    assert out.splitlines() == [
        f"overdue   a.yaml:3: restricted for a; due {PAST} (1 day ago)",
        f"unused    a.yaml:8: restricted for closed; due {PAST} (1 day ago)",
        "          it covers no violation",
        "unused    a.yaml:13: restrictd for x; me",
        "          no rule 'restrictd' (did you mean 'restricted'?)",
        "3 annotations in a.yaml, 0 fine",
    ]
    found = json.loads(check(command, tmp_path, note("a", due=PAST), more=["--format", "json"])[1])
    assert found[0]["annotation"] == note("a", due=PAST)
    assert (found[0]["standing"], found[0]["daysLeft"]) == ("overdue", -1)
    assert check(command, tmp_path, note("x", rule="named"), more=["--skip-rule", "named"])[0] == 3
    code, _, err = command("annotations", "check", "--input", "i.json")
    assert (code, "name the annotations: --annotations FILE" in err) == (2, True)


def test_as_a_process(audit, tmp_path):
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))
    assert audit(*AUDIT).code == 1
    added = audit("annotations", "add", "--all-of", "restricted", "--owner", "ops@example.com", "--due", PAST)
    assert (added.code, added.err) == (0, "")
    ended = audit(*AUDIT, "--annotations", "annotations.yaml")
    assert (ended.code, ended.report["annotations"]) == (1, {"overdue": 2, "incorrect": 0, "unused": []})
    assert "2 findings are overdue" in ended.out
