"""How much of a call is still kept: a purge finds what is over by the call, and no turn has an index of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Let purges start over with every call; what went before is not there to go again."""
    op.add_column("calls", sa.Column("kept", sa.Integer, nullable=False, server_default=sa.text("3")))
    op.create_index("ix_calls_kept", "calls", ["kept", "started_at"])
    live = sa.text("ended_at IS NULL")
    op.create_index("ix_calls_live", "calls", ["started_at"], sqlite_where=live, postgresql_where=live)
    op.drop_index("ix_calls_ended_at", "calls")
    op.drop_index("ix_turns_recipe", "turns")
    op.drop_index("ix_turns_at", "turns")
