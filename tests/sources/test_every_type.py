"""Every declared type, over real HTTP: what the account file holds is what comes, its parts joined, its secrets not."""

import datetime as dt
import json
from urllib.parse import unquote

import pytest

from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.emulator.endpoints import built_in
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin, Tool
from northflank_audit.resources import PARENT, TYPES, Scope
from northflank_audit.resources.base import LIST
from northflank_audit.sources.api import ApiSource
from northflank_audit.sources.saved_files import InputSource
from northflank_audit.sources.snapshot_writer import SnapshotWriter
from tests.conftest import NET, needing

TOKEN = Token("nf-types-token", "the test")
KINDS = [kind for kind in TYPES.values() if kind.scope in (Scope.ACCOUNT, Scope.PROJECT) and kind.within is None]
SECRET = "planted-Zq7!x9Lm2#"
COUNT = 5
PROJECTS = ("p/1", "p 2")


def endpoint(kind):
    path = tuple(kind.listing.path.strip("/").split("/"))
    return next(each for each in built_in() if each.path == path)


def plant(record, path):
    """Put a secret where a declaration says that one is."""
    steps = ["any" if step == "*" else step for step in path.split(".")]
    for step in steps[:-1]:
        below = record.setdefault(step, {})
        record = below if isinstance(below, dict) else {}
    record[steps[-1]] = {"NAME": SECRET} if steps[-1] in ("runtimeEnvironment", "buildArguments", "secrets") else SECRET


def shows_secrets(kind):
    """Tell whether an answer about each resource has its secrets, so that what repeats them can be known."""
    shown = endpoint(kind).listed
    in_list = any(not shown or path.split(".")[0] in shown for path in kind.listing.secrets)
    return in_list or any(part.secrets for part in kind.parts)


def items(kind, prefix):
    found = []
    for number in range(COUNT):
        identity = f"{prefix}{number}"
        item = {"id": identity, "name": identity}
        if shows_secrets(kind):
            item["description"] = f"was {SECRET}"
        item[kind.id] = identity
        for part in kind.sources:
            for path in (*part.secrets, *part.logins) if not part.prefix else ():
                plant(item, path)
        item |= below(kind, identity)
        found.append(item)
    return found


NAMES = ("a", "*")
"""Of what a part is asked for one by one: `Part.each`."""


def below(kind, identity):
    """Return what an account file holds in an item for the parts that are not its detail."""
    held = {}
    for part in kind.parts:
        if not part.prefix:
            continue
        child = {part.id: f"{identity}-child", "retentionTime": 3, "token": SECRET}
        for path in part.secrets:
            plant(child, path)
        each = endpoint(kind).children[part.path.partition("{id}/")[2]]
        if part.each:
            field, _, name = part.each.partition("[].")
            held[field] = [{name: each} for each in NAMES]
            held[each.source] = [{**child, part.by: name} for name in NAMES]
        else:
            held[each.source] = [child] if part.joins else child
    return held


def account(kind, prefix):
    """Return an account with items of a type, in each project if it is a project's."""
    first, *nested = endpoint(kind).source
    projects = [{"id": each, "name": each} for each in PROJECTS]
    for project in projects if nested else ():
        project[nested[0]] = items(kind, f"{prefix}{project['id']}-")
    mine = {} if nested else {first: items(kind, prefix)}
    credentials, projects = mine.pop("credentials", []), mine.pop("projects", projects)
    return EmulatedAccount(credentials, projects, "", mine)


def ids(kind, prefix):
    if kind.scope is Scope.PROJECT:
        return {(project, f"{prefix}{project}-{number}") for project in PROJECTS for number in range(COUNT)}
    return {(None, f"{prefix}{number}") for number in range(COUNT)}


@pytest.fixture
def serve():
    """Serve accounts; give the server and a source of it."""
    started = []

    def run(accounts, *faults, teams=(), page_size=2):
        server = Emulator(accounts, Plan(faults=list(faults), rate_limit=100_000), token=TOKEN.value)
        client = Client(server.url, TOKEN, max_attempts=2, deadline=Deadline(NET), sleep=lambda _: None, direct=True)
        started.extend([server, client])
        server.__enter__()
        client.__enter__()
        return server, ApiSource(client, Origin(kind="api"), teams, page_size=page_size, details=True)

    yield run
    for each in reversed(started):
        each.__exit__(None, None, None)


def read(source, *types):
    return [each for page in source.pages(needing(*dict.fromkeys([*types, PARENT.name]))) for each in page]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("team", [None, "blue/1"])
@pytest.mark.parametrize("cursors", [True, False])
def test_every_resource_of_a_list_comes_once_page_by_page(serve, kind, team, cursors):
    accounts = EmulatedAccounts(account(kind, "own-"), {"blue/1": account(kind, "blue-")}, cursors=cursors)
    server, source = serve(accounts, teams=[] if team is None else [team])
    found = [each for each in read(source, kind.name) if each.type == kind.name]
    assert {(each.project, each.id) for each in found} == ids(kind, "own-" if team is None else "blue-")
    assert len(found) == len({each.identity for each in found})
    assert {each.team for each in found} == {team}
    assert {each.parts for each in found} == {frozenset({LIST})}
    assert (source.problems, source.gaps) == ([], [])
    assert all(each.complete for each in source.coverage().types)
    pages = [each for each in server.requests if unquote(each.path).endswith(endpoint(kind).path[-1])]
    each_list = 3 if endpoint(kind).paged else 1
    assert len(pages) == each_list * (len(PROJECTS) if kind.scope is Scope.PROJECT else 1)
    projects = [each.id for each in found] if kind is PARENT else list(PROJECTS)
    assert source.accounts[team].projects == projects


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_parts_are_joined_and_no_secret_stays_in_resources_or_snapshots(serve, kind):
    server, source = serve(EmulatedAccounts(account(kind, "own-")))
    found = [each for each in read(source, kind.name) if each.type == kind.name]
    parts = frozenset(part.name for part in kind.parts)
    whole = [
        each for some in source.complete(found, dict.fromkeys((each.identity for each in found), parts)) for each in some
    ] if parts else found  # fmt: skip
    assert {each.parts for each in whole} == {parts | {LIST}}
    assert {each.identity for each in whole} == {each.identity for each in found}
    for part in kind.parts:
        if part.each:
            assert all([child[part.by] for child in each.record[part.joins]] == list(NAMES) for each in whole)
        elif part.joins:
            assert all([child[part.id] for child in each.record[part.joins]] == [f"{each.id}-child"] for each in whole)
        elif part.into:
            assert all(part.into in each.record for each in whole)
    requests = sum(len(NAMES) if part.each else 1 for part in kind.parts)
    assert source.coverage().details == len(found) * requests
    asked = {part.path.rpartition("/")[2] for part in kind.sources}
    assert len(asked) <= len(server.requests)
    assert not any(unquote(each.path).endswith(tuple(kind.never)) for each in server.requests if kind.never)
    writer = SnapshotWriter()
    writer.add(whole)
    text = b"".join(writer.text(Tool("t", "1"), dt.datetime.now(dt.UTC), source)).decode()
    for content in (json.dumps([each.record for each in whole]), text):
        assert SECRET not in content
    again = InputSource([("s.json", text.encode())], None)
    assert [each for each in read(again, kind.name) if each.type == kind.name] == sorted(
        whole, key=lambda each: [each.identity for each in whole].index(each.identity)
    )
    assert again.problems == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_list_that_is_refused_is_a_gap_that_names_the_permission_and_keeps_no_other(serve, kind, status):
    other = next(each for each in KINDS if each not in (kind, PARENT) and each.scope is Scope.ACCOUNT)
    accounts = account(kind, "own-")
    first = endpoint(other).source[0]
    accounts.lists[first] = items(other, "other-")
    if first == "credentials":
        accounts.credentials.extend(items(other, "other-"))
    _, source = serve(EmulatedAccounts(accounts), Fault(path=f"*/{endpoint(kind).path[-1]}", status=status))
    found = read(source, kind.name, other.name)
    assert not [each for each in found if each.type == kind.name]
    assert len([each for each in found if each.type == other.name]) == COUNT
    projects = PROJECTS if kind.scope is Scope.PROJECT else (None,)
    gaps = [each for each in source.gaps if each.type == kind.name]
    assert {(each.team, each.project, each.id) for each in gaps} == {(None, project, "") for project in projects}
    assert len(source.problems) == len(projects)
    assert kind.name in source.accounts[None].unknown
    if status == 403:
        permission = kind.listing.permission
        for said in [*source.problems, *(each.shortfall for each in gaps)]:
            assert permission.name in said
            assert permission.before in said
    coverage = {each.type: each for each in source.coverage().types}
    assert (coverage[kind.name].complete, coverage[other.name].complete) == (False, True)


OF_PROJECTS = [kind for kind in KINDS if kind.scope is Scope.PROJECT]


@pytest.mark.parametrize("kind", OF_PROJECTS, ids=lambda kind: kind.name)
def test_without_the_list_of_projects_nothing_is_known_of_what_they_hold(serve, kind):
    server, source = serve(EmulatedAccounts(account(kind, "own-")), Fault(path="/v1/projects", status=403))
    assert read(source, kind.name) == []
    assert {(gap.type, gap.project) for gap in source.gaps} == {(kind.name, None), (PARENT.name, None)}
    assert [each.path for each in server.requests] == ["/v1/projects"]


@pytest.mark.parametrize("kind", OF_PROJECTS, ids=lambda kind: kind.name)
def test_a_project_whose_list_fails_keeps_no_other_project(serve, kind):
    path = f"/v1/projects/p%2F1/{endpoint(kind).path[-1]}"
    _, source = serve(EmulatedAccounts(account(kind, "own-")), Fault(path=path, status=500))
    found = [each for each in read(source, kind.name) if each.type == kind.name]
    assert {each.project for each in found} == {"p 2"}
    assert [(gap.type, gap.project) for gap in source.gaps] == [(kind.name, "p/1")]
    assert "HTTP 500" in source.gaps[0].shortfall


def test_a_project_that_is_gone_since_it_was_listed_is_no_gap(serve):
    kind = OF_PROJECTS[0]
    left = {"data": {"projects": [{"id": "p 2"}]}, "pagination": {"hasNextPage": False, "count": 1}}
    faults = [
        Fault(path=f"/v1/projects/p%2F1/{endpoint(kind).path[-1]}", status=404),
        Fault(path="/v1/projects", nth="2-", patch=left),
        Fault(path="/v1/projects/p%2F1", status=404),
    ]
    _, source = serve(EmulatedAccounts(account(kind, "own-")), *faults, page_size=100)
    found = [each for each in read(source, kind.name) if each.type == kind.name]
    assert {each.project for each in found} == {"p 2"}
    assert (source.gaps, source.problems) == ([], [])
    assert source.warnings == ["the project 'p/1' was deleted after it was listed"]
    assert source.accounts[None].projects == ["p 2"]


@pytest.mark.parametrize("page_size", [1, 100])
@pytest.mark.parametrize("project", [[], [Fault(path="/v1/projects/p%2F1", status=403)]])
def test_a_project_that_only_a_page_lacks_is_not_gone(serve, page_size, project):
    kind = OF_PROJECTS[0]
    items = [{"id": "p 2"}] if page_size > 1 else []
    left = {"data": {"projects": items}, "pagination": {"count": len(items)}}
    faults = [
        Fault(path=f"/v1/projects/p%2F1/{endpoint(kind).path[-1]}", status=404),
        Fault(path="/v1/projects", nth=3 if page_size == 1 else "2-", patch=left),
        *project,
    ]
    _, source = serve(EmulatedAccounts(account(kind, "own-")), *faults, page_size=page_size)
    read(source, kind.name)
    assert [(gap.type, gap.project) for gap in source.gaps] == [(kind.name, "p/1")]
    assert "HTTP 404" in source.problems[0]


def test_a_type_that_is_refused_in_every_project_is_soon_no_longer_asked_for(serve):
    kind = OF_PROJECTS[0]
    projects = [{"id": f"p{number}", "name": "p"} for number in range(60)]
    server, source = serve(
        EmulatedAccounts(EmulatedAccount([], projects)),
        Fault(path=f"*/{endpoint(kind).path[-1]}", status=403),
        page_size=100,
    )
    assert {each.type for each in read(source, kind.name)} == {PARENT.name}
    assert len([gap for gap in source.gaps if gap.type == kind.name]) == 60
    assert len(server.requests) <= 1 + 5 + 8
    assert f"lists of {kind.plural}: not requested, because 5 in a row failed" in source.problems[-1]
