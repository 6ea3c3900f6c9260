"""A database of an earlier form is brought up to date, with its data, after a copy."""

import shutil

import pytest
import sqlalchemy as sa

from northflank_audit.history import database as database_module
from northflank_audit.history import migration
from northflank_audit.history.database import Database, HistoryError
from northflank_audit.history.lives import lives
from northflank_audit.history.runs import account_ids
from tests.history.test_database import audited

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


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
        (folder / "versions/r0002.py").write_text(NEXT.format(then=then))
        monkeypatch.setattr(migration, "MIGRATIONS", folder)
        monkeypatch.setattr(database_module, "HEAD", "0002")

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
        copy = Database.of(f"{database.file}.0001")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database_module, "HEAD", "0001")
            with copy.reading() as connection:
                assert len(lives(connection, account_ids(connection))) == 2


def test_a_step_that_fails_takes_everything_back(database, newer):
    audited(database, "a")
    newer("raise OSError('no')")
    with pytest.raises(HistoryError, match="no"):
        audited(database, "a", day=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database_module, "HEAD", "0001")
        with database.reading() as connection:
            assert len(lives(connection, account_ids(connection))) == 1
            columns = {each["name"] for each in sa.inspect(connection).get_columns("run")}
    assert "note" not in columns
