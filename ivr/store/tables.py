"""The tables, as SQLAlchemy Core knows them. What changes here needs a migration beside (`migrations/versions`)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

metadata = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_name)s"},
)

calls = Table(
    "calls",
    metadata,
    Column("sid", String(34), primary_key=True),
    Column("turn", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("caller_key", String(32), nullable=False),
    Column("caller_mask", String(20), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("status", String(20), nullable=False),
    Column("disposition", String(80), nullable=False),
    Column("direction", String(12), nullable=False),
    Column("last_step", String(120), nullable=False),
    Column("remedy", String(120), nullable=False),
    Column("follows", String(34), nullable=False),
    Column("follows_after", Double),
    Column("revision", String(16), nullable=False, server_default=""),
    Column("kept", Integer, nullable=False, server_default=text("3")),
)
Index("ix_calls_caller_key", calls.c.caller_key, calls.c.started_at)
Index("ix_calls_started_at", calls.c.started_at)
Index("ix_calls_kept", calls.c.kept, calls.c.started_at)
Index(
    "ix_calls_live",
    calls.c.started_at,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)
"""No turn of a call touches these: an index that each turn moves costs it a page of the disk (`python -m bench`)."""

turns = Table(
    "turns",
    metadata,
    Column("call_sid", String(34), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("event", String(40), nullable=False),
    Column("step", String(120), nullable=False),
    Column("recipe", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("outcomes", Text, nullable=False, server_default=""),
)

lines = Table(
    "lines",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number_key", String(32), nullable=False, unique=True),
    Column("number_cipher", LargeBinary, nullable=False),
    Column("number_mask", String(20), nullable=False),
    Column("mobile_key", String(32), nullable=False),
    Column("mobile_cipher", LargeBinary, nullable=False),
    Column("mobile_mask", String(20), nullable=False),
    Column("mobile_changed_at", Double),
    Column("model", String(10), nullable=False),
    Column("pin_cipher", LargeBinary),
    Column("imported_at", Double, nullable=False),
)
Index("ix_lines_mobile_key", lines.c.mobile_key)

codes = Table(
    "codes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("place", Integer, nullable=False),
    Column("code_key", String(32), nullable=False, unique=True),
    Column("cipher", LargeBinary),
    Column("line", String(32)),
    Column("call_sid", String(34), unique=True),
    Column("status", String(8), nullable=False),
    Column("imported_at", Double, nullable=False),
    Column("issued_at", Double),
    Column("expires_at", Double),
)
Index("ix_codes_status", codes.c.status, codes.c.place)
Index(
    "uq_codes_active_line",
    codes.c.line,
    unique=True,
    sqlite_where=text("status = 'active'"),
    postgresql_where=text("status = 'active'"),
)

passwords = Table(
    "passwords",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_sid", String(34), nullable=False),
    Column("account", String(32), nullable=False),
    Column("kind", String(3), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("sent_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used_at", Double),
)
Index("ix_passwords_call_sid", passwords.c.call_sid)
Index("ix_passwords_account", passwords.c.account, passwords.c.sent_at)

attempts = Table(
    "attempts",
    metadata,
    Column("account", String(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Double, nullable=False),
    Column("hard_locked", Boolean, nullable=False),
    Column("updated_at", Double, nullable=False),
)

breaker = Table(
    "breaker",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("failed_at", Double, nullable=False),
)
Index("ix_breaker_failed_at", breaker.c.failed_at)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("who", String(60), nullable=False),
    Column("what", String(40), nullable=False),
    Column("subject", String(80), nullable=False),
    Column("seal", String(64), nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("call_sid", String(34), nullable=False),
    Column("recording_sid", String(34), nullable=False, unique=True),
    Column("number_key", String(32), nullable=False),
    Column("number_mask", String(20), nullable=False),
    Column("number_cipher", LargeBinary),
    Column("seconds", Double, nullable=False),
    Column("state", String(9), nullable=False),
    Column("at", Double, nullable=False),
    Column("done_at", Double),
)
Index("ix_messages_call_sid", messages.c.call_sid)

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("call_sid", String(34), nullable=False, unique=True),
    Column("number_key", String(32), nullable=False),
    Column("number_mask", String(20), nullable=False),
    Column("number_cipher", LargeBinary, nullable=False),
    Column("slot_start", Double, nullable=False),
    Column("slot_end", Double, nullable=False),
    Column("state", String(9), nullable=False),
    Column("at", Double, nullable=False),
    Column("done_at", Double),
)
Index("ix_callbacks_state", callbacks.c.state, callbacks.c.slot_start)

watches = Table(
    "watches",
    metadata,
    Column("call_sid", String(34), primary_key=True),
    Column("line_cipher", LargeBinary),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("wish", String(4), nullable=False),
    Column("number_key", String(32), nullable=False),
    Column("number_cipher", LargeBinary),
    Column("checked_at", Double),
    Column("seen_at", Double),
    Column("settled", String(8), nullable=False),
)
Index("ix_watches_settled", watches.c.settled, watches.c.since)

revisions = Table(
    "revisions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("files", LargeBinary, nullable=False),
    Column("kept_at", Double, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("revision", String(16), nullable=False),
    Column("before", Integer, nullable=False),
    Column("who", String(60), nullable=False),
    Column("at", Double, nullable=False),
)
