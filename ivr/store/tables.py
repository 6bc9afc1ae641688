"""The tables, as SQLAlchemy Core knows them. What changes here needs a migration beside (`migrations/versions`)."""

from __future__ import annotations

from sqlalchemy import Column, Double, Integer, MetaData, String, Table, Text

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
)

turns = Table(
    "turns",
    metadata,
    Column("call_sid", String(34), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("event", String(40), nullable=False),
    Column("step", String(120), nullable=False),
    Column("recipe", Text, nullable=False),
    Column("at", Double, nullable=False),
)
