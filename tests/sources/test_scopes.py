"""Whose token it is decides which lists there are, and is asked for only where that matters."""

import json

import pytest
from msgspec.structs import replace

from northflank_audit.emulator import Emulator, Plan, load
from northflank_audit.emulator.fault_plan import Fault
from northflank_audit.model import Account
from northflank_audit.resources import TYPES, Scope
from northflank_audit.sources.scopes import ELSEWHERE, NO_ORGANISATION, NO_TEAM, TEAMS_NAMED, Owner, Scopes

MEMBER = replace(TYPES["api-token"], name="member", scope=Scope.TEAM)
TEAM = replace(TYPES["api-token"], name="team", scope=Scope.ORGANISATION)
KINDS = [MEMBER, TEAM, TYPES["auth"], TYPES["domain"]]
OF_TEAM = Owner({"id": "t", "entityType": "team", "entityId": "acme"})
OF_ORG = Owner({"id": "t", "entityType": "org", "entityId": "group"})
UNKNOWN = Owner(problem="HTTP 500")
RULES = {
    "rules": [
        {"id": "auth", "title": "t", "severity": "low", "resource": "auth", "require": "auth.expiresAt != null"},
        {"id": "one", "title": "t", "severity": "low", "resource": "account",
         "require": "account.api_tokens.exists(t, t.active)"},
    ]
}  # fmt: skip


def scoped(token, teams, *, named=False):
    """Return each account's lists as (type, team in the path), and what is out of scope in each."""
    scopes = Scopes(KINDS, token, teams_named=named)
    accounts = list(scopes.accounts(teams))
    lists = [(each.kind.name, each.team, each.path_team or each.team) for each in scopes.lists(accounts)]
    return lists, {each.team: each.out_of_scope for each in accounts}


def test_a_team_s_token_reads_its_own_team_by_its_id_and_no_organisation():
    lists, out = scoped(OF_TEAM, [None])
    assert lists == [("member", None, "acme"), ("domain", None, None)]
    assert out == {None: {"team": NO_ORGANISATION}}


def test_an_organisation_s_token_reads_the_organisation_and_no_team_of_its_own():
    lists, out = scoped(OF_ORG, [None])
    assert lists == [("team", None, None), ("domain", None, None)]
    assert out == {None: {"member": NO_TEAM}}


def test_named_teams_are_read_without_the_organisation():
    lists, out = scoped(OF_ORG, ["a"], named=True)
    assert lists == [("member", "a", "a"), ("domain", "a", "a")]
    assert out == {"a": {"team": TEAMS_NAMED, "auth": ELSEWHERE},
                   None: {"member": ELSEWHERE, "team": ELSEWHERE, "domain": ELSEWHERE}}  # fmt: skip


def test_of_all_teams_the_organisation_is_read_once():
    lists, out = scoped(OF_ORG, ["a", "b"])
    assert lists == [
        ("member", "a", "a"), ("domain", "a", "a"), ("member", "b", "b"), ("domain", "b", "b"), ("team", None, None)
    ]  # fmt: skip
    assert out[None] == {"member": ELSEWHERE, "domain": ELSEWHERE}


def test_while_nobody_knows_whose_it_is_nothing_is_out_of_scope():
    lists, out = scoped(UNKNOWN, [None])
    assert lists == [("team", None, None), ("domain", None, None)]
    assert out == {None: {}}


@pytest.fixture
def rules(tmp_path):
    (tmp_path / "rules.json").write_text(json.dumps(RULES))


def audited(audit, server, *arguments):
    given = ("--rules", "rules.json", "--include", "pass", "--format", "json", "--api-url", server.url)
    return audit(*given, *arguments, NORTHFLANK_API_TOKEN=server.token)


@pytest.mark.usefixtures("rules")
def test_the_audit_s_own_token_is_a_resource_and_is_asked_for_once(audit):
    with Emulator(load(None)) as server:
        ended = audited(audit, server)
        assert [each.path for each in server.requests].count("/v1/auth") == 1
    verdicts = {(each["ruleId"], each["resource"]["type"]): each["status"] for each in ended.report["results"]}
    assert (ended.code, verdicts) == (0, {("auth", "auth"): "pass", ("one", "account"): "pass"})


def test_the_default_pack_does_not_ask_whose_it_is(audit):
    with Emulator(load(None)) as server:
        audit("--api-url", server.url, "--format", "json", NORTHFLANK_API_TOKEN=server.token)
        assert "/v1/auth" not in [each.path for each in server.requests]


@pytest.mark.usefixtures("rules")
def test_of_named_teams_the_token_is_judged_and_its_own_account_is_not(audit):
    with Emulator(load(None)) as server:
        team = next(iter(server.accounts.teams))
        ended = audited(audit, server, "--team", team)
    found = [(each["ruleId"], each["resource"]["team"]) for each in ended.report["results"]]
    assert (found, ended.report["coverage"]["accounts"]) == ([("auth", None), ("one", team)], 1)


@pytest.mark.usefixtures("rules")
def test_that_it_can_not_be_asked_is_a_warning_and_the_token_unknown(audit):
    fault = Fault(path="/v1/auth", status=403)
    with Emulator(load(None), Plan(faults=[fault])) as server:
        ended = audited(audit, server)
    verdicts = {each["ruleId"]: each["status"] for each in ended.report["results"]}
    assert (ended.code, verdicts) == (3, {"auth": "unknown", "one": "pass"})
    assert any("token's owner" in each for each in ended.report["warnings"])


@pytest.mark.usefixtures("rules")
def test_a_snapshot_of_named_teams_replays_the_same(audit):
    with Emulator(load(None)) as server:
        live = audited(audit, server, "--team", next(iter(server.accounts.teams)), "--save-snapshot", "s.json")
    given = ("--rules", "rules.json", "--include", "pass", "--format", "json")
    again = audit(*given, "--input", "s.json")
    assert (again.code, again.report["results"]) == (live.code, live.report["results"])
    assert [each["type"] for each in again.report["coverage"]["types"]] == ["auth", "api-token"]


def test_an_account_of_the_token_alone_is_partial():
    (own,) = [each for each in Scopes(KINDS, OF_TEAM, teams_named=True).accounts(["a"]) if each.team is None]
    assert own == Account(
        team=None, out_of_scope={**dict.fromkeys(("member", "team", "domain"), ELSEWHERE)}, partial=True
    )
