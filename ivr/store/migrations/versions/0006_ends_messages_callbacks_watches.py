"""How calls ended and follow one another; messages, call-backs, and lines watched for their telephone."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what is kept of a call, and create the three tables."""
    op.add_column("calls", sa.Column("direction", sa.String(12), nullable=False, server_default="inbound"))
    op.add_column("calls", sa.Column("last_step", sa.String(120), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("remedy", sa.String(120), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("follows", sa.String(34), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("follows_after", sa.Double))
    op.create_index("ix_calls_caller_key", "calls", ["caller_key", "started_at"])
    op.create_index("ix_calls_started_at", "calls", ["started_at"])
    _partial_index("ix_calls_ended_at", "calls", "ended_at", "state <> ''")
    op.create_index("ix_turns_at", "turns", ["at"])
    _partial_index("ix_turns_recipe", "turns", "at", "recipe <> ''")
    op.create_table(
        "messages",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("recording_sid", sa.String(34), nullable=False),
        sa.Column("number_key", sa.String(32), nullable=False),
        sa.Column("number_mask", sa.String(20), nullable=False),
        sa.Column("number_cipher", sa.LargeBinary),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("done_at", sa.Double),
        sa.UniqueConstraint("recording_sid", name="uq_messages_recording_sid"),
    )
    op.create_index("ix_messages_call_sid", "messages", ["call_sid"])
    op.create_table(
        "callbacks",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("number_key", sa.String(32), nullable=False),
        sa.Column("number_mask", sa.String(20), nullable=False),
        sa.Column("number_cipher", sa.LargeBinary, nullable=False),
        sa.Column("slot_start", sa.Double, nullable=False),
        sa.Column("slot_end", sa.Double, nullable=False),
        sa.Column("state", sa.String(9), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("done_at", sa.Double),
        sa.UniqueConstraint("call_sid", name="uq_callbacks_call_sid"),
    )
    op.create_index("ix_callbacks_state", "callbacks", ["state", "slot_start"])
    op.create_table(
        "watches",
        sa.Column("call_sid", sa.String(34), primary_key=True),
        sa.Column("line_cipher", sa.LargeBinary),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("wish", sa.String(4), nullable=False),
        sa.Column("number_key", sa.String(32), nullable=False),
        sa.Column("number_cipher", sa.LargeBinary),
        sa.Column("checked_at", sa.Double),
        sa.Column("seen_at", sa.Double),
        sa.Column("settled", sa.String(8), nullable=False),
    )
    op.create_index("ix_watches_settled", "watches", ["settled", "since"])


def _partial_index(name: str, table: str, column: str, where: str) -> None:
    kept = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=kept, postgresql_where=kept)
