"""States over random sequences of runs: by the history, by `--compare`, and by a small model written apart."""

import datetime as dt
from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from northflank_audit.baseline import Baseline
from northflank_audit.history.database import Database
from northflank_audit.history.lives import lives
from northflank_audit.history.runs import account_ids
from northflank_audit.remarks import Waiver
from tests.conftest import resource, rule
from tests.history.conftest import START, Account

RULES = {name: rule(id=name, when=f"has(credential.{name})", require=f"!credential.{name}") for name in ("p", "q")}
IDS = ("a", "b", "c")
CELL = st.sampled_from(["fail", "fail", "pass", "absent", "unknown", "notapplicable"])
DAY = st.fixed_dictionaries(
    {
        "cells": st.fixed_dictionaries({(name, rule_id): CELL for name in IDS for rule_id in RULES}),
        "gone": st.sets(st.sampled_from(IDS)),
        "rules": st.sampled_from([("p",), ("p", "q"), ("p", "q")]),
        "seen": st.sampled_from([True, True, False]),
        "waived": st.booleans(),
    }
)
_NUMBERS = count()
WAIVER = Waiver(rule="*", resource="a", reason="r", owner="o", expires=dt.date(2027, 1, 1))
VALUE = {"fail": True, "pass": False, "unknown": "a text"}


def resources(day):
    """Return the credentials of a day. A text where a boolean is documented cannot be evaluated."""
    for name in IDS:
        if name not in day["gone"]:
            cells = {rule_id: day["cells"][name, rule_id] for rule_id in RULES}
            fields = {rule_id: VALUE[cell] for rule_id, cell in cells.items() if cell in VALUE}
            yield resource(id=name, name=name, **fields)


def verdict(day, name, rule_id):
    """Return a verdict of a day by the account alone: None where there is none."""
    if rule_id not in day["rules"] or name in day["gone"]:
        return None
    cell = day["cells"][name, rule_id]
    return {"absent": "notapplicable", "unknown": "error"}.get(cell, cell)


class Model:
    """What is to be expected, from what was seen on each day."""

    def __init__(self):
        self.open, self.ever, self.since = set(), set(), {}

    def day(self, number, day):
        """Return the state of each violation, and what became of each other one that was open."""
        states = {}
        for key in [(name, rule_id) for name in IDS for rule_id in RULES]:
            now = verdict(day, *key)
            if now == "fail":
                states[key] = "ongoing" if key in self.open else "reopened" if key in self.ever else "new"
                self.since.setdefault(key, number)
                self.open.add(key)
                self.ever.add(key)
            elif key in self.open:
                ended = self._ended(day, key[1], now)
                states[key] = ended
                if ended in ("fixed", "notapplicable", "gone"):
                    self.open.remove(key)
        return states

    @staticmethod
    def _ended(day, rule_id, now):
        if now is not None:
            return {"pass": "fixed", "notapplicable": "notapplicable"}.get(now, "unknown")
        if rule_id not in day["rules"]:
            return "unasked"
        return "gone" if day["seen"] else "unseen"


def keyed(report):
    """Return the same of a report."""
    found = {(each.resource.id, each.rule_id): str(each.state) for each in report.results if each.status == "fail"}
    ended = [*report.resolved_results, *report.unsettled_results]
    return found | {(each.resource.id, each.rule_id): str(each.became) for each in ended}


def run(account, number, day, **more):
    return account.audited(
        *resources(day),
        rules=[RULES[each] for each in day["rules"]],
        at=START + number * dt.timedelta(days=1),
        seen=day["seen"],
        waivers=[WAIVER] if day["waived"] else [],
        **more,
    )


@settings(max_examples=40)
@given(days=st.lists(DAY, min_size=1, max_size=6))
def test_the_history_says_what_the_model_says(tmp_path_factory, days):
    database = Database.of(str(tmp_path_factory.getbasetemp() / f"model{next(_NUMBERS)}.db"))
    account, model = Account(database), Model()
    for number, day in enumerate(days):
        report = run(account, number, day)
        assert keyed(report) == model.day(number, day)
        first = {(each.resource.id, each.rule_id): each.first_seen for each in report.results if each.status == "fail"}
        assert first == {key: START + model.since[key] * dt.timedelta(days=1) for key in first}
    with database.reading() as connection:
        found = lives(connection, account_ids(connection))
    assert {(each.finding.resource.id, each.finding.rule_id) for each in found if each.open} == model.open
    for life in found:  # the changes alone tell the state after each run
        key = (life.finding.resource.id, life.finding.rule_id)
        again = Model()
        for number, day in enumerate(days):
            state = again.day(number, day).get(key)
            if state is not None:
                assert life.state_at(number + 1) == state
            assert life.is_open_at(number + 1) == (key in again.open)


@settings(max_examples=40)
@given(first=DAY, second=DAY)
def test_two_reports_compare_as_the_history_of_their_runs_does(tmp_path_factory, first, second):
    database = Database.of(str(tmp_path_factory.getbasetemp() / f"pair{next(_NUMBERS)}.db"))
    by_history, by_file = Account(database), Account(None)
    run(by_history, 0, first)
    earlier = msgspec.json.decode(msgspec.json.encode(run(by_file, 0, first)), type=Baseline)
    remembered, compared = run(by_history, 1, second), run(by_file, 1, second, baseline=earlier)
    assert keyed(remembered) == keyed(compared)
    # The history keeps no verdicts that could not be given, so that it can't caution because of them.
    same = {"baseline": None, "cautions": []}
    assert replace(remembered.comparison, **same) == replace(compared.comparison, **same)
