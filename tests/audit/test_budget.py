"""A run that may not ask for everything asks for what matters most, and says what it lacks."""

import pytest

from northflank_audit.audit import runner
from northflank_audit.audit.request import AuditRequest
from northflank_audit.config.policy import Policy
from northflank_audit.deadline import Deadline
from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.model import Status
from northflank_audit.northflank.client import Client
from northflank_audit.northflank.token import Token
from northflank_audit.policy.rules.rulebook import load
from northflank_audit.report import Origin
from northflank_audit.sources import side_by_side
from northflank_audit.sources.api import ApiSource
from tests.conftest import NET

TOKEN = Token("nf-budget-token", "the test")
RULES = """
rules:
  - {id: token, title: T, severity: low, resource: api-token, require: "api_token.name != ''"}
  - {id: destination, title: T, severity: critical, resource: backup-destination, require: "backup_destination.name != ''"}
  - {id: addon, title: T, severity: critical, resource: addon, require: "addon.spec.config.networking.tlsEnabled"}
  - {id: service, title: T, severity: medium, resource: service, require: "service.deployment.instances > 0"}
"""
WHOLE = """
  - id: together
    title: T
    severity: critical
    resource: account
    require: "account.services.all(s, s.deployment.instances > 0)"
  - {id: plain, title: T, severity: low, resource: addon, require: "addon.spec.config.networking.tlsEnabled"}
"""


def project(number):
    config = {"networking": {"tlsEnabled": True}}
    return {
        "id": f"p{number}",
        "name": "p",
        "addons": [{"id": f"addon-{number}", "name": "a", "spec": {"type": "postgresql", "config": config}}],
        "services": [{"id": f"service-{number}", "name": "s", "deployment": {"instances": 1}}],
    }


ACCOUNTS = EmulatedAccounts(
    EmulatedAccount(
        [],
        [project(number) for number in range(3)],
        lists={"tokens": [{"id": "t", "name": "t"}], "backupDestinations": [{"id": "b", "name": "b"}]},
    )
)
BY_RESOURCE = ("token", "destination", "addon", "service")
ALL = 3 + 3 * 2 + 3 + 3
"""Lists of tokens, destinations and projects, two in each project, and details of addons and services."""


@pytest.fixture
def audit():
    def run(*ids, faults=(), rate_limit=1000, timeout=NET, details="auto", **options):
        with Emulator(ACCOUNTS, Plan(faults=list(faults), rate_limit=rate_limit), token=TOKEN.value) as server:
            with Client(
                server.url, TOKEN, max_attempts=3, deadline=Deadline(timeout), sleep=lambda _: None, **options
            ) as client:
                source = ApiSource(client, Origin(kind="api"), [], page_size=100, details=True)
                rules = [each for each in load([("r.yaml", RULES + WHOLE)]) if each.id in (ids or BY_RESOURCE)]
                policy = Policy(rules=rules, waivers=[], baseline=None)
                request = AuditRequest(policy=policy, include=frozenset(Status), details=details)
                report = runner.audit(request, source, lambda _: None)
            return report, [each.path for each in server.requests]

    return run


def statuses(report, rule):
    return {str(each.status) for each in report.results if each.rule_id == rule}


def test_the_requests_of_each_type_are_its_lists_details_and_tries(audit):
    report, requests = audit(faults=[Fault(path="*/tokens", nth=1, status=503)])
    assert report.coverage.requests == len(requests) == ALL + 1
    assert {each.type: each.requests for each in report.coverage.types} == {
        "api-token": 2,
        "project": 1,
        "service": 6,
        "addon": 6,
        "backup-destination": 1,
    }


def test_what_serves_a_critical_rule_is_asked_for_before_what_serves_a_low_one(audit, monkeypatch):
    monkeypatch.setattr(side_by_side, "CONNECTIONS", 1)  # lists that are under way at once arrive in any order
    _, requests = audit()
    assert set(requests[:2]) == {"/v1/projects", "/v1/backup-destinations"}
    assert {each.rpartition("/")[2] for each in requests[2:5]} == {"addons"}
    assert {each.rpartition("/")[2] for each in requests[5:8]} == {"services"}
    assert requests[8] == "/v1/tokens"
    assert all("/addons/" in each or "/services/" in each for each in requests[9:])  # all under way at once


@pytest.mark.parametrize("most", range(1, ALL))
def test_what_max_requests_does_not_cover_is_unknown_and_the_rest_is_judged(audit, most):
    report, requests = audit(max_requests=most)
    assert len(requests) == report.coverage.requests == most
    assert report.exit_code == 3
    assert report.summary.fail == report.summary.error == 0
    said = " ".join([*report.run.incomplete_reasons, *report.warnings, *(each.message for each in report.results)])
    assert f"--max-requests {most} is used up" in said
    assert statuses(report, "service") - {"pass"} == {"unknown"}
    if most >= 12:  # every list, and the details of addons
        assert statuses(report, "addon") == statuses(report, "token") == {"pass"}
        assert f"3 of 6 details were not read: --max-requests {most} is used up (needs {ALL} requests)" in said or (
            most > 12
        )


def test_enough_requests_are_enough(audit):
    report, _ = audit(max_requests=ALL)
    assert (report.exit_code, report.summary.unknown) == (0, 0)


def test_tries_count_too(audit):
    report, requests = audit("token", faults=[Fault(path="*/tokens", status=503)], max_requests=2)
    assert len(requests) == 2
    assert "--max-requests 2 is used up" in report.run.incomplete_reasons[0]


def test_a_reserve_is_left_alone_and_the_time_that_it_takes_is_named(audit):
    report, requests = audit(rate_limit=20, reserve=8)
    assert len(requests) == 12
    assert statuses(report, "addon") == {"pass"}
    assert statuses(report, "service") == {"unknown"}
    (warning,) = report.warnings
    assert warning.startswith(
        "3 of 6 details were not read: the API's rate limit leaves no request besides --reserve 8"
    )
    assert warning.endswith("(needs --timeout 3900)")


def test_no_request_of_a_run_with_a_reserve_takes_from_it(audit):
    report, requests = audit(rate_limit=20, reserve=17)
    assert len(requests) == 3
    assert report.exit_code == 3


@pytest.mark.parametrize("details", ["auto", "always"])
def test_what_a_critical_rule_over_the_account_needs_comes_before_what_a_low_one_needs(audit, details):
    _, every = audit("together", "plain", details=details)
    report, requests = audit("together", "plain", details=details, max_requests=len(every) - 3)
    assert statuses(report, "together") == {"pass"}
    assert statuses(report, "plain") == {"unknown"}
    assert len([each for each in requests if "/services/" in each]) == 3
