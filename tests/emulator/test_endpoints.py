"""Every endpoint that the emulator serves, of the token's own account and of a team."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import zip_longest
from operator import getitem
from typing import Any
from urllib.parse import quote

import pytest
import requests

from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan, load
from northflank_audit.emulator.accounts import as_listed
from northflank_audit.emulator.endpoints import Children, Endpoint, built_in
from northflank_audit.errors import StartError
from northflank_audit.resources import TYPES, Scope
from northflank_audit.resources.base import DETAIL, LIST
from tests.conftest import NET
from tests.secrecy import planted

SAMPLE = load(None)
OWN = SAMPLE.auth["entityId"]
ENDPOINTS = {".".join(each.source): each for each in built_in()}
TYPES_BY_PATH = {
    kind.listing.path.strip("/"): kind
    for kind in TYPES.values()
    if kind.listing and not kind.within and kind.scope is not Scope.TOKEN
}


@dataclass
class Client:
    """Asks one emulator."""

    server: Emulator
    session: requests.Session

    def __call__(self, path: str, **query: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.server.token}"}
        return self.session.get(self.server.url + path, params=query, headers=headers, timeout=NET)

    def items(self, path: str, key: str | None, by: str) -> list[dict[str, Any]]:
        """Return a list's items, two on a page, paged by cursor or by number."""
        found, query = [], {"per_page": 2}
        for page in range(1, 1000):
            answer = self(path, **query).json()
            found += reduce(getitem, key.split(".") if key else [], answer["data"])
            if "pagination" not in answer:
                return found
            assert answer["pagination"]["count"] <= 2
            if not answer["pagination"]["hasNextPage"]:
                return found
            assert ("cursor" in answer["pagination"]) == self.server.accounts.cursors
            query |= {"cursor": answer["pagination"]["cursor"]} if by == "cursor" else {"page": page + 1}
        raise AssertionError(path)


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        session.trust_env = False  # to look for proxies takes longer than an answer
        yield session


@pytest.fixture(scope="module")
def ask(session):
    with Emulator(SAMPLE, Plan(rate_limit=1_000_000)) as server:
        yield Client(server, session)


def places(endpoint: Endpoint) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield each path of an endpoint, with its items, in the token's own account and in every team."""
    own = "/v1" if endpoint.is_below(team=False) else f"/v1/teams/{OWN}"
    accounts: list[tuple[str, EmulatedAccount]] = [(own, SAMPLE.own)]
    if endpoint.is_below(team=True):
        accounts += [(f"/v1/teams/{team}", account) for team, account in SAMPLE.teams.items()]
    for prefix, account in accounts:
        path = f"{prefix}/{'/'.join(endpoint.path)}"
        if "{project}" not in path:
            yield path, account.items(endpoint, None) or []
            continue
        for project in account.projects:
            yield path.replace("{project}", project["id"]), account.items(endpoint, project["id"]) or []


def below(endpoint: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path of each item, with what an account file holds of it."""
    for path, items in places(endpoint):
        for item in items:
            if item[endpoint.id] is not None:
                yield f"{path}/{quote(item[endpoint.id], safe='')}", item


def children(endpoint: Endpoint, item: dict[str, Any]) -> Iterator[tuple[str, Children, Any]]:
    """Yield the paths below an item, with what an account file holds of it there: a list, or a single thing."""
    for template, each in endpoint.children.items():
        held = item.get(each.source, [])
        if not each.by:
            yield template, each, held
            continue
        names = sorted({one["name"] for one in item["subdomains"]})
        for name in names:
            of_name = [one for one in held if one[each.by] == name]
            yield template.replace("{name}", quote(name, safe="")), each, of_name[0] if each.one else of_name


each_endpoint = pytest.mark.parametrize("name", ENDPOINTS)


@each_endpoint
@pytest.mark.parametrize("by", ["cursor", "page"])
def test_lists_are_paged_and_whole(name, by, session):
    endpoint = ENDPOINTS[name]
    with Emulator(replace(SAMPLE, cursors=by == "cursor")) as server:
        for path, items in places(endpoint):
            shown = Client(server, session).items(path, endpoint.key, by)
            assert [each[endpoint.id] for each in shown] == [each[endpoint.id] for each in items], path


@each_endpoint
def test_the_sample_has_each_list_in_both_kinds_of_account_and_more_than_one_item_of_its_own(name):
    of_teams = tuple(f"/v1/teams/{team}/" for team in SAMPLE.teams)
    found = list(places(ENDPOINTS[name]))
    own = [item for path, items in found if not path.startswith(of_teams) for item in items]
    assert len(own) > 1
    assert any(path.startswith(of_teams) for path, _ in found) == ENDPOINTS[name].is_below(team=True)


@each_endpoint
def test_a_list_of_teams_alone_or_of_an_organisation_alone_is_nowhere_else(name, ask):
    endpoint = ENDPOINTS[name]
    path = "/".join(endpoint.path).replace("{project}", SAMPLE.own.projects[0]["id"])
    of_team = "/".join(endpoint.path).replace("{project}", SAMPLE.teams["payments"].projects[0]["id"])
    assert ask(f"/v1/{path}").status_code == (404 if endpoint.scope == "team" else 200)
    assert ask(f"/v1/teams/payments/{of_team}").status_code == (404 if endpoint.scope == "organisation" else 200)


def test_what_stands_beside_a_list_is_on_each_page(ask):
    for page in (1, 2):
        data = ask("/v1/encryption/configurations", per_page=1, page=page).json()["data"]
        assert (data["encryptionMode"], len(data["encryptionConfigurations"])) == ("customer-managed", 1)


@pytest.mark.parametrize("name", [name for name, each in ENDPOINTS.items() if not each.paged])
def test_a_list_without_pages_is_whole_and_says_nothing_of_pages(name, ask):
    path, items = next(places(ENDPOINTS[name]))
    answer = ask(path, per_page=1).json()
    assert (answer.keys(), len(answer["data"][ENDPOINTS[name].key])) == ({"data"}, len(items))


def test_teams_are_listed_though_they_come_from_no_file(session):
    with Emulator(EmulatedAccounts(EmulatedAccount([]), {"blue": EmulatedAccount([], name="Blue")})) as server:
        assert Client(server, session).items("/v1/teams", "teams", "cursor") == [{"id": "blue", "name": "Blue"}]


def test_an_account_file_gives_null_for_an_id_only_where_that_may_be(tmp_path):
    file = tmp_path / "account.json"
    for name, fine in (("members", True), ("roles", False)):
        file.write_text(json.dumps({"teams": [{"id": "blue", name: [{"id": None}]}]}))
        if fine:
            assert load(str(file)).teams["blue"].lists[name] == [{"id": None}]
            continue
        with pytest.raises(StartError, match=r"teams\[0\].roles\[0\]: this must be a map with the key .id., a text"):
            load(str(file))
    file.write_text(json.dumps({"teams": [{"id": "blue", "orgMembers": []}]}))
    with pytest.raises(StartError, match="unknown key 'orgMembers'"):
        load(str(file))


@each_endpoint
def test_details_are_those_of_the_list_and_more(name, ask):
    endpoint = ENDPOINTS[name]
    for path, item in below(endpoint):
        answer = ask(path)
        assert answer.status_code == (200 if endpoint.detail else 404), path
        if endpoint.detail:
            detail = answer.json()["data"]
            list_shows = as_listed(item) if name == "credentials" else endpoint.as_listed(item)
            lacking = {leaf for leaf in leaves(list_shows) if leaf[0].removeprefix(".") in endpoint.lacking}
            assert leaves(list_shows) - lacking <= leaves(detail)
            assert not detail.keys() & {each.source for each in endpoint.children.values()}
    assert ask(f"{next(places(endpoint))[0]}/none").status_code == 404


@each_endpoint
def test_children_are_listed_below_their_parent(name, ask):
    endpoint = ENDPOINTS[name]
    count = 0
    for path, item in below(endpoint):
        for step, each, held in children(endpoint, item):
            below_it = f"{path}/{step}"
            assert held == (ask(below_it).json()["data"] if each.one else ask.items(below_it, each.key, "cursor"))
            count += len(held)
        assert ask(f"{path}/none").status_code == 404
    assert (count > 1) == bool(endpoint.children)


@each_endpoint
def test_without_its_permission_lists_details_and_children_are_refused_and_nothing_else_is(name, session):
    endpoint = ENDPOINTS[name]
    granted = frozenset(each.permission for each in ENDPOINTS.values()) - {endpoint.permission}
    with Emulator(replace(SAMPLE, permissions=granted)) as server:
        ask = Client(server, session)
        paths = [path for path, _ in places(endpoint)]
        path, item = next(below(endpoint))
        same = [step for step, each, _ in children(endpoint, item) if each.permission == endpoint.permission]
        paths += [path] * endpoint.detail + [f"{path}/{step}" for step in same]
        for path in paths:
            answer = ask(path)
            assert (answer.status_code, answer.json()["error"]["message"]) == (403, "Insufficient permissions"), path
        others = [other for other in ENDPOINTS.values() if other.permission != endpoint.permission]
        assert {ask(next(places(other))[0]).status_code for other in others} == {200}


def test_children_may_need_a_permission_of_their_own(session):
    path = "/v1/directory-groups/directory_group_01SECURITY"
    for granted, status in (("Roles", 403), ("Members", 200)):
        with Emulator(replace(SAMPLE, permissions=frozenset({f"Organisation > Admin > {granted} > Read"}))) as server:
            assert Client(server, session)(f"{path}/members").status_code == status


@each_endpoint
def test_faults_are_played_on_every_path(name, session):
    endpoint = ENDPOINTS[name]
    own, item = next(below(endpoint))
    paths = [own.rpartition("/")[0], own, *(f"{own}/{step}" for step, _, _ in children(endpoint, item))]
    for path in paths:
        with Emulator(SAMPLE, Plan(faults=[Fault(path=path, nth=1, status=503)])) as server:
            ask = Client(server, session)
            others = {ask(other).status_code for other in paths if other != path}
            assert (503 in others, ask(path).status_code, ask(path).status_code == 503) == (False, 503, False)


def test_a_page_can_be_broken_by_its_cursor_in_any_list(session):
    plan = Plan(
        faults=[Fault(path="*/projects/*/services", query={"cursor": "*"}, patch={"pagination": {"count": 99}})]
    )
    with Emulator(SAMPLE, plan) as server:
        ask = Client(server, session)
        path = "/v1/projects/storefront-production/services"
        first = ask(path, per_page=1).json()["pagination"]
        assert (first["count"], ask(path, per_page=1, cursor=first["cursor"]).json()["pagination"]["count"]) == (1, 99)


@each_endpoint
def test_a_list_never_shows_what_only_the_detail_has(name, ask):
    """By the catalogue, which is written from the documentation as well, but by itself."""
    endpoint = ENDPOINTS[name]
    kind = TYPES_BY_PATH["/".join(endpoint.path)]
    in_list = {field.path for field in kind.part(LIST).fields}
    in_detail = {field.path for part in kind.parts if part.name == DETAIL for field in part.fields}
    joined = {part.joins for part in kind.parts if part.joins}
    for path, items in places(endpoint):
        for shown, item in zip_longest(ask.items(path, endpoint.key, "cursor"), items):
            if kind.name == "registry-credential":  # what its list shows, is by generation
                assert ("restrictions" in shown) == kind.lists_all(shown) == ("description" in item)
            else:
                assert not paths_in(shown) & (in_detail - in_list), path
            assert not shown.keys() & joined
            secret = {text for steps in kind.part(LIST).secrets for text in planted(at(shown, steps.split(".")))}
            free = {
                text
                for field in kind.part(LIST).fields
                if field.free
                for text in planted(at(shown, field.path.split(".")))
            }
            assert planted(shown) <= secret | free, path


def test_what_is_served_is_what_the_catalogue_declares():
    by_path = {"/".join(each.path): each for each in ENDPOINTS.values()}
    assert TYPES_BY_PATH.keys() == by_path.keys()
    for path, kind in TYPES_BY_PATH.items():
        endpoint = by_path[path]
        assert (endpoint.key or "", endpoint.id) == (next(iter(kind.listing.keys), ""), kind.id)
        assert endpoint.scope == (kind.scope.value if kind.scope in (Scope.TEAM, Scope.ORGANISATION) else "account")
        assert endpoint.anonymous == (kind.listing.identify is not None)
        assert endpoint.permission == kind.listing.permission.name
        for part in kind.parts:
            if part.name == DETAIL:
                assert part.permission.name == endpoint.permission
                assert endpoint.detail
                assert (kind.id in endpoint.lacking) is not part.identified
                continue
            each = endpoint.children[part.path.partition("{id}/")[2]]
            assert part.permission.name == each.permission
            assert (each.key, each.by) == ("".join(part.keys) or None, part.by)
            assert each.one is (part.one or not part.joins)
            assert not part.joins or each.source == part.joins


def test_a_second_pagination_counts_the_pages_of_a_list_below_a_second_map(ask):
    path = "/v1/projects/data-platform/external-addons"
    first, second = (ask(path, per_page=1, page=number).json()["data"]["data"]["pagination"] for number in (1, 2))
    assert first == {"page": 1, "perPage": 1, "total": 3}
    assert second == {"page": 2, "perPage": 1, "total": 3}


def leaves(value: Any, path: str = "") -> set[tuple[str, str]]:
    if isinstance(value, dict):
        return {leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}")}
    return {(path, repr(value))}


def paths_in(value: Any, path: str = "") -> set[str]:
    """Return the paths of the values that an answer holds, as declarations write them: `ports[].public`."""
    if isinstance(value, dict):
        return {each for key, item in value.items() for each in paths_in(item, f"{path}.{key}" if path else key)}
    if isinstance(value, list):
        return {each for item in value for each in paths_in(item, f"{path}[]")}
    return {path}


def at(value: Any, steps: list[str]) -> list[Any]:
    """Return what is at a path, lists on the way gone through."""
    if isinstance(value, list):
        return [found for item in value for found in at(item, steps)]
    if not steps:
        return [value]
    step, *rest = steps
    return (
        at(value[step.removesuffix("[]")], rest) if isinstance(value, dict) and step.removesuffix("[]") in value else []
    )
