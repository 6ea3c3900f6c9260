"""States over random sequences of runs: by the history, by `--compare`, and by a small model written apart."""

import datetime as dt
from itertools import count

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.baseline import Baseline
from northflank_audit.history.database import Database
from northflank_audit.history.lives import lives
from northflank_audit.history.runs import account_ids
from northflank_audit.remarks import Waiver
from tests.conftest import resource, rule
from tests.history.conftest import START, Account


def rules(version):
    """Return the rules by id, in a version: the second has another parameter and the third another file."""
    return {
        name: replace(
            rule(id=name, when=f"has(credential.{name})", require=f"!credential.{name}"),
            params={"n": min(version, 1)},
            sha256=f"{version // 2:064}",
        )
        for name in ("p", "q")
    }


VERSIONS = [rules(version) for version in range(3)]
RULES = ("p", "q")
TEAMS = ("pay", "ship")
IDS = ("a", "b")
KEYS = [(team, name, rule_id) for team in TEAMS for name in IDS for rule_id in RULES]
CELL = st.sampled_from(["fail", "fail", "pass", "absent", "unknown", "notapplicable"])
DAY = st.fixed_dictionaries(
    {
        "cells": st.fixed_dictionaries(dict.fromkeys(KEYS, CELL)),
        "gone": st.sets(st.sampled_from([(team, name) for team in TEAMS for name in IDS])),
        "rules": st.sampled_from([("p",), ("p", "q"), ("p", "q")]),
        "version": st.sampled_from([0, 0, 1, 2]),
        "teams": st.sampled_from([("pay",), ("ship",), TEAMS, TEAMS]),
        "seen": st.sampled_from([True, True, False]),
        "unread": st.sets(st.sampled_from(TEAMS), max_size=1),
        "waived": st.booleans(),
        "undelivered": st.sampled_from([False, False, True]),
    }
)
_NUMBERS = count()
WAIVER = Waiver(rule="*", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))
VALUE = {"fail": True, "pass": False, "unknown": "a text"}


def resources(day):
    """Return the credentials of a day. A text where a boolean is documented cannot be evaluated."""
    for team in day["teams"]:
        for name in IDS:
            if (team, name) not in day["gone"]:
                cells = {rule_id: day["cells"][team, name, rule_id] for rule_id in RULES}
                fields = {rule_id: VALUE[cell] for rule_id, cell in cells.items() if cell in VALUE}
                yield resource(team=team, id=name, name=name, **fields)


def verdict(day, key):
    """Return a verdict of a day by the account alone: None where there is none."""
    team, name, rule_id = key
    if rule_id not in day["rules"] or (team, name) in day["gone"]:
        return None
    cell = day["cells"][key]
    return {"absent": "notapplicable", "unknown": "error"}.get(cell, cell)


class Model:
    """What is to be expected, from what was seen on each day."""

    def __init__(self):
        self.open, self.ever, self.since = set(), set(), {}

    def day(self, number, day):
        """Return the state of each violation, and what became of each other one that was open."""
        states = {}
        for key in KEYS:
            if key[0] not in day["teams"]:
                continue
            now = verdict(day, key)
            if now == "fail":
                states[key] = "ongoing" if key in self.open else "reopened" if key in self.ever else "new"
                self.since.setdefault(key, number)
                self.open.add(key)
                self.ever.add(key)
            elif key in self.open:
                ended = self._ended(day, key, now)
                states[key] = ended
                if ended in ("fixed", "notapplicable", "gone"):
                    self.open.remove(key)
        return states

    @staticmethod
    def _ended(day, key, now):
        if now is not None:
            return {"pass": "fixed", "notapplicable": "notapplicable"}.get(now, "unknown")
        if key[2] not in day["rules"]:
            return "unasked"
        return "gone" if day["seen"] and key[0] not in day["unread"] else "unseen"


def keyed(report):
    """Return the same of a report, for the accounts that it is about."""
    found = {_key(each): str(each.state) for each in report.results if each.status == "fail"}
    ended = [*report.resolved_results, *report.unsettled_results]
    return found | {_key(each): str(each.became) for each in ended if each.resource.team in report.run.source.teams}


def _key(result):
    return (result.resource.team, result.resource.id, result.rule_id)


def run(account, number, day, **more):
    return account.audited(
        *resources(day),
        rules=[VERSIONS[day["version"]][each] for each in day["rules"]],
        at=START + number * dt.timedelta(days=1),
        teams=day["teams"],
        seen=day["seen"],
        unread=[(team, "registry-credential") for team in day["unread"]],
        waivers=[WAIVER] if day["waived"] else [],
        undelivered=day["undelivered"],
        **more,
    )


@settings(max_examples=40)
@given(days=st.lists(DAY, min_size=1, max_size=6))
def test_the_history_says_what_the_model_says(tmp_path_factory, days):
    database = Database.of(str(tmp_path_factory.getbasetemp() / f"model{next(_NUMBERS)}.db"))
    account, model = Account(database), Model()
    days = [{**day, "undelivered": False} for day in days]  # what is listed again is the other test's
    for number, day in enumerate(days):
        report = run(account, number, day)
        assert keyed(report) == model.day(number, day)
        first = {_key(each): each.first_seen for each in report.results if each.status == "fail"}
        assert first == {key: START + model.since[key] * dt.timedelta(days=1) for key in first}
    with database.reading() as connection:
        found = lives(connection, account_ids(connection))
    assert {_key(each.finding) for each in found if each.open} == model.open
    for life in found:  # the changes alone tell the state after each run
        key = _key(life.finding)
        again = Model()
        for number, day in enumerate(days):
            state = again.day(number, day).get(key)
            if state is not None:
                assert life.state_at(number + 1) == state
            assert life.is_open_at(number + 1) == (key in again.open)


@settings(max_examples=60)
@given(first=DAY, second=DAY)
def test_two_reports_compare_as_the_history_of_their_runs_does(tmp_path_factory, first, second):
    """The same states, counts and cautions, if both runs audit an account in common."""
    assume(set(first["teams"]) & set(second["teams"]))
    database = Database.of(str(tmp_path_factory.getbasetemp() / f"pair{next(_NUMBERS)}.db"))
    by_history, by_file = Account(database), Account(None)
    earlier = msgspec.json.decode(msgspec.json.encode(run(by_history, 0, first)), type=Baseline)
    remembered, compared = run(by_history, 1, second), run(by_file, 1, second, baseline=earlier)
    assert _changes(remembered) == _changes(compared)
    assert remembered.comparison == compared.comparison


def _changes(report):
    """Return everything that a report says about what changed, without what only the history knows."""
    dates = dict.fromkeys(("first_seen", "open_since", "last_seen"), msgspec.UNSET)
    every = (report.results, report.resolved_results, report.unsettled_results)
    return [[replace(each, **dates) for each in results] for results in every]
