"""Which accounts a run is recorded under: by host, by owner, else by the fleet's target, and by team."""

import pytest

from northflank_audit.audit.memory import memory_of
from northflank_audit.history.database import Database
from northflank_audit.history.runs import account_ids
from northflank_audit.model import Account as AuditedAccount
from northflank_audit.report import Origin
from northflank_audit.sources.interface import Source
from tests.conftest import resource, rule
from tests.history.conftest import API, START, Account

OPEN = rule(id="open", require="!credential.open")
FILES = Origin(kind="input", files=["june.json"])


class Audited(Source):
    """A source that was read, with an owner by the API; empty: the API does not name it."""

    def __init__(self, origin: Origin, owner: str, team: str | None) -> None:
        super().__init__(origin)
        self._owner = owner
        self.accounts = {team: AuditedAccount(team=team)}

    def entity(self) -> str:
        return self._owner

    def _pages(self, kinds):
        yield from ()


@pytest.fixture
def recorded(tmp_path):
    """Record a run with one violation, and return the accounts of the database and what is new."""
    database = Database.of(str(tmp_path / "history.db"))

    def record(origin: Origin, owner: str = "", team: str | None = None, **target: str | None):
        source = Audited(origin, owner, team)
        memory = memory_of(str(database.file), **target)
        comparison = memory.recall(source)
        run = Account(None).audited(
            resource(id="a", name="a", team=team, open=True),
            rules=[OPEN],
            at=START,
            teams=(team,),
            comparison=comparison,
        )
        report = memory.record(run, source)
        assert report.run.complete, report.run.incomplete_reasons
        with database.reading() as connection:
            labels = {each.label for each in account_ids(connection).values()}
        return labels, [each.state for each in report.results]

    return record


def test_a_target_stands_for_an_owner_that_the_api_does_not_name(recorded):
    assert recorded(FILES, target="acme") == ({"input/acme/the token's own account"}, ["new"])
    assert recorded(FILES, target="acme")[1] == ["ongoing"]
    labels, states = recorded(FILES, target="archived")
    assert (len(labels), states) == (2, ["new"]), "two targets are two accounts"
    assert recorded(FILES, team="pay", target="acme")[1] == ["new"]


def test_an_owner_that_the_api_names_comes_before_the_target(recorded):
    assert recorded(API, "org-1", target="acme") == ({"api.northflank.com/org-1/the token's own account"}, ["new"])
    assert recorded(API, "org-1", target="renamed")[1] == ["ongoing"]
    assert recorded(API, "org-1")[1] == ["ongoing"]


@pytest.mark.parametrize("given", [{}, {"target": None}, {"target": ""}])
def test_without_a_target_nothing_stands_for_the_owner(recorded, given):
    assert recorded(FILES, **given)[0] == {"input/the token's own account"}
