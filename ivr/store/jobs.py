"""Work that outlives a webhook: asked for in a turn, done in the background, its outcome read by a later turn.

One row a piece of work: two deliveries of a webhook ask for it once, and any web process may read what another one
found. It must not know what the slots hold: they are sealed by who fills them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Double, Engine, String, Table, Text, delete, select, update

from ivr.store.statements import insert_or
from ivr.store.tables import metadata

jobs = Table(
    "jobs",
    metadata,
    Column("call_sid", String(34), primary_key=True),
    Column("key", String(160), primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("slots", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a piece of work: the outcome's name, and the slots that it fills, as sealed text."""

    outcome: str
    slots: str


def ask(connection: Connection, call: str, key: str, at: float) -> bool:
    """Ask for a piece of work in this transaction; False when it has been asked for already."""
    row = {"call_sid": call, "key": key, "asked_at": at, "outcome": "", "slots": ""}
    asked = insert_or(connection, jobs).values(row).on_conflict_do_nothing().returning(jobs.c.key)
    return connection.execute(asked).first() is not None


def done(connection: Connection, call: str, key: str) -> Done | None:
    """What became of it, or None while it is not done."""
    which = (jobs.c.call_sid == call, jobs.c.key == key)
    row = connection.execute(select(jobs.c.outcome, jobs.c.slots).where(*which)).one_or_none()
    if row is None or not row.outcome:
        return None
    return Done(row.outcome, row.slots)


def keep(engine: Engine, call: str, key: str, what: Done) -> None:
    """Write what became of it; the first to write wins."""
    with engine.begin() as connection:
        keep_in(connection, call, key, what)


def keep_in(connection: Connection, call: str, key: str, what: Done) -> None:
    """The same as `keep`, in this transaction."""
    which = (jobs.c.call_sid == call, jobs.c.key == key, jobs.c.outcome == "")
    connection.execute(update(jobs).where(*which).values(outcome=what.outcome, slots=what.slots))


def forget(engine: Engine, before: float) -> int:
    """Delete what was asked before this time; how many rows that were."""
    with engine.begin() as connection:
        return connection.execute(delete(jobs).where(jobs.c.asked_at < before)).rowcount
