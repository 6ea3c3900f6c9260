"""Account files: what may stand in them, several together, and where one has a mistake."""

import datetime as dt
import json
import re

import pytest

from northflank_audit.emulator import load
from northflank_audit.emulator.endpoints import built_in
from northflank_audit.errors import StartError
from tests.secrecy import planted

NOW = dt.datetime(2026, 11, 11, tzinfo=dt.UTC)


@pytest.fixture
def file(tmp_path):
    def write(value, name="data.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return write


def test_the_sample_does_not_age(file):
    data = {
        "asOf": "2026-11-01T00:00:00Z",
        "credentials": [{"id": "a", "createdAt": "2026-10-30T00:00:00Z", "x": [{"updatedAt": "2026-10-31"}]}],
        "tokens": [
            {"id": "t", "expiresAt": None, "lastUsedAt": "2026-11-01T00:00:00+01:00", "x": {"expiryDate": "2026-12-01"}}
        ],
        "teams": [{"id": "t", "projects": [{"id": "p", "addons": [{"id": "a", "createdAt": "2026-11-01"}]}]}],
    }
    accounts = load(file(data), NOW)
    (record,) = accounts.own.credentials
    assert record["createdAt"] == "2026-11-09T00:00:00.000Z"
    assert record["x"] == [{"updatedAt": "2026-11-10T00:00:00.000Z"}]
    (token,) = accounts.own.lists["tokens"]
    assert (token["expiresAt"], token["lastUsedAt"]) == (None, "2026-11-10T23:00:00.000Z")
    assert token["x"] == {"expiryDate": "2026-12-11T00:00:00.000Z"}
    assert accounts.teams["t"].projects[0]["addons"][0]["createdAt"] == "2026-11-11T00:00:00.000Z"


def test_yaml_and_saved_responses_are_read(file):
    assert load(file("credentials: [{id: a, createdAt: 2026-01-01}]")).own.credentials == [
        {"id": "a", "createdAt": "2026-01-01"}
    ]
    assert load(file({"data": {"credentials": [{"id": "a"}]}, "pagination": {}})).own.credentials == [{"id": "a"}]
    assert load(file({"data": {"tokens": [{"id": "a"}]}, "pagination": {}})).own.lists["tokens"] == [{"id": "a"}]


def test_a_list_that_is_null_is_empty(file):
    accounts = load(
        file({"credentials": None, "tokens": None, "projects": [{"id": "p", "addons": None}], "teams": None})
    )
    endpoint = next(each for each in built_in() if each.source == ("projects", "addons"))
    assert (accounts.own.credentials, accounts.own.lists["tokens"], accounts.own.items(endpoint, "p")) == ([], [], [])
    assert accounts.own.items(endpoint, "q") is None


def test_the_files_of_a_folder_say_together_what_one_file_would(file, tmp_path):
    file(
        "credentials: [{id: a}]\nasOf: 2026-11-01\nprojects: [{id: p, name: P}, {id: q}]\nteams: [{id: t, name: T}]",
        "acme/a.yaml",
    )
    file(
        {"projects": [{"id": "r"}, {"id": "p", "name": "P", "addons": [{"id": "x"}]}], "paging": "page"}, "acme/b.json"
    )
    file(
        "projects: [{id: p, addons: [{id: y}]}]\ntokens: [{id: k, createdAt: 2026-11-01}]\nteams: [{id: t, tokens: [{id: l}]}]",
        "acme/c.yml",
    )
    file("not: read", "acme/notes.txt")
    accounts = load(str(tmp_path / "acme"), NOW)
    assert accounts.own.projects == [
        {"id": "p", "name": "P", "addons": [{"id": "x"}, {"id": "y"}]},
        {"id": "q"},
        {"id": "r"},
    ]
    assert accounts.own.lists["tokens"] == [{"id": "k", "createdAt": "2026-11-11T00:00:00.000Z"}]
    assert (accounts.teams["t"].name, accounts.teams["t"].lists["tokens"], accounts.cursors) == (
        "T",
        [{"id": "l"}],
        False,
    )
    file({"projects": [{"id": "p", "name": "Q"}]}, "acme/d.json")
    with pytest.raises(
        StartError, match=re.escape("d.json: projects p: name is 'Q' here and 'P' in another file of the folder")
    ):
        load(str(tmp_path / "acme"))
    file({"tokens": [{"id": "k"}]}, "acme/d.json")
    with pytest.raises(StartError, match=re.escape("acme: tokens[1].id: duplicate id 'k', first in tokens[0]")):
        load(str(tmp_path / "acme"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StartError, match="empty: no YAML or JSON file in this folder"):
        load(str(tmp_path / "empty"))


def test_endpoints_of_ones_own_are_served_besides_and_in_place_of_the_built_in_ones(file):
    rows = [
        {"from": "jobs", "path": "jobs", "key": "jobs"},
        {"from": "tokens", "path": "tokens", "key": "tokens", "id": "key", "listed": ["key"]},
    ]
    accounts = load(file({"endpoints": rows, "jobs": [{"id": "j"}], "tokens": [{"key": "k"}]}))
    served = {each.source: each for each in accounts.endpoints}
    assert len(served) == len(accounts.endpoints) == len(built_in()) + 1
    assert served["tokens",].listed == ("key",)
    assert (accounts.own.items(served["jobs",], None), accounts.own.items(served["tokens",], None)) == (
        [{"id": "j"}],
        [{"key": "k"}],
    )


MISTAKES = {
    "[": "neither JSON nor YAML",
    "[" * 100_000: "nested too deeply",
    "[]": "this must map lists such as 'credentials'",
    "{}": "this must map lists such as 'credentials'",
    "x: 1": "x: unknown key 'x'; choose from credentials, tokens, domains, loadBalancers, backupDestinations, "
    "notificationIntegrations, projects, egressIps,",
    "credential: []": "credential: unknown key 'credential' (did you mean 'credentials'?)",
    "credentials: {}": "credentials: this must be a list of maps",
    "credentials: [{id: 7}]": "credentials[0]: this must be a map with the key 'id', a text",
    "tokens: [{id: a}, [b]]": "tokens[1]: this must be a map with the key 'id', a text",
    "tokens: [{id: a}, {id: ''}]": "tokens[1]: this must be a map with the key 'id', a text",
    "tokens: [{id: a}, {id: b}, {id: a}]": "tokens[2].id: duplicate id 'a', first in tokens[0]",
    "data: {tokens: [{}]}": "data.tokens[0]: this must be a map with the key 'id', a text",
    "domains: [{id: a}]": "domains[0]: this must be a map with the key 'name', a text",
    "domains: [{name: a}, {name: a}]": "domains[1].name: duplicate name 'a', first in domains[0]",
    "projects: [{id: p}, {name: q}]": "projects[1]: this must be a map with the key 'id', a text",
    "projects: [{id: p}, {id: p}]": "projects[1].id: duplicate id 'p', first in projects[0]",
    "projects: [{id: p, services: {}}]": "projects[0].services: this must be a list of maps",
    "projects: [{id: p, addons: [{id: a, backupSchedules: {}}]}]": "projects[0].addons[0].backupSchedules: this must be a list of maps",
    "projects: [{id: p, addons: [{id: a, backupSchedules: [x]}]}]": "projects[0].addons[0].backupSchedules[0]: this must be a map",
    "projects: [{id: p, addons: [{id: a, version: [x]}]}]": "projects[0].addons[0].version[0]: this must be a map",
    "projects: [{id: p, service: [{id: s}]}]": "projects[0].service: unknown key 'service' (did you mean 'services'?)",
    "projects: [{id: p, zebras: []}]": "projects[0].zebras: unknown key 'zebras'; choose from services, addons, volumes, secrets, jobs",
    "teams: {}": "teams: this must be a list of maps",
    "teams: [{name: t}]": "teams[0]: this must be a map with the key 'id', a text",
    "teams: [{id: t, asOf: 2026-01-01}]": "teams[0].asOf: unknown key 'asOf'; choose from credentials",
    "teams: [{id: t, token: []}]": "teams[0].token: unknown key 'token' (did you mean 'tokens'?)",
    "teams: [{id: t, projects: [{id: p, volumes: [{}]}]}]": "teams[0].projects[0].volumes[0]: this must be a map with the key 'id', a text",
    "tokens: []\npaging: x": "paging: this is 'cursor' or 'page'",
    "tokens: []\nauth: {entityType: user}": "auth: this is a map whose entityType is 'team' or 'org'",
    "tokens: []\npermissions: all": "permissions: permissions are a list of texts",
    "tokens: []\npermissions: [7]": "permissions[0]: unknown permission '7'; choose from Account > Admin > ApiTokens > Read,",
    "tokens: []\npermissions: [Account > Admin > ApiToken > Read]": "permissions[0]: unknown permission "
    "'Account > Admin > ApiToken > Read' (did you mean 'Account > Admin > ApiTokens > Read'?)",
    "tokens: []\nasOf: x": "asOf: not a date-time (",
    "tokens: [{id: a, createdAt: x}]\nasOf: 2026-01-01": "tokens[0].createdAt: not a date-time (",
    "teams: [{id: t, projects: [{id: p, x: {endDate: y}}]}]\nasOf: 2026-01-01": "teams[0].projects[0].x.endDate: not a date-time (",
    "tokens: [{id: a, expiresAt: 9999-12-31}]\nasOf: 2026-01-01": "tokens[0].expiresAt: not a date-time that can be moved (9999-12-31)",
    "endpoints: {}": "endpoints: this must be a list of maps",
    "endpoints: [x]": "endpoints[0]: Expected `object`, got `str`",
    "endpoints: [{path: x}]": "endpoints[0]: Object missing required field `from`",
    "endpoints: [{from: x, path: 7}]": "endpoints[0].path: Expected `str`, got `int`",
    "endpoints: [{from: x, path: x}, {from: y, path: y, list: [id]}]": "endpoints[1].list: unknown key 'list' (did you mean 'listed'?)",
    "endpoints: [{from: x, path: x, zebra: 1}]": "endpoints[0].zebra: unknown key 'zebra'; choose from from, path, key, id, listed",
    "endpoints: [{from: x, path: x, listed: [7]}]": "endpoints[0].listed[0]: Expected `str`, got `int`",
    "endpoints: [{from: x, path: x, within: [a]}]": "endpoints[0].within: Expected `object`, got `array`",
    "endpoints: [{from: x, path: x, children: {a: b}}]": "endpoints[0].children: Expected `object`, got `str`",
    "endpoints: [{from: a.b.c, path: x}]": "endpoints[0].from: 'from' is a list's name, or 'projects.' and one where the path has {project}",
    "endpoints: [{from: projects.x, path: x}]": "endpoints[0].from: 'from' is a list's name, or 'projects.'",
    "endpoints: [{from: x, path: 'projects/{project}/x'}]": "endpoints[0].from: 'from' is a list's name, or 'projects.'",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:60])
def test_a_mistake_is_told_with_its_file_and_place(file, text):
    path = file(text, "data.yaml")
    with pytest.raises(StartError) as told:
        load(path)
    assert str(told.value).startswith(f"{path}: {MISTAKES[text]}")


def test_all_mistakes_are_told_at_once(file):
    path = file("tokens: [{}, {id: a}, 7]\nzebra: 1\npermissions: [x]\nteams: [{id: t, volumes: []}]")
    with pytest.raises(StartError) as told:
        load(path)
    assert [line.partition(": ")[2].partition(": ")[0] for line in str(told.value).splitlines()] == [
        "zebra", "permissions[0]", "tokens[0]", "tokens[2]", "teams[0].volumes",
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(StartError, match="none.json: can't be read"):
        load("none.json")


def test_the_sample_holds_a_secret_wherever_the_api_shows_one():
    """Where: `resource-types.yaml` of the documentation, and the permissive corners of the registries' details."""
    sample = load(None)
    own = {name: planted(items) for name, items in sample.own.lists.items()}
    assert {name for name, secrets in own.items() if secrets} == {
        "domains",
        "backupDestinations",
        "notificationIntegrations",
        "logSinks",
        "auditLogSinks",
        "cloudIntegrations",
        "clusters",
        "templates",
        "globalSecrets",
        "encryptionConfigurations",
    }
    services = [service for project in sample.own.projects for service in project.get("services", [])]
    holders = {
        "runtimeEnvironment", "runtimeFiles", "buildArguments", "buildFiles", "dockerSecretMounts", "ports", "deployment",
        "healthChecks", "buildSettings", "bundleData", "vcsData",
    }  # fmt: skip
    assert {key for service in services for key, value in service.items() if planted(value)} == holders
    assert planted([project.get("secrets") for project in sample.own.projects])
    assert planted([project.get("addons") for project in sample.own.projects])
    secrets = [
        text
        for account in (sample.own, *sample.teams.values())
        for text in planted([account.credentials, account.projects, account.lists])
    ]
    assert len(secrets) == len(set(secrets))


def test_the_sample_has_one_id_in_two_projects_and_in_two_accounts():
    sample = load(None)
    where = {}
    for account in (sample.own, *sample.teams.values()):
        for project in account.projects:
            for kind in ("services", "addons", "secrets"):
                for item in project.get(kind, []):
                    where.setdefault((kind, item["id"]), []).append((account.name, project["id"]))
    repeated = {key: places for key, places in where.items() if len(places) > 1}
    assert {kind for kind, _ in repeated} == {"services", "addons", "secrets"}
    assert any(len({team for team, _ in places}) > 1 for places in repeated.values())
    assert any(len({team for team, _ in places}) == 1 for places in repeated.values())
