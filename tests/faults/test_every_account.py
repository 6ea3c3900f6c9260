"""For any account of any types, with any permissions, faults and bounds: complete only if all of it was served whole.

What must come of it is told by a model that knows the account file and which answers went out as they should.
"""

import base64
from dataclasses import replace

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.emulator.fault_plan import Player
from northflank_audit.model import Status
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.resources import PARENT, TYPES, Scope
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET
from tests.faults.any_account import LISTED, OWNER, PAGE_SIZE, PARTS, Address, Case, Model, cases, endpoint, policy

EXAMPLES = settings.get_profile(settings.get_current_profile_name()).max_examples
"""A hundred; with `--hypothesis-profile thorough`, more."""
TOKEN = Token("nf-any-account-token", "the test")
TRIES = 3


# -- What goes wrong ---------------------------------------------------------------------------------------------------
PASSING = [
    {"status": 500},
    {"status": 503},
    {"body": "{"},
    {"cut": 40},
    {"cut": "head"},
    {"body": '{"data": 1, "data": 1}'},
]
"""What is tried again."""


LIES = {
    **{f"HTTP {status}": {"status": status} for status in (400, 401, 403, 404, 500)},
    "a key twice": {"body": '{"data": {}, "data": {}}'},
    "cut": {"cut": 60},
    "no map": {"body": "[]"},
    "no data": {"patch": {"data": None}},
    "no owner": {"patch": {"data": {"entityType": None}}},
    "a loop": {"loop": True},
    "no pagination": {"patch": {"pagination": None}},
    "an open end": {"patch": {"pagination": {"hasNextPage": None, "cursor": None}}},
    "another count": {"patch": {"pagination": {"hasNextPage": False, "count": 77}}},
    "no list": {},
    "a number for a list": {},
    "two lists": {},
    "the first page again": {},
    "another one": {"patch": {"data": {"id": "other", "name": "other"}}},
    "one of another name": {"patch": {"data": {"name": "other"}}},
}
"""What is never an answer as it should be, and can be noticed; what is empty depends on the list."""


def fits(lie, address):
    """Tell whether a lie changes what an answer says."""
    part = address.part
    is_list = address.path != OWNER.path and (part.name == "list" or (part.joins and not part.one))
    if lie == "no owner":
        return address.path == OWNER.path
    if lie in ("a loop", "no pagination", "an open end"):
        return is_list and part.paged
    if lie in ("no list", "a number for a list", "another count"):
        return is_list and (bool(address.key) or lie == "another count")
    if lie == "another one":
        return not is_list and not part.one and not part.into and part.identified and address.path != OWNER.path
    special = {"two lists": len(part.keys) > 1, "the first page again": address.start > 0}
    return special.get(lie, part.one if lie == "one of another name" else True)


FITTING = {
    lie: [
        kind.name
        for kind in LISTED
        if any(
            fits(lie, OWNER if kind.scope is Scope.TOKEN else Address("", PAGE_SIZE, part, "".join(part.keys[:1])))
            for part in kind.sources
            if part.name in PARTS[kind.name]
        )
    ]
    for lie in LIES
}
"""The types that have answers which a lie fits."""


def fault_of(lie, address, nth):
    """Return a fault that tells a lie; pages that are to be repeated are not among the faults."""
    plan = LIES[lie]
    if lie in ("no list", "a number for a list"):
        *above, last = address.key.split(".")
        below = {last: None if lie == "no list" else 7}
        plan = {"patch": {"data": {above[0]: below} if above else below}}
    elif lie == "two lists":
        plan = {"patch": {"data": {address.part.keys[1]: []}}}
    return Fault(path=address.path, nth=nth, **plan)


class Watching(Player):
    """Takes note of which answers went out as they should."""

    def __init__(self, faults):
        super().__init__(faults)
        self.statuses = {}
        self.true, self.shown, self.untrue = set(), set(), set()
        """The paths and starts of true answers, of those that have their true items, and of all others."""

    def due(self, request):
        fault, key = super().due(request), (request.path, start_of(request))
        served = self.statuses[id(request)] == 200
        is_true = served and fault is None
        (self.true if is_true else self.untrue).add(key)
        if is_true or (served and (fault.loop or "pagination" in fault.patch)):
            self.shown.add(key)
        return fault


def start_of(request):
    if cursor := request.query.get("cursor"):
        return int(base64.urlsafe_b64decode(cursor))
    return (int(request.query.get("page", 1)) - 1) * int(request.query.get("per_page", PAGE_SIZE))


class Watched(Emulator):
    """An emulator that says of these pages what it said of their list's first."""

    def __init__(self, case, faults, permissions, repeating=()):
        super().__init__(replace(case.accounts, permissions=permissions), Plan(rate_limit=100_000), token=TOKEN.value)
        self.player = Watching(faults)
        self.repeating = repeating

    def respond(self, request, authorization):
        answer, key = super().respond(request, authorization), (request.path, start_of(request))
        self.player.statuses[id(request)] = answer.status
        if key in self.repeating and key[1] and answer.status == 200:
            self.player.statuses[id(request)] = "repeated"
            size = {"per_page": request.query["per_page"]}
            first = super().respond(msgspec.structs.replace(request, query=size), authorization).content
            pagination = answer.content["pagination"] | {"count": first["pagination"]["count"]}
            answer = msgspec.structs.replace(answer, content={"data": first["data"], "pagination": pagination})
        return answer


def audited(server, case, *, seconds=None, most=None):
    """Audit; each request takes a second of the run's time, if that is bounded."""
    deadline = Deadline(NET) if seconds is None else Deadline(100.0 * seconds, lambda: 100.0 * len(server.requests))
    client = Client(
        server.url, TOKEN, max_attempts=TRIES, deadline=deadline, sleep=lambda _: None, direct=True, max_requests=most
    )
    with client:
        source = ApiSource(client, Origin(kind="api"), case.teams, page_size=PAGE_SIZE, details=True)
        request = AuditRequest(policy=policy(case.names), include=frozenset({Status.PASS}))
        return runner.audit(request, source, lambda _: None, deadline=deadline)


def found(report):
    return {
        (each.rule_id, each.resource.type, each.resource.team, each.resource.project,
         None if each.resource.type == "account" else each.resource.id): each.status
        for each in report.results
    }  # fmt: skip


def needed(case):
    """Return every answer that an audit needs, in order."""
    return sorted(set().union(*Model(case).needed.values()), key=lambda each: (each.path, each.start))


def check(report, case, watching, *, in_time=True):
    model = Model(case)
    keys = {name: {(each.path, each.start) for each in needed} for name, needed in model.needed.items()}
    for each in report.coverage.types:
        if each.complete and each.type in keys:
            assert keys[each.type] <= watching.true, (each.type, keys[each.type] - watching.true)
    everything = set().union(*keys.values())
    assert (report.exit_code == 3) is (not report.run.complete) is bool(report.run.incomplete_reasons)
    if report.run.complete:
        assert everything <= watching.true, everything - watching.true
    verdicts = found(report)
    for key, status in verdicts.items():
        if status in (Status.PASS, Status.FAIL):
            if key not in model.verdicts:  # an organisation's list is asked for where nobody says whose the token is
                assert TYPES[key[0].rpartition("-")[0].removeprefix("every-")].scope is Scope.ORGANISATION
                assert (OWNER.path, OWNER.start) in watching.untrue
                continue
            good, by = model.verdicts[key]
            assert good is (status is Status.PASS), key
            if status is Status.PASS:
                served = watching.true if key[0].startswith("every-") else watching.shown
                assert {(each.path, each.start) for each in by} <= served, key
    if in_time and not watching.untrue and everything <= watching.true:
        assert report.run.complete, report.run.incomplete_reasons
        assert verdicts == {
            key: Status.PASS if good else Status.FAIL for key, (good, _) in model.verdicts.items()
        }  # fmt: skip
    return model


@settings(max_examples=EXAMPLES // 5)
@given(st.data())
def test_what_is_served_whole_is_judged_whole(data):
    case = data.draw(cases())
    with Watched(case, [], None) as server:
        report = audited(server, case)
    assert not server.player.untrue
    model = check(report, case, server.player)
    assert report.run.complete, report.run.incomplete_reasons
    assert found(report).keys() == model.verdicts.keys()


@pytest.mark.parametrize("lie", LIES)
@settings(max_examples=EXAMPLES // 20)
@given(data=st.data())
def test_with_any_fault_it_is_complete_only_if_all_was_served(lie, data):
    case = data.draw(cases(first=data.draw(st.sampled_from(FITTING[lie])), least=3))
    addresses = [each for each in needed(case) if fits(lie, each)]
    assume(addresses)
    address = data.draw(st.sampled_from(addresses))
    repeating = {(address.path, address.start)} if lie == "the first page again" else set()
    faults = [] if repeating else [fault_of(lie, address, data.draw(st.sampled_from(["1-", "2-", 1])))]
    with Watched(case, faults, None, repeating) as server:
        report = audited(server, case)
    check(report, case, server.player)


@settings(max_examples=EXAMPLES * 2 // 5)
@given(st.data())
def test_with_permissions_and_bounds_it_is_complete_only_if_all_was_served(data):
    case = data.draw(cases())
    addresses, faults = needed(case), []
    for address in data.draw(st.lists(st.sampled_from(addresses), max_size=3)) if addresses else ():
        nth, fault = data.draw(st.integers(1, TRIES)), data.draw(st.sampled_from(PASSING))
        faults.append(Fault(path=address.path, nth=nth, **fault))
    named = sorted({part.permission.name for name in {*case.names, PARENT.name} for part in TYPES[name].sources})
    refused = data.draw(st.sets(st.sampled_from(named), max_size=2))
    bounds = data.draw(st.sampled_from([{}, {}, {"seconds": 3}, {"seconds": 9}, {"most": 4}, {"most": 12}]))
    with Watched(case, faults, frozenset(named) - refused) as server:
        report = audited(server, case, **bounds)
    check(report, case, server.player, in_time="seconds" not in bounds)


def test_whenever_the_time_ends_a_type_is_complete_only_if_all_was_served():
    """What was listed in time may be evaluated too late to know which parts it needs, so that they were not read."""
    clusters = [{"id": "a", "clusterId": "a", "name": "a", "nodes": [{"nodeId": f"n{number}"} for number in range(3)]}]
    services = [{"id": "s", "name": "s", "ports": [{}]}]
    projects = [{"id": "p", "name": "p", "services": services}]
    auth = {"id": "t", "entityType": "org", "entityId": "acme", "name": "t"}
    lists = {endpoint(TYPES["cluster"]).source[0]: clusters}
    records = {"cluster": {(None, None): clusters}, "service": {(None, "p"): services}}
    records |= {"project": {(None, None): projects}, "auth": {(None, None): [auth]}}
    accounts = EmulatedAccounts(EmulatedAccount([], projects, "", lists), {}, cursors=False, auth=auth)
    case = Case(accounts, [], ["service", "cluster"], "org", records)
    some = []
    for halves in range(1, 20):
        with Watched(case, [], None) as server:
            report = audited(server, case, seconds=halves / 2)
        check(report, case, server.player, in_time=False)
        some.append([each.complete for each in report.coverage.types])
    assert some[0] == [False] * 3
    assert some[-1] == [True] * 3


def test_each_part_of_each_type_is_read_by_a_rule():
    parts = {(kind.name, part.name) for kind in LISTED for part in kind.sources}
    read = {(name, part) for name, parts in PARTS.items() for part in parts}
    assert parts - read == {("ssh-identity", "detail")}  # it has what the list may leave out
