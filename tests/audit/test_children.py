"""Rules over child types: what a part of another resource holds is evaluated, or known to be unknown, never silently nothing."""

import json
from dataclasses import replace

import pytest

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.config.policy import Policy
from northflank_audit.emulator import Emulator, Fault, Plan, load
from northflank_audit.gate import Gate
from northflank_audit.model import Status
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.resources import TYPES, Scope
from northflank_audit.sources.api import ApiSource
from northflank_audit.sources.saved_files import InputSource
from tests.conftest import NET, rule
from tests.sampled import NOW, resources

TOKEN = Token("nf-children-token", "the test")
SAMPLE = load(None, NOW)
CHILDREN = [kind for kind in TYPES.values() if kind.within]
EACH = pytest.mark.parametrize("kind", CHILDREN, ids=lambda kind: kind.name)


def part_of(kind):
    return kind.within.parent.part(kind.within.part)


def over(kind, **entry):
    """Return a rule that every child passes."""
    return rule(
        **{"id": "child", "resource": kind.name, "require": f"{kind.variable}.{kind.within.key} != ''", **entry}
    )


def expected(kind):
    return {(each.team, each.project, each.id) for each in resources(None, SAMPLE) if each.type == kind.name}


@pytest.fixture
def audited(tmp_path):
    """Audit the sample account, or saved files, by some rules."""

    def run(kind, *rules, faults=(), details="auto", on_unknown="fail", files=(), max_requests=None):
        policy = Policy(rules=list(rules), waivers=[], baseline=None)
        request = AuditRequest(
            policy=policy,
            details=details,
            include=frozenset(Status),
            snapshot=None if files else str(tmp_path / "snapshot.json"),
            gate=Gate(on_unknown=on_unknown),
        )
        if files:
            return runner.audit(request, InputSource(files, None), lambda _: None)
        owner = "org" if kind.scope is Scope.ORGANISATION else "team"
        accounts = replace(SAMPLE, auth={**SAMPLE.auth, "entityType": owner})
        with (
            Emulator(accounts, Plan(faults=list(faults)), token=TOKEN.value) as server,
            Client(
                server.url,
                TOKEN,
                max_attempts=1,
                deadline=Deadline(NET),
                sleep=lambda _: None,
                max_requests=max_requests,
            ) as client,
        ):
            source = ApiSource(client, Origin(kind="api"), (), page_size=100, details=details != "never")
            return runner.audit(request, source, lambda _: None)

    return run


def found(report, status="pass"):
    return {(e.resource.team, e.resource.project, e.resource.id) for e in report.results if e.status == status}


@EACH
@pytest.mark.parametrize("account_scoped", [False, True])
def test_every_child_is_judged_and_counted(audited, kind, account_scoped):
    other = [rule(id="account", resource="account", require="true")] if account_scoped else []
    report = audited(kind, over(kind), *other)
    assert found(report) - {(None, None, "account")} == expected(kind)
    coverage = report.coverage.of(kind.name)
    assert (coverage.resources, coverage.complete) == (len(expected(kind)), True)
    assert (report.run.incomplete_reasons, report.exit_code) == ([], 0)
    assert {each.resource.type for each in report.results} <= {kind.name, "account"}


@EACH
@pytest.mark.parametrize("account_scoped", [False, True])
def test_a_rule_over_a_child_leaves_the_rules_over_its_parent_as_they_are(audited, kind, account_scoped):
    """What else a parent's rules need is read as before, though its page is complete only with the children."""
    parent = kind.within.parent
    of_parent = rule(id="parent", resource=parent.name, require=f"{parent.variable}.{parent.id} != ''")
    detailed = rule(id="detailed", resource="addon", require="has(addon.createdAt)")
    deep = rule(id="deep", resource="account", severity="critical", require="account.addons.all(a, has(a.createdAt))")
    report = audited(kind, over(kind), of_parent, detailed, *([deep] if account_scoped else []))
    assert not [each.message for each in report.results if each.status in ("unknown", "error")]
    assert report.run.incomplete_reasons == []
    assert {each.resource.type for each in report.results if each.rule_id == "parent"} == {parent.name}


@EACH
def test_the_list_of_all_children_is_known_to_rules_about_other_types(audited, kind):
    count = len(expected(kind))
    own = rule(id="own", resource="account", require=f"size(account.{kind.collection}) == {count}")
    others = over(kind, id="others", require=f"size(resources) == {count}")
    assert {each.status for each in audited(kind, own, others).results} == {"pass"}


@EACH
@pytest.mark.parametrize("account_scoped", [False, True])
@pytest.mark.parametrize("on_unknown", ["fail", "ignore"])
def test_a_part_that_is_refused_makes_them_unknown_and_names_the_permission(audited, kind, account_scoped, on_unknown):
    part = part_of(kind)
    path = "*" + part.path.replace("{project}", "*").replace("{id}", "*").replace("{name}", "*")
    listed = f"size(account.{kind.collection}) >= 0"
    rules = [over(kind), *([rule(id="a", resource="account", require=listed)] if account_scoped else [])]
    report = audited(kind, *rules, faults=[Fault(path=path, status=403)], on_unknown=on_unknown)
    assert {each.status for each in report.results} == {"unknown"}
    places = {(team, project, None) for team, project, _ in expected(kind)}
    assert {place for place in found(report, "unknown") if place[2] != "account"} >= places
    assert all(part.permission.name in each.message for each in report.results)
    assert part.permission.name in " ".join(report.run.incomplete_reasons)
    coverage = report.coverage.of(kind.name)
    assert (coverage.resources, coverage.complete, report.exit_code) == (0, False, 3)


@EACH
def test_without_details_or_requests_they_are_unknown_with_the_reason(audited, kind):
    report = audited(kind, over(kind), details="never")
    assert {each.status for each in report.results} == {"unknown"}
    assert all("--details never" in each.message for each in report.results)
    assert report.exit_code == 3
    few = audited(kind, over(kind), max_requests=3)
    assert "unknown" in {each.status for each in few.results}
    assert few.exit_code == 3


@EACH
def test_a_list_of_parents_that_is_refused_is_one_of_their_children_too(audited, kind):
    path = "*" + kind.within.parent.listing.path.replace("{project}", "*")
    report = audited(kind, over(kind), faults=[Fault(path=path, status=403)])
    assert {each.status for each in report.results} == {"unknown"}
    assert kind.within.parent.listing.permission.name in report.results[0].message
    assert not report.coverage.of(kind.name).complete


@EACH
@pytest.mark.parametrize("account_scoped", [False, True])
def test_a_snapshot_holds_them_in_their_parents(audited, tmp_path, kind, account_scoped):
    other = [rule(id="account", resource="account", require="true")] if account_scoped else []
    live = audited(kind, over(kind), *other)
    content = (tmp_path / "snapshot.json").read_bytes()
    assert kind.name not in {each["type"] for each in json.loads(content)["records"]}
    again = audited(kind, over(kind), *other, files=[("s.json", content)])
    assert [(e.rule_id, e.resource, e.status, e.fingerprint) for e in again.results] == [
        (e.rule_id, e.resource, e.status, e.fingerprint) for e in live.results
    ]
    assert (again.run.incomplete_reasons, again.exit_code) == ([], 0)
    assert again.coverage.of(kind.name).resources == len(expected(kind))


@EACH
def test_a_snapshot_without_their_part_does_not_make_them_nothing(audited, tmp_path, kind):
    parent = kind.within.parent
    audited(kind, rule(id="parent", resource=parent.name, require=f"{parent.variable}.{parent.id} != ''"))
    again = audited(kind, over(kind), files=[("s.json", (tmp_path / "snapshot.json").read_bytes())])
    assert {each.status for each in again.results} == {"unknown"}
    assert "use a snapshot of a live audit with a rule that reads them" in again.results[0].message
    assert again.exit_code == 3


@EACH
def test_a_snapshot_of_what_was_refused_says_so_again(audited, tmp_path, kind):
    path = "*" + part_of(kind).path.replace("{project}", "*").replace("{id}", "*").replace("{name}", "*")
    live = audited(kind, over(kind), faults=[Fault(path=path, status=403)])
    again = audited(kind, over(kind), files=[("s.json", (tmp_path / "snapshot.json").read_bytes())])
    assert [each.message for each in again.results] == [each.message for each in live.results]
    assert again.run.incomplete_reasons == live.run.incomplete_reasons


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([{"nodeId": "n"}, {"nodeId": "n"}], "two of its cluster nodes have the id 'c/n'"),
        ([{"nodeId": "n"}, {"nodeName": "m"}], "one of its cluster nodes has no id"),
        (["n"], "one of its cluster nodes has no id"),
        ("none", "one of its cluster nodes has no id"),
    ],
)
def test_children_in_a_snapshot_that_can_not_be_told_apart_are_unknown(audited, tmp_path, nodes, why):
    kind = TYPES["cluster-node"]
    audited(kind, over(kind))
    saved = json.loads((tmp_path / "snapshot.json").read_text())
    saved["records"] = [{**saved["records"][0], "id": "c", "record": {"id": "c", "nodes": nodes}}]
    report = audited(kind, over(kind), files=[("s.json", json.dumps(saved).encode())])
    assert [each.status for each in report.results] == ["unknown"]
    assert why in report.results[0].message


def test_out_of_scope_with_their_parents(audited):
    kind, other = TYPES["org-role-member"], TYPES["team-role-member"]
    about = rule(id="account", resource="account", require="size(account.org_role_members) == 0")
    report = audited(other, over(kind), about)
    assert [(each.rule_id, each.status) for each in report.results] == [("account", "notapplicable")]
    assert not report.coverage.of(kind.name).in_scope
    assert report.exit_code == 0
