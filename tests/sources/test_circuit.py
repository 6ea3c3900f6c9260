"""What fails again and again is no longer asked for, and that is said."""

import pytest

from northflank_audit.emulator import EmulatedAccount, EmulatedAccounts, Emulator, Fault, Plan
from northflank_audit.northflank.circuit import FAILURES, RETRIES, Circuit
from northflank_audit.northflank.client import CONNECTIONS, Client
from northflank_audit.northflank.retry import Deadline
from northflank_audit.northflank.token import Token
from northflank_audit.report import Origin
from northflank_audit.sources.api import ApiSource
from tests.conftest import CREDENTIALS

TOKEN = Token("nf-circuit-token", "the test")
DETAILS = "*/registries/*"
COUNT = 300


def account(prefix, count=COUNT):
    return EmulatedAccount([{"id": f"{prefix}{number}", "provider": "github"} for number in range(count)])


@pytest.fixture
def completed():
    """Read all lists and details; return the resources, the source and how many requests for details were sent."""

    def run(*faults, teams=(), accounts=None):
        accounts = accounts or EmulatedAccounts(account("c"))
        with (
            Emulator(accounts, Plan(faults=list(faults), rate_limit=100_000), token=TOKEN.value) as server,
            Client(
                server.url, TOKEN, max_attempts=5, deadline=Deadline(600), sleep=lambda _: None, direct=True
            ) as client,
        ):
            source = ApiSource(client, Origin(kind="api"), teams, page_size=100, details=True)
            listed = [each for page in source.pages(CREDENTIALS) for each in page]
            wanted = dict.fromkeys((each.identity for each in listed), frozenset({"detail"}))
            found = [each for some in source.complete(listed, wanted) for each in some]
            asked = sum("/registries/" in each.path for each in server.requests)
        assert sorted(each.id for each in found) == sorted(each.id for each in listed)
        return found, source, asked

    return run


@pytest.mark.parametrize("status", [500, 503, 401, 403, 404, 400])
def test_when_all_details_fail_few_are_asked_for(completed, status):
    found, source, asked = completed(Fault(path=DETAILS, status=status))
    tries = FAILURES + CONNECTIONS  # those under way when the last straw came
    assert asked <= tries + (RETRIES if status >= 500 else 0)
    assert all(each.shortfall and not each.detailed for each in found)
    skipped = [each for each in found if each.shortfall.startswith("not requested, because 5 in a row failed")]
    assert len(skipped) >= COUNT - tries
    (warning,) = source.warnings
    assert warning.startswith(
        f"{len(skipped)} of {COUNT} details: not requested, because 5 in a row failed, the last with: "
    )
    assert f"HTTP {status}" in warning


def test_an_answer_about_something_else_is_a_failure_as_well(completed):
    _, _, asked = completed(Fault(path=DETAILS, patch={"data": {"id": "another"}}))
    assert asked <= FAILURES + CONNECTIONS


def test_failures_that_are_not_in_a_row_stop_nothing(completed):
    found, source, asked = completed(Fault(path="*/registries/c*5", status=400))
    assert (asked, source.warnings) == (COUNT, [])
    assert sum(each.detailed for each in found) == COUNT - COUNT // 10


def test_a_team_that_refuses_does_not_close_the_next(completed):
    accounts = EmulatedAccounts(EmulatedAccount([]), {"blue": account("b"), "green": account("g", 20)})
    fault = Fault(path="/v1/teams/blue/*/registries/*", status=403)
    found, _, asked = completed(fault, teams=("blue", "green"), accounts=accounts)
    assert asked <= FAILURES + CONNECTIONS + 20
    assert [each.detailed for each in found if each.team == "green"] == [True] * 20


def test_a_circuit_opens_at_the_last_of_a_row_and_keeps_its_cause():
    circuit = Circuit()
    for number in range(FAILURES - 1):
        circuit.failed(f"x{number}")
    circuit.succeeded()
    for number in range(FAILURES - 1):
        circuit.failed(f"y{number}")
    assert circuit.cause == ""
    circuit.failed("last")
    circuit.failed("later")
    assert circuit.cause == f"{FAILURES} in a row failed, the last with: last"


def test_the_budget_of_retries_is_never_more_than_it_was():
    circuit = Circuit()
    circuit.succeeded()
    assert [circuit.retry() for _ in range(RETRIES + 1)] == [True] * RETRIES + [False]
    circuit.succeeded()
    assert [circuit.retry(), circuit.retry()] == [True, False]
