"""Rules over whole accounts, from the API to the report: what is asked for, and what follows where it is refused."""

import json
from pathlib import Path

import pytest

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.config.policy import Policy
from northflank_audit.documents.yaml_document import Document
from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.formats import FORMATS
from northflank_audit.model import Status
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.policy.engine import Engine
from northflank_audit.policy.remarks.remark_files import WAIVERS, read
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.report import Origin
from northflank_audit.sources.api import ApiSource
from northflank_audit.sources.saved_files import InputSource
from tests.conftest import NET, ROOT, RULES

TOKEN = Token("nf-account-token", "the test")
LIST, PROJECTS = "/v1/integrations/registries", "/v1/projects"
SHIPPED = (ROOT / "rules/packs/account.yaml").read_text()
GONE, TWICE, MANY = "registry-credential-project-gone", "registry-credential-duplicate", "account-too-many-credentials"

ASKS = """
  - {id: none-restricted, title: T, severity: high, resource: account, require: "resources.all(r, !has(r.restrictions))"}
"""


@pytest.fixture
def audited(tmp_path: Path):
    """Audit a source by the rules of the account pack with these ids, and others."""

    def run(source, *ids, more=(), details="auto", snapshot=None, waivers="", params=None):
        rules = [
            each for each in load([("account.yaml", SHIPPED), ("more.yaml", RULES + ASKS)]) if each.id in (*ids, *more)
        ]
        for each in rules:
            each.params.update(params or {})
        accepted, _ = read(Document(waivers or "waivers: []", "w.yaml"), WAIVERS)
        policy = Policy(rules=rules, waivers=[waiver for _, waiver in accepted], baseline=None)
        request = AuditRequest(policy=policy, details=details, include=frozenset(Status), snapshot=snapshot)
        return runner.audit(request, source, lambda _: None)

    return run


@pytest.fixture
def online(audited):
    """Audit the API of some accounts, with some faults."""

    def run(accounts, *ids, teams=(), faults=(), details="auto", page_size=100, rate_limit=1000, **more):
        with Emulator(accounts, Plan(faults=list(faults), rate_limit=rate_limit), token=TOKEN.value) as server:
            client = Client(server.url, TOKEN, max_attempts=2, deadline=Deadline(NET), sleep=lambda _: None)
            with client:
                source = ApiSource(client, Origin(kind="api"), teams, page_size=page_size, details=details != "never")
                report = audited(source, *ids, details=details, **more)
            return report, [request.path for request in server.requests]

    return run


def old(identity, *projects, **more):
    restrictions = {"restricted": bool(projects), "projects": list(projects)}
    return {
        "id": identity,
        "name": identity.upper(),
        "description": "x",
        "provider": "github",
        "restrictions": restrictions,
        **more,
    }


def new(identity, *projects, **more):
    return {key: value for key, value in old(identity, *projects, **more).items() if key != "description"}


def account(*credentials, projects=("p", "q")):
    return EmulatedAccount(list(credentials), [{"id": each} for each in projects])


def statuses(report):
    return {(each.rule_id, each.resource.team, each.resource.id): str(each.status) for each in report.results}


def of(report, rule):
    return {each.resource.id: str(each.status) for each in report.results if each.rule_id == rule}


# -- Pages -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("page_size", "together"), [(1, [100, 30]), (60, [120, 10]), (100, [100, 30])])
def test_small_pages_are_evaluated_together(online, monkeypatch, page_size, together):
    sizes = []
    evaluate = Engine.evaluate

    def watched(self, resources):
        found = list(resources)
        sizes.append(len(found))
        return evaluate(self, found)

    monkeypatch.setattr(Engine, "evaluate", watched)
    accounts = EmulatedAccounts(account(*(old(f"c{number}", *["p"][: number % 2]) for number in range(130))))
    report, _ = online(accounts, more=["unrestricted"], page_size=page_size)
    assert sizes == together
    assert of(report, "unrestricted") == {f"c{number}": "pass" if number % 2 else "fail" for number in range(130)}


# -- Projects ----------------------------------------------------------------------------------------------------------
def test_projects_are_asked_for_once_and_only_when_a_selected_rule_reads_them(online):
    accounts = EmulatedAccounts(account(old("a", "p"), old("b", "gone")))
    _, without = online(accounts, TWICE, MANY, more=["unrestricted"])
    assert without == [LIST]
    report, requests = online(accounts, GONE)
    assert sorted(requests) == [LIST, PROJECTS]
    assert of(report, GONE) == {"a": "pass", "b": "fail"}
    assert (report.coverage.requests, report.coverage.pages, report.exit_code) == (2, 2, 1)


def test_projects_are_read_page_by_page_before_the_details(online):
    names = [f"p{n}" for n in range(5)]
    accounts = EmulatedAccounts(account(new("a", "p0", "p4"), new("b", "p5"), projects=names))
    report, requests = online(accounts, GONE, page_size=2)
    assert sorted(requests[:4]) == [LIST, PROJECTS, PROJECTS, PROJECTS]
    assert of(report, GONE) == {"a": "pass", "b": "fail"}


def test_projects_that_are_refused_are_unknown_and_the_permission_is_named(online):
    accounts = EmulatedAccounts(account(old("a", "p"), old("b")))
    report, _ = online(accounts, GONE, MANY, faults=[Fault(path=PROJECTS, status=403)])
    assert of(report, GONE) == {"a": "unknown", "b": "notapplicable"}
    assert of(report, MANY) == {"account": "pass"}
    assert report.exit_code == 3
    (unknown,) = [each for each in report.results if each.status is Status.UNKNOWN]
    assert (
        "A could not be evaluated: not all projects of the account are known (list of projects, page 1: HTTP 403"
        in unknown.message
    )
    assert unknown.message.endswith("; the token needs the permission Project > Projects > Manage > Read)")
    refused = "list of projects, page 1: HTTP 403: A planned fault; the token needs the permission Project > Projects > Manage > Read"
    assert report.run.incomplete_reasons == [refused, f"rule {GONE} is unknown for a: {unknown.reason}"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 404}, {"status": 500}, {"body": "<html>"}, {"patch": {"pagination": {"count": 7}}},
        {"patch": {"data": {"projects": [{"name": "p"}]}}}, {"patch": {"data": {"projects": None}}},
        {"patch": {"data": {"projects": []}, "pagination": {"hasNextPage": True, "count": 0}}},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("page", [1, 2])
def test_a_list_of_projects_with_a_gap_is_not_known(online, fault, page):
    accounts = EmulatedAccounts(account(old("a", "p1"), old("b", "p2"), projects=["p1", "p2"]))
    report, _ = online(accounts, GONE, page_size=1, faults=[Fault(path=PROJECTS, nth=f"{page}-", **fault)])
    assert of(report, GONE) == {"a": "unknown", "b": "unknown"}
    assert report.exit_code == 3


def test_projects_that_are_not_known_are_no_reason_to_read_details(online):
    accounts = EmulatedAccounts(account(old("a", "p"), old("b", "p")))
    _, requests = online(accounts, GONE, faults=[Fault(path=PROJECTS, status=403)])
    assert sorted(requests) == [LIST, PROJECTS]


# -- Whole lists -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403}, {"status": 500}, {"patch": {"pagination": {"count": 7}}}, {"loop": True},
        {"patch": {"data": {"credentials": [{"name": "no id"}]}}},
    ],
    ids=str,
)  # fmt: skip
def test_half_a_list_is_never_enough_to_pass(online, fault):
    accounts = EmulatedAccounts(account(old("a", "p"), old("b", "q"), old("c")))
    report, _ = online(
        accounts, TWICE, MANY, more=["provider"], page_size=1, faults=[Fault(path=LIST, nth="2-", **fault)]
    )
    assert report.exit_code == 3
    assert of(report, TWICE)["a"] == of(report, MANY)["account"] == "unknown"
    assert of(report, "provider")["a"] == "pass"
    said = next(each.message for each in report.results if each.rule_id == MANY)
    assert said.startswith(
        "the account could not be evaluated: not all registry credentials of the account are known (list of registry credentials, page "
    )


def test_two_different_records_with_one_id_are_a_gap(online):
    report, _ = online(EmulatedAccounts(account(old("a", "p"), old("a", "q"))), MANY)
    assert of(report, MANY) == {"account": "unknown"}


def test_each_team_sees_its_own_credentials_and_projects_only(online):
    teams = {
        "t": account(old("a", "p"), old("b", "q"), projects=["p"]),
        "u": account(old("a", "p"), old("c", "q"), projects=["q"]),
        "v": account(projects=["x"]),
    }
    report, requests = online(EmulatedAccounts(account(), teams), GONE, TWICE, MANY, teams=None, params={"max": 1})
    assert statuses(report) == {
        (GONE, "t", "a"): "pass", (GONE, "t", "b"): "fail", (GONE, "u", "a"): "fail", (GONE, "u", "c"): "pass",
        (TWICE, "t", "a"): "pass", (TWICE, "t", "b"): "pass", (TWICE, "u", "a"): "pass", (TWICE, "u", "c"): "pass",
        (MANY, "t", "t"): "fail", (MANY, "u", "u"): "fail", (MANY, "v", "v"): "pass",
    }  # fmt: skip
    assert (report.coverage.resources, report.coverage.accounts, report.coverage.results) == (4, 3, 4 * 2 + 3)
    assert sorted(path for path in requests if path.endswith("projects")) == [f"/v1/teams/{t}/projects" for t in "tuv"]


def test_a_team_that_fails_does_not_keep_the_others_from_being_evaluated(online):
    teams = {"t": account(old("a", "p")), "u": account(old("b", "p"))}
    faults = [
        Fault(path="/v1/teams/t/integrations/registries", status=403),
        Fault(path="/v1/teams/u/projects", status=500),
    ]
    report, _ = online(EmulatedAccounts(account(), teams), GONE, MANY, teams=["t", "u"], faults=faults)
    assert statuses(report) == {
        (GONE, "t", None): "unknown",
        (GONE, "u", "b"): "unknown",
        (MANY, "t", "t"): "unknown",
        (MANY, "u", "u"): "pass",
    }


def test_an_account_without_credentials_is_evaluated(online):
    report, _ = online(EmulatedAccounts(account()), GONE, MANY)
    assert (of(report, MANY), report.exit_code, report.coverage.results) == ({"account": "pass"}, 0, 1)
    assert report.warnings == ["there are no registry credentials: only the account itself was checked"]
    report, _ = online(EmulatedAccounts(account()), GONE)
    assert (report.exit_code, report.coverage.resources, report.coverage.results) == (0, 0, 0)


# -- Details -----------------------------------------------------------------------------------------------------------
def test_details_are_read_where_a_rule_over_the_account_wants_them_and_not_otherwise(online):
    accounts = EmulatedAccounts(account(new("a", "p"), new("b", "p"), new("c", "p", provider="dockerhub")))
    report, requests = online(accounts, TWICE)
    assert of(report, TWICE) == {"a": "fail", "b": "fail", "c": "pass"}
    assert (report.coverage.details, len(requests), report.exit_code) == (3, 4, 1)
    assert online(EmulatedAccounts(account(old("a", "p"), old("b", "p"))), TWICE)[1] == [LIST]  # in 2024 it says all
    _, requests = online(EmulatedAccounts(account(new("a", "p"), old("b", "p"))), GONE)
    assert (sorted(requests[:2]), requests[2:]) == ([LIST, PROJECTS], [f"{LIST}/a"])  # it reads no other credential


def test_a_detail_is_asked_for_once_though_two_rules_want_it_and_it_is_refused(online):
    accounts = EmulatedAccounts(account(new("a", "p"), new("b", "p")))
    report, requests = online(
        accounts, TWICE, GONE, more=["unrestricted"], faults=[Fault(path=f"{LIST}/b", status=403)]
    )
    assert sorted(requests) == sorted([LIST, PROJECTS, f"{LIST}/a", f"{LIST}/b"])
    assert of(report, TWICE) == {"a": "unknown", "b": "unknown"}
    said = {each.resource.id: each.message for each in report.results if each.rule_id == TWICE}
    for name in "ab":
        assert said[name].startswith(f"{name.upper()} could not be evaluated: ")
        assert "is not known (details of 'b': HTTP 403" in said[name]


def test_details_never_leaves_it_unknown_and_always_reads_all(online):
    accounts = EmulatedAccounts(account(new("a", "p"), new("b", "p")))
    report, requests = online(accounts, TWICE, details="never")
    assert (of(report, TWICE), requests) == ({"a": "unknown", "b": "unknown"}, [LIST])
    assert "--details never" in report.results[0].message
    report, _ = online(accounts, MANY, details="always")
    assert report.coverage.details == 2


def test_details_that_the_rate_limit_does_not_cover_are_unknown(online):
    report, requests = online(EmulatedAccounts(account(new("a", "p"), new("b", "p"))), TWICE, rate_limit=1)
    assert (of(report, TWICE), len(requests)) == ({"a": "unknown", "b": "unknown"}, 1)


def test_all_rules_evaluate_a_record_in_the_form_that_the_snapshot_keeps(online, audited, tmp_path):
    """The provider changes between list and detail, and only a rule over the account asks for the detail."""
    accounts = EmulatedAccounts(account(new("a", "p"), new("b", "p")))
    changed = {"data": {"credentials": [{"id": "a", "provider": "quay"}, {"id": "b"}]}}
    faults = [
        Fault(path=f"{LIST}/a", patch={"data": {"provider": "quay"}}),
        Fault(path=LIST, nth="2-", patch=changed),
    ]
    path = str(tmp_path / "s.json")
    report, _ = online(accounts, TWICE, more=["provider"], faults=faults, snapshot=path)
    assert of(report, "provider") == {"a": "fail", "b": "pass"}
    replayed = audited(InputSource([("s", Path(path).read_bytes())], None), TWICE, more=["provider"])
    assert replayed.results == report.results


# -- Saved accounts ----------------------------------------------------------------------------------------------------
CASES = {
    "whole": [],
    "projects refused": [Fault(path="/v1/teams/t/projects", status=403)],
    "a page missing": [Fault(path="/v1/teams/u/integrations/registries", nth=2, status=400)],
    "a detail refused": [Fault(path="/v1/teams/t/integrations/registries/b", status=403)],
}


@pytest.mark.parametrize("faults", CASES.values(), ids=CASES)
def test_a_snapshot_evaluated_again_gives_the_same(online, audited, tmp_path, faults):
    teams = {"t": account(new("a", "p"), new("b", "p")), "u": account(old("c", "gone"), old("d", "q")), "v": account()}
    ids, path = (GONE, TWICE, MANY), str(tmp_path / "s.json")
    live, _ = online(
        EmulatedAccounts(account(), teams),
        *ids,
        more=["unrestricted"],
        teams=["t", "u", "v"],
        page_size=1,
        faults=faults,
        snapshot=path,
    )
    again = str(tmp_path / "again.json")
    first = audited(InputSource([("s", Path(path).read_bytes())], None), *ids, more=["unrestricted"], snapshot=again)
    second = audited(InputSource([("s", Path(again).read_bytes())], None), *ids, more=["unrestricted"])
    for replayed in (first, second):
        assert (replayed.results, replayed.summary, replayed.exit_code) == (live.results, live.summary, live.exit_code)
        assert replayed.coverage.accounts == 3
        assert "SHA-256" not in str(replayed.run.incomplete_reasons)


def test_a_snapshot_without_projects_says_why_they_are_not_known(online, audited, tmp_path):
    path = str(tmp_path / "s.json")
    online(EmulatedAccounts(account(old("a", "p"))), MANY, snapshot=path)
    report = audited(InputSource([("s", Path(path).read_bytes())], None), GONE)
    assert report.results[0].message.endswith("are known (no rule read them when this was fetched)")


def test_a_saved_list_is_an_account_whose_projects_are_not_known(audited):
    pages = [{"credentials": [old("a", "p"), old("b", "q")]}, {"credentials": [old("c", "p")]}]
    files = [(f"{n}.json", json.dumps(page).encode()) for n, page in enumerate(pages)]
    report = audited(InputSource(files, "t"), GONE, TWICE, MANY, params={"max": 2})
    assert of(report, TWICE) == {"a": "fail", "b": "pass", "c": "fail"}
    assert of(report, MANY) == {"t": "fail"}
    assert set(of(report, GONE).values()) == {"unknown"}
    assert (
        "not all projects of team t are known (the input has no projects; use a snapshot" in report.results[0].message
    )


def test_a_saved_list_that_says_there_is_more_is_not_whole(audited):
    page = {"data": {"credentials": [old("a", "p")]}, "pagination": {"hasNextPage": True, "count": 1}}
    report = audited(InputSource([("p.json", json.dumps(page).encode())], None), TWICE, MANY)
    assert {str(each.status) for each in report.results} == {"unknown"}
    assert (report.exit_code, report.coverage.results) == (3, 2)


# -- Results of accounts -----------------------------------------------------------------------------------------------
def test_a_violation_by_an_account_can_be_waived(online):
    accounts = EmulatedAccounts(account(), {"t": account(old("a", "p"), old("b", "p"))})
    waivers = f"waivers: [{{rule: {MANY}, resource: t, reason: r, owner: o, expires: 2099-01-01}}]"
    report, _ = online(accounts, MANY, teams=["t"], params={"max": 1}, waivers=waivers)
    assert (report.summary.waived, report.summary.fail, report.exit_code) == (1, 0, 0)
    elsewhere = waivers.replace("resource: t", "resource: account")
    report, _ = online(accounts, MANY, teams=["t"], params={"max": 1}, waivers=elsewhere)
    assert (report.summary.waived, report.exit_code, len(report.waivers.unused)) == (0, 1, 1)


def test_accounts_are_counted_where_a_rule_is_about_them_and_nowhere_else(online):
    accounts = EmulatedAccounts(account(old("a", "p")))
    assert json.loads(FORMATS["json"].render(online(accounts, MANY)[0]))["coverage"]["accounts"] == 1
    assert "accounts" not in json.loads(FORMATS["json"].render(online(accounts, TWICE)[0]))["coverage"]


def test_what_a_list_does_not_show_is_not_taken_for_absent(online):
    accounts = EmulatedAccounts(account(new("a", "p"), new("b", "p")))
    report, requests = online(accounts, more=["none-restricted"])
    assert (of(report, "none-restricted"), report.exit_code) == ({"account": "fail"}, 1)
    assert sorted(requests) == [LIST, f"{LIST}/a", f"{LIST}/b"]
    report, _ = online(accounts, more=["none-restricted"], details="never")
    assert (of(report, "none-restricted"), report.exit_code) == ({"account": "unknown"}, 3)
    report, _ = online(accounts, more=["none-restricted"], faults=[Fault(path=f"{LIST}/b", status=403)])
    assert of(report, "none-restricted") == {"account": "fail"}  # the restrictions of 'a' are there, whatever 'b' has
    refused = [Fault(path=f"{LIST}/{name}", status=403) for name in "ab"]
    report, _ = online(accounts, more=["none-restricted"], faults=refused)
    assert (of(report, "none-restricted"), report.exit_code) == ({"account": "unknown"}, 3)
    assert "HTTP 403" in report.results[0].message


def test_a_list_that_names_no_more_than_ids_hides_no_duplicate(online):
    terse = EmulatedAccounts(
        account(
            new("a", "p", provider="custom", registryUrl="https://r"),
            new("b", "p", provider="custom", registryUrl="https://r"),
        )
    )
    patch = {"data": {"credentials": [{"id": each, "provider": "custom"} for each in "ab"]}}
    report, _ = online(terse, TWICE, faults=[Fault(path=LIST, patch=patch)])
    assert of(report, TWICE) == {"a": "fail", "b": "fail"}


def test_beside_rules_over_the_account_the_details_of_others_are_read_by_themselves_and_never_under_never(online):
    accounts = EmulatedAccounts(account(new("a", "p"), old("b", "p")))
    report, requests = online(accounts, MANY, more=["unrestricted"])
    assert requests == [LIST, f"{LIST}/a"]
    assert of(report, "unrestricted") == {"a": "pass", "b": "pass"}
    report, requests = online(accounts, MANY, more=["unrestricted"], details="never")
    assert (of(report, "unrestricted"), requests) == ({"a": "unknown", "b": "pass"}, [LIST])
