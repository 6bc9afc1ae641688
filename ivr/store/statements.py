"""What SQLite and PostgreSQL say each in its own way, said once. It knows no table of ours."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

LEDGERS = "ledgers"
"""The name under which the audit is appended to and texts are counted: one name, for a turn may do either first."""


def insert_or(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The insert of the database in use: both know ON CONFLICT, each in its own class."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def one_at_a_time(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds this name, and hold it until ours ends.

    SQLite's transactions never overlap (`ivr.store.database`): there is nothing to wait for.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def take_time(connection: Connection) -> None:
    """Let this transaction last as long as it needs: nobody on the telephone waits for it."""
    if connection.dialect.name == "postgresql":
        for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")
