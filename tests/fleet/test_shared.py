"""What the targets of a fleet share: the limit of a token, connections."""

import pytest

from northflank_audit.fleet import shared
from northflank_audit.northflank.token import Token
from tests.fleet.conftest import TEAMS, outcomes_of

pytestmark = pytest.mark.usefixtures("in_threads")


def test_targets_with_one_token_leave_its_reserve_together(fleet, fleet_file, serve, tmp_path):
    targets = [{"name": team, "teams": [team], "token-env": "TOKEN_0"} for team in TEAMS]
    with serve(rate_limit=20, latency=0.05) as server:
        ended = fleet(fleet_file(targets), "--reserve", 19, NORTHFLANK_API_BASE_URL=server.url)
    assert ended.code == 3
    assert len(server.requests) == 1, "the first request may be sent, and its answer says that no other may"
    text = (tmp_path / "reports/fleet.json").read_text()
    assert text.count("no request besides --reserve 19 for") >= len(TEAMS) - 1
    assert len(outcomes_of(tmp_path / "reports/fleet.json")) == len(TEAMS)


def test_each_token_has_a_reserve_of_its_own(fleet, everyone, serve):
    with serve(rate_limit=20, latency=0.05) as server:
        fleet(everyone, "--reserve", 19, NORTHFLANK_API_BASE_URL=server.url)
    assert len(server.requests) == 3


def test_connections_are_reused(fleet, everyone, serve):
    with serve() as server:
        fleet(everyone, "--jobs", 2, NORTHFLANK_API_BASE_URL=server.url)
    assert len(server.requests) == len(TEAMS)
    assert server.connections <= 2


def test_limits_belong_to_one_token_of_one_address():
    common = shared.Shared()
    one, other = Token("not-a-real-token-1", "a"), Token("not-a-real-token-2", "b")
    assert common.limit("https://a", one) is common.limit("https://a", Token("not-a-real-token-1", "elsewhere"))
    assert common.limit("https://a", one) is not common.limit("https://a", other)
    assert common.limit("https://a", one) is not common.limit("https://b", one)


def test_a_process_remembers_few_fleets_and_forgets_those_that_ended(fleet, everyone):
    for number in range(shared.MOST + 3):
        shared.shared(f"r{number}")
    assert len(shared._fleets) == shared.MOST
    for number in range(shared.MOST + 3):
        shared.forget(f"r{number}")
    fleet(everyone)
    assert shared._fleets == {}
