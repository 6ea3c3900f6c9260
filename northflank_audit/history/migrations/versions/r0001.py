"""Runs, accounts, findings and their changes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    time, text = sa.DateTime(timezone=True), sa.Text
    op.create_table(
        "blob",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("text", text, nullable=False),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.String(255), nullable=False) for name in ("host", "entity", "team")),
        sa.UniqueConstraint("host", "entity", "team"),
    )
    op.create_table(
        "run",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("started_at", time, nullable=False),
        sa.Column("finished_at", time, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("exit_code", sa.Integer, nullable=False),
        sa.Column("tool", sa.String(64), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("run", "summary", "gate", "subjects")),
        *(
            sa.Column(name, sa.String(64), sa.ForeignKey("blob.digest"), nullable=False)
            for name in ("rules", "compliance", "coverage", "waivers")
        ),
    )
    op.create_index("run_started", "run", ["started_at"])
    op.create_table(
        "run_account",
        sa.Column("run_seq", sa.Integer, sa.ForeignKey("run.seq", ondelete="CASCADE"), primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), primary_key=True),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("info", "low", "medium", "high", "critical", "waived", "new", "resolved", "unsettled")
        ),
    )
    op.create_index("run_account_by_account", "run_account", ["account_id", "run_seq"])
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        *(sa.Column(name, text) for name in ("project", "resource", "name")),
        *(sa.Column(name, text, nullable=False) for name in ("message", "evidence")),
        sa.Column("waiver", text),
        sa.Column("first_seen", time, nullable=False),
        sa.Column("open_since", time, nullable=False),
        sa.Column("open_seq", sa.Integer, nullable=False),
        sa.Column("last_seen", time, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        *(sa.Column(name, sa.String(16)) for name in ("unsettled", "resolved")),
        sa.Column("resolved_at", time),
        sa.Column("resolved_seq", sa.Integer),
        sa.UniqueConstraint("account_id", "fingerprint"),
    )
    op.create_index("finding_by_fingerprint", "finding", ["fingerprint"])
    op.create_index("finding_open", "finding", ["account_id", "resolved"])
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("finding_id", sa.Integer, sa.ForeignKey("finding.id", ondelete="CASCADE"), nullable=False),
        sa.Column("run_seq", sa.Integer, sa.ForeignKey("run.seq"), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("waiver", text),
    )
    op.create_index("event_by_finding", "event", ["finding_id", "id"])
    op.create_index("event_by_run", "event", ["run_seq"])
