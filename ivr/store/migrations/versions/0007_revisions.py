"""Revisions of the script, which of them is live, and which one each call is on; what desks said in each turn."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create both tables; calls before this one are on no revision, and their turns do not tell what desks said."""
    op.create_table(
        "revisions",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("files", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.Double, nullable=False),
    )
    op.create_table(
        "releases",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.String(16), nullable=False),
        sa.Column("before", sa.Integer, nullable=False),
        sa.Column("who", sa.String(60), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.add_column("calls", sa.Column("revision", sa.String(16), nullable=False, server_default=""))
    op.add_column("turns", sa.Column("outcomes", sa.Text, nullable=False, server_default=""))
