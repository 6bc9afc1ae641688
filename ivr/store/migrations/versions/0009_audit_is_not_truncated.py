"""The audit is not emptied either: PostgreSQL has a statement for that, which asks no trigger of rows."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the trigger; SQLite has no such statement."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )
