"""What makes the exit code 1, as a function of the results alone."""

import datetime as dt

import pytest
from msgspec.structs import replace

from northflank_audit.gate import Gate
from northflank_audit.model import Severity, Status
from northflank_audit.remarks import Waiver
from tests.formats.conftest import result

NEW_ALONE = Gate(Severity.MEDIUM, fail_on_new=True)
ACCEPTED = Waiver(rule="r", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"state": "new"}, True),
        ({}, True),  # nothing was compared: nobody knows that it was there before
        ({"state": "ongoing"}, False),
        ({"state": "ongoing", "unwaived": True}, True),  # it was accepted until a day, and that is over
        ({"state": "new", "severity": Severity.LOW}, False),
        ({"state": "new", "waiver": ACCEPTED}, False),
        ({"state": "ongoing", "waiver": ACCEPTED}, False),
        ({"status": Status.UNKNOWN}, False),
    ],
)
def test_only_what_is_known_to_be_ongoing_is_exempt(changes, counts):
    assert NEW_ALONE.counts(result(**changes)) is counts


def test_every_violation_counts_unless_the_gate_is_on_what_is_new():
    assert Gate(Severity.MEDIUM).counts(result(state="ongoing"))
    assert not Gate(None, fail_on_new=True).counts(result(state="new"))


def test_it_says_how_many_it_does_not_count():
    ongoing = [result(resource=name, state="ongoing") for name in "abc"]
    some = [*ongoing, result(state="new"), replace(ongoing[0], waiver=ACCEPTED)]
    assert (NEW_ALONE.over(some).not_counted, Gate().over(some).not_counted) == (3, 0)
