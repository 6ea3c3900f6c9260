"""The inconclusive verdicts of each account's last run."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table. Earlier runs did not record these verdicts, so it is empty."""
    op.create_table(
        "inconclusive",
        sa.Column("account_id", sa.Integer, sa.ForeignKey("account.id"), primary_key=True),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("run_seq", sa.Integer, sa.ForeignKey("run.seq"), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("project", sa.Text),
        sa.Column("resource", sa.Text, nullable=False),
    )
