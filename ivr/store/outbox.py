"""The outbox: what is to be sent is a row of the transaction that decided it, and goes out once at most.

A row is `queued`, then `sending` (committed before anything leaves), then `sent`, `failed`, or `unknown` when nobody
can tell; from `unknown` it is settled by looking, never by sending again (facts/reliability.md F5). What is settled
loses its payload. This module must not know what is sent, nor to whom: a payload is bytes that somebody else encrypted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import Connection, Engine, Row, delete, select, update

from ivr.store.outbox_tables import outbox
from ivr.store.statements import insert_or

State = Literal["queued", "sending", "sent", "failed", "unknown"]
SETTLED: tuple[State, ...] = ("sent", "failed")


@dataclass(frozen=True, slots=True)
class Job:
    """One text to be sent, or to be looked for: its call and kind, how often and when it was tried (seconds)."""

    id: int
    call: str
    kind: str
    attempts: int
    queued_at: float
    tried_at: float
    payload: bytes = field(repr=False)


def queue(connection: Connection, call: str, kind: str, payload: bytes, at: float) -> bool:
    """Queue one text of a kind for a call, within the caller's transaction; False when there is one already."""
    row = {"call_sid": call, "kind": kind, "payload": payload, "queued_at": at, "not_before": at}
    new = {"state": "queued", "attempts": 0, "tried_at": 0.0, "sid": ""}
    statement = insert_or(connection, outbox).values(**row, **new).on_conflict_do_nothing().returning(outbox.c.id)
    return connection.execute(statement).first() is not None


class Outbox:
    """The outbox of one database; any number of processes may send from it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def queue(self, call: str, kind: str, payload: bytes, at: float) -> bool:
        """The same as `queue`, in a transaction of its own."""
        with self._engine.begin() as connection:
            return queue(connection, call, kind, payload, at)

    def claim(self, at: float) -> Job | None:
        """The oldest text that is due, now `sending` and nobody else's; None when none is."""
        due = (
            select(outbox)
            .where(outbox.c.state == "queued", outbox.c.not_before <= at)
            .order_by(outbox.c.not_before, outbox.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            tried = {"state": "sending", "attempts": row.attempts + 1, "tried_at": at}
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(**tried))
        return _job(row, row.attempts + 1, at)

    def strand(self, before: float, at: float) -> int:
        """Call `unknown` what has been `sending` since before then: its process died. How many there were."""
        lost = update(outbox).where(outbox.c.state == "sending", outbox.c.tried_at < before)
        with self._engine.begin() as connection:
            return connection.execute(lost.values(state="unknown", not_before=at)).rowcount

    def unknown(self, at: float) -> Sequence[Job]:
        """The texts of unknown outcome that it is time to look for."""
        due = select(outbox).where(outbox.c.state == "unknown", outbox.c.not_before <= at).order_by(outbox.c.id)
        with self._engine.begin() as connection:
            return [_job(row, row.attempts, row.tried_at) for row in connection.execute(due)]

    def settle(self, job: Job, state: State, *, not_before: float = 0.0, sid: str = "") -> None:
        """Note how it went; `not_before` is when to try or look again, `sid` the carrier's name of the message.

        What has been settled stays: a process that comes late changes nothing, unless it knows that it was sent.
        """
        change: dict[str, object] = {"state": state, "not_before": not_before, "sid": sid}
        if state in SETTLED:
            change["payload"] = None
        mine = outbox.c.attempts == job.attempts
        open_still = outbox.c.state.not_in(SETTLED if state != "sent" else ("sent",))
        with self._engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.id == job.id, mine, open_still).values(**change))

    def state(self, call: str, kind: str) -> State | None:
        """How it stands with one text; None when it was never queued."""
        query = select(outbox.c.state).where(outbox.c.call_sid == call, outbox.c.kind == kind)
        with self._engine.begin() as connection:
            return connection.execute(query).scalar_one_or_none()

    def forget(self, before: float) -> int:
        """Delete what was settled and queued before then; how many there were."""
        old = delete(outbox).where(outbox.c.state.in_(SETTLED), outbox.c.queued_at < before)
        with self._engine.begin() as connection:
            return connection.execute(old).rowcount


def _job(row: Row[tuple[object, ...]], attempts: int, tried_at: float) -> Job:
    return Job(row.id, row.call_sid, row.kind, attempts, row.queued_at, tried_at, row.payload or b"")
