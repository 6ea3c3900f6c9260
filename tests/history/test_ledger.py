"""What is new, ongoing, reopened or resolved by the history, and since when; in SQLite and in PostgreSQL."""

import datetime as dt

import msgspec
import pytest
import sqlalchemy as sa

from northflank_audit.history.ledger import record
from northflank_audit.history.lives import find_lives, lives
from northflank_audit.history.past import Holder, read_past
from northflank_audit.history.runs import account_ids, runs
from northflank_audit.history.schema import BLOBS, EVENTS, RUNS
from northflank_audit.remarks import Waiver
from northflank_audit.report import Coverage, TypeCoverage
from tests.conftest import resource, rule
from tests.history.conftest import START, Account, states

OPEN = rule(id="open", require="!credential.open")
DAY = dt.timedelta(days=1)
WAIVER = Waiver(rule="open", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))


def credential(identity: str, opened: bool | None = True, team: str | None = None):
    fields = {} if opened is None else {"open": opened}
    return resource(team=team, id=identity, name=identity, **fields)


def days(account: Account, *each_day, **more):
    """Audit on one day after another, and return the reports."""
    first = len(account.reports)
    return [
        account.audited(*resources, rules=[OPEN], at=START + (first + day) * DAY, **more)
        for day, resources in enumerate(each_day)
    ]


def test_a_violation_is_new_then_ongoing_then_fixed_then_reopened(account):
    reports = days(account, [credential("a")], [credential("a")], [credential("a", opened=False)], [credential("a")])
    assert [states(each) for each in reports] == [{"a": "new"}, {"a": "ongoing"}, {"a": "fixed"}, {"a": "reopened"}]
    seen = [(each.first_seen, each.open_since, each.last_seen) for each in reports[3].results]
    assert seen == [(START, START + 3 * DAY, START + 3 * DAY)]
    fixed = reports[2].resolved_results[0]
    assert (fixed.first_seen, fixed.last_seen) == (START, START + DAY)


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"seen": False}, "unseen"),
        ({"rules": []}, "unasked"),
        ({"teams": ("other",)}, None),
        ({"unread": [(None, "registry-credential")]}, "unseen"),
    ],
)
def test_what_was_not_seen_is_neither_resolved_nor_ongoing_and_keeps_its_age(account, more, state):
    days(account, [credential("a")])
    second = account.audited(**{"rules": [OPEN], "at": START + DAY, **more})
    assert states(second).get("a") == state
    (third,) = days(account, [credential("a")])
    assert states(third) == {"a": "ongoing"}
    assert third.results[0].first_seen == START


def test_a_verdict_that_is_unknown_leaves_a_violation_open(account):
    first, second, third = days(account, [credential("a")], [credential("a", opened=None)], [credential("a")])
    assert [states(each)["a"] for each in (first, second, third)] == ["new", "unknown", "ongoing"]
    with account.database.reading() as connection:
        (life,) = find_lives(connection, account_ids(connection), "#" + third.results[0].fingerprint[:8])
    assert [each.kind for each in life.changes] == ["opened", "unknown", "seen"]


def test_a_run_that_changes_nothing_adds_a_line_and_no_copy(account):
    days(account, *[[credential(f"c{number}") for number in range(50)]] * 5)
    with account.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(EVENTS)).scalar() == 50
        assert [each.accounts[0].open["low"] for each in runs(connection)] == [50] * 5


def test_waivers_come_and_go(account):
    days(account, [credential("a")], [credential("a")], waivers=[])
    days(account, [credential("a")], waivers=[WAIVER])
    days(account, [credential("a")])
    with account.database.reading() as connection:
        (life,) = lives(connection, account_ids(connection))
        assert [each.accounts[0].waived for each in runs(connection)] == [0, 0, 1, 0]
    assert [each.kind for each in life.changes] == ["opened", "waived", "unwaived"]
    assert [life.waived_at(number) is not None for number in (2, 3, 4)] == [False, True, False]


def test_accounts_are_told_apart_by_host_entity_and_team(database):
    same = [credential("a")]
    assert states(days(Account(database), same)[0]) == {"a": "new"}
    assert states(days(Account(database, Holder("api.northflank.com", "other")), same)[0]) == {"a": "new"}
    assert states(days(Account(database, Holder("api.example.com", "acme")), same)[0]) == {"a": "new"}
    of_team = [credential("a", team="pay")]
    assert states(days(Account(database, Holder("api.northflank.com", "acme")), of_team, teams=("pay",))[0]) == {
        "a": "new"
    }
    with database.reading() as connection:
        assert len(account_ids(connection)) == 4


def test_where_the_holder_is_unknown_the_only_one_of_the_host_is_meant(database):
    days(Account(database), [credential("a")])
    assert states(days(Account(database, Holder("api.northflank.com", "")), [credential("a")])[0]) == {"a": "ongoing"}


def test_a_team_that_was_not_audited_keeps_what_it_has(account):
    pay, data = credential("p", team="pay"), credential("d", team="data")
    days(account, [pay, data], teams=("pay", "data"))
    (alone,) = days(account, [pay], teams=("pay",))
    assert states(alone) == {"p": "ongoing", "d": "unaudited"}
    (both,) = days(account, [pay], teams=("pay", "data"))
    assert states(both) == {"p": "ongoing", "d": "gone"}


def test_a_clock_that_goes_backwards_loses_nothing(account):
    days(account, [credential("a")])
    account.audited(credential("a"), credential("b"), rules=[OPEN], at=START - 400 * DAY)
    (last,) = days(account, [credential("a")])
    assert states(last) == {"a": "ongoing", "b": "gone"}
    assert [each.first_seen for each in last.results] == [START]
    with account.database.reading() as connection:
        assert len(runs(connection)) == 3


def test_a_finding_of_a_run_at_the_same_time_stays(account):
    """Both read the history before the other wrote; what the slower one did not see is not resolved by it."""
    days(account, [credential("a")])
    with account.database.writing() as connection:
        past = read_past(connection, account.holder, [None])
    days(account, [credential("a"), credential("b")])
    slow = Account(None)
    slow.reports = [*account.reports]
    report = slow.audited(credential("a", opened=False), rules=[OPEN], at=START + DAY, baseline=past.last)
    with account.database.writing() as connection:
        record(connection, report, past, [None])
        found = lives(connection, account_ids(connection))
    assert {each.finding.resource.id: each.open for each in found} == {"a": True, "b": True}


def test_what_nobody_received_is_listed_again_as_it_was(account):
    """A violation that came back in a run whose mail failed has come back, and is not seen for the first time."""
    days(account, [credential("a")], [credential("a", opened=False)])
    days(account, [credential("a"), credential("b")], undelivered=True)
    again, after = days(account, *[[credential("a"), credential("b")]] * 2)
    assert states(again) == {"a": "reopened", "b": "new"}
    assert states(after) == {"a": "ongoing", "b": "ongoing"}
    assert [each.first_seen for each in again.results] == [START, START + 2 * DAY]


def test_a_run_over_other_accounts_in_between_does_not_end_the_comparison(account):
    """The last run of all is of an account that this one does not audit."""
    pay = [credential("p", team="pay")]
    days(account, pay, teams=("pay",))
    days(account, [credential("own")])
    with account.database.writing() as connection:
        past = read_past(connection, account.holder, None)  # as for --all-teams, before the teams are known
    assert past.last is not None
    assert past.last.run.source.teams == []
    (report,) = days(account, pay, teams=("pay",), past=past)
    assert report.comparison.refused is None
    assert (states(report)["p"], report.comparison.cautions) == ("ongoing", [])


def test_a_run_with_other_counts_keeps_no_copy_of_what_stayed(account):
    """Verdicts on controls and descriptions of types are shared between runs, whatever was counted."""
    controlled = rule(id="open", require="!credential.open", controls={"soc2": ["CC6.1"]})
    for day in range(4):
        found = [credential(f"c{number}") for number in range(day + 1)]
        account.audited(*found, rules=[controlled], at=START + day * DAY)
    with account.database.reading() as connection:
        digests = connection.execute(sa.select(RUNS.c.rules, RUNS.c.compliance).distinct()).all()
        sizes = connection.execute(
            sa.select(sa.func.length(BLOBS.c.text)).join(RUNS, RUNS.c.coverage == BLOBS.c.digest)
        )
        assert len(digests) == 1
        assert max(sizes.scalars()) < 200


def test_the_coverage_of_a_run_is_read_as_it_was(account):
    types = [
        TypeCoverage(type="registry-credential", resources=3, requests=2, complete=False, missing=["page 2: 403"]),
        TypeCoverage(type="org-role", in_scope=False, scope="they need an organisation's token"),
    ]
    account.audited(credential("a"), rules=[OPEN], at=START, coverage=Coverage(requests=2, resources=3, types=types))
    with account.database.reading() as connection:
        query = sa.select(BLOBS.c.text).join(RUNS, RUNS.c.coverage == BLOBS.c.digest)
        kept = msgspec.json.decode(connection.execute(query).scalar_one(), type=Coverage)
    assert (kept.requests, kept.resources, kept.types) == (2, 3, types)
