"""Calls and their turns."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "calls",
        sa.Column("sid", sa.String(34), primary_key=True),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("caller_key", sa.String(32), nullable=False),
        sa.Column("caller_mask", sa.String(20), nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("disposition", sa.String(80), nullable=False),
    )
    op.create_table(
        "turns",
        sa.Column("call_sid", sa.String(34), primary_key=True),
        sa.Column("turn", sa.Integer, primary_key=True),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("step", sa.String(120), nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
