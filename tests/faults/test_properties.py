"""For any account, in any pages, with any faults: the whole truth, or exit code 3."""

import json
import re

import msgspec
import pytest
import responses
from hypothesis import example, given, settings
from hypothesis import strategies as st

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.config.policy import Policy
from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.model import Status
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET, rules

TOKEN = Token("nf-property-token", "the test")
LIST = "/v1/integrations/registries"
TRIES = 20
PAGE_SIZE = 3
ACCOUNTED = ("pass", "fail", "unknown", "error", "notapplicable", "waived")


def audited(url, *, teams=(), page_size=PAGE_SIZE, details="auto"):
    """Audit over HTTP, without the waits."""
    policy = Policy(rules=rules(), waivers=[], baseline=None)
    with Client(url, TOKEN, max_attempts=TRIES, deadline=Deadline(NET), sleep=lambda _: None) as client:
        source = ApiSource(client, Origin(kind="api"), teams, page_size=page_size, details=details != "never")
        report = runner.audit(AuditRequest(policy=policy, details=details), source, lambda _: None)
    summary = json.loads(msgspec.json.encode(report.summary))
    assert sum(summary[each] for each in ACCOUNTED) == report.coverage.results
    unread = sum(each.resource.id is None for each in report.results)
    assert report.coverage.results == report.coverage.resources * 2 + unread
    assert (report.exit_code == 3) is bool(report.run.incomplete_reasons) is (not report.run.complete)
    return report


def served(accounts, **plan):
    return Emulator(accounts, Plan(rate_limit=100_000, **plan), token=TOKEN.value)


# -- Accounts and faults -----------------------------------------------------------------------------------------------
restrictions = st.fixed_dictionaries(
    {"restricted": st.booleans()}, optional={"projects": st.lists(st.text(max_size=3))}
)
old = st.fixed_dictionaries(
    {"name": st.text(max_size=5), "description": st.text(max_size=5), "restrictions": restrictions,
     "provider": st.sampled_from(["github", "dockerhub", "quay"])}
)  # fmt: skip
new = st.fixed_dictionaries(
    {"name": st.text(max_size=5), "provider": st.sampled_from(["github", "ecr"]), "restrictions": restrictions},
    optional={"registryUrl": st.text(max_size=9)},
)
ids = st.text(min_size=1, max_size=6).filter(lambda text: text not in (".", ".."))


@st.composite
def accounts(draw, least=0):
    names = draw(st.lists(ids, min_size=least, max_size=12, unique=True))
    credentials = [{"id": name, **draw(st.one_of(old, new))} for name in names]
    return EmulatedAccounts(EmulatedAccount(credentials), cursors=draw(st.booleans()))


splits = st.lists(st.integers(1, 3), max_size=5)
passing = st.sampled_from(
    [
        {"status": 500}, {"status": 503, "headers": {"Retry-After": "1"}}, {"status": 429, "headers": {"Retry-After": "2"}},
        {"status": 408}, {"status": 425}, {"status": 504, "body": "<html>"}, {"body": ""}, {"body": "<html>"}, {"body": "{"},
        {"body": "\ud83d\ude00"}, {"cut": 0}, {"cut": 25}, {"cut": "head"}, {"cut": -1}, {"cut": -7, "reset": True},
        {"raw": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}, {"raw": "\r\n\r\n"}, {"raw": "220 ready\r\n"},
        {"headers": {"Content-Encoding": "gzip"}}, {"raw": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"},
    ]
)  # fmt: skip
lasting = st.one_of(
    passing,
    st.sampled_from(
        [
            {"status": 400}, {"status": 401}, {"status": 403}, {"status": 404}, {"status": 204, "body": ""}, {"status": 301},
            {"redirect": "/"}, {"loop": True}, {"patch": {"data": None}}, {"patch": {"data": {"credentials": None}}},
            {"patch": {"data": {"credentials": {}}}}, {"patch": {"pagination": None}}, {"patch": {"pagination": []}},
            {"patch": {"pagination": {"hasNextPage": "no", "cursor": None}}}, {"patch": {"pagination": {"count": 77}}},
            {"patch": {"pagination": {"count": "1"}}}, {"patch": {"pagination": {"cursor": 7}}}, {"body": "[]"}, {"body": "1"},
            {"patch": {"data": {"credentials": [None]}}}, {"patch": {"data": {"credentials": [{"id": 1}]}}},
            {"patch": {"data": {"credentials": []}, "pagination": {"hasNextPage": True, "count": 0}}},
        ]
    ),
)  # fmt: skip


@settings(max_examples=60)
@given(accounts(), splits, st.integers(1, 5), st.dictionaries(st.integers(1, 30), passing, max_size=8))
def test_with_faults_that_end_the_result_is_as_without_any(accounts, sizes, page_size, faults):
    planned = [Fault(nth=number, **fault) for number, fault in faults.items()]
    with served(accounts) as server:
        expected = audited(server.url)
    with served(accounts, page_sizes=[min(size, page_size) for size in sizes], faults=planned) as server:
        found = audited(server.url, page_size=page_size)
        played = sum(number <= len(server.requests) for number in faults)
    assert (found.results, found.summary, found.warnings) == (expected.results, expected.summary, expected.warnings)
    assert (found.run.incomplete_reasons, found.exit_code) == (expected.run.incomplete_reasons, expected.exit_code)
    assert expected.coverage.count == found.coverage.count == found.coverage.resources == len(accounts.own.credentials)
    assert found.coverage.retries >= played  # and a connection that the server closed is a try as well


@settings(max_examples=100)
@given(accounts(least=1), splits, st.integers(1, 12), lasting)
def test_with_a_fault_that_lasts_it_is_incomplete_and_nothing_is_made_up(accounts, sizes, nth, fault):
    with served(accounts, page_sizes=sizes) as server:
        expected = audited(server.url)
        lists = sum(request.path == LIST for request in server.requests)
    nth = min(nth, lists)
    with served(accounts, page_sizes=sizes, faults=[Fault(path=LIST, nth=f"{nth}-", **fault)]) as server:
        found = audited(server.url)
    assert (found.exit_code, found.run.complete) == (3, False)
    assert any("list of registry credentials, page" in reason for reason in found.run.incomplete_reasons)
    known = {(each.fingerprint, each.status) for each in expected.results}
    firm = {(each.fingerprint, each.status) for each in found.results if each.status is not Status.UNKNOWN}
    assert firm <= known


@settings(max_examples=40)
@given(
    accounts(least=1),
    st.dictionaries(
        st.integers(1, 12), lasting.filter(lambda fault: "patch" not in fault and "loop" not in fault), max_size=4
    ),
)
def test_a_detail_that_fails_is_unknown_for_that_credential_alone(accounts, faults):
    planned = [Fault(path=f"{LIST}/*", nth=f"{number}-", **fault) for number, fault in faults.items()]
    with served(accounts) as server:
        expected = audited(server.url)
    with served(accounts, faults=planned) as server:
        found = audited(server.url)
    unknown = {each.resource.id for each in found.results if each.status == "unknown"}
    assert (found.exit_code == 3) is bool(unknown) or expected.exit_code == 3
    known = {each.fingerprint: each for each in expected.results}
    for each in found.results:
        assert each.resource.id in unknown or each == known[each.fingerprint]
    assert found.coverage.resources == expected.coverage.resources


# -- The decoder -------------------------------------------------------------------------------------------------------
words = st.sampled_from(["id", "name", "data", "credentials", "pagination", "hasNextPage", "cursor", "count", "provider",
                         "restrictions", "restricted", "projects", "username", "auths", "registryUrl", "description"])  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    words,
    st.just("https://u:p@h/x"),
)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(words, st.text(max_size=4)), inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip
items = st.lists(
    st.one_of(
        values,
        st.fixed_dictionaries(
            {"id": st.one_of(ids, values)}, optional={"name": values, "provider": values, "restrictions": values}
        ),
    ),
    max_size=4,
)
answers = st.one_of(
    values,
    st.fixed_dictionaries({"data": st.fixed_dictionaries({"credentials": items}), "pagination": st.fixed_dictionaries({"hasNextPage": st.one_of(st.just(False), values)}, optional={"count": values, "cursor": st.one_of(st.none(), values)})}),
)  # fmt: skip


def whole(value):
    """Tell, in few words and by other means than the audit's, whether an answer is one whole page of an account."""
    try:
        records, pagination = value["data"]["credentials"], value["pagination"]
        told = [record["id"] for record in records]
        return (
            pagination["hasNextPage"] is False
            and not pagination.get("cursor")
            and pagination.get("count") in (None, len(records))
            and all(isinstance(each, str) and each for each in told)
            and len(set(told)) == len(told) <= PAGE_SIZE
            and value.get("error") is None
        )
    except (KeyError, TypeError, AttributeError):
        return False


def taken(body, detail=b'{"data": {}}'):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as api:
        api.get(f"https://api.test{LIST}", body=body)
        api.add(responses.GET, url=re.compile(r"https://api\.test/.*"), body=detail)
        return audited("https://api.test")


@settings(max_examples=300)
@given(answers)
@example(
    {
        "data": {"credentials": [{"id": "a", "restrictions": {"restricted": 2**64}}]},
        "pagination": {"hasNextPage": False},
    }
)
@example(
    {"data": {"credentials": [{"id": "\x00", "name": "\x1b[0m"}]}, "pagination": {"hasNextPage": False, "count": True}}
)
@example(
    {"data": {"credentials": [{"id": "a", "PASSWORD": 1, "x": {"Auths": []}}]}, "pagination": {"hasNextPage": False}}
)
def test_any_json_is_evaluated_whole_or_called_incomplete(value):
    report = taken(json.dumps(value))
    if report.exit_code != 3:
        assert whole(value)
        assert report.coverage.resources == len(value["data"]["credentials"])
    elif not report.summary.unknown + report.summary.error:
        assert not whole(value)


PAGE = json.dumps(
    {"data": {"credentials": [{"id": "a", "name": "Ä", "provider": "github", "description": "x", "restrictions": {"restricted": True}},
                              {"id": "b", "provider": "github", "restrictions": {"restricted": True, "projects": []}}]},
     "pagination": {"hasNextPage": False, "count": 2}}, ensure_ascii=False
).encode()  # fmt: skip


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, len(PAGE) - 1), st.integers(0, 2), st.binary(max_size=3)), min_size=1, max_size=4)
)
def test_any_bytes_are_evaluated_whole_or_called_incomplete(edits):
    body = PAGE
    for place, length, new_bytes in edits:
        body = body[:place] + new_bytes + body[place + length :]
    report = taken(body)
    if report.exit_code != 3:
        assert whole(json.loads(body))


@settings(max_examples=200)
@given(values)
def test_any_detail_is_merged_or_told(value):
    page = {"data": {"credentials": [{"id": "a", "provider": "github"}]}, "pagination": {"hasNextPage": False}}
    report = taken(json.dumps(page), json.dumps({"data": value}).encode())
    try:
        restricted = value["restrictions"]["restricted"] if value["id"] == "a" else None
    except (KeyError, TypeError, IndexError):
        restricted = None
    contradicted = isinstance(value, dict) and value.get("provider") not in (None, "github")
    assert (report.exit_code == 3) is not isinstance(restricted, bool) or report.summary.error > 0 or contradicted


def test_the_detail_of_an_id_in_any_script_is_asked_for_by_that_id():
    for identity in ("a/b", "a?b", "a#b", "ä ö", "%2e", "..a", "\\", "💥"):
        account = EmulatedAccounts(
            EmulatedAccount([{"id": identity, "provider": "github", "restrictions": {"restricted": True}}])
        )
        with served(account) as server:
            assert audited(server.url).exit_code == 0, identity


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_oracle_itself(count):
    assert whole({"data": {"credentials": [{"id": "a"}]}, "pagination": {"hasNextPage": False, "count": count}}) is (
        count == 1
    )
