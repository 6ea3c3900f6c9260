import json
from types import SimpleNamespace

import pytest
import requests

from northflank_audit.emulator import Emulator, Plan, load, rate_window
from northflank_audit.errors import StartError
from tests.conftest import NET

DATA = {
    "credentials": [
        {"id": "old", "description": "", "restrictions": {"restricted": True}, "auths": {"x": "S"}},
        {
            "id": "new",
            "restrictions": {"restricted": True},
            "credentials": {"scope": {}, "username": "S", "password": "S"},
        },
    ],
    "projects": [{"id": "p"}],
    "teams": [{"id": "t/1", "name": "T", "credentials": [{"id": "x y"}]}],
}


@pytest.fixture
def file(tmp_path):
    def write(value, name="data.json"):
        (tmp_path / name).write_text(value if isinstance(value, str) else json.dumps(value))
        return str(tmp_path / name)

    return write


@pytest.fixture
def ask(file):
    with Emulator(load(file(DATA)), Plan(rate_limit=100)) as server, requests.Session() as session:

        def ask(path, method="GET", token=server.token, **query):
            headers = {"Authorization": f"Bearer {token}"}
            return session.request(method, server.url + path, params=query, headers=headers, timeout=NET)

        yield ask


LIST = "/v1/integrations/registries"


def test_each_generation_is_answered_in_its_shape(ask):
    old, new = ask(LIST).json()["data"]["credentials"]
    assert old == {"id": "old", "description": "", "restrictions": {"restricted": True}}
    assert new == {"id": "new", "credentials": {"scope": {}}}
    assert ask(f"{LIST}/new").json()["data"] == DATA["credentials"][1]
    assert ask(f"{LIST}/old").json()["data"] == DATA["credentials"][0]


def test_teams_and_projects(ask):
    assert ask("/v1/teams").json()["data"]["teams"] == [{"id": "t/1", "name": "T"}]
    assert ask("/v1/teams/t%2F1/integrations/registries/x%20y").json()["data"] == {"id": "x y"}
    assert ask("/v1/projects").json()["data"]["projects"] == [{"id": "p"}]
    assert ask("/v1/login").status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (f"{LIST}/none", {}, 404), ("/v1/teams/u/projects", {}, 404), ("/v2/x", {}, 404), ("/v1/x", {}, 404),
        (LIST, {"per_page": 101}, 400), (LIST, {"per_page": 0}, 400), (LIST, {"page": "x"}, 400),
        (LIST, {"per_page": "9" * 5000}, 400), (LIST, {"cursor": "x"}, 400), (LIST, {"cursor": "LTE="}, 400),
    ],
)  # fmt: skip
def test_errors_are_the_apis(ask, path, query, status):
    answer = ask(path, **query)
    assert (answer.status_code, answer.json()["error"]["status"]) == (status, status)


def test_only_the_token_reads_and_nobody_writes(ask):
    assert ask(LIST, token="other").status_code == 401
    assert ask(LIST, method="POST").status_code == 405


def test_the_rate_limit_counts_and_ends(file, monkeypatch):
    monkeypatch.setattr(rate_window, "time", SimpleNamespace(monotonic=lambda: 0.0))
    with Emulator(load(file(DATA)), Plan(rate_limit=1, latency=0.001)) as server:
        headers = {"Authorization": f"Bearer {server.token}"}
        first, second = (requests.get(server.url + LIST, headers=headers, timeout=NET) for _ in range(2))
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (200, "0")
    assert (second.status_code, second.headers["x-ratelimit-limit"]) == (429, "1")
    assert second.headers["x-ratelimit-reset"] == "3600"
    assert server.requests[0].path == LIST


def test_a_port_that_is_taken_is_told(file):
    accounts = load(file(DATA))
    with Emulator(accounts) as server, pytest.raises(StartError, match="can't serve on"):
        Emulator(accounts, port=int(server.url.rpartition(":")[2]))


def test_each_token_has_a_rate_limit_of_its_own(file):
    with Emulator(load(file(DATA)), Plan(rate_limit=1), token="one", tokens=["two"]) as server:
        codes = [
            requests.get(server.url + LIST, headers={"Authorization": f"Bearer {token}"}, timeout=NET).status_code
            for token in ("one", "two", "one", "other", "other")
        ]
    assert codes == [200, 200, 429, 401, 429]


def test_it_says_where_it_closes_the_connection(file):
    with Emulator(load(file(DATA))) as server, requests.Session() as session:
        said = [
            session.request(method, server.url + LIST, headers=headers, timeout=NET).headers.get("Connection")
            for method, headers in (("GET", {}), ("GET", {"Connection": "close"}), ("POST", {}))
        ]
    assert said == [None, "close", "close"]


def test_connections_are_counted(file):
    with Emulator(load(file(DATA))) as server, requests.Session() as session:
        for _ in range(3):
            session.get(server.url + LIST, timeout=NET)
        requests.get(server.url + LIST, timeout=NET)
    assert server.connections == 2
