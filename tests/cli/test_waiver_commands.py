"""The commands about waivers, within the process; over real HTTP where they audit the demo."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.errors import AuditError
from tests.conftest import LATER, TODAY

pytestmark = pytest.mark.usefixtures("noon")

UNTIL = LATER
RULES = """
rules:
  - {id: restricted, title: T, severity: high, require: credential.restrictions.restricted}
  - {id: named, title: T, severity: low, require: has(credential.name)}
"""
ACCOUNT = {
    "credentials": [
        {"id": "open", "name": "x", "restrictions": {"restricted": False, "projects": []}},
        {"id": "o[p]*n", "name": "x", "restrictions": {"restricted": False, "projects": []}},
        {"id": "closed", "name": "x", "restrictions": {"restricted": True, "projects": ["p"]}},
        {"id": "silent", "name": "x"},
    ]
}


def waiver(resource, days=100, rule="restricted", **more):
    entry = {"rule": rule, "resource": resource, "reason": "r", "owner": "me", **more}
    return {**entry, "expires": str(TODAY + dt.timedelta(days))}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run a command in a folder with rules, an account and a report of it; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.yaml").write_text(RULES)
    (tmp_path / "i.json").write_text(json.dumps(ACCOUNT))

    def run(*arguments):
        done = CliRunner().invoke(cli, arguments)
        if isinstance(done.exception, AuditError):
            return done.exception.exit_code, done.output, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def check(command, tmp_path):
    def run(*waivers, more=()):
        (tmp_path / "w.yaml").write_text(json.dumps({"waivers": waivers}, indent=0))
        source = () if "--demo" in more else ("--input", "i.json")
        return command("waivers", "check", "--rules", "r.yaml", "--waivers", "w.yaml", *source, *more)

    return run


def test_waivers_that_hold_and_cover_something_are_fine(check):
    assert check(waiver("open"), waiver("o?en")) == (0, "2 waivers in w.yaml, 2 fine\n", "")
    assert check() == (0, "0 waivers, 0 fine\n", "")


def test_the_end_within_30_days_is_told_and_is_no_failure(check):
    code, out, _ = check(waiver("open", days=30), waiver("open", days=31))
    assert code == 0
    assert (
        out
        == f"expiring  w.yaml:3: restricted for open; me, until {TODAY + dt.timedelta(30)} (in 30 days)\n2 waivers in w.yaml, 1 fine\n"
    )
    assert "(in 31 days)" in check(waiver("open", days=31), more=["--within", "31"])[1]
    assert "(today)" in check(waiver("open", days=0))[1]


def test_an_expired_waiver_fails_whatever_it_covers(check):
    code, out, _ = check(waiver("open", days=-1), waiver("open"))
    assert code == 1
    assert out.splitlines()[0].endswith(f"me, until {TODAY - dt.timedelta(1)} (1 day ago)")
    assert out.startswith("expired   w.yaml:3: restricted for open;")


def test_a_waiver_that_covers_nothing_fails_and_says_why(check, tmp_path):
    code, out, _ = check(waiver("gone"), waiver("open", team="t"), waiver("open", rule="restrictd"))
    assert code == 1
    assert [line for line in out.splitlines() if line.startswith("   ")] == [
        "          it covers no violation",
        "          it covers no violation",
        "          no rule 'restrictd' (did you mean 'restricted'?)",
    ]
    (tmp_path / "audit.yaml").write_text("overrides:\n  named: off\n")
    assert "the rule 'named' is switched off by audit.yaml:2" in check(waiver("x", rule="named"))[1]


def test_what_can_not_be_told_is_not_called_unused(check, tmp_path):
    code, out, _ = check(waiver("sil*"))
    assert (code, "its rule could not be evaluated on silent" in out) == (3, True)
    code, out, _ = check(waiver("x", rule="named"), more=["--skip-rule", "named"])
    assert (code, "its rule did not run" in out) == (3, True)
    code, out, _ = check(waiver("open", team="pai"), more=["--team", "pay"])
    assert (code, "its team was not audited (did you mean 'pay'?)" in out) == (3, True)
    (tmp_path / "i.json").write_text(json.dumps({"data": ACCOUNT, "pagination": {"hasNextPage": True, "count": 4}}))
    code, out, err = check(waiver("gone"), waiver("open", days=-3))
    assert (code, "not every resource was seen" in out, out.startswith("expired ")) == (3, True, True)
    assert err == "incomplete: i.json: it says that there is a next page, which the file lacks\n"
    assert check(waiver("open"))[0] == 3  # an incomplete audit is never 0


def test_as_json(check):
    _, out, _ = check(waiver("gone", days=5), more=["--format", "json"])
    (found,) = json.loads(out)
    assert (found["standing"], found["daysLeft"], found["place"]) == ("unused", 5, "w.yaml:3")
    assert found["waiver"]["resource"] == "gone"


def test_over_the_api_and_without_a_report(command, tmp_path):
    assert command("waivers", "check", "--demo") == (0, "1 waiver in demo-waivers.yaml, 1 fine\n", "")
    assert not (tmp_path / "reports").exists()
    (tmp_path / "w.yaml").write_text(json.dumps({"waivers": [waiver("x", rule="registry-credential-stale", team="t")]}))
    code, out, _ = command("waivers", "check", "--demo", "--waivers", "w.yaml")
    assert (code, "its team was not audited" in out) == (3, True)  # the own account was, and no team


def test_without_waivers_there_is_nothing_to_check(command):
    code, _, err = command("waivers", "check", "--input", "i.json")
    assert (code, "name the waivers: --waivers FILE" in err) == (2, True)
    code, _, err = command("waivers", "check", "--demo", "--rules", "r.yaml")  # the demo's are about its own rules
    assert (code, "name the waivers: --waivers FILE" in err) == (2, True)


def test_a_mistake_in_the_file_is_told_with_its_place(check):
    code, _, err = check({"rule": "restricted"})
    assert (code, "w.yaml:3:1: the key 'resource' is missing" in err) == (2, True)


@pytest.fixture
def add(command, tmp_path):
    code, _, _ = command("--input", "i.json", "--rules", "r.yaml", "--include", "pass", "--format", "json")
    assert code == 3
    report = json.loads((tmp_path / "reports/report.json").read_text())
    prints = {(item["ruleId"], item["resource"]["id"]): item["fingerprint"] for item in report["results"]}

    def run(resource, *more, rule="restricted", expires=UNTIL, reason="Ticket: #12", digits=None):
        fingerprint = prints[rule, resource][:digits]
        given = ["--reason", reason, "--owner", "me@example.com", "--expires", expires]
        return command("waivers", "add", fingerprint, *given, *more)

    return run


def test_a_finding_is_waived_by_its_fingerprint_and_the_next_audit_agrees(add, command, tmp_path):
    (tmp_path / "waivers.yaml").write_text("# ours\nwaivers: # none yet\n# end\n")
    code, out, _ = add("o[p]*n", digits=8)
    assert code == 0
    assert out.startswith(
        f"waivers.yaml:3: restricted for o[[]p][*]n of the token's own account is waived until {UNTIL}\n"
    )
    text = (tmp_path / "waivers.yaml").read_text()
    assert "    team: null\n" in text
    assert text.startswith("# ours\nwaivers: # none yet\n  - rule: restricted\n") and text.endswith("\n# end\n")
    command("--input", "i.json", "--rules", "r.yaml", "--format", "json", "--waivers", "waivers.yaml")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    waived = [item["resource"]["id"] for item in report["results"] if item["waiver"]]
    assert (waived, report["summary"]["waived"], report["waivers"]["unused"]) == (["o[p]*n"], 1, [])


def test_several_findings_are_waived_at_once_as_the_html_report_shows_them(add, command, tmp_path):
    report = json.loads((tmp_path / "reports/report.json").read_text())
    prints = {each["resource"]["id"]: each["fingerprint"] for each in report["results"] if each["status"] == "fail"}
    given = ["--reason", "r", "--owner", "o", "--expires", UNTIL]
    code, _, err = command("waivers", "add", f"#{prints['open']}", "#0000000000000000", *given)
    assert (code, "no result has the fingerprint" in err) == (2, True)
    assert not (tmp_path / "waivers.yaml").exists(), "all of them or none"
    code, out, _ = command("waivers", "add", f"#{prints['open']}", prints["o[p]*n"][:8].upper(), prints["open"], *given)
    assert (code, out.count("is waived until")) == (0, 2)
    command("--input", "i.json", "--rules", "r.yaml", "--format", "json", "--waivers", "waivers.yaml")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert (report["summary"]["waived"], report["waivers"]["unused"]) == (2, [])
    code, _, err = command("waivers", "add", prints["open"], *given)
    assert (code, "is waived" in err) == (2, True)


def test_a_waiver_file_that_is_a_link_stays_one(add, tmp_path):
    (tmp_path / "shared.yaml").write_text("waivers:\n")
    (tmp_path / "waivers.yaml").symlink_to("shared.yaml")
    assert add("open")[0] == 0
    assert (tmp_path / "waivers.yaml").is_symlink()
    assert "reason: " in (tmp_path / "shared.yaml").read_text()


def test_a_waiver_may_end_today(add):
    assert add("open", expires=str(TODAY))[0] == 0


def test_a_finding_of_a_team_is_waived_for_that_team(add, command, tmp_path):
    command("--input", "i.json", "--team", "pay", "--rules", "r.yaml", "--format", "json")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    code, out, _ = command(
        "waivers", "add", report["results"][0]["fingerprint"], "--reason", "r", "--owner", "o", "--expires", UNTIL,
    )  # fmt: skip
    assert (code, "of team pay is waived" in out, "every team" in out) == (0, True, False)
    assert "    team: pay\n" in (tmp_path / "waivers.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"resource": "open", "digits": 7}, "give at least the first 8 digits"),
        ({"resource": "closed"}, "this result is no violation: it is 'pass'"),
        ({"resource": "silent"}, "this result is no violation: it is 'unknown'"),
        ({"resource": "open", "expires": "2020-01-01"}, "--expires: 2020-01-01 is past"),
        ({"resource": "open", "expires": "soon"}, "--expires: 'soon' is not a date such as"),
        ({"resource": "open", "expires": "2099-W01-1"}, "--expires: '2099-W01-1' is not a date such as"),
        ({"resource": "open", "reason": " "}, "--reason: required for a waiver"),
        ({"resource": "open", "reason": "a\udc80"}, "--reason: not UTF-8 text"),
    ],
)
def test_what_can_not_be_waived_is_refused_and_nothing_is_written(add, tmp_path, arguments, expected):
    code, _, err = add(**arguments)
    assert (code, expected in err) == (2, True)
    assert not (tmp_path / "waivers.yaml").exists()


def test_what_is_waived_already_is_refused(add, command, tmp_path):
    assert add("open")[0] == 0
    before = (tmp_path / "waivers.yaml").read_text()
    code, _, err = add("open")
    assert (code, f"waivers.yaml:2: it is waived there already, until {UNTIL}" in err) == (2, True)
    command("--input", "i.json", "--rules", "r.yaml", "--format", "json", "--waivers", "waivers.yaml")
    code, _, err = add("open", "--waivers", "other.yaml")
    assert (code, f"it is waived already, until {UNTIL}: restricted for open" in err) == (2, True)
    assert (tmp_path / "waivers.yaml").read_text() == before


def test_what_was_waived_until_yesterday_can_be_waived_again_by_the_same_report(add, tmp_path):
    report = json.loads((tmp_path / "reports/report.json").read_text())
    for result in report["results"]:
        result["waiver"] = waiver("open", days=-1)
    (tmp_path / "reports/report.json").write_text(json.dumps(report))
    assert add("open")[0] == 0


def test_a_config_file_says_where_reports_and_waivers_are_and_a_mistake_in_it_writes_nothing(add, tmp_path):
    (tmp_path / "audit.yaml").write_text("output-dir: out\nwaivers: ours.yaml\n")
    (tmp_path / "reports").rename(tmp_path / "out")
    assert add("open")[0] == 0
    (tmp_path / "audit.yaml").write_text("output-dir: out\nwaiverz: others.yaml\n")
    code, _, err = add("open")
    assert (code, "audit.yaml:2:1: 'waiverz' is no option" in err) == (2, True)
    assert [path.name for path in tmp_path.glob("*s.yaml")] == ["ours.yaml"]


def test_a_waiver_that_can_not_be_written_is_refused(add, tmp_path):
    code, _, err = add("open", "--waivers", "i.json/w.yaml")
    assert (code, "i.json/w.yaml could not be written" in err) == (2, True)


def test_a_place_that_can_not_be_looked_at_is_refused(add):
    code, _, err = add("open", "--waivers", "w" * 300)
    assert (code, "can't be read (File name too long)" in err) == (2, True)


def test_an_unknown_fingerprint_or_report_is_refused(command, add, tmp_path):
    given = ["--reason", "r", "--owner", "o", "--expires", UNTIL]
    code, _, err = command("waivers", "add", "0" * 32, *given)
    assert (code, "no result has the fingerprint" in err) == (2, True)
    code, _, err = command("waivers", "add", "0" * 32, *given, "--report", "none.json")
    assert (code, "none.json: can't be read" in err) == (2, True)
    (tmp_path / "none.json").write_text("{}")
    code, _, err = command("waivers", "add", "0" * 32, *given, "--report", "none.json")
    assert (code, "--report none.json: not a report.json" in err) == (2, True)


def test_a_waiver_file_with_a_mistake_is_told_and_left(add, tmp_path):
    (tmp_path / "waivers.yaml").write_text("waivers:\n  - {rule: r}\n")
    code, _, err = add("open")
    assert (code, "waivers.yaml:2:5: the key 'resource' is missing" in err) == (2, True)
    assert (tmp_path / "waivers.yaml").read_text() == "waivers:\n  - {rule: r}\n"


# Several at once


def prints(tmp_path, **wanted):
    report = json.loads((tmp_path / "reports/report.json").read_text())
    return [each["fingerprint"] for each in report["results"] if wanted.items() <= each.items()]


GIVEN = ("--reason", "r", "--owner", "o", "--expires", UNTIL)


def test_all_violations_of_a_rule_are_waived_one_by_one(add, command, tmp_path):
    (tmp_path / "waivers.yaml").write_text("waivers: # ours\n")
    code, out, _ = command("waivers", "add", "--all-of", "restricted", *GIVEN)
    assert (code, out.count("is waived until")) == (0, 2)
    text = (tmp_path / "waivers.yaml").read_text()
    assert text.startswith("waivers: # ours\n  - rule: restricted\n    resource: o")
    assert "*" not in text.replace("[*]", ""), "what comes later is not waived"
    command("--input", "i.json", "--rules", "r.yaml", "--format", "json", "--waivers", "waivers.yaml")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert (report["summary"]["fail"], report["summary"]["waived"], report["waivers"]["unused"]) == (0, 2, [])
    code, _, err = command("waivers", "add", "--all-of", "restricted", *GIVEN)
    assert (code, "has no finding of this rule to add it for" in err) == (2, True)


def test_of_a_rule_what_is_waived_already_is_passed_over(add, command, tmp_path):
    assert add("open")[0] == 0
    code, out, _ = command("waivers", "add", "--all-of", "restricted", *GIVEN)
    assert (code, out.count("is waived until"), "o[[]p][*]n" in out) == (0, 1, True)
    before = (tmp_path / "waivers.yaml").read_text()
    code, _, err = command("waivers", "add", "--all-of", "restricted", *GIVEN)
    assert (code, "waivers.yaml: nothing to add: it already covers all of these" in err) == (2, True)
    assert (tmp_path / "waivers.yaml").read_text() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "name a fingerprint, or a rule with --all-of RULE"),
        (("--all-of", "restrictd"), "has no such rule (did you mean 'restricted'?)"),
        (("--all-of", "named"), "has no finding of this rule to add it for"),
    ],
)
def test_a_rule_without_a_violation_is_refused(add, command, tmp_path, arguments, expected):
    code, _, err = command("waivers", "add", *arguments, *GIVEN)
    assert (code, expected in err) == (2, True), err
    assert not (tmp_path / "waivers.yaml").exists()


# How long one may last


def audit_with(command, tmp_path, *waivers, more=()):
    (tmp_path / "w.yaml").write_text(json.dumps({"waivers": waivers}, indent=0))
    return command("--input", "i.json", "--rules", "r.yaml", "--format", "json", "--waivers", "w.yaml", *more)


def test_a_waiver_lasts_a_year_at_most_or_as_the_config_says(command, tmp_path):
    assert audit_with(command, tmp_path, waiver("open", days=366))[0] == 3
    code, _, err = audit_with(command, tmp_path, waiver("open", days=367))
    assert (code, "w.yaml:8:12: " in err, "is in more than 366 days" in err) == (2, True, True)
    (tmp_path / "c.yaml").write_text("max-waiver-days: 30\n")
    assert audit_with(command, tmp_path, waiver("open", days=30), more=["--config", "c.yaml"])[0] == 3
    assert audit_with(command, tmp_path, waiver("open", days=31), more=["--config", "c.yaml"])[0] == 2
    assert command("rules", "lint", "--rules", "r.yaml", "--waivers", "w.yaml", "--config", "c.yaml")[0] == 1


def test_a_longer_one_is_not_added(add, tmp_path):
    code, _, err = add("open", expires=str(TODAY + dt.timedelta(367)))
    assert (code, "is in more than 366 days" in err) == (2, True)
    assert add("open", "--max-waiver-days", "9", expires=str(TODAY + dt.timedelta(10)))[0] == 2
    assert not (tmp_path / "waivers.yaml").exists()


def test_the_demo_does_not_age(command):
    assert command("--demo", "--rule", "registry-credential-unrestricted", "--max-waiver-days", "1", "--quiet")[0] == 1


def test_a_found_config_that_lets_them_last_longer_is_named(command, tmp_path):
    (tmp_path / "audit.yaml").write_text("max-waiver-days: 9999\n")
    audit_with(command, tmp_path, waiver("open", days=900))
    assert "found, not named: max-waiver-days (audit.yaml:1)" in (tmp_path / "reports/report.json").read_text()


def test_every_report_warns_of_a_waiver_in_its_last_two_weeks(command, tmp_path):
    days = [waiver("open", days=14), waiver("o[[]p][*]n", days=15), waiver("x", days=0, team=None)]
    many = [waiver(f"r{number}", days=3) for number in range(5)]
    _, out, _ = audit_with(command, tmp_path, *days, *many, more=["--format", "json,html,md"])
    last = {days: TODAY + dt.timedelta(days) for days in (0, 3, 14)}
    expected = [
        f"a waiver ends today, {last[0]}: restricted for x of the token's own account (me)",
        f"5 waivers end in 3 days, on {last[3]}: restricted for r0 (me), restricted for r1 (me), restricted for r2 (me) and 2 more",
        f"a waiver ends in 14 days, on {last[14]}: restricted for open (me)",
    ]
    assert json.loads((tmp_path / "reports/report.json").read_text())["warnings"] == expected
    for text in (out, *((tmp_path / "reports" / name).read_text() for name in ("report.html", "report.md"))):
        assert f"a waiver ends in 14 days, on {last[14]}" in text


# Rules that there are not


def test_a_misspelt_rule_is_told_on_the_terminal_with_the_nearest(command, tmp_path):
    given = [waiver("open", rule=rule) for rule in ("restrictd", "restrictd*", "*", "addon-public", "zzz", "nam*")]
    _, out, _ = audit_with(command, tmp_path, *given)
    assert [line for line in out.splitlines() if "so it covers nothing" in line] == [
        "warning: w.yaml:3: no rule 'restrictd' (did you mean 'restricted'?), so it covers nothing",
        "warning: w.yaml:10: no rule matches 'restrictd*' (did you mean 'restricted*'?), so it covers nothing",
    ], "one of a bundled rule may be meant for another run"
    unused = json.loads((tmp_path / "reports/report.json").read_text())["waivers"]["unused"]
    assert [each["rule"] for each in unused] == ["restrictd", "restrictd*", "addon-public", "zzz", "nam*"]


def test_a_rule_that_is_switched_off_is_not_misspelt(command, tmp_path):
    (tmp_path / "c.yaml").write_text("overrides: {named: off}\n")
    assert (
        "covers nothing" not in audit_with(command, tmp_path, waiver("x", rule="named"), more=["--config", "c.yaml"])[1]
    )


# The list


def test_the_list_of_a_file(command, tmp_path):
    (tmp_path / "waivers.yaml").write_text(
        json.dumps({"waivers": [waiver("open", days=-1), waiver("x*", days=9, team=None)]}, indent=0)
    )
    assert command("waivers", "list") == (
        0,
        (
            f"waivers.yaml:3: restricted for open; me, until {TODAY - dt.timedelta(1)} (1 day ago): r\n"
            f"waivers.yaml:10: restricted for x* of the token's own account; me, until {TODAY + dt.timedelta(9)} (in 9 days): r\n"
            "2 waivers\n"
        ),
        "",
    )
    found = json.loads(command("waivers", "list", "--json")[1])["waivers"]
    assert found[1] == {**waiver("x*", days=9, team=None), "place": "waivers.yaml:10", "daysLeft": 9}
    assert [each["daysLeft"] for each in found] == [-1, 9]
    code, _, err = command("waivers", "list", "--waivers", "none.yaml")
    assert (code, "none.yaml: can't be read" in err) == (2, True)


def test_as_a_process(audit, tmp_path):
    default = ("--demo", "--rules", "pack:default")
    assert audit(*default, "--quiet", "--format", "json").code == 1
    report = json.loads((tmp_path / "reports/report.json").read_text())
    fingerprint = next(item["fingerprint"] for item in report["results"] if item["waiver"] is None)
    added = audit(
        "waivers", "add", fingerprint, "--reason", "r", "--owner", "o", "--expires", str(TODAY + dt.timedelta(9))
    )
    assert (added.code, added.err) == (0, "")
    checked = audit("waivers", "check", *default, "--waivers", "waivers.yaml")
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "1 waiver in waivers.yaml, 0 fine")
