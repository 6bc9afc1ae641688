"""The tables of what leaves the line beside the call: what is to be sent, and links that texts lead to.

They belong to the metadata of `ivr.store.tables`; importing this module puts them there.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from ivr.store.tables import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_sid", String(34), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("channel", String(8), nullable=False),
    Column("to_key", String(32), nullable=False),
    Column("unproven", Boolean, nullable=False),
    Column("state", String(8), nullable=False),
    Column("why", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("tried_at", Double, nullable=False),
    Column("payload", LargeBinary),
    Column("sid", String(34), nullable=False),
    UniqueConstraint("call_sid", "kind"),
)
Index("ix_outbox_state", outbox.c.state, outbox.c.not_before)
Index("ix_outbox_to_key", outbox.c.to_key, outbox.c.queued_at)
Index("ix_outbox_channel", outbox.c.channel, outbox.c.queued_at)

links = Table(
    "links",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("call_sid", String(34), nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    Column("address", LargeBinary),
)
Index("ix_links_call_sid", links.c.call_sid)
