"""The official Python SDK and CLI read the same emulator, and give the same resources as ours."""

import json
import os
import re
import subprocess
from dataclasses import replace
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
from northflank import ApiClient

from northflank_audit.emulator import Emulator, load
from northflank_audit.emulator.endpoints import built_in
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.paging import Listing, pages
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.resources import TYPES, Scope
from tests.conftest import NET, needed

pytestmark = pytest.mark.peer
CLI = Path(__file__).parent / "node_modules/.bin/northflank"
REGISTRIES = Listing(path="/v1/integrations/registries", keys=("credentials",), what="list", permission="")
COUNTS = [0, 1, 99, 100, 101, 1000]


@pytest.fixture
def northflank(tmp_path):
    """Run the official CLI, with a home of its own, logged in to a server."""
    needed("node")
    if not CLI.exists():
        assert not os.environ.get("CI"), "`make test` installs the official CLI"
        pytest.skip("the official CLI is not installed: `make test` does it where there is npm")

    def run(server, *arguments):
        environment = {**os.environ, "HOME": str(tmp_path), "CI": "1"}
        login = ["login", "-n", "test", "-t", server.token, "--host", server.url]
        for command in (login, list(arguments)):
            done = subprocess.run(
                [str(CLI), *command], env=environment, capture_output=True, text=True, check=False, timeout=NET
            )
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def served(count, tmp_path, paging="cursor"):
    credentials = [
        {"id": f"c{n}", "name": f"C {n}", "provider": "github", "createdAt": "2026-01-01T00:00:00.000Z",
         "restrictions": {"restricted": n % 2 == 0, "projects": []}, "credentials": {"password": "not-a-real-password"}}
        for n in range(count)
    ]  # fmt: skip
    file = tmp_path / "account.json"
    file.write_text(json.dumps({"credentials": credentials, "paging": paging}))
    return Emulator(load(str(file)))


def ours(server):
    with Client(server.url, Token(server.token, "test"), max_attempts=1, deadline=Deadline(NET)) as client:
        found = [item for page in pages(client, REGISTRIES, 100) for item in page.items]
    return found, client.budget.sent


@pytest.mark.parametrize("paging", ["cursor", "page"])
@pytest.mark.parametrize("count", COUNTS)
def test_the_sdk_sees_what_we_see_in_the_fewest_requests(count, paging, tmp_path):
    with served(count, tmp_path, paging) as server:
        found, requests = ours(server)
        sdk = ApiClient(api_token=server.token, base_url=server.url).list.registry_credentials.all(per_page=100)
    assert requests == max(1, -(-count // 100))
    assert len(found) == count
    assert sdk.data["credentials"] == found


@pytest.mark.parametrize("count", [0, 101])
def test_the_cli_sees_what_we_see(count, tmp_path, northflank):
    with served(count, tmp_path) as server:
        printed = northflank(server, "list", "registry-credentials", "--loadAll", "-o", "json")
        found, _ = ours(server)
    assert json.loads(printed)["credentials"] == found


def test_the_clis_output_gives_the_same_findings_as_the_api(tmp_path, northflank, audit):
    """For a 2024 account, whose list says everything; both by the sample's rules."""
    sample = load(None)
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"credentials": [item for item in sample.own.credentials if "description" in item]}))
    with Emulator(load(str(file))) as server:
        printed = northflank(server, "list", "registry-credentials", "--loadAll", "-o", "json")
        live = audit(NORTHFLANK_API_TOKEN=server.token, NORTHFLANK_API_BASE_URL=server.url)
    live_report = live.report
    piped = audit("--input", "-", stdin=printed)
    assert (live.code, piped.code) == (1, 1)
    assert piped.report["results"] == live_report["results"]
    assert piped.report["summary"] == live_report["summary"]
    assert len(live_report["results"]) >= 5


def test_of_the_whole_sample_the_clis_output_gives_the_verdicts_of_a_run_without_details(northflank, audit):
    with Emulator(load(None)) as server:
        printed = northflank(server, "list", "registry-credentials", "--loadAll", "-o", "json")
        live = audit("--details", "never", NORTHFLANK_API_TOKEN=server.token, NORTHFLANK_API_BASE_URL=server.url).report
    piped = audit("--input", "-", stdin=printed).report
    keys = ("ruleId", "status", "resource", "evidence", "fingerprint")
    assert [[result[key] for key in keys] for result in piped["results"]] == [
        [result[key] for key in keys] for result in live["results"]
    ]
    assert (piped["summary"], piped["exitCode"]) == (live["summary"], 3)


def test_of_todays_list_alone_restrictions_are_unknown(tmp_path, northflank, audit):
    with served(3, tmp_path) as server:
        printed = northflank(server, "list", "registry-credentials", "--loadAll", "-o", "json")
    ended = audit("--input", "-", "--rule", "registry-credential-unrestricted", stdin=printed)
    assert (ended.code, ended.report["summary"]["unknown"]) == (3, 3)
    assert "the input has no details" in ended.report["results"][0]["message"]


SDK = {
    "registry-credential": "registry_credentials",
    "api-token": "api_tokens",
    "project": "projects",
    "service": "services",
    "addon": "addons",
    "volume": "volumes",
    "backup-destination": "backup_destinations",
    "secret-group": "secrets",
    "domain": "domains",
    "load-balancer": "load_balancers",
    "notification": "notifications",
    "job": "jobs",
    "harness": "harnesses",
    "llm-model-deployment": "llm_model_deployments",
    "external-addon": "external_addons",
    "pipeline": "pipelines",
    "workflow": "workflows",
    "preview-blueprint": "preview_blueprints",
    "egress-ip": "egress_ips",
    "log-sink": "log_sinks",
    "audit-log-sink": "audit_log_sinks",
    "cloud-integration": "cloud.integrations",
    "cluster": "cloud.clusters",
    "workload-identity": "workload_identities",
    "ssh-identity": "ssh_identities",
    "tag": "tags",
    "template": "templates",
    "global-secret": "global_secrets",
    "vcs-link": "vcs",
    "encryption-configuration": "encryption.configurations",
    "rollout-strategy": "gradual_rollout_strategies",
    "team-member": "team_members",
    "team-role": "team_roles",
    "team": "teams",
    "org-member": "org_members",
    "org-role": "org_roles",
    "directory-group": "org_directory_groups",
}
"""What the SDK calls the list of each type, below `list`; that of directory groups it has below `get`."""
SDK_DETAILS = {
    ("registry-credential", "detail"): ("registry_credentials", "credential_id"),
    ("project", "detail"): ("project", "project_id"),
    ("service", "detail"): ("service", "service_id"),
    ("addon", "detail"): ("addon", "addon_id"),
    ("addon", "backupSchedules"): ("addon.backup_schedules", "addon_id"),
    ("domain", "detail"): ("domain", "domain"),
    ("notification", "detail"): ("notification", "notification_id"),
    ("addon", "backups"): ("addon.backups", "addon_id"),
    ("addon", "version"): ("addon.version", "addon_id"),
    ("domain", "subdomainDetails"): ("subdomain", "domain"),
    ("domain", "paths"): ("list.subdomain.path", "domain"),
    ("job", "detail"): ("job", "job_id"),
    ("job", "deployment"): ("job.deployment", "job_id"),
    ("harness", "detail"): ("harness", "harness_id"),
    ("pipeline", "detail"): ("pipeline", "pipeline_id"),
    ("workflow", "detail"): ("workflow", "workflow_id"),
    ("preview-blueprint", "detail"): ("preview_blueprint", "preview_blueprint_id"),
    ("cluster", "nodes"): ("cloud.cluster.nodes", "cluster_id"),
    ("ssh-identity", "detail"): ("ssh_identities", "identity_id"),
    ("team-role", "detail"): ("team_role", "role_id"),
    ("team-role", "members"): ("team_role_members", "role_id"),
    ("org-role", "detail"): ("org_role", "role_id"),
    ("org-role", "members"): ("org_role_members", "role_id"),
    ("directory-group", "members"): ("org_directory_group_members", "group_id"),
}
"""What the SDK calls each other part of a type, below `get` or `list`, and by which argument it names the resource."""
SAMPLE = load(None)
ENDPOINTS = {each.path: each for each in built_in()}
LISTED = [name for name, kind in TYPES.items() if kind.listing and not kind.within and kind.scope is not Scope.TOKEN]


def test_each_type_and_part_has_its_call():
    assert SDK.keys() == set(LISTED)
    assert SDK_DETAILS.keys() == {(name, part.name) for name, kind in TYPES.items() for part in kind.parts}


def places(name):
    """Yield the SDK's arguments for each list of a type, with the items that the account file has there."""
    kind = TYPES[name]
    endpoint = ENDPOINTS[tuple(kind.listing.path.strip("/").split("/"))]
    own = None if endpoint.is_below(team=False) else SAMPLE.auth["entityId"]
    for team, account in ((own, SAMPLE.own), *(SAMPLE.teams.items() if endpoint.is_below(team=True) else ())):
        projects = [each["id"] for each in account.projects] if kind.scope is Scope.PROJECT else [None]
        for project in projects:
            given = {"team_id": team, "project_id": project}
            yield {key: value for key, value in given.items() if value}, account.items(endpoint, project)


def call_of(client, path, *, child=False):
    """Return what the SDK calls by this path; some lists of children are below `list`, some below `get`."""
    for kind in (client,) if path.startswith("list.") else (client.get, client.list)[:: 1 if child else -1]:
        try:
            return reduce(getattr, path.split("."), kind)
        except AttributeError:
            continue
    raise AssertionError(path)


def all_of(call, **arguments):
    """Return what every page of a list has, or what the only answer of one without pages has."""
    if hasattr(call, "all"):
        return call.all(**arguments).data
    return call(**{key: value for key, value in arguments.items() if key != "per_page"}).data


def items_of(data, keys):
    """Return the items of a list's answer; the SDK's `all` gives a list of pages where more stands beside them."""
    if keys and isinstance(data, list):
        return [item for page in data for item in items_of(page, keys)]
    return reduce(getitem, keys[0].split(".") if keys else [], data)


@pytest.mark.parametrize("paging", ["cursor", "page"])
@pytest.mark.parametrize("name", LISTED)
def test_the_sdk_lists_each_type_as_the_account_file_has_it(name, paging):
    kind, found = TYPES[name], []
    with Emulator(replace(SAMPLE, cursors=paging == "cursor")) as server:
        call = call_of(ApiClient(api_token=server.token, base_url=server.url), SDK[name])
        for arguments, items in places(name):
            listed = items_of(all_of(call, per_page=2, **arguments), kind.listing.keys)
            assert [each[kind.id] for each in listed] == [each[kind.id] for each in items], arguments
            found += listed
    assert len(found) > 1


@pytest.mark.parametrize(("name", "part"), SDK_DETAILS)
def test_the_sdk_gets_each_part_as_the_account_file_has_it(name, part):
    kind = TYPES[name]
    path, argument = SDK_DETAILS[name, part]
    with Emulator(SAMPLE) as server:
        client = ApiClient(api_token=server.token, base_url=server.url)
        call = call_of(client, path, child=True)
        for arguments, items in places(name):
            for item in items:
                given = {**arguments, argument: item[kind.id]}
                if part == "detail":
                    data = call(**given).data
                    assert data.get(kind.id, item[kind.id]) == item[kind.id]
                    assert (kind.id in data) is kind.part(part).identified
                    assert set(data) <= set(item) | {"services", "jobs", "addons"}
                elif kind.part(part).each:
                    data = [call(**given, subdomain=each["name"]).data for each in item["subdomains"]]
                    found = data if kind.part(part).one else [one for each in data for one in each["paths"]]
                    assert found == item.get(part, [])
                else:
                    held = item["deploymentDetails" if part == "deployment" else part]
                    assert items_of(call(**given).data, kind.part(part).keys) == held


CALLS = [
    *((name, "list", SDK[name]) for name in LISTED),
    *((name, part, path) for (name, part), (path, _) in SDK_DETAILS.items()),
]


@pytest.mark.parametrize(("name", "part", "path"), CALLS)
def test_paths_and_permissions_are_those_that_the_sdk_names(name, part, path):
    client = ApiClient(api_token="t", base_url="http://127.0.0.1")
    endpoint = call_of(client, path, child=part != "list")._endpoint
    declared, scope = TYPES[name].part(part), TYPES[name].scope
    templates = {re.sub(r"\{\w+\}", "{}", template) for template in endpoint.path_templates}
    path = re.sub(r"\{\w+\}", "{}", declared.path)
    own = set() if scope is Scope.TEAM else {f"/v1{path}"}
    assert templates == own | (set() if scope is Scope.ORGANISATION else {f"/v1/teams/{{}}{path}"})
    assert endpoint.required_permissions == declared.permission.name


def test_the_sdk_reads_whose_token_it_is():
    kind = TYPES["auth"]
    with Emulator(SAMPLE) as server:
        call = ApiClient(api_token=server.token, base_url=server.url).get.auth
        assert call().data == SAMPLE.auth
        assert call._endpoint.path_templates == [f"/v1{kind.listing.path}"]
