"""The official JavaScript client, and the older one in the CLI: the same ids as ours, except where they mishandle a list.

The table of that is in docs/northflank-api.md.
"""

import json
import re
import subprocess
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from operator import getitem

import pytest
from northflank import ApiClient

from northflank_audit.emulator import EmulatedAccounts, Emulator
from northflank_audit.resources import TYPES, Scope
from tests.conftest import NET, ROOT, needed, needed_package
from tests.peers.test_official_clients import ENDPOINTS, LISTED, SAMPLE, SDK, all_of, call_of, places

pytestmark = pytest.mark.peer
CLIENTS = ("js-client", "cli")
COUNT, MANY = 5, 51
"""Items of each type at least; and of volumes, more than a page has that nobody asks to be of a size."""
PROJECT = "data-platform"
UNKNOWN = {
    "js-client": {
        "api-token", "workload-identity", "harness", "encryption-configuration", "audit-log-sink", "rollout-strategy",
    },
    "cli": {
        "api-token", "team-member", "team-role", "team", "org-member", "org-role", "directory-group", "ssh-identity",
        "workload-identity", "harness", "llm-model-deployment", "external-addon", "workflow", "preview-blueprint",
        "global-secret", "encryption-configuration", "load-balancer", "egress-ip", "audit-log-sink", "rollout-strategy",
    },
}  # fmt: skip
"""The types that a client has no list of."""


def endpoint(name):
    return ENDPOINTS[tuple(TYPES[name].listing.path.strip("/").split("/"))]


def crowded(name, items):
    """Return as many items of a type as a test needs: more than a page has."""
    key, count = TYPES[name].id, MANY if name == "volume" else COUNT
    copies = range(len(items), max(count, len(items)))
    return [*items, *({**deepcopy(items[0]), key: f"copy-{number}"} for number in copies)]


def account():
    """Return the sample's account with more of everything, what projects have in one project."""
    project = deepcopy(next(each for each in SAMPLE.own.projects if each["id"] == PROJECT))
    lists = {}
    for name in LISTED:
        source = endpoint(name).source
        if len(source) > 1:
            items = [item for each in SAMPLE.own.projects for item in each.get(source[1], [])]
            project[source[1]] = crowded(name, items)
        elif name != "project":
            lists[source[0]] = crowded(name, SAMPLE.own.items(endpoint(name), None))
    others = [each for each in SAMPLE.own.projects if each["id"] != PROJECT][:COUNT]
    return replace(SAMPLE.own, credentials=lists.pop("credentials"), projects=[project, *others], lists=lists)


ACCOUNTS: EmulatedAccounts = replace(SAMPLE, own=account())


def expected(name):
    items = ACCOUNTS.own.items(endpoint(name), PROJECT if TYPES[name].scope is Scope.PROJECT else None)
    return [each[TYPES[name].id] for each in items]


def call(name):
    parts = ("get" if name == "directory-group" else "list", *SDK[name].split("."))
    return ".".join(re.sub(r"_(\w)", lambda found: found[1].upper(), part) for part in parts)


def parameters(name):
    of_scope = {Scope.PROJECT: {"projectId": PROJECT}, Scope.TEAM: {"teamId": SAMPLE.auth["entityId"]}}
    return of_scope.get(TYPES[name].scope, {})


@pytest.fixture(scope="module")
def answers():
    """Return what each client says of each type, of the token's own account with cursors and without, and of a team."""
    needed("node")
    needed_package("@northflank/cli/node_modules/@northflank/js-client/package.json")
    wanted = [(client, name, paging) for client in CLIENTS for name in LISTED for paging in ("cursor", "page")]
    wanted += [(client, "registry-credential", "team") for client in CLIENTS]
    with Emulator(ACCOUNTS) as cursors, Emulator(replace(ACCOUNTS, cursors=False)) as numbers:
        calls = []
        for client, name, paging in wanted:
            server = numbers if paging == "page" else cursors
            given = {"teamId": "payments"} if paging == "team" else parameters(name)
            asked = {"host": server.url, "token": server.token, "call": call(name), "parameters": given}
            calls.append({"client": client, **asked})
        done = subprocess.run(
            ["node", str(ROOT / "tests/peers/list_all.cjs")],
            input=json.dumps(calls), capture_output=True, text=True, check=True, timeout=NET,
        )  # fmt: skip
    return dict(zip(wanted, json.loads(done.stdout), strict=True))


def ids(name, data):
    """Return the ids of what a client gives, where the API's answers have them."""
    keys = TYPES[name].listing.keys
    return [each[TYPES[name].id] for each in reduce(getitem, keys[0].split(".") if keys else [], data)]


@pytest.mark.parametrize("client", CLIENTS)
def test_which_types_a_client_knows(client, answers):
    assert {name for name in LISTED if answers[client, name, "cursor"].get("unknown")} == UNKNOWN[client]


MISHANDLED = {("js-client", "volume"), ("js-client", "external-addon"), ("cli", "volume")}


@pytest.mark.parametrize(
    ("client", "name"),
    [(c, name) for c in CLIENTS for name in LISTED if name not in UNKNOWN[c] and (c, name) not in MISHANDLED],
)
def test_it_gives_the_same_ids_by_cursors_and_without_them_the_first_page_alone(client, name, answers):
    assert ids(name, answers[client, name, "cursor"]["data"]) == expected(name)
    whole = expected(name) if not endpoint(name).paged else expected(name)[:2]
    assert ids(name, answers[client, name, "page"]["data"]) == whole


def test_volumes_come_below_a_key_0_or_no_more_than_fifty(answers):
    latest = answers["js-client", "volume", "cursor"]["data"]
    assert {key: [each["id"] for each in items] for key, items in latest.items()} == {"0": expected("volume")}
    assert [each["id"] for each in answers["cli", "volume", "cursor"]["data"]] == expected("volume")[:50]


def test_external_addons_come_as_a_list_of_pages(answers):
    pages = answers["js-client", "external-addon", "cursor"]["data"]["data"]
    found = [each["name"] for page in pages for each in page["externalAddons"]]
    assert found == expected("external-addon")


def test_the_clis_client_takes_no_team_and_gives_the_tokens_own_account(answers):
    of_team = [each["id"] for each in SAMPLE.teams["payments"].credentials]
    assert ids("registry-credential", answers["js-client", "registry-credential", "team"]["data"]) == of_team
    assert ids("registry-credential", answers["cli", "registry-credential", "team"]["data"]) == expected(
        "registry-credential"
    )


def test_the_sdk_gives_lists_of_pages_where_more_stands_beside_the_items():
    with Emulator(SAMPLE) as server:
        client = ApiClient(api_token=server.token, base_url=server.url)
        found = set()
        for name in LISTED:
            arguments, _ = next(iter(places(name)))
            data = all_of(call_of(client, SDK[name]), per_page=2, **arguments)
            found |= {name} if isinstance(data, list) and TYPES[name].listing.keys else set()
    assert found == {"external-addon", "encryption-configuration"}


def test_the_table_of_the_docs_counts_what_they_know():
    text = (ROOT / "docs/northflank-api.md").read_text()
    package = json.loads((ROOT / "tests/peers/package.json").read_text())
    counts = {client: len(LISTED) - len(UNKNOWN[client]) for client in CLIENTS}
    row = f"| lists of the {len(LISTED)} types | all | {counts['js-client']} | {counts['cli']} |"
    assert row in text
    assert all(
        f"`{name}` {package['dependencies'][name]}" in text for name in ("@northflank/js-client", "@northflank/cli")
    )
