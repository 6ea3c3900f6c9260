"""Gates that ratchet: what is new counts until it is fixed, waived or known for a while; what is too old counts again."""

import datetime as dt

import pytest

from northflank_audit.gate import Gate
from northflank_audit.model import Severity
from northflank_audit.remarks import Waiver
from tests.conftest import resource, rule
from tests.history.conftest import START

OPEN = rule(id="open", require="!credential.open", severity="high")
HOUR = dt.timedelta(hours=1)
DAY = 24 * HOUR
WAIVER = Waiver(rule="open", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))


@pytest.fixture
def gated(account):
    """Audit violations at a time, and return the report."""

    def run(at, *names, waivers=(), new_for=24, max_age=None):
        gate = Gate(fail_on_new=True, at=at, new_for=new_for * 3600, max_age=max_age or {})
        found = [resource(id=name, name=name, open=True) for name in names]
        return account.audited(*found, rules=[OPEN], at=at, waivers=waivers, gate=gate)

    return run


def test_a_second_try_does_not_turn_the_gate_green(gated):
    codes = [gated(START + hours * HOUR, "a").exit_code for hours in (0, 1, 23, 25, 50)]
    assert codes == [1, 1, 1, 0, 0]
    assert gated(START + 51 * HOUR, "a", "b").gate.not_counted == 1


def test_what_is_reopened_or_no_longer_waived_counts_as_long_as_what_is_new(gated):
    assert gated(START, "a").exit_code == 1
    assert gated(START + 2 * DAY, "a").exit_code == 0
    assert gated(START + 3 * DAY).exit_code == 0
    assert [gated(START + 3 * DAY + hours * HOUR, "a").exit_code for hours in (1, 2, 30)] == [1, 1, 0]
    assert gated(START + 5 * DAY, "a", waivers=[WAIVER]).exit_code == 0
    assert [gated(START + 6 * DAY + hours * HOUR, "a").exit_code for hours in (0, 1, 30)] == [1, 1, 0]


def test_what_is_older_than_its_severity_allows_counts_again(gated):
    ages = {Severity.HIGH: 30 * 86_400}
    codes = [gated(START + days * DAY, "a", max_age=ages).exit_code for days in (0, 2, 30, 31, 40)]
    assert codes == [1, 0, 0, 1, 1]
    assert gated(START + 41 * DAY, "a", max_age={Severity.LOW: 1}).exit_code == 0


def test_the_age_counts_from_the_first_time_it_was_seen(gated):
    ages = {Severity.HIGH: 30 * 86_400}
    gated(START, "a", max_age=ages)
    gated(START + 10 * DAY, max_age=ages)  # fixed in between
    gated(START + 20 * DAY, "a", max_age=ages)
    assert gated(START + 31 * DAY, "a", max_age=ages).exit_code == 1


def test_without_a_history_everything_counts(gated, account):
    account.database = None
    assert gated(START, "a").exit_code == 1
    assert gated(START + 9 * DAY, "a").exit_code == 1
