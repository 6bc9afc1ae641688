"""What may be said of a database without changing it: its schema, its soundness, and what waits in it for too long.

It opens the database as it is: no migration is run, no file is made. It must not know what is done about any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, func, make_url, select, text

from ivr.store.codes import WAITING
from ivr.store.database import as_it_is, newest_revision
from ivr.store.outbox_tables import outbox
from ivr.store.tables import attempts, breaker, callbacks, codes, lines, messages

AN_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: how many of each. `overdue` and `unread` are seconds, 0 for none.

    `overdue` is how late the oldest thing to be sent is, `unread` how old the oldest message that nobody dealt with.
    `unknown` left, perhaps; `missed` are call-backs whose time went by; `failures` wrong passwords of the last hour.
    """

    overdue: float
    unknown: int
    unread: float
    messages: int
    missed: int
    locked: int
    failures: int
    lines: int
    codes: int


def exists(url: str) -> bool:
    """Whether there is a database at this address already; one of a server is taken to be there."""
    where = make_url(url)
    return where.get_backend_name() != "sqlite" or bool(where.database and Path(where.database).exists())


def opened(url: str) -> Engine:
    """The engine, for a database that exists; its schema as it is."""
    return as_it_is(url)


def is_current(engine: Engine) -> bool:
    """Whether the schema is at the newest revision. Raises SQLAlchemyError when the database does not answer."""
    from alembic.runtime.migration import MigrationContext

    with engine.begin() as connection:
        return bool(MigrationContext.configure(connection).get_current_revision() == newest_revision())


def is_sound(engine: Engine) -> bool:
    """Whether the file is in one piece, as far as a quick look tells; a server looks after its own."""
    if engine.dialect.name != "sqlite":
        return True
    with engine.begin() as connection:
        return bool(connection.execute(text("PRAGMA quick_check(1)")).scalar_one() == "ok")


def seconds_apart(engine: Engine, now: float) -> float:
    """How far the database's clock is from ours; 0 where it has none of its own."""
    if engine.dialect.name == "sqlite":
        return 0.0
    with engine.begin() as connection:
        theirs = connection.execute(text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)"))
        return float(theirs.scalar_one()) - now


def waiting(connection: Connection, at: float) -> Waiting:
    """What waits at this moment (seconds since the epoch)."""

    def count(table: Table, *which: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one()

    def since(column: Column[Any], *which: ColumnElement[bool]) -> float:
        first = connection.execute(select(func.min(column)).where(*which)).scalar_one()
        return max(at - first, 0.0) if first is not None else 0.0

    kept = messages.c.state == "kept"
    late = (callbacks.c.state == "booked", callbacks.c.slot_end < at)
    return Waiting(
        overdue=since(outbox.c.not_before, outbox.c.state == "queued", outbox.c.not_before <= at),
        unknown=count(outbox, outbox.c.state == "unknown"),
        unread=since(messages.c.at, kept),
        messages=count(messages, kept),
        missed=count(callbacks, callbacks.c.state == "missed") + count(callbacks, *late),
        locked=count(attempts, attempts.c.hard_locked),
        failures=count(breaker, breaker.c.failed_at > at - AN_HOUR),
        lines=count(lines),
        codes=count(codes, codes.c.status == WAITING),
    )
