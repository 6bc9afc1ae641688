"""Work that outlives a webhook."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "jobs",
        sa.Column("call_sid", sa.String(34), primary_key=True),
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("slots", sa.Text, nullable=False),
    )
