"""A database of an earlier form is brought up to date, with its data, after a copy."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from northflank_audit.history import database as database_module
from northflank_audit.history import migration
from northflank_audit.history.database import Database, HistoryError
from northflank_audit.history.lives import find_lives, lives
from northflank_audit.history.runs import account_ids, runs
from northflank_audit.history.schema import HEAD
from tests.history.conftest import START, Account, states
from tests.history.test_database import DAY, OPEN, audited, credential

FIRST = Path(__file__).with_name("r0001.json")
"""The rows of a database of version 0001, as that version wrote them: two runs over four credentials."""

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0099"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("run", sa.Column("note", sa.Text))
    {then}
"""


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """Make a version of the tool whose database has one more step."""

    def make(then: str = "pass") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(migration.MIGRATIONS, folder, dirs_exist_ok=True)
        (folder / "versions/r0099.py").write_text(NEXT.format(then=then))
        monkeypatch.setattr(migration, "MIGRATIONS", folder)
        monkeypatch.setattr(database_module, "HEAD", "0099")

    return make


def test_an_older_database_is_copied_and_brought_up_to_date(database, newer):
    audited(database, "a", "b")
    newer()
    with pytest.raises(HistoryError, match="older version"), database.reading():
        pass
    second = audited(database, "a", day=1)
    assert [each.state for each in second.results] == ["ongoing"]
    with database.reading() as connection:
        assert len(lives(connection, account_ids(connection))) == 2
        connection.exec_driver_sql("SELECT note FROM run")
    if database.file is not None:
        copy = Database.of(f"{database.file}.{HEAD}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database_module, "HEAD", HEAD)
            with copy.reading() as connection:
                assert len(lives(connection, account_ids(connection))) == 2


def test_a_step_that_fails_takes_everything_back(database, newer):
    audited(database, "a")
    newer("raise OSError('no')")
    with pytest.raises(HistoryError, match="no"):
        audited(database, "a", day=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "HEAD", HEAD)
        with database.reading() as connection:
            assert len(lives(connection, account_ids(connection))) == 1
            columns = {each["name"] for each in sa.inspect(connection).get_columns("run")}
    assert "note" not in columns


def filled(database: Database) -> None:
    """Make a database of version 0001 with its rows, as they were."""
    tables = json.loads(FIRST.read_text())
    with database._connection(write=True) as connection:
        migration.migrate(connection, None, revision="0001")
        metadata = sa.MetaData()
        metadata.reflect(connection)
        for name, rows in tables.items():
            table = metadata.tables[name]
            connection.execute(table.insert(), [{key: _value(table, key, row[key]) for key in row} for row in rows])
            for key in table.primary_key.columns if database.file is None else ():
                number = f"SELECT pg_get_serial_sequence('{name}', '{key.name}')"
                if (sequence := connection.execute(sa.text(number)).scalar()) is not None:
                    connection.execute(sa.text(f"SELECT setval('{sequence}', {len(rows)})"))


def _value(table, key, value):
    kind = table.columns[key].type
    if isinstance(kind, sa.DateTime) and value is not None:
        return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    return bool(value) if isinstance(kind, sa.Boolean) else value


def test_a_database_of_the_first_version_keeps_its_data(database):
    filled(database)
    with pytest.raises(HistoryError, match="older version"), database.reading():
        pass
    account = Account(database)
    third = account.audited(*map(credential, "abu"), rules=[OPEN], at=START + 2 * DAY)
    assert states(third) == {"a": "ongoing", "b": "reopened", "u": "ongoing", "w": "gone"}
    assert {each.first_seen for each in third.results} == {START}
    account.audited(*map(credential, "ab"), credential("n", opened=None), rules=[OPEN], at=START + 3 * DAY)
    last = account.audited(*map(credential, "an"), rules=[OPEN], at=START + 4 * DAY)
    assert "1 of what is new was unknown in the earlier report" in " ".join(last.comparison.cautions)
    with database.reading() as connection:
        assert [each.accounts[0].open["low"] for each in runs(connection)] == [4, 2, 3, 2, 2]
        (waived,) = find_lives(connection, account_ids(connection), "693a6438")
        assert [each.kind for each in waived.changes] == ["opened", "waived", "gone"]
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    assert version == HEAD
    if database.file is not None:
        copy = sa.create_engine(f"sqlite:///{database.file}.0001")
        with copy.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM run")).scalar() == 2
            assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "0001"


def test_a_newer_database_is_refused_and_stays_as_it_is(database):
    audited(database, "a")
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0099'"))
    for use in (database.reading, database.writing):
        with pytest.raises(HistoryError, match=r"newer version of this tool \(0099\)"), use():
            pass
    with database._connection(write=False) as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM run")).scalar() == 1
    if database.file is not None:
        assert [each.name for each in database.file.parent.glob("history.db*") if "-" not in each.name] == [
            "history.db"
        ]
