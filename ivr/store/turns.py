"""Calls and turns, read and written: one transaction a turn, one row a turn, the first to write it wins.

Rows hold states and recipes as JSON text that the caller of this module made; it knows no flow and no carrier.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, text, update

from ivr.store import jobs
from ivr.store.statements import insert_or
from ivr.store.tables import calls, turns

FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""Statuses after which nothing more happens to a call (twilio.com/docs/voice/twiml, CallStatus)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as it is kept: a keyed hash to recognise, a masked number to show."""

    key: str
    mask: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands: the number of its next turn, and its state."""

    turn: int
    state: str


class Turn:
    """One turn being taken, inside its transaction."""

    def __init__(self, connection: Connection, sid: str, number: int, at: float) -> None:
        self._connection, self._sid, self._number, self._at = connection, sid, number, at

    @property
    def transaction(self) -> Connection:
        """The connection, for what must be written with this turn or not at all."""
        return self._connection

    def ask(self, key: str) -> bool:
        """Ask for work in the background; False when it has been asked for already."""
        return jobs.ask(self._connection, self._sid, key, self._at)

    def job(self, key: str) -> jobs.Done | None:
        """What became of that work, or None while it is not done."""
        return jobs.done(self._connection, self._sid, key)

    def taken(self) -> str | None:
        """The recipe that this turn was answered with, when it was; else the turn is ours, and twins wait for us."""
        row = {"call_sid": self._sid, "turn": self._number, "event": "", "step": "", "recipe": "", "at": self._at}
        reserved = insert_or(self._connection, turns).values(row).on_conflict_do_nothing().returning(turns.c.turn)
        if self._connection.execute(reserved).first():
            return None
        return recipe(self._connection, self._sid, self._number) or ""

    def call(self) -> Call | None:
        """The call, locked until the turn is written; None when it is unknown."""
        query = select(calls.c.turn, calls.c.state).where(calls.c.sid == self._sid).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return Call(row.turn, row.state) if row else None

    def write(self, caller: Caller, *, event: str, step: str, state: str, recipe: str, disposition: str) -> None:
        """The turn's answer, and the call as it stands after it."""
        self._connection.execute(
            update(turns)
            .where(turns.c.call_sid == self._sid, turns.c.turn == self._number)
            .values(event=event, step=step, recipe=recipe)
        )
        row = {"turn": self._number + 1, "state": state, "updated_at": self._at, "disposition": disposition}
        new = {"sid": self._sid, "caller_key": caller.key, "caller_mask": caller.mask, "started_at": self._at}
        statement = insert_or(self._connection, calls).values(**new, **row, status="in-progress")
        self._connection.execute(statement.on_conflict_do_update(index_elements=["sid"], set_=row))


class Turns:
    """The calls of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def turn(self, sid: str, number: int, at: float) -> Iterator[Turn]:
        """One transaction for one turn: written whole when the block ends, not at all when it raises."""
        with self._engine.begin() as connection:
            yield Turn(connection, sid, number, at)

    def recipe(self, sid: str, number: int) -> str | None:
        """The recipe of a turn that was taken."""
        with self._engine.begin() as connection:
            return recipe(connection, sid, number)

    def keep_job(self, sid: str, key: str, what: jobs.Done) -> None:
        """Keep what became of work in the background."""
        jobs.keep(self._engine, sid, key, what)

    def told(self, sid: str, number: int) -> tuple[str, str] | None:
        """What happened in a turn, and the step it led to; None when it was never taken."""
        with self._engine.begin() as connection:
            query = select(turns.c.event, turns.c.step).where(turns.c.call_sid == sid, turns.c.turn == number)
            row = connection.execute(query).one_or_none()
        return (row.event, row.step) if row else None

    def close(self, sid: str, status: str, at: float) -> None:
        """Note that the call ended. The first final status stands, whatever comes late or twice."""
        if status not in FINAL:
            return
        with self._engine.begin() as connection:
            ended = update(calls).where(calls.c.sid == sid, calls.c.ended_at.is_(None))
            connection.execute(ended.values(status=status, ended_at=at))
            abandoned = update(calls).where(calls.c.sid == sid, calls.c.disposition == "")
            connection.execute(abandoned.values(disposition="abandoned"))

    def disposition(self, sid: str) -> str | None:
        """How the call ended; empty while it goes on, None when it is unknown."""
        with self._engine.begin() as connection:
            return connection.execute(select(calls.c.disposition).where(calls.c.sid == sid)).scalar_one_or_none()

    def close_database(self) -> None:
        """Let go of every connection: the process stops."""
        self._engine.dispose()

    def is_reachable(self) -> bool:
        """Whether the database answers and can be written to. Raises what it raises when it does not answer."""
        with self._engine.begin() as connection:
            return bool(connection.execute(text("SELECT 1")).scalar_one())


def recipe(connection: Connection, sid: str, number: int) -> str | None:
    """The recipe of one turn, or None when it was never taken."""
    query = select(turns.c.recipe).where(turns.c.call_sid == sid, turns.c.turn == number)
    return connection.execute(query).scalar_one_or_none()
