"""Calls as they are kept: their turns (`ivr.store.turn`), how they end, who calls again, and what an operator sees.

Rows hold states and recipes as text that the caller of this module made; it knows no flow. Of the carrier it knows the
statuses that end a call (`ivr.store.ends`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, case, func, select, text, update

from ivr.store import jobs
from ivr.store.database import once_more, seats_of
from ivr.store.ends import CUT, SWEPT, End, disposition_at_end, end, later
from ivr.store.statements import insert_or
from ivr.store.tables import calls, turns
from ivr.store.turn import INBOUND, PLACED, Given, Turn, given


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call as an operator may see it. Times in seconds since the epoch; `ended_at` None while it goes on.

    `follows` is the caller's earlier call, within seven days, and `follows_after` how many seconds lay between.
    """

    sid: str
    direction: str
    mask: str
    started_at: float
    ended_at: float | None
    status: str
    disposition: str
    remedy: str
    last_step: str
    follows: str
    follows_after: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls that came in, by disposition (empty: they go on), and how many followed another one of the same caller."""

    calls: int
    dispositions: Mapping[str, int]
    again_in_a_day: int
    again_in_a_week: int


class Turns:
    """The calls of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def turn(self, sid: str, number: int, at: float) -> AbstractContextManager[Turn]:
        """One transaction for one turn: written whole when the block ends, not at all when it raises."""
        return seats_of(self._engine).taken_for(lambda seat: Turn(seat, sid, number, at))

    def given(self, sid: str, number: int) -> Given | None:
        """What a turn that was taken was answered with."""
        with seats_of(self._engine).taken() as seat:
            return given(seat, sid, number)

    def next_turn(self, sid: str) -> int:
        """The number of the call's next turn; 0 for a call that is unknown."""
        with self._engine.begin() as connection:
            return connection.execute(select(calls.c.turn).where(calls.c.sid == sid)).scalar_one_or_none() or 0

    def keep_job(self, sid: str, key: str, what: jobs.Done) -> None:
        """Keep what became of work in the background."""
        jobs.keep(self._engine, sid, key, what)

    def told(self, sid: str, number: int) -> tuple[str, str] | None:
        """What happened in a turn, and the step it led to; None when it was never taken."""
        with self._engine.begin() as connection:
            query = select(turns.c.event, turns.c.step).where(turns.c.call_sid == sid, turns.c.turn == number)
            row = connection.execute(query).one_or_none()
        return (row.event, row.step) if row else None

    def close(self, sid: str, status: str, at: float, *, direction: str = "") -> None:
        """Note that the call ended. The same record, whatever comes in another order, late, twice or not at all.

        A call that the line placed itself (`direction` « outbound-api ») may end without one turn: nobody answered.
        Then its end is all of its record.
        """
        reported = end(status, at)
        if reported is not None:
            once_more(lambda: self._close(sid, reported, direction))

    def _close(self, sid: str, reported: End, direction: str) -> None:
        with self._engine.begin() as connection:
            if direction == PLACED:
                placed = insert_or(connection, calls).values(_placed(sid, reported.at))
                connection.execute(placed.on_conflict_do_nothing())
            columns = (calls.c.status, calls.c.ended_at, calls.c.disposition)
            row = connection.execute(select(*columns).where(calls.c.sid == sid).with_for_update()).one_or_none()
            if row is not None:
                known = End(row.status, row.ended_at) if row.ended_at is not None else None
                stands = later(known, reported) or reported
                said = disposition_at_end(row.disposition, stands)
                ended = {"status": stands.status, "ended_at": stands.at, "disposition": said}
                connection.execute(update(calls).where(calls.c.sid == sid).values(ended))

    def sweep(self, before: float) -> list[str]:
        """End the calls whose last turn was before then, and whose end was never reported; which they are.

        They ended with their last turn, as far as anybody knows. A status that comes late still takes its place.
        """
        silent = (calls.c.ended_at.is_(None), calls.c.updated_at < before, calls.c.state != "")
        said = case((calls.c.disposition == "", CUT), else_=calls.c.disposition)
        swept = update(calls).where(*silent).values(status=SWEPT, ended_at=calls.c.updated_at, disposition=said)
        with self._engine.begin() as connection:
            return sorted(connection.execute(swept.returning(calls.c.sid)).scalars())

    def latest(self, limit: int) -> list[ShownCall]:
        """The last calls, the oldest of them first."""
        names = ("sid", "direction", "caller_mask", "started_at", "ended_at", "status", "disposition")
        columns = (calls.c[name] for name in (*names, "remedy", "last_step", "follows", "follows_after"))
        newest = select(*columns).order_by(calls.c.started_at.desc(), calls.c.sid).limit(limit)
        with self._engine.begin() as connection:
            return [ShownCall(*row) for row in reversed(connection.execute(newest).all())]

    def tally(self, since: float) -> Tally:
        """The calls that came in after then, counted."""
        came_in = (calls.c.started_at > since, calls.c.direction == INBOUND)
        counted = select(calls.c.disposition, func.count()).where(*came_in).group_by(calls.c.disposition)
        in_a_day = func.count(case((calls.c.follows_after <= 86_400, 1)))
        again = select(in_a_day, func.count(calls.c.follows_after)).where(*came_in)
        with self._engine.begin() as connection:
            found = {row[0]: row[1] for row in connection.execute(counted.order_by(calls.c.disposition))}
            day, week = connection.execute(again).one()
        return Tally(sum(found.values()), found, day, week)

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


def _placed(sid: str, at: float) -> dict[str, object]:
    """A call that we placed and that has had no turn."""
    texts = dict.fromkeys(("state", "caller_key", "caller_mask", "status", "disposition", "remedy", "follows"), "")
    return {**texts, "sid": sid, "turn": 0, "started_at": at, "updated_at": at, "direction": PLACED, "last_step": ""}


def disposition_of(connection: Connection, sid: str) -> str | None:
    """The same as `Turns.disposition`, in this transaction."""
    return connection.execute(select(calls.c.disposition).where(calls.c.sid == sid)).scalar_one_or_none()


def end_as(connection: Connection, sid: str, disposition: str, remedy: str = "") -> None:
    """Note how the call ended after all: a message was left, the repaired telephone was answered. Solved stays so."""
    unsolved = update(calls).where(calls.c.sid == sid, calls.c.disposition != "solved")
    connection.execute(unsolved.values(disposition=disposition, **({"remedy": remedy[:120]} if remedy else {})))


def state_of(connection: Connection, sid: str) -> str:
    """Where the call stands, as it is kept; empty when it is unknown, or its state is gone."""
    return connection.execute(select(calls.c.state).where(calls.c.sid == sid)).scalar_one_or_none() or ""
