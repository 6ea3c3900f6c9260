"""Questions to a history: what a pruned or other account's run can't answer is said."""

import datetime as dt
import json

import pytest

from northflank_audit.history.database import Database
from northflank_audit.history.past import Holder
from northflank_audit.history.retention import prune
from northflank_audit.history.runs import runs
from tests.conftest import resource, rule
from tests.history.conftest import START, Account

OPEN = rule(id="open", title="Restricted", require="!credential.open", severity="high")
DAY = dt.timedelta(days=1)


@pytest.fixture
def history(tmp_path) -> Database:
    """Four runs: a and b open, b fixed, c new, nothing new; and one of another owner."""
    database = Database.of(str(tmp_path / "history.db"))
    account = Account(database)
    for day, names in enumerate(["ab", "a", "ac", "ac"]):
        found = [resource(id=name, name=name, open=name in names) for name in "abc"]
        account.audited(*found, rules=[OPEN], at=START + day * DAY)
    other = Account(database, Holder("api.northflank.com", "other"))
    other.audited(resource(id="x", name="x", open=True), rules=[OPEN], at=START)
    return database


def ids(database: Database) -> list[str]:
    with database.reading() as connection:
        return [run.id for run in runs(connection)]


@pytest.fixture
def ask(audit):
    def run(*arguments: str):
        return audit("history", *arguments, "--history", "history.db")

    return run


def states(ended) -> list[tuple[str, str]]:
    return sorted((each["state"], each["resource"]["id"]) for each in json.loads(ended.out)["changes"])


def test_a_diff_is_from_the_earlier_to_the_later_run_however_they_are_named(history, ask):
    first, _, third, *_ = ids(history)
    changes = [("fixed", "b"), ("new", "c")]
    for pair in ((first, third), (third, first)):
        assert states(ask("diff", *pair, "--json")) == changes
    assert states(ask("diff", third, third, "--json")) == []


def test_runs_of_different_accounts_are_not_compared(history, ask):
    first, *_, other = ids(history)
    ended = ask("diff", first, other)
    assert (ended.code, "no account in common" in ended.err) == (2, True)


def test_what_was_pruned_is_counted_where_it_is_missing(history, ask):
    first, _, third, fourth, _ = ids(history)
    assert json.loads(ask("diff", first, third, "--json").out)["pruned"] == 0
    with history.writing() as connection:
        prune(connection, START + 3 * DAY, START.date())
    assert ids(history)[:3] == [first, third, fourth], "runs that changed an open finding stay"
    ended = ask("diff", first, fourth)
    assert (ended.code, "fixed" in ended.out) == (0, False)
    assert "not shown: 1 finding that history prune deleted" in ended.out
    assert json.loads(ask("show", first, "--json").out)["pruned"] == 1
    assert "not shown" not in ask("show", fourth).out
    assert ask("diff", first, "r0").code == 2


def test_a_site_is_written_again_without_pages_of_what_is_gone(history, ask, tmp_path):
    assert ask("site", "--output", "site").code == 0
    before = {path.name for path in (tmp_path / "site").iterdir()}
    (tmp_path / "site/finding-notes.html").write_text("mine")
    with history.writing() as connection:
        prune(connection, START + 3 * DAY, START.date())
    done = ask("site", "--output", "site", "--json")
    after = {path.name for path in (tmp_path / "site").iterdir()}
    assert len(before - after) == 2, "the finding and its resource"
    assert after - before == {"finding-notes.html"}, "other files stay"
    assert json.loads(done.out) == {"pages": len(after) - 1, "accounts": 2}
