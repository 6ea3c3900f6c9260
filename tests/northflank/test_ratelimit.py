import math

import pytest

from northflank_audit.northflank.ratelimit import RateLimit


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limit(clock):
    return RateLimit(clock)


def update(limit, left, reset, most=1000):
    limit.update({"x-ratelimit-limit": str(most), "x-ratelimit-remaining": str(left), "x-ratelimit-reset": str(reset)})


def test_where_nothing_is_known_everything_can_be_tried(limit):
    assert (limit.covers(5000), limit.resets_in) == (5000, 0)


def test_what_is_left_is_covered(limit):
    update(limit, 3, 60)
    assert [limit.covers(wanted) for wanted in (2, 3, 4)] == [2, 3, 3]
    assert limit.resets_in == 60


def test_of_answers_that_come_in_any_order_the_least_counts(limit, clock):
    update(limit, 3, 60)
    clock.now = 1
    update(limit, 5, 59)
    assert limit.covers(10) == 3


def test_after_the_reset_a_windows_worth_is_covered(limit, clock):
    update(limit, 0, 60, most=7)
    assert limit.covers(10) == 0
    clock.now = 60
    assert (limit.covers(10), limit.resets_in) == (7, 0)
    update(limit, 6, 60, most=7)
    assert limit.covers(10) == 6


def test_a_new_window_is_noticed_before_the_old_one_ends(limit, clock):
    update(limit, 0, 60)
    clock.now = 30
    update(limit, 999, 3600)
    assert limit.covers(1000) == 999


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-remaining": "1"}, {"x-ratelimit-remaining": "x", "x-ratelimit-reset": "1"},
                                     {"x-ratelimit-remaining": "1", "x-ratelimit-reset": "soon"}])  # fmt: skip
def test_what_is_no_number_tells_nothing(limit, headers):
    limit.update(headers)
    assert limit.covers(9) == 9


@pytest.mark.parametrize(("left", "reset", "most"), [(0, 0, 0), (-5, 0, -5), (0, math.nan, 0), (0, -1, -1)])
def test_a_limit_without_sense_can_not_keep_a_run_waiting(limit, left, reset, most):
    update(limit, left, reset, most)
    assert (limit.covers(9), limit.resets_in) == (9, 0)
