"""Opens the history's database, migrates it, and explains failures."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from northflank_audit.bounded import turn
from northflank_audit.errors import DeliveryError, StartError
from northflank_audit.history.schema import HEAD
from northflank_audit.installed import missing
from northflank_audit.printable import printable, spelt

DURABILITY: Final = "FULL"
"""What SQLite does for a run that was recorded to survive a power failure: wait until the disk has it."""
LOCK_WAIT: Final = 30
"""Seconds that a run waits for another one that writes."""
CONNECT_WAIT: Final = 10
"""Seconds that a connection to PostgreSQL may take."""
STATEMENT_WAIT: Final = 120
"""Seconds that a statement may take in PostgreSQL."""
_LOCK: Final = 0x6E66617564697431
"""The advisory lock in PostgreSQL that every writer takes."""
POSTGRES: Final = "postgresql+psycopg"
_turns: Final[dict[sa.URL, threading.Lock]] = {}
"""By file, who in this process writes to it."""
_ENGINES: Final = 16
"""Databases for which a process keeps compiled statements: each target of a fleet may have its own."""
_LITTLE: Final = 65_536
"""Bytes of free space with which SQLite can't write a run."""
_SHAPES: Final = "a path, sqlite:///PATH or postgresql://USER@HOST/DATABASE"


class HistoryError(DeliveryError):
    """The database is down, refuses, or is something else. The rest of the audit is not lost."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database by its address, opened when it is needed."""

    url: sa.URL
    shown: str
    """The address for people, without a password."""

    @classmethod
    def of(cls, given: str) -> "Database":
        """Create one from `--history`. Raises StartError for an invalid address or a missing driver."""
        if "://" not in given:
            return cls(_file_url(given), spelt(given))
        try:
            url = sa.make_url(given)
            shown = printable(url.render_as_string(hide_password=True))
        except (sa.exc.ArgumentError, ValueError):
            raise StartError(f"--history: not the address of a database; give {_SHAPES}") from None
        if url.drivername == "sqlite":
            if not url.database or url.host or url.query:
                raise StartError(f"--history {shown}: for SQLite, write sqlite:///PATH")
            return cls(_file_url(url.database), spelt(url.database))
        if url.drivername not in ("postgresql", POSTGRES):
            scheme = printable(url.drivername)
            raise StartError(f"--history: '{scheme}' is not supported; give {_SHAPES}")
        try:
            import psycopg  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise missing("--history: PostgreSQL", "postgres") from None
        return cls(url.set(drivername=POSTGRES), shown)

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for PostgreSQL."""
        return Path(str(self.url.database)) if self.url.drivername.startswith("sqlite") else None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for queries. Raises HistoryError, and StartError if the database does not exist yet."""
        if self.file is not None and _is_missing(self.file):
            raise StartError(f"{self._named} does not exist yet; an audit with --history creates it")
        with self._connection(write=False) as connection:
            if self._is_outdated(connection):
                raise HistoryError(f"{self._named}: older version; the next audit with --history migrates it")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a connection in an exclusive write transaction, migrated. Raises HistoryError.

        An exception inside rolls the transaction back.
        """
        with self._in_order(), self._connection(write=True) as connection:
            made = self._is_outdated(connection)
            if made:
                self._migrate(connection)
            yield connection
        if made and self.file is not None:
            _let_readers_in(self.file)

    def compact(self) -> None:
        """Free the space of deleted rows in SQLite; PostgreSQL does so by itself."""
        if self.file is not None:
            try:
                with closing(sqlite3.connect(self.file, timeout=LOCK_WAIT)) as connection:
                    connection.execute("VACUUM")
            except sqlite3.Error as error:
                raise HistoryError(f"{self._named} could not be compacted: {self._reason(error)}") from None

    def _in_order(self) -> AbstractContextManager[None]:
        """Wait for the other runs of this process that write to the same file: SQLite lets them in at random."""
        if self.file is None:
            return nullcontext()
        return turn(_turns.setdefault(self._place, threading.Lock()), LOCK_WAIT)

    @property
    def _place(self) -> sa.URL:
        """The address, whichever the working folder is."""
        return self.url if self.file is None else self.url.set(database=str(self.file.absolute()))

    @property
    def _named(self) -> str:
        return f"the history {self.shown}"

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[sa.Connection]:
        try:
            engine = _engine(self._place, frozenset(self._connect_args().items()), write=write)
            with engine.begin() as connection:
                if self.file is None:
                    # Not as options of the connection, which poolers such as PgBouncer refuse.
                    connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}s'"))
                    connection.execute(sa.text(f"SET LOCAL statement_timeout = '{STATEMENT_WAIT}s'"))
                if write and self.file is None:
                    connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                yield connection
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise HistoryError(f"{self._named} can't be used: {self._reason(error)}") from None

    def _connect_args(self) -> dict[str, Any]:
        if self.file is not None:
            return {"timeout": LOCK_WAIT}
        # Statements are not prepared, as a pooler may give each transaction another connection.
        return {"connect_timeout": CONNECT_WAIT, "prepare_threshold": None, "application_name": "northflank-audit"}

    def _is_outdated(self, connection: sa.Connection) -> bool:
        """Return whether a migration is due. Raises HistoryError for a newer version, and for another database."""
        tables = set(sa.inspect(connection).get_table_names())
        if "alembic_version" not in tables:
            if tables:
                raise HistoryError(f"{self._named}: a database of something else; nothing was changed")
            return True
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None and str(found) > HEAD:
            raise HistoryError(f"{self._named} was made by a newer version of this tool ({found}); update the tool")
        return found != HEAD

    def _migrate(self, connection: sa.Connection) -> None:
        from northflank_audit.history.migration import migrate  # noqa: PLC0415 - Alembic is for new and older databases

        migrate(connection, self.file)

    def _reason(self, error: Exception) -> str:
        """Return the driver's message on one line, without the password."""
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
        text = (lines[0] if lines else type(cause).__name__) + _hint(self.file)
        if self.url.password:
            text = text.replace(str(self.url.password), "***")
        return printable(text)


@lru_cache(_ENGINES)
def _engine(url: sa.URL, connect_args: frozenset[tuple[str, Any]], *, write: bool) -> sa.Engine:
    """Return what compiles statements, once for all runs of a process; it keeps no connection."""
    engine = sa.create_engine(url, poolclass=NullPool, connect_args=dict(connect_args), hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, immediate=write)
    return engine


def _is_missing(file: Path) -> bool:
    try:
        return not file.exists()
    except OSError:  # opening it reports why
        return False


def _hint(file: Path | None) -> str:
    """Return what keeps SQLite from using a file, which its own messages do not say."""
    if file is None:
        return ""
    with suppress(OSError):
        if file.is_dir():
            return " (it is a folder)"
        if not file.parent.is_dir():
            return f" (the folder {spelt(str(file.parent))} does not exist)"
        if not os.access(file.parent, os.W_OK) or (file.exists() and not os.access(file, os.W_OK)):
            return " (it is read-only, or its folder is)"
        if shutil.disk_usage(file.parent).free < _LITTLE:
            return " (the disk is full)"
    return ""


def _file_url(path: str) -> sa.URL:
    if not path or path == ":memory:" or path.endswith(os.sep) or path.startswith("file:"):
        raise StartError(f"--history: expects the path of a file; give {_SHAPES}")
    return sa.URL.create("sqlite+pysqlite", database=path)


def _let_readers_in(file: Path) -> None:
    """Use write-ahead logging (WAL) for a new file, so that readers do not wait, if the file system supports it."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, timeout=LOCK_WAIT)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _prepare_sqlite(engine: sa.Engine, *, immediate: bool) -> None:
    """Let SQLAlchemy, not Python's driver, begin transactions, with the write lock at once if needed."""

    @sa.event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {DURABILITY}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
