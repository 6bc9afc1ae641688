"""The embedded register, the codes, who may receive them, and the record of who did what.

Every value that a thief would want is a cipher (`ivr.store.vault`); a `_key` is its keyed hash, to look it up by.
The audit is append-only by trigger, whoever writes the SQL (facts/reliability.md T14).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ONLY_APPENDED = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{verb} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        for verb in ("update", "delete")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
    ],
}


def upgrade() -> None:
    """Create the six tables."""
    op.create_table(
        "lines",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("number_key", sa.String(32), nullable=False),
        sa.Column("number_cipher", sa.LargeBinary, nullable=False),
        sa.Column("number_mask", sa.String(20), nullable=False),
        sa.Column("mobile_key", sa.String(32), nullable=False),
        sa.Column("mobile_cipher", sa.LargeBinary, nullable=False),
        sa.Column("mobile_mask", sa.String(20), nullable=False),
        sa.Column("mobile_changed_at", sa.Double),
        sa.Column("model", sa.String(10), nullable=False),
        sa.Column("pin_cipher", sa.LargeBinary),
        sa.Column("imported_at", sa.Double, nullable=False),
        sa.UniqueConstraint("number_key", name="uq_lines_number_key"),
    )
    op.create_index("ix_lines_mobile_key", "lines", ["mobile_key"])
    op.create_table(
        "codes",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("code_key", sa.String(32), nullable=False),
        sa.Column("cipher", sa.LargeBinary),
        sa.Column("line", sa.String(32)),
        sa.Column("call_sid", sa.String(34)),
        sa.Column("status", sa.String(8), nullable=False),
        sa.Column("imported_at", sa.Double, nullable=False),
        sa.Column("issued_at", sa.Double),
        sa.Column("expires_at", sa.Double),
        sa.UniqueConstraint("code_key", name="uq_codes_code_key"),
        sa.UniqueConstraint("call_sid", name="uq_codes_call_sid"),
    )
    op.create_index("ix_codes_status", "codes", ["status", "place"])
    active = sa.text("status = 'active'")
    op.create_index(
        "uq_codes_active_line", "codes", ["line"], unique=True, sqlite_where=active, postgresql_where=active
    )
    op.create_table(
        "passwords",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("call_sid", sa.String(34), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(3), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("sent_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("used_at", sa.Double),
    )
    op.create_index("ix_passwords_call_sid", "passwords", ["call_sid"])
    op.create_index("ix_passwords_account", "passwords", ["account", "sent_at"])
    op.create_table(
        "attempts",
        sa.Column("account", sa.String(32), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.Double, nullable=False),
        sa.Column("hard_locked", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_table(
        "breaker",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("failed_at", sa.Double, nullable=False),
    )
    op.create_index("ix_breaker_failed_at", "breaker", ["failed_at"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.String(60), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
    )
    for statement in ONLY_APPENDED[op.get_bind().dialect.name]:
        op.execute(statement)
