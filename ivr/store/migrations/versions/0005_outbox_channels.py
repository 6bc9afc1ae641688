"""The outbox carries calls and handovers beside texts, and counts texts by recipient."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; every row that is there is a text, due when it was queued."""
    op.add_column("outbox", sa.Column("channel", sa.String(8), nullable=False, server_default="sms"))
    op.add_column("outbox", sa.Column("to_key", sa.String(32), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("unproven", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("outbox", sa.Column("due_at", sa.Double, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("why", sa.String(20), nullable=False, server_default=""))
    op.execute("UPDATE outbox SET due_at = queued_at")
    op.create_index("ix_outbox_to_key", "outbox", ["to_key", "queued_at"])
    op.create_index("ix_outbox_channel", "outbox", ["channel", "queued_at"])
