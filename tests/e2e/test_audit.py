"""The command line over real HTTP, against the emulator; as a process where that is the point."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from northflank_audit.emulator import Emulator, Plan, load
from northflank_audit.emulator.fault_plan import Fault
from northflank_audit.model import Severity
from tests.conftest import AUDIT, LATER, NET, QUICK, ROOT, RULES, UNHURRIED


@pytest.fixture
def serve(tmp_path):
    """Serve accounts given as data; stop them at the end."""
    started = []

    def start(credentials=(), **more):
        plan = Plan(rate_limit=more.pop("rate_limit", 1000), faults=more.pop("faults", []))
        file = tmp_path / f"account{len(started)}.json"
        file.write_text(json.dumps({"credentials": list(credentials), **more}))
        server = Emulator(load(str(file)), plan)
        started.append(server.__enter__())
        return server

    yield start
    for server in started:
        server.__exit__(None, None, None)


def at(server):
    return {"NORTHFLANK_API_TOKEN": server.token, "NORTHFLANK_API_BASE_URL": server.url}


def old(identity, restricted=True, **more):
    record = {"id": identity, "name": identity.upper(), "description": "x", "provider": "github"}
    return {**record, "restrictions": {"restricted": restricted, "projects": ["p"] if restricted else []}, **more}


def new(identity, **more):
    return {"id": identity, "name": identity.upper(), "provider": "github", **more}


UNRESTRICTED = ("--rule", "registry-credential-unrestricted")


def test_the_demo_is_complete_and_shows_what_the_tool_can_do(process):
    ended = process("--demo")
    report = ended.report
    assert (ended.code, report["exitCode"], report["run"]["complete"]) == (1, 1, True)
    summary = report["summary"]
    assert (summary["unknown"], summary["error"]) == (0, 0)
    assert all(summary["failBySeverity"][severity] for severity in Severity)
    assert summary["waived"] >= 1
    assert summary["notapplicable"] and summary["pass"]
    assert report["coverage"]["resources"] >= 60
    total = sum(summary[key] for key in ("pass", "fail", "unknown", "error", "notapplicable", "waived"))
    assert total == report["coverage"]["results"]
    assert {each["type"] for each in report["coverage"]["types"]} >= {"registry-credential", "addon", "service"}
    assert report["notConfigured"]
    assert {path.name for path in (ended.folder / "reports").iterdir()} == {"report.html", "report.md", "report.json"}
    assert "VIOLATED" in ended.out and "exit code 1" in ended.out


def test_the_demo_takes_no_notice_of_a_config_file_that_happens_to_be_there(audit, tmp_path):
    (tmp_path / "audit.yaml").write_text("team: nobody\n")
    assert audit("--demo", "--rules", "pack:default").code == 1
    assert audit("--demo", "--config", "audit.yaml").code == 3


def test_a_config_file_of_the_real_account_can_be_tried_on_the_sample(audit, tmp_path):
    (tmp_path / "c.yaml").write_text("token-file: none\ninput: none.json\nfail-on: critical\n")
    ended = audit("--demo", "--config", "c.yaml", NF_HOST="http://internal.example.com")
    assert (ended.code, ended.report["run"]["source"]["kind"]) == (1, "demo")


def test_a_clean_account_passes(audit, serve):
    lately = (dt.datetime.now(dt.UTC) - dt.timedelta(days=9)).isoformat()
    told = {
        "restrictions": {"restricted": True, "projects": ["p"]},
        "registryUrl": "https://registry.example.com",
        "credentials": {"scope": {"pull": True, "push": False}},
        "registryCredentialRefresh": {"status": "healthy", "failureCount": 0},
        "createdAt": lately,
        "updatedAt": lately,
    }
    ended = audit(**at(serve([old("a"), new("b", **told)])))
    assert (ended.code, ended.report["summary"]["unknown"]) == (0, 0), ended.out
    assert "PASSED" in ended.out


def test_quiet_says_nothing_when_there_is_nothing_to_say(audit, serve):
    ended = audit("--quiet", **at(serve([old("a")])))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    violated = audit("--quiet", **at(serve([old("a", restricted=False)])))
    assert (violated.out[:8], violated.err) == ("VIOLATED", "")
    accepted = audit("--quiet", "--fail-on", "never", **at(serve([old("a", restricted=False)])))
    assert (accepted.code, accepted.out, accepted.err) == (0, "", "")
    troubled = audit("--quiet", **at(serve([old("a")], faults=[Fault(nth=1, status=503)])))
    assert (troubled.code, troubled.out, troubled.err) == (0, "", "")
    assert troubled.report["coverage"]["retries"] == 1


def test_quiet_tells_of_warnings_though_all_is_green(audit, serve, tmp_path):
    empty = audit("--quiet", **at(serve()))
    assert (empty.code, empty.err) == (0, "")
    assert "warning: there are no registry credentials: nothing was checked" in empty.out
    (tmp_path / "w.yaml").write_text(
        "waivers: [{rule: registry-credential-unrestricted, resource: a, reason: r, owner: o, expires: 2020-01-01}]"
    )
    expired = audit("--quiet", "--waivers", "w.yaml", **at(serve([old("a")])))
    assert (expired.code, expired.err) == (0, "")
    assert "expired on 2020-01-01" in expired.out


def test_an_empty_account_passes_and_is_warned_of(audit, serve):
    ended = audit(**at(serve()))
    assert (ended.code, ended.report["coverage"]["requests"], ended.report["coverage"]["pages"]) == (0, 1, 1)
    assert ended.report["warnings"] == ["there are no registry credentials: nothing was checked"]


def test_restrictions_that_the_list_omits_are_asked_for(audit, serve):
    server = serve([new("a", restrictions={"restricted": False, "projects": []}), old("b")])
    ended = audit(*UNRESTRICTED, **at(server))
    assert (ended.code, ended.report["coverage"]["requests"], ended.report["coverage"]["details"]) == (1, 2, 1)
    assert ended.report["results"][0]["evidence"] == {"restrictions.restricted": False}
    assert audit(*UNRESTRICTED, "--details", "always", **at(server)).report["coverage"]["details"] == 2
    never = audit(*UNRESTRICTED, "--details", "never", **at(server))
    assert (never.code, never.report["coverage"]["requests"]) == (3, 1)
    assert "--details never" in never.report["results"][0]["message"]


def test_where_even_the_detail_is_silent_the_parameter_absent_decides(audit, serve, tmp_path):
    server = serve([new("a")])
    assert audit(*UNRESTRICTED, **at(server)).code == 3
    assert audit(*UNRESTRICTED, "--on-unknown", "ignore", **at(server)).code == 0
    (tmp_path / "c.yaml").write_text("overrides: {registry-credential-unrestricted: {params: {absent: unrestricted}}}")
    ended = audit(*UNRESTRICTED, "--config", "c.yaml", **at(server))
    assert (ended.code, ended.report["coverage"]["details"]) == (1, 1)


def test_a_detail_that_the_rate_limit_does_not_cover_is_not_asked_for_and_unknown(audit, serve):
    server = serve([new("a"), new("b")], rate_limit=1)
    ended = audit(*UNRESTRICTED, **at(server))
    assert ended.code == 3
    assert ended.report["summary"]["unknown"] == 2
    assert (len(server.requests), ended.report["coverage"]["details"]) == (1, 0)
    assert "rate limit leaves no request for 3600 s" in ended.report["results"][0]["message"]
    assert "2 of 2 details were not read" in ended.report["warnings"][0]


def test_teams(audit, serve):
    teams = [
        {"id": "t", "name": "T", "credentials": [old("a", restricted=False)]},
        {"id": "u", "credentials": [old("a")]},
    ]
    server = serve([], teams=teams)
    ended = audit(*UNRESTRICTED, "--team", "t", **at(server))
    assert [result["resource"]["team"] for result in ended.report["results"]] == ["t"]
    assert "allTeams" not in ended.report["run"]["source"]
    every = audit(*UNRESTRICTED, "--all-teams", **at(server))
    assert (every.report["coverage"]["resources"], every.report["run"]["source"]["teams"]) == (2, ["t", "u"])
    assert every.report["run"]["source"]["allTeams"] is True
    assert every.report["results"][0]["fingerprint"] == ended.report["results"][0]["fingerprint"]
    wrong = audit("--team", "nobody", "--team", "t", **at(server))
    assert (wrong.code, wrong.report["summary"]["fail"]) == (3, 1)
    assert "HTTP 404: Team not found" in wrong.report["run"]["incompleteReasons"][0]


def test_a_wrong_token_is_final_and_the_report_says_incomplete(audit, serve):
    server = serve([old("a")])
    ended = audit(**{**at(server), "NORTHFLANK_API_TOKEN": "wrong"})
    assert (ended.code, len(server.requests), ended.report["exitCode"]) == (3, 1, 3)
    assert "the token came from NORTHFLANK_API_TOKEN" in ended.report["run"]["incompleteReasons"][0]
    assert "INCOMPLETE" in (ended.folder / "reports/report.md").read_text()
    assert "INCOMPLETE" in (ended.folder / "reports/report.html").read_text()


def test_a_token_file(audit, serve, tmp_path):
    server = serve([old("a")])
    file = tmp_path / "token"
    file.write_text(f"  {server.token}\n")
    file.chmod(0o600)
    given = ("--quiet", "--token-file", "token", "--api-url", server.url)
    private = audit(*given)
    assert (private.code, private.out) == (0, "")
    file.chmod(0o644)
    public = audit(*given)
    assert (public.code, "warning: --token-file token: every user of this machine can read it" in public.out) == (
        0,
        True,
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_token_file_and_an_input_may_be_what_an_editor_of_windows_writes(audit, serve, tmp_path, encoding):
    server = serve([old("a")])
    (tmp_path / "token").write_bytes(f"{server.token}\r\n".encode(encoding))
    assert audit("--token-file", "token", "--api-url", server.url).code == 0
    (tmp_path / "i.json").write_bytes(json.dumps({"credentials": [old("ä")]}, ensure_ascii=False).encode(encoding))
    assert audit("--input", "i.json").report["coverage"]["resources"] == 1


def test_a_closed_standard_input_can_not_be_read(tmp_path):
    closed = ["sh", "-c", 'exec "$0" "$@" <&-', sys.executable, str(AUDIT), "--input", "-"]
    ended = subprocess.run(closed, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, "standard input: can't be read (it is closed)" in ended.stderr) == (2, True)


def test_fail_on_and_waivers(audit, serve, tmp_path):
    server = serve([old("ci-a", restricted=False)])
    assert audit("--fail-on", "critical", **at(server)).code == 0
    assert audit("--fail-on", "high", **at(server)).code == 1
    assert audit("--fail-on", "never", **at(server)).code == 0
    (tmp_path / "w.yaml").write_text(
        "waivers:\n"
        + "".join(
            f"  - {{rule: {rule}, resource: '{what}', reason: r, owner: o, expires: {end}}}\n"
            for rule, what, end in [("registry-credential-unrestricted", "ci-*", LATER),
                                    ("registry-credential-unrestricted", "ci-*", "2020-01-01"),
                                    ("registry-credential-unrestricted", "x", LATER)]
        )
    )  # fmt: skip
    ended = audit("--waivers", "w.yaml", **at(server))
    assert (ended.code, ended.report["summary"]["fail"], ended.report["summary"]["waived"]) == (0, 0, 1)
    assert ended.report["results"][0]["status"] == "fail"
    assert ended.report["results"][0]["waiver"]["expires"] == LATER
    assert [waiver["expires"] for waiver in ended.report["waivers"]["expired"]] == ["2020-01-01"]
    assert [waiver["resource"] for waiver in ended.report["waivers"]["unused"]] == ["x"]


def test_include_lists_what_is_otherwise_only_counted(audit, serve):
    server = serve([old("a")])
    assert audit(**at(server)).report["results"] == []
    listed = audit("--include", "pass,notapplicable", **at(server)).report
    assert {result["status"] for result in listed["results"]} == {"pass", "notapplicable"}
    assert len(listed["results"]) == listed["coverage"]["results"]


def test_a_first_run_has_no_earlier_report_and_says_so(audit, serve):
    server = serve([old("a")])
    first = audit("--quiet", "--compare", "reports/report.json", **at(server))
    assert (first.code, "comparison" in first.report) == (0, False)
    (warning,) = first.report["warnings"]
    assert warning.startswith("reports/report.json does not exist yet: nothing is compared now")
    assert f"warning: {warning}" in first.out
    second = audit("--quiet", "--compare", "reports/report.json", **at(server))
    assert (second.code, second.out, second.report["comparison"]["ongoing"]) == (0, "", 0)
    other = audit("--compare", "reports/report.json", "--format", "json", "--output-dir", "elsewhere", **at(server))
    assert other.code == 0  # it is there, and another's
    (other.folder / "reports/report.json").unlink()
    assert audit("--compare", "reports/report.json", "--format", "md", **at(server)).code == 2  # none will be written


def test_compare_with_the_report_that_this_run_replaces(audit, serve):
    audit(*UNRESTRICTED, **at(serve([old("a", restricted=False), old("b", restricted=False)])))
    server = serve([old("a"), old("b", restricted=False), old("c", restricted=False)])
    report = audit(*UNRESTRICTED, "--compare", "reports/report.json", **at(server)).report
    assert {result["resource"]["id"]: result["state"] for result in report["results"]} == {"b": "ongoing", "c": "new"}
    assert [(each["resource"]["id"], each["became"]) for each in report["resolved"]] == [("a", "fixed")]
    found = report["comparison"]
    assert (found["new"], found["ongoing"], found["resolved"], len(found["cautions"])) == (
        1,
        1,
        1,
        1,
    )  # another address


def test_a_snapshot_gives_the_same_verdicts_as_the_live_run(audit, serve, tmp_path):
    server = serve(
        [
            new("a"),
            old("b", restricted=False),
            new("c", restrictions={"restricted": False}, credentials={"password": "PASSWORD"}),
        ]
    )
    live = audit("--save-snapshot", "s.json", **at(server)).report
    assert "PASSWORD" not in (tmp_path / "s.json").read_text()
    replayed = audit("--input", "s.json").report
    assert replayed["results"] == live["results"]
    assert replayed["summary"] == live["summary"]
    assert (replayed["coverage"]["requests"], replayed["exitCode"]) == (0, 3)


WHOLE = ("--rules", str(ROOT / "rules/packs/account.yaml"), "--rules", str(ROOT / "rules"))


def test_rules_over_whole_accounts_run_besides_the_others_when_their_file_is_named(audit, serve, tmp_path):
    server = serve([old("a"), old("b"), old("c", provider="gitlab")], projects=[{"id": "q"}])
    assert len(audit(**at(server)).report["rules"]) == 16
    assert [request.path for request in server.requests] == ["/v1/integrations/registries"]
    (tmp_path / "audit.yaml").write_text("overrides: {account-too-many-credentials: {params: {max: 2}}}")
    (tmp_path / "w.yaml").write_text(
        f"waivers: [{{rule: account-too-many-credentials, resource: account, reason: r, owner: o, expires: {LATER}}}]"
    )
    ended = audit(*WHOLE, "--save-snapshot", "s.json", **at(server))
    report = ended.report
    failed = [(each["ruleId"], each["resource"]) for each in report["results"] if each["status"] == "fail"]
    assert {rule for rule, _ in failed} == {
        "registry-credential-project-gone",
        "registry-credential-duplicate",
        "account-too-many-credentials",
    }
    assert (
        "account-too-many-credentials",
        {"type": "account", "id": "account", "name": None, "team": None, "project": None},
    ) in failed
    assert (report["coverage"]["accounts"], report["coverage"]["requests"], report["coverage"]["results"]) == (1, 2, 61)
    assert "3 registry credentials × 20 rules + 1 account × 1 rule = 61 verdicts" in ended.out
    assert "account: the account holds more than 2 registry credentials" in ended.out
    assert audit(*WHOLE, "--input", "s.json").report["results"] == report["results"]
    assert audit(*WHOLE, "--waivers", "w.yaml", **at(server)).report["summary"]["waived"] == 1
    compared = audit(
        *WHOLE, "--compare", "reports/report.json", "--skip-rule", "registry-credential-duplicate", **at(server)
    )
    assert {each["state"] for each in compared.report["results"]} == {"ongoing"}


def test_the_same_account_in_pages_of_any_size_and_style_gives_the_same(audit, serve):
    credentials = [old(f"c{n:03}", restricted=n % 3 > 0) for n in range(23)]
    by_cursor, by_page = serve(credentials), serve(credentials, paging="page")
    reports = [
        audit("--page-size", size, **at(server)).report for server in (by_cursor, by_page) for size in ("1", "7", "100")
    ]
    assert len({json.dumps([r["results"], r["summary"]]) for r in reports}) == 1
    assert [r["coverage"]["pages"] for r in reports] == [23, 4, 1] * 2


def test_output_goes_to_its_place_and_the_summary_makes_room(audit, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [old("a")]}))
    ended = audit("--input", "i.json", "--format", "none", "--output", "json=-", "--output", "md=sub/x.md")
    assert json.loads(ended.out)["exitCode"] == 0
    assert "PASSED" in ended.err
    assert (tmp_path / "sub/x.md").exists()
    assert not (tmp_path / "reports").exists()


def test_annotations_go_to_standard_output_and_the_brief_to_the_step_summary(audit, tmp_path):
    (tmp_path / "summary.md").write_text("from before\n")
    ended = audit(*QUICK, "--output", "github=-", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert {line.split(" ")[0] for line in lines} == {"::error", "::warning", "::notice"}
    assert lines[-1].startswith("::notice title=Northflank audit%3A VIOLATED::")
    assert (tmp_path / "summary.md").read_text().startswith("from before\n\n## VIOLATED: ")


def test_a_report_that_can_not_be_written_makes_it_incomplete(audit, tmp_path):
    (tmp_path / "i.json").write_text(json.dumps({"credentials": [old("a")]}))
    (tmp_path / "dir").mkdir()
    ended = audit("--input", "i.json", "--output", "md=dir")
    assert (ended.code, ended.report["exitCode"], ended.report["run"]["complete"]) == (3, 3, False)
    assert "dir could not be written" in ended.report["run"]["incompleteReasons"][0]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no API token"),
        (("--nonsense",), "No such option"),
        (("nonsense",), "No such command"),
        (("--fail-on", "bad"), "--fail-on"),
        (("--page-size", "101"), "--page-size"),
        (("--format", "pdf"), "'pdf' is not one of html, md, json"),
        (("--output", "json"), "has no path"),
        (("--output", "pdf=x"), "'pdf' is not one of"),
        (("--output", "json=x", "--output", "md=x"), "same place"),
        (("--output", "json=-", "--output", "md=-"), "same place"),
        (("--output", "md=./reports/../reports/report.json"), "same place"),
        (("--save-snapshot", "reports/report.json"), "same place"),
        (("--metrics-file", "x.prom", "--output", "json=x.prom"), "same place"),
        (("--metrics-file", "nowhere/x.prom"), "--metrics-file nowhere/x.prom: its folder does not exist"),
        (("--input", "none.json"), "none.json: can't be read"),
        (("--demo", "--input", "x"), "--demo brings its own"),
        (("--team", "a", "--all-teams"), "exclude each other"),
        (("--input", "x", "--all-teams"), "at most one --team"),
        (("--demo", "--rule", "nope"), "no rule has the id 'nope'"),
        (("--demo", "--rules", "none.yaml"), "none.yaml: can't be read"),
        (("--demo", "--rules", "empty"), "no .yaml or .yml file in it"),
        (("--demo", "--rules", "bad.yaml"), "bad.yaml:2:5: unknown key 'idd'"),
        (("--demo", "--waivers", "bad.yaml"), "bad.yaml:1:1"),
        (("--demo", "--config", "none.yaml"), "none.yaml: can't be read"),
        (("--demo", "--config", "typo.yaml"), "typo.yaml:2:1: 'fail-onn' is no option (did you mean 'fail-on'?)"),
        (("--demo", "--config", "value.yaml"), "value.yaml:1:10: fail-on:"),
        (("--demo", "--config", "list.yaml"), "list.yaml:1:1: a config file maps"),
        (("--demo", "--config", "nested.yaml"), "nested.yaml:1:10: timeout: this takes one value"),
        (("--demo", "--config", "off.yaml", "--rule", "registry-credential-unrestricted"), "switches it off"),
        (("--demo", "--compare", "bad.yaml"), "not a report.json"),
        (("--demo", "--compare", "twice.json"), "the key 'schemaVersion' occurs twice in one object (line 1"),
        (("--demo", "--compare", "next.json"), "not a report.json of this tool (Invalid enum value '2.0'"),
        (
            ("--demo", "--compare", "none.json"),
            "(No such file or directory); a first audit has no earlier report: omit --compare",
        ),
        (("--token-file", "none"), "--token-file none: can't be read"),
        (("--token-file", "blank"), "the API token is empty"),
        (("--token-file", "lines"), "a line break"),
        (("--api-url", "http://api.example.com"), "over plain http"),
        (("--api-url", "ftp://x"), "not the address of an API"),
        (("--api-url", "https://u:SECRET@x"), "not the address of an API"),
        (("--api-url", "https://x:port"), "not the address of an API"),
    ],
)
def test_what_can_not_start_ends_with_2_and_touches_no_report(audit, tmp_path, arguments, said):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/report.json").write_text("old")
    (tmp_path / "empty").mkdir()
    files = {"bad.yaml": "rules:\n  - idd: x\n", "typo.yaml": "demo: true\nfail-onn: low\n", "value.yaml": "fail-on: bad",
             "list.yaml": "- a", "nested.yaml": "timeout: [1]", "next.json": '{"schemaVersion": "2.0"}', "twice.json": '{"schemaVersion": "2.0", "schemaVersion": "1.0"}', "off.yaml": "overrides: {registry-credential-unrestricted: off}",
             "blank": " \n", "lines": "a\nb\n"}  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ended = audit(*arguments)
    assert said in ended.err.replace("\n  ", "")
    assert (ended.code, ended.out) == (2, "")
    assert "SECRET" not in ended.err
    assert (tmp_path / "reports/report.json").read_text() == "old"


def test_a_flag_beats_the_environment_which_beats_the_file(audit, serve, tmp_path):
    (tmp_path / "audit.yaml").write_text(
        "fail-on: never\nrule: [unrestricted]\nrules: my.yaml\nformat: [json]\ninclude: [pass]\n"
    )
    (tmp_path / "my.yaml").write_text(RULES)
    server = at(serve([old("a", restricted=False)]))
    assert audit(**server).code == 0
    assert not (tmp_path / "reports/report.html").exists()
    assert audit(**server, NORTHFLANK_AUDIT_FAIL_ON="high").code == 1
    assert audit("--fail-on", "critical", **server, NORTHFLANK_AUDIT_FAIL_ON="high").code == 0
    listed = audit(**server, NORTHFLANK_AUDIT_RULE="unrestricted provider").report
    assert [rule["id"] for rule in listed["rules"]] == ["unrestricted", "provider"]
    (tmp_path / "audit.yaml").write_text("")
    assert audit(**server).code == 1


def test_a_server_that_is_not_there(audit):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen; nobody else can
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ended = audit("--max-attempts", "2", "--api-url", url, NORTHFLANK_API_TOKEN="t")
    assert (ended.code, ended.report["coverage"]["requests"], ended.report["coverage"]["retries"]) == (3, 2, 1)
    assert "page 1: the connection broke (Failed to establish" in ended.report["run"]["incompleteReasons"][0]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", HEAD], ids=["headers", "body"])
def test_a_server_that_trickles_does_not_outlast_the_deadline(audit, sent):
    def trickle():
        with suppress(OSError):
            connection, _ = server.accept()
            with connection:
                connection.sendall(sent)
                while not over.wait(0.1):
                    connection.sendall(b"H" if not sent else b" ")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ended = audit("--timeout", "1.5", "--api-url", url, NORTHFLANK_API_TOKEN="t")
    over.set()
    thread.join(NET)
    assert ended.code == 3
    assert "the run's time of 1.5 s is up" in ended.report["run"]["incompleteReasons"][0]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_at_once_and_leaves_old_reports_whole(tmp_path, number, code):
    with socket.create_server(("127.0.0.1", 0)) as hung:  # accepts, and says nothing
        (tmp_path / "reports").mkdir()
        (tmp_path / "reports/report.json").write_text("old")
        environment = {
            **os.environ,
            "NORTHFLANK_API_TOKEN": "t",
            "NORTHFLANK_API_BASE_URL": f"http://127.0.0.1:{hung.getsockname()[1]}",
        }
        process = subprocess.Popen(UNHURRIED, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        hung.settimeout(NET)
        connection, _ = hung.accept()
        process.send_signal(number)
        _, said = process.communicate(timeout=NET)
        connection.close()
    assert process.returncode == code
    assert said.startswith("stopped")
    assert (tmp_path / "reports/report.json").read_text() == "old"


def test_verbose_tells_what_is_done_as_text_and_as_json(audit, serve):
    server = at(serve([new("a")]))
    assert "DEBUG GET /v1/integrations/registries" in audit("--verbose", **server).err
    ended = audit("--verbose", "--log-format", "json", **server)
    entries = [json.loads(line) for line in ended.err.splitlines()]
    assert {entry["run"] for entry in entries} == {ended.report["run"]["id"]}
    first, *asked, last = entries
    assert (first["message"], last["message"].rpartition("; ")[2]) == ("the audit begins, with 16 rules", "exit code 3")
    came = {key: last[key] for key in ("level", "outcome", "exitCode", "violations", "unknown", "reasons")}
    summary, run = ended.report["summary"], ended.report["run"]
    assert came == {
        "level": "error", "outcome": "INCOMPLETE", "exitCode": 3, "violations": summary["fail"],
        "unknown": summary["unknown"] + summary["error"], "reasons": run["incompleteReasons"],
    }  # fmt: skip
    assert audit(**server).err == ""  # for people, the summary says it
    assert [(entry["level"], entry["team"], entry["page"], entry["attempt"]) for entry in asked] == [
        ("debug", None, 1, 1),
        ("debug", None, None, 1),  # the details
    ]


def test_why_a_run_can_not_start_is_json_where_the_rest_is(audit, tmp_path):
    (tmp_path / "bad.yaml").write_text("rules:\n  - {idd: x}\n")
    (entry,) = map(
        json.loads, audit("--demo", "--rules", "bad.yaml", "--log-format", "json", "--quiet").err.splitlines()
    )
    assert entry["level"] == "error"
    assert "\nbad.yaml:2:6: unknown key 'idd'" in entry["message"]


def test_hostile_text_does_not_reach_the_terminal(audit, tmp_path):
    (tmp_path / "i.json").write_text(
        json.dumps({"credentials": [old("a", restricted=False, name="\x1b[31mred\u202e")]})
    )
    ended = audit("--input", "i.json")
    assert ended.code == 1
    assert not {"\x1b", "\u202e"} & set(ended.out)


def test_a_page_holds_one_record_that_the_engine_can_not_take(audit, tmp_path):
    records = [old(f"c{n}") for n in range(150)] + [old("odd", restrictions={"restricted": "yes"})]
    (tmp_path / "i.json").write_text(json.dumps({"credentials": records}))
    ended = audit("--input", "i.json")
    assert (ended.code, ended.report["summary"]["unknown"] > 0) == (3, True)
    assert {result["resource"]["id"] for result in ended.report["results"]} == {"odd"}


def test_the_emulator_serves_until_it_is_stopped(tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(AUDIT), "emulator", "--token", "tok"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    line = process.stdout.readline().split()
    assert line[1:] == ["token:", "tok"]
    done = subprocess.run([sys.executable, str(AUDIT), "--quiet", "--format", "json"], cwd=tmp_path, check=False, capture_output=True,
                          env={**os.environ, "NF_API_TOKEN": "tok", "NF_API_HOST": line[0]})  # fmt: skip
    assert done.returncode == 1
    process.terminate()
    process.communicate(timeout=NET)
    assert process.returncode == 143


def test_no_option_takes_a_token():
    shown = subprocess.run([sys.executable, str(AUDIT), "run", "--help"], capture_output=True, text=True, check=True)
    assert "--token " not in shown.stdout
    assert (ROOT / "audit.py").exists()
