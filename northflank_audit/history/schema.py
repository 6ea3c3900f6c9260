"""The tables of the history.

Changes need a migration; a test compares the two.
"""

import datetime as dt
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

HEAD: Final = "0002"
"""The newest revision in `migrations/versions`; here, so that an ordinary run need not import Alembic."""


class Utc(TypeDecorator[dt.datetime]):
    """A time in UTC. SQLite keeps no zone, so it is added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Return the time as it is kept."""
        return None if value is None else value.astimezone(dt.UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        """Return a time with its zone."""
        time: dt.datetime | None = value
        if time is None:
            return None
        return time.replace(tzinfo=dt.UTC) if time.tzinfo is None else time.astimezone(dt.UTC)


METADATA: Final = MetaData()

BLOBS: Final = Table(
    "blob",
    METADATA,
    Column("digest", String(64), primary_key=True, doc="SHA-256 of the text"),
    Column("text", Text, nullable=False),
)
"""JSON that many runs share: rules, controls, coverage, waivers."""

ACCOUNTS: Final = Table(
    "account",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("host", String(255), nullable=False, doc="of the API; 'demo' and 'input' have none"),
    Column("entity", String(255), nullable=False, doc="whose token it is, else the fleet's target, else empty"),
    Column("team", String(255), nullable=False, doc="empty: the token's own account"),
    UniqueConstraint("host", "entity", "team"),
)

RUNS: Final = Table(
    "run",
    METADATA,
    Column("seq", Integer, primary_key=True, doc="the order in which runs were recorded"),
    Column("id", String(64), nullable=False, unique=True),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("exit_code", Integer, nullable=False),
    Column("tool", String(64), nullable=False, doc="the version of the tool"),
    Column("run", Text, nullable=False, doc="the report's `run`"),
    Column("summary", Text, nullable=False, doc="the report's `summary`"),
    Column("gate", Text, nullable=False, doc="the report's `gate`"),
    Column("subjects", Text, nullable=False, doc="the digests of what was evaluated"),
    Column("rules", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("compliance", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("coverage", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("waivers", String(64), ForeignKey("blob.digest"), nullable=False),
    Index("run_started", "started_at"),
)

RUN_ACCOUNTS: Final = Table(
    "run_account",
    METADATA,
    Column("run_seq", Integer, ForeignKey("run.seq", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), primary_key=True),
    *(Column(severity, Integer, nullable=False) for severity in ("info", "low", "medium", "high", "critical")),
    Column("waived", Integer, nullable=False),
    Column("new", Integer, nullable=False, doc="new and reopened violations, waived ones among them"),
    Column("resolved", Integer, nullable=False),
    Column("unsettled", Integer, nullable=False),
    Index("run_account_by_account", "account_id", "run_seq"),
)
"""The accounts that a run audited, and their open violations by severity."""

FINDINGS: Final = Table(
    "finding",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("rule", String(255), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("type", String(64), nullable=False),
    Column("project", Text, doc="null: it belongs to no project"),
    Column("resource", Text, doc="null: a whole list"),
    Column("name", Text),
    Column("message", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("waiver", Text, doc="the waiver of the last run that saw it, as JSON"),
    Column("first_seen", Utc, nullable=False),
    Column("open_since", Utc, nullable=False, doc="when it was found, found again, or no longer waived"),
    Column("open_seq", Integer, nullable=False, doc="the run of that"),
    Column("last_seen", Utc, nullable=False),
    Column("last_seq", Integer, nullable=False, doc="the last run that saw it violated"),
    Column("unsettled", String(16), doc="what became of it where a later run could not say whether it is open"),
    Column("resolved", String(16), doc="what became of it: fixed, notapplicable, gone; null: open"),
    Column("resolved_at", Utc),
    Column("resolved_seq", Integer),
    UniqueConstraint("account_id", "fingerprint"),
    Index("finding_by_fingerprint", "fingerprint"),
    Index("finding_open", "account_id", "resolved"),
)

EVENTS: Final = Table(
    "event",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("finding_id", Integer, ForeignKey("finding.id", ondelete="CASCADE"), nullable=False),
    Column("run_seq", Integer, ForeignKey("run.seq"), nullable=False),
    Column("at", Utc, nullable=False),
    Column("kind", String(16), nullable=False, doc="see `finding_writer.Kind`"),
    Column("waiver", Text, doc="of `waived`: the waiver, as JSON"),
    Index("event_by_finding", "finding_id", "id"),
    Index("event_by_run", "run_seq"),
)
"""Changes of findings: a run that changes nothing writes none."""

INCONCLUSIVE: Final = Table(
    "inconclusive",
    METADATA,
    Column("account_id", Integer, ForeignKey("account.id"), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("run_seq", Integer, ForeignKey("run.seq"), nullable=False),
    Column("status", String(16), nullable=False, doc="unknown or error"),
    Column("rule", String(255), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("type", String(64), nullable=False),
    Column("project", Text),
    Column("resource", Text, nullable=False),
)
"""The inconclusive verdicts of each account's last run: a violation in their place may not be new."""
