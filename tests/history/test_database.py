"""What can go wrong with a database: it is said in plain words, costs exit code 3, and loses nothing."""

import datetime as dt
import os
import random
import signal
import sqlite3
import stat
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.sql.compiler import SQLCompiler

from northflank_audit.errors import StartError
from northflank_audit.history import database as database_module
from northflank_audit.history.database import Database, HistoryError
from northflank_audit.history.lives import lives
from northflank_audit.history.migration import scripts
from northflank_audit.history.runs import account_ids, runs
from northflank_audit.history.schema import HEAD, METADATA, RUN_ACCOUNTS
from tests.conftest import NET, resource, rule
from tests.history.conftest import START, Account, postgres_database

OPEN = rule(id="open", require="!credential.open")
DAY = dt.timedelta(days=1)


def credential(identity: str, *, opened: bool | None = True):
    return resource(id=identity, name=identity, **({} if opened is None else {"open": opened}))


def audited(database: Database, *names: str, day: int = 0):
    return Account(database).audited(*map(credential, names), rules=[OPEN], at=START + day * DAY)


def test_the_migrations_make_what_the_tables_say(database):
    assert scripts().get_heads() == [HEAD]
    with database.writing() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_runs_at_once_all_land(database):
    def one(number: int) -> None:
        audited(database, "a", f"own-{number}")

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(one, range(10)))
    with database.reading() as connection:
        assert len(runs(connection)) == 10
        found = {each.finding.resource.id: each for each in lives(connection, account_ids(connection))}
    assert found["a"].changes[0].kind == "opened"
    assert sum(change.kind == "opened" for change in found["a"].changes) == 1


def test_a_run_that_is_killed_is_there_as_a_whole_or_not_at_all(database):
    """Kill writers at a hundred moments; after each, runs, findings and changes agree."""
    audited(database, "a")
    moments = random.Random(15)
    for number in range(1, 51):  # in each of the two kinds of database
        writer = os.fork()
        if not writer:
            with suppress(BaseException):
                for more in range(1000):
                    half = [credential(f"c{each}", opened=(each + number + more) % 3 != 0) for each in range(60)]
                    Account(database).audited(*half, rules=[OPEN], at=START + number * DAY)
            os._exit(0)
        time.sleep(moments.random() * 0.2)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        with database.writing() as connection:
            found, all_lives = runs(connection), lives(connection, account_ids(connection))
            assert _count(connection, RUN_ACCOUNTS) == len(found)
            assert found[-1].accounts[0].open["low"] == sum(each.open for each in all_lives)
            for each in all_lives:
                assert each.changes[0].kind == "opened"
                assert each.open == (each.state_at(10**6) not in ("fixed", "gone"))
    assert audited(database, "a", day=99).results


def _count(connection, table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()


def test_runs_of_one_process_write_to_a_file_in_order(tmp_path, monkeypatch):
    """SQLite lets in who looks at the right moment, so of many runs some would wait until their time is up."""
    waits = []
    original = Database._connection

    @contextmanager
    def watched(database, *, write):
        waits.append(write)
        with original(database, write=write) as connection:
            yield connection

    base = Database.of(str(tmp_path / "history.db"))
    other = Database.of(str(tmp_path / "other.db"))
    with base.writing():
        pass
    monkeypatch.setattr(Database, "_connection", watched)
    with ThreadPoolExecutor(1) as pool:
        with base.writing(), other.writing(), base.reading():  # another file and a reader wait for nobody
            second = pool.submit(audited, base, "a")
            with suppress(TimeoutError):
                second.result(0.2)
            assert waits == [True, True, False], "it has not even asked the database"
        second.result(NET)
    monkeypatch.setattr(database_module, "LOCK_WAIT", 0.01)
    with base._in_order():  # one that does not end
        audited(base, "a", day=1)


def _locked(path: Path) -> None:
    path.write_bytes(b"")
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN EXCLUSIVE")
    _LOCKS.append(connection)


_LOCKS: list[sqlite3.Connection] = []


def _newer(path: Path) -> None:
    audited(Database.of(str(path)), "a")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _other(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE invoices (id INTEGER)")


def _corrupt(path: Path) -> None:
    audited(Database.of(str(path)), *(f"c{number}" for number in range(200)))
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(bytes(content))


BROKEN = {
    "locked": (_locked, "locked"),
    "newer": (_newer, "newer version"),
    "something else": (_other, "something else"),
    "no database": (lambda path: path.write_bytes(b"this is text, not a database " * 100), "not a database"),
    "corrupt": (_corrupt, "malformed"),
    "folder": (lambda path: path.mkdir(), "it is a folder"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_used_is_left_as_it_is(tmp_path, monkeypatch, name):
    make, says = BROKEN[name]
    path = tmp_path / "history.db"
    monkeypatch.setattr(database_module, "LOCK_WAIT", 0.05)
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(HistoryError, match=says) as caught:
        audited(Database.of(str(path)), "a")
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    assert (path.read_bytes() if path.is_file() else b"") == before
    for connection in _LOCKS:
        connection.close()
    _LOCKS.clear()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(HistoryError, match="unable to open database file .it is read-only, or its folder is"):
        audited(Database.of(str(tmp_path / "history.db")), "a")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(HistoryError, match=r"unable to open database file \(the folder .*no does not exist\)"):
        audited(Database.of(str(tmp_path / "no/history.db")), "a")


def test_postgresql_that_is_locked_for_long_is_no_longer_waited_for(postgres, monkeypatch):
    database = Database.of(postgres_database(postgres))
    audited(database, "a")
    with database.writing():
        monkeypatch.setattr(database_module, "LOCK_WAIT", 1)
        with pytest.raises(HistoryError, match="lock timeout"):
            audited(Database.of(str(database.url.render_as_string())), "a", day=1)
        with database.reading() as connection:
            assert len(runs(connection)) == 1, "who reads does not wait"


def test_a_full_disk_takes_the_run_back(tmp_path):
    database = Database.of(str(tmp_path / "history.db"))
    audited(database, "a")

    @sa.event.listens_for(sa.engine.Engine, "connect")
    def small(connection, _record) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    try:
        with pytest.raises(HistoryError, match="full"):
            audited(database, *(f"c{number}" for number in range(2000)), day=1)
    finally:
        sa.event.remove(sa.engine.Engine, "connect", small)
    with database.reading() as connection:
        assert len(runs(connection)) == 1
        assert len(lives(connection, account_ids(connection))) == 1


def test_a_password_is_never_shown():
    database = Database.of("postgresql://audit:s3cret-pass@127.0.0.1:1/x")
    assert "s3cret-pass" not in database.shown
    with pytest.raises(HistoryError) as caught, database.writing():
        pass
    assert "s3cret-pass" not in str(caught.value)
    assert "Connection refused" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("mysql://u:pw@h/x", "'mysql' is not supported"),
        ("sqlite://", "sqlite:///PATH"),
        ("sqlite://host/x", "sqlite:///PATH"),
        (":memory:", "expects the path of a file"),
        ("", "expects the path of a file"),
        ("folder/", "expects the path of a file"),
        ("postgresql://u:pw@h:port/x", "not the address"),
    ],
)
def test_what_names_no_database_is_refused(given, says):
    with pytest.raises(StartError, match=says) as caught:
        Database.of(given)
    assert "pw" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StartError, match=r"the extra 'postgres': pip install 'psycopg\[binary\]'"):
        Database.of("postgresql://h/x")


def test_a_history_that_is_not_there_is_not_made_by_asking(tmp_path):
    with pytest.raises(StartError, match="does not exist yet"), Database.of(str(tmp_path / "no.db")).reading():
        pass
    assert not any(tmp_path.iterdir())


def test_the_runs_of_a_process_compile_statements_once(database, monkeypatch):
    compiled, compiles = [], SQLCompiler.__init__

    def noted(self, *given, **options):
        compiled.append(1)
        compiles(self, *given, **options)

    monkeypatch.setattr(SQLCompiler, "__init__", noted)
    counts = []
    for day in range(5):
        compiled.clear()
        Account(database).audited(credential("a", opened=day % 2 == 0), rules=[OPEN], at=START + day * DAY)
        counts.append(len(compiled))
    assert counts[0] > 10
    assert counts[-1] == 0
