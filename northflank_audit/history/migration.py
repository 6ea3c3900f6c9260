"""Migrates the database to the newest version, with Alembic."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from northflank_audit.printable import spelt

MIGRATIONS = Path(__file__).parent / "migrations"


def scripts() -> ScriptDirectory:
    """Return the available migrations."""
    return ScriptDirectory(str(MIGRATIONS))


def migrate(connection: sa.Connection, file: Path | None, *, revision: str = "head") -> None:
    """Run every migration that is due up to a revision, inside the connection's transaction.

    A non-empty SQLite file is copied first: `history.db` to `history.db.0001`, by its version.
    """
    steps = scripts()

    def due(current: Any, context: Any) -> Any:
        del context
        if current and file is not None:
            _copy(file, file.with_name(f"{file.name}.{''.join(current)}"))
        return steps._upgrade_revs(revision, current)  # noqa: SLF001 - as Alembic's own command `upgrade` does

    with EnvironmentContext(Config(), steps, fn=due, destination_rev=revision) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _copy(source: Path, target: Path) -> None:
    """Copy a database as it was before another connection locked it. Raises OSError if that fails."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise OSError(f"the copy {spelt(str(target))} could not be made ({error})") from None
