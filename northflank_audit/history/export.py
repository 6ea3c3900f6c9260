"""Exports the whole history as JSON Lines."""

from collections.abc import Iterator, Sequence

import msgspec
import sqlalchemy as sa

from northflank_audit.history.lives import lives
from northflank_audit.history.runs import account_ids, runs


def exported(connection: sa.Connection, patterns: Sequence[str] = ()) -> Iterator[str]:
    """Yield a line for each run, then for each finding; `kind` says which it is."""
    for run in runs(connection, patterns):
        yield _line("run", run)
    for life in lives(connection, account_ids(connection, patterns)):
        yield _line("finding", life)


def _line(kind: str, value: msgspec.Struct) -> str:
    return msgspec.json.encode({"kind": kind, **msgspec.to_builtins(value)}).decode()
