"""Texts to be sent, and the links that they lead to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Double, nullable=False),
        sa.Column("queued_at", sa.Double, nullable=False),
        sa.Column("tried_at", sa.Double, nullable=False),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("sid", sa.String(34), nullable=False),
        sa.UniqueConstraint("call_sid", "kind", name="uq_outbox_call_sid"),
    )
    op.create_index("ix_outbox_state", "outbox", ["state", "not_before"])
    op.create_table(
        "links",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("address", sa.LargeBinary),
    )
    op.create_index("ix_links_call_sid", "links", ["call_sid"])
