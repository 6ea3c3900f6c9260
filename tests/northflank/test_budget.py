"""What a run may ask: --max-requests, --reserve, the hourly limit."""

import threading

import pytest

from northflank_audit.deadline import Deadline
from northflank_audit.northflank.budget import FIRST, Budget, NotCovered
from tests.conftest import NET, until


class World:
    now = 0.0

    def __init__(self):
        self.waits = []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def world():
    return World()


@pytest.fixture
def make(world):
    def run(timeout=300.0, **options):
        return Budget(Deadline(timeout, world.clock), world.sleep, **options)

    return run


def answered(left, reset=3600, limit=1000):
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)}


def send(budget, headers=None, label="addon"):
    budget.take("list", label)
    budget.settle(headers)


def test_each_try_is_counted_with_what_it_was_for(make):
    budget = make()
    for label in ("addon", "addon", "project"):
        send(budget, label=label)
    assert (budget.sent, dict(budget.sent_for)) == (3, {"addon": 2, "project": 1})


def test_no_request_is_sent_beyond_the_most_and_the_reason_says_so(make):
    budget = make(most=2)
    assert budget.covers(5) == 2
    send(budget)
    send(budget)
    with pytest.raises(NotCovered, match=r"^list: --max-requests 2 is used up$"):
        budget.take("list", "addon")
    assert (budget.sent, budget.covers(5), budget.wait_for_window()) == (2, 0, False)
    assert budget.shortage(310) == "--max-requests 2 is used up (needs 312 requests)"
    assert budget.shortage(3, at_least=True) == "--max-requests 2 is used up (needs at least 5 requests)"


def test_few_are_covered_before_an_answer_tells_the_limit(make):
    budget = make()
    assert (budget.covers(3), budget.covers(1000)) == (3, FIRST)
    send(budget, {})
    assert budget.covers(5000) == 5000


def test_the_reserve_is_left_to_others(make):
    budget = make(reserve=100)
    send(budget, answered(103))
    assert budget.covers(50) == 3
    for left in (102, 101, 100):
        send(budget, answered(left))
    assert budget.covers(50) == 0
    with pytest.raises(NotCovered, match="leaves no request besides --reserve 100 for 3600 s, and --timeout is 300 s"):
        budget.take("list", "addon")


def test_the_end_of_the_window_is_waited_for_where_the_time_allows_it(make, world):
    budget = make(timeout=4000, reserve=100)
    send(budget, answered(100))
    send(budget, answered(999))
    assert (world.waits, budget.sent) == ([3600], 2)


def test_a_reserve_above_the_limit_leaves_nothing_and_waits_for_nothing(make, world):
    budget = make(timeout=10_000, reserve=2000)
    send(budget, answered(900, reset=60))
    with pytest.raises(NotCovered, match="--reserve 2000 leaves nothing of the API's rate limit"):
        budget.take("list", "addon")
    assert world.waits == [60]
    assert budget.timeout_for(10) is None


def test_with_a_reserve_the_first_request_goes_alone_and_those_under_way_count(make):
    budget = make(reserve=100)
    budget.take("list", "a")
    others = [threading.Thread(target=budget.take, args=("list", "b"), daemon=True) for _ in range(4)]
    for each in others:
        each.start()
    assert budget.sent == 1
    budget.settle(answered(102))
    until(lambda: sum(each.is_alive() for each in others) == 2)  # two are left besides the reserve
    assert budget.sent == 3
    budget.reserve = 0
    for each in others:
        each.join(NET)


@pytest.mark.parametrize(
    ("more", "left", "timeout"),
    [(10, 500, 300), (500, 500, 300), (501, 500, 3900), (1500, 500, 4000), (1501, 500, 7600), (4000, 0, 15_400)],
)
def test_the_time_that_requests_need_is_that_of_their_windows(make, more, left, timeout):
    budget = make()
    budget.rate_limit.update(answered(left))
    assert budget.timeout_for(more) == timeout


def test_what_the_limit_does_not_cover_names_the_time_it_needs(make):
    budget = make()
    send(budget, answered(0, reset=1200))
    assert budget.shortage(50) == (
        "the API's rate limit leaves no request for 1200 s, and --timeout is 300 s (needs --timeout 1500)"
    )
