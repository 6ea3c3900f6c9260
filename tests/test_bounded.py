"""What can't be interrupted is waited for no longer than it may take."""

import threading

import pytest

from northflank_audit.bounded import OutOfTime, within


def test_what_ends_in_time_gives_what_it_gives():
    assert within(120, lambda: "done", "t") == "done"
    with pytest.raises(ZeroDivisionError):
        within(120, lambda: 1 / 0, "t")


def test_what_does_not_end_in_time_is_left_behind():
    over = threading.Event()
    try:
        with pytest.raises(OutOfTime):
            within(0, over.wait, "left-behind")
        (left,) = (each for each in threading.enumerate() if each.name == "left-behind")
        assert left.daemon
    finally:
        over.set()
