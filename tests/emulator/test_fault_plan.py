import gzip
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import requests

from northflank_audit.emulator import (
    EmulatedAccount,
    EmulatedAccounts,
    Emulator,
    Fault,
    Plan,
    load_plan,
    rate_window,
    server,
)
from northflank_audit.emulator.fault_plan import Response, merged
from northflank_audit.errors import StartError
from tests.conftest import AUDIT, NET

LIST = "/v1/integrations/registries"
ACCOUNTS = EmulatedAccounts(EmulatedAccount([{"id": name, "description": ""} for name in "abcdef"]))


@pytest.fixture
def ask():
    servers = []

    def ask(plan, path=LIST, **query):
        if not servers:
            servers.append(Emulator(ACCOUNTS, plan, token="t").__enter__())
        headers = {"Authorization": "Bearer t", "Connection": "close"}
        return requests.get(servers[0].url + path, params=query, headers=headers, timeout=NET, allow_redirects=False)

    yield ask
    for each in servers:
        each.__exit__(None, None, None)


def plan(*faults, **more):
    return Plan(faults=[Fault(**fault) for fault in faults], **more)


@pytest.mark.parametrize(
    ("nth", "played"),
    [(2, [2]), ([1, 3], [1, 3]), ("2-3", [2, 3]), ("3-", [3, 4]), ("1-", [1, 2, 3, 4])],
)
def test_the_requests_that_fit_are_counted(ask, nth, played):
    broken = plan({"path": LIST, "nth": nth, "status": 500})
    statuses = []
    for _ in range(4):
        ask(broken, "/v1/login")
        statuses.append(ask(broken).status_code)
    assert [number for number, status in enumerate(statuses, 1) if status == 500] == played


def test_of_several_faults_the_first_that_is_due_is_played_and_each_counts_for_itself(ask):
    broken = plan({"nth": 1, "status": 500}, {"nth": 2, "status": 502}, {"status": 503})
    assert [ask(broken).status_code for _ in range(3)] == [500, 502, 503]


def test_a_query_can_be_asked_for(ask):
    broken = plan({"query": {"page": "2*"}, "status": 500})
    assert [ask(broken, page=page).status_code for page in (1, 2, 22)] == [200, 500, 500]


def test_answers_are_changed_as_planned(ask):
    broken = plan(
        {"nth": 1, "patch": {"pagination": {"count": 9, "hasNextPage": None}}},
        {"nth": 2, "body": "ab", "repeat": 3, "headers": {"X-A": "b"}},
        {"nth": 3, "body": "ab", "repeat": 3000, "gzip": True},
        {"nth": 4, "redirect": "/x"},
        {"nth": 5, "loop": True},
        {"nth": 6, "raw": "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"},
        {"nth": 7, "body": ""},
        {"nth": 8, "status": 418},
    )
    assert ask(broken).json()["pagination"] == {"count": 9}
    second = ask(broken)
    assert (second.text, second.headers["X-A"]) == ("ababab", "b")
    assert (ask(broken).text, ask(broken).headers["Location"]) == ("ab" * 3000, "/x")
    assert ask(broken).json()["pagination"] == {"count": 6, "hasNextPage": True, "cursor": "MA=="}
    assert ask(broken, cursor="MA==").reason == "Odd"
    assert ask(broken).text == ""
    assert ask(broken).json()["error"] == {"status": 418, "message": "A planned fault", "id": "fault"}


@pytest.mark.parametrize("fault", [{"cut": 0}, {"cut": 5}, {"cut": "head"}, {"cut": -1}, {"cut": 30, "reset": True}])
def test_a_cut_breaks_the_connection(ask, fault):
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        ask(plan(fault))


def test_time_is_taken(ask, monkeypatch):
    waits = []
    monkeypatch.setattr(server, "time", SimpleNamespace(monotonic=time.monotonic, sleep=waits.append))
    whole = ask(plan({"nth": 1, "delay": 0.3}, {"nth": 2, "trickle": 100}))
    assert 0.3 in waits
    waits.clear()
    assert ask(None).content == whole.content
    assert set(waits) - {0.0} == {0.1}
    assert len(waits) > len(whole.content) / 10, "ten bytes at a time"


def test_a_stall_keeps_the_connection_open(ask):
    with pytest.raises(requests.ReadTimeout), Emulator(ACCOUNTS, plan({"stall": 0}), token="t") as silent:
        requests.get(silent.url + LIST, timeout=0.3)


def test_pages_of_planned_sizes(ask):
    sized = plan(page_sizes=[1, 3])
    sizes, query = [], {"per_page": 2}
    for _ in range(4):
        answer = ask(sized, **query).json()
        sizes.append([item["id"] for item in answer["data"]["credentials"]])
        if "cursor" not in answer["pagination"]:
            break
        query["cursor"] = answer["pagination"]["cursor"]
    assert sizes == [["a"], ["b", "c", "d"], ["e", "f"]]
    assert [item["id"] for item in ask(sized, per_page=2, page=3).json()["data"]["credentials"]] == ["e", "f"]


def test_a_window_of_the_rate_limit_ends(ask, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rate_window, "time", SimpleNamespace(monotonic=lambda: now[0]))
    limited = plan(rate_limit=1, window=60)
    assert [ask(limited).status_code for _ in range(2)] == [200, 429]
    now[0] = 59.9
    assert ask(limited).status_code == 429
    now[0] = 60.0
    assert ask(limited).status_code == 200


def test_a_merge_patch_is_that_of_the_rfc():
    """The table of RFC 7396, appendix A, as far as it concerns maps."""
    assert merged({"a": "b"}, {"a": "c"}) == {"a": "c"}
    assert merged({"a": "b", "b": "c"}, {"a": None}) == {"b": "c"}
    assert merged({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}) == {"a": {"b": "d"}}
    assert merged({"a": [{"b": "c"}]}, {"a": [1]}) == {"a": [1]}
    assert merged([1, 2], {"a": "b", "c": None}) == {"a": "b"}
    assert merged({}, {"a": {"bb": {"ccc": None}}}) == {"a": {"bb": {}}}
    assert merged({"e": None}, {"a": 1}) == {"e": None, "a": 1}


def test_a_gzip_of_many_is_that_of_one():
    packed = Fault(body="ab", repeat=2_000_001, gzip=True).bytes(_answer()).partition(b"\r\n\r\n")[2]
    assert gzip.decompress(packed) == b"ab" * 2_000_001


def _answer():
    return Response(200, {}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("faults: [{nht: 1}]", r"plan.yaml: faults\[0\].nht: unknown key 'nht' \(did you mean 'nth'\?\)"), ("fault: []", r"plan.yaml: fault: unknown key 'fault' \(did you mean 'faults'\?\)"),
        ("faults: [{zebra: 1}]", r"unknown key 'zebra'; choose from latency, rate-limit, window, page-sizes, faults, path, query, nth, status"), ("faults: [{nth: x}]", "nth is a number"), ("faults: [{nth: '2-1x'}]", "nth is a number"),
        ("faults: [{trickle: 0}]", "trickle is bytes per second"), ("faults: {}", "Expected `array`"), ("[", "neither JSON nor YAML"),
        ("latency: soon", "Expected `float`"),
    ],
)  # fmt: skip
def test_a_plan_that_can_not_be_played_is_told(tmp_path, text, said):
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(StartError, match=said):
        load_plan(str(tmp_path / "plan.yaml"))
    (tmp_path / "empty.yaml").write_text("")
    assert load_plan(str(tmp_path / "empty.yaml")) == Plan()


def test_the_command_takes_a_plan(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps({"faults": [{"status": 503}]}))
    command = [sys.executable, str(AUDIT), "emulator", "--faults"]
    wrong = subprocess.run([*command, "none.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "northflank-audit: none.yaml: can't be read (No such file or directory)\n",
    )
    process = subprocess.Popen([*command, "plan.json"], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[0]
    assert requests.get(url, timeout=NET).status_code == 503
    process.terminate()
    process.communicate(timeout=NET)
