"""The command `plan`: what is asked for, by which permissions, and in how many requests."""

import json
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner

from northflank_audit.cli.app import cli
from northflank_audit.emulator import EmulatedAccounts, Emulator, Fault, Plan, load
from northflank_audit.resources import TYPES, Scope
from northflank_audit.sources.scopes import NO_ORGANISATION
from tests.sized import LARGE, MEDIUM, SMALL, accounts

EVERYTHING = ("--rules", "pack:everything")


def run(*arguments, **environment):
    done = CliRunner().invoke(cli, [*arguments], env=environment)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


RULES = """
rules:
  - id: public
    title: T
    severity: high
    resource: addon
    require: "!addon.spec.config.networking.externalAccessEnabled"
  - id: named
    title: T
    severity: low
    resource: api-token
    require: api_token.name != ''
"""


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "r.yaml").write_text(RULES)
    return str(tmp_path / "r.yaml")


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Serve accounts; give a function that runs a command against them, and the server."""
    monkeypatch.chdir(tmp_path)
    started = []

    def serving(found, *, rate_limit=100_000, faults=()):
        if not isinstance(found, EmulatedAccounts):
            (tmp_path / "account.json").write_text(json.dumps(found))
            found = load(str(tmp_path / "account.json"))
        server = Emulator(found, Plan(rate_limit=rate_limit, faults=list(faults)))
        started.append(server)
        server.__enter__()

        def command(*arguments):
            return run(*arguments, "--api-url", server.url, NORTHFLANK_API_TOKEN=server.token)

        return command, server

    yield serving
    for each in started:
        each.__exit__()


def counted(command, *options):
    done = command("plan", "--count", "--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def holds(planned, count):
    """Tell whether a number of requests is as planned: the same, or within the range."""
    return planned == count if isinstance(planned, int) else planned["atLeast"] <= count <= planned["atMost"]


def coverage(command, tmp_path, *options):
    command("run", "--format", "json", "--quiet", *options)
    return json.loads((tmp_path / "reports/report.json").read_text())["coverage"]


# -- What is asked for -------------------------------------------------------------------------------------------------
def test_a_plan_names_each_endpoint_its_permission_and_the_rules_that_need_it(rules):
    text = run("plan", "--rules", rules, "--team", "payments").output
    assert text.startswith("accounts: payments\n")
    assert "GET /v1/projects/{project}/addons/{id}  (detail: each addon" in text
    assert "      for public\n" in text
    assert "backup-schedules" not in text  # no rule reads them
    assert text.endswith(
        "permissions:\n  Account > Admin > ApiTokens > Read\n  Project > Projects > Manage > Read\n"
        "  Project > Addons > General > Read\n"
    )


def test_a_plan_as_json(rules):
    plan = json.loads(run("plan", "--rules", rules, "--json").output)
    assert plan["accounts"] == {"teams": [], "allTeams": False}
    parts = {each["type"]: {part["part"]: part["rules"] for part in each["parts"]} for each in plan["types"]}
    assert parts == {
        "api-token": {"list": ["named"]},
        "project": {"list": ["public"]},
        "addon": {"list": ["public"], "detail": ["public"]},
    }
    assert "requests" not in plan


def test_a_plan_sends_nothing_and_needs_no_token(rules, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("it must not connect"))
    assert run("plan", "--rules", rules).exit_code == 0
    assert run("plan", "--rules", rules, "--role").exit_code == 0


# -- Permissions -------------------------------------------------------------------------------------------------------
def test_a_role_is_its_permissions_one_a_line_in_the_words_of_either_generation():
    assert run("plan", "--role").output == "Account > Cloud > Registries > Read\n"
    assert run("plan", "--role", "--generation", "2024").output == (
        "Account > Credentials > General > Read\nAccount > Credentials > General > Read Encrypted\n"
    )
    found = json.loads(run("plan", *EVERYTHING, "--role", "--all-teams", "--json").output)["permissions"]
    assert len(found) == len(set(found))
    assert "Organisation > Team > General > Read" in found


@pytest.mark.parametrize(
    "wrong",
    [["--count", "--role"], ["--generation", "2024"], ["--count", "--generation", "2026"], ["--count", "--input", "x"]],
)
def test_options_that_do_not_go_together_are_refused(wrong):
    assert run("plan", *wrong).exit_code == 2


# -- Requests ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rules", ["pack:default", "pack:everything"])
@pytest.mark.parametrize(
    ("size", "options"), [(SMALL, ()), (MEDIUM, ()), (LARGE, ("--all-teams",))], ids=["small", "medium", "large"]
)
def test_the_audit_that_follows_sends_as_many_requests(serve, tmp_path, size, options, rules):
    command, server = serve(accounts(size))
    plan = counted(command, "--rules", rules, *options)
    assert [each.path for each in server.requests].count("/v1/auth") == 1
    assert not [each.path for each in server.requests if "/services/" in each.path], "it reads no details"
    found = coverage(command, tmp_path, "--rules", rules, *options)
    assert holds(plan["requests"], found["requests"])
    for each in found["types"]:
        counts = next((one for one in plan["counts"] if one["type"] == each["type"]), None)
        assert each["requests"] == 0 if counts is None else holds(counts["parts"], each["requests"] - counts["lists"])
    assert [each["type"] for each in plan["counts"] if isinstance(each["parts"], dict)] in ([], ["domain"])
    assert plan["timeout"] >= 300


@pytest.mark.parametrize(
    "options", [["--details", "always"], ["--details", "never"], ["--page-size", "3"], ["--skip-rule", "addon-public"]]
)
def test_it_does_so_with_other_options_too(serve, tmp_path, options):
    command, _ = serve(load(None))
    plan = counted(command, *EVERYTHING, *options)
    assert holds(plan["requests"], coverage(command, tmp_path, *EVERYTHING, *options)["requests"])


def test_a_part_that_depends_on_one_not_read_yet_gives_a_range(serve, tmp_path):
    (tmp_path / "r.yaml").write_text("""
rules:
  - id: own
    title: T
    severity: low
    resource: addon
    when: addon.name == 'Addon 0'
    require: addon.spec.config.networking.tlsEnabled
  - id: none
    title: T
    severity: low
    resource: account
    require: "account.addons.all(a, a.spec.config.networking.tlsEnabled)"
""")
    command, _ = serve(accounts(SMALL))
    plan = counted(command, "--rules", "r.yaml")
    found = coverage(command, tmp_path, "--rules", "r.yaml")["requests"]
    assert plan["requests"] == {"atLeast": 5, "atMost": 8}
    assert 5 <= found <= 8
    text = command("plan", "--count", "--rules", "r.yaml").output
    assert "\nrequests: 5 to 8\n" in text


def test_what_is_asked_for_by_names_that_a_detail_gives_is_a_range(serve, tmp_path):
    rule = {"id": "a", "title": "T", "severity": "low", "resource": "domain"}
    rule["require"] = "domain.subdomainDetails.all(each, each.verified)"
    (tmp_path / "r.json").write_text(json.dumps({"rules": [rule]}))
    command, _ = serve(load(None))
    plan = counted(command, "--rules", "r.json")
    found = coverage(command, tmp_path, "--rules", "r.json")["requests"]
    domains = plan["counts"][0]["resources"]
    assert plan["requests"] == {"atLeast": 1 + domains, "atMost": 1 + domains + 100 * domains}
    assert plan["requests"]["atLeast"] < found < plan["requests"]["atMost"]


def test_what_the_hourly_limit_does_not_cover_takes_a_timeout_that_is_named(serve, tmp_path):
    command, _ = serve(accounts(MEDIUM), rate_limit=100)
    text = command("plan", "--count", "--rules", "pack:workloads").output
    assert "it does not cover the audit\n" in text
    assert "\ngive --timeout 7500\n" in text


def test_what_max_requests_does_not_cover_is_said(serve):
    command, _ = serve(accounts(SMALL))
    lists = counted(command)
    text = command("plan", "--count", "--max-requests", str(lists["requests"] - 1)).output
    assert f"does not cover it: needs {lists['requests']} requests" in text


def test_lists_that_can_not_be_read_make_the_plan_incomplete_and_the_rest_is_counted(serve):
    command, _ = serve(accounts(SMALL), faults=[Fault(path="*/services", status=403)])
    done = command("plan", "--count", "--json", *EVERYTHING)
    plan = json.loads(done.output)
    assert (done.exit_code, plan["complete"]) == (3, False)
    assert "Project > Services > General > Read" in " ".join(plan["incompleteReasons"])
    assert {each["type"]: each["parts"] for each in plan["counts"]}["domain"]["atLeast"] > 0
    text = command("plan", "--count", *EVERYTHING)
    assert text.exit_code == 3
    assert "INCOMPLETE" in text.output


def test_a_token_that_does_not_say_whose_it_is_is_a_warning(serve):
    command, _ = serve(accounts(SMALL), faults=[Fault(path="/v1/auth", status=500)])
    plan = counted(command, "--max-attempts", "1")
    assert plan["token"] is None
    assert "HTTP 500" in plan["warnings"][0]
    assert plan["requests"] == 1 + 2


def test_types_that_are_not_in_scope_are_said_and_not_asked_for(serve, tmp_path, monkeypatch):
    organisational = msgspec.structs.replace(TYPES["api-token"], scope=Scope.ORGANISATION)
    monkeypatch.setitem(TYPES, "api-token", organisational)
    (tmp_path / "r.yaml").write_text(RULES)
    command, server = serve(accounts(SMALL))
    plan = counted(command, "--rules", "r.yaml")
    assert plan["outOfScope"] == [{"type": "api-token", "why": NO_ORGANISATION}]
    assert [each["type"] for each in plan["counts"]] == ["project", "addon"]
    assert plan["requests"] == 1 + 1 + 3 + 4  # whose token it is, the lists, the details
    assert "/v1/tokens" not in [each.path for each in server.requests]
    assert f"api-token  not in scope: {NO_ORGANISATION}" in command("plan", "--count", "--rules", "r.yaml").output


def test_a_plan_of_an_organisation_names_it(serve):
    command, _ = serve(accounts(LARGE))
    plan = counted(command, "--team", "team-0", "--team", "team-1")
    assert (plan["token"], plan["accounts"]["teams"]) == ("org acme", ["team-0", "team-1"])
    assert [(each["type"], each["lists"]) for each in plan["counts"]] == [("registry-credential", 2)]


def test_the_demo_is_counted_too(serve, tmp_path):
    plan = json.loads(run("plan", "--count", "--demo", "--json").output)
    run("run", "--demo", "--format", "json", "--output-dir", str(tmp_path / "reports"), "--quiet")
    report = json.loads((tmp_path / "reports/report.json").read_text())
    assert holds(plan["requests"], report["coverage"]["requests"])


# -- The role suffices, and no less does -------------------------------------------------------------------------------
ROLE = json.loads(run("plan", *EVERYTHING, "--role", "--json").output)["permissions"]
PARTS = [part for each in json.loads(run("plan", *EVERYTHING, "--json").output)["types"] for part in each["parts"]]


@pytest.fixture
def audited(serve, tmp_path):
    """Audit the sample account with some permissions; return the report's run and coverage.

    An organisation's lists take an organisation's token, and a team's a team's.
    """

    def run_with(permissions, owner="team", rules=()):
        sample = load(None)
        auth = {**sample.auth, "entityType": owner}
        command, _ = serve(replace(sample, auth=auth, permissions=frozenset(permissions)))
        ended = command("run", *EVERYTHING, *(f"--rule={each}" for each in rules), "--format", "json", "--quiet")
        report = json.loads((tmp_path / "reports/report.json").read_text())
        return ended.exit_code, " ".join(report["run"]["incompleteReasons"]), report["coverage"]["types"]

    return run_with


@pytest.mark.parametrize("owner", ["team", "org"])
def test_with_the_permissions_of_the_role_everything_is_read(audited, owner):
    _, reasons, types = audited(ROLE, owner)
    assert "needs the permission" not in reasons
    assert [each["type"] for each in types if not each["complete"]] == []


@pytest.mark.parametrize("missing", ROLE)
def test_without_any_one_of_them_the_audit_is_incomplete(audited, missing):
    owner = "org" if missing.startswith("Organisation") else "team"
    rules = {rule for part in PARTS if part["permission"] == missing for rule in part["rules"]}
    code, reasons, types = audited(set(ROLE) - {missing}, owner, rules)
    assert code == 3
    assert missing in reasons
    assert [each["type"] for each in types if not each["complete"]]


def test_members_that_fill_more_than_a_page_make_a_range_that_holds(serve, tmp_path):
    """A role's members are among the team's: of those the list tells how many there are."""
    everybody = [
        {"id": f"user-{n}", "finalized": True, "emails": [{"address": f"u{n}@example.com", "verified": True}]}
        for n in range(250)
    ]
    roles = [
        {"id": "admin", "name": "Admin", "members": everybody[:3]},
        {"id": "all", "name": "All", "members": everybody},
    ]
    rule = {"title": "T", "severity": "low"}
    entries = [
        {**rule, "id": "role", "resource": "team-role", "require": "team_role.members.size() < 300"},
        {**rule, "id": "member", "resource": "team-member", "require": "team_member.finalized"},
    ]
    (tmp_path / "r.json").write_text(json.dumps({"rules": entries}))
    command, _ = serve({"members": everybody, "roles": roles, "auth": {"entityType": "team", "entityId": "acme"}})
    plan = counted(command, "--rules", "r.json")
    assert plan["requests"] == {"atLeast": 1 + 1 + 3 + 2, "atMost": 1 + 1 + 3 + 6}  # one to three pages of each role's
    assert coverage(command, tmp_path, "--rules", "r.json")["requests"] == 1 + 1 + 3 + 4
    (tmp_path / "r.json").write_text(json.dumps({"rules": entries[:1]}))
    assert counted(command, "--rules", "r.json")["requests"] == 1 + 1 + 2  # how many members there are is not known


@pytest.mark.parametrize(
    ("size", "options"), [(SMALL, ()), (MEDIUM, ()), (LARGE, ("--all-teams",))], ids=["small", "medium", "large"]
)
def test_the_timeout_that_is_named_covers_the_waits_for_the_hourly_limit(serve, size, options):
    limit = 5000
    command, _ = serve(accounts(size), rate_limit=limit)
    plan = counted(command, *EVERYTHING, *options)
    most = plan["requests"] if isinstance(plan["requests"], int) else plan["requests"]["atMost"]
    assert plan["timeout"] >= max(300, (most // limit) * 3600 + most / 4 - 3600)
