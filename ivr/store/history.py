"""Past calls, turn by turn, as they were kept: what happened, where it led, what the world said. Read, never written.

A page at a time, each in a transaction of its own, so that calls in progress wait for none of it for long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Select, func, select, tuple_

from ivr.store.tables import calls, turns

PAGE = 200
"""Calls a transaction."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One turn. `at` in seconds since the epoch; `outcomes` empty when it was taken before they were kept."""

    number: int
    event: str
    step: str
    at: float
    outcomes: str


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call: when it began (seconds since the epoch), on which revision of the script, how it ended, its turns."""

    sid: str
    mask: str
    started_at: float
    revision: str
    disposition: str
    turns: tuple[KeptTurn, ...]


def how_many(engine: Engine, since: float) -> int:
    """How many calls began after then."""
    with engine.begin() as connection:
        return connection.execute(select(func.count()).where(calls.c.started_at > since)).scalar_one()


def past_calls(engine: Engine, since: float) -> Iterator[KeptCall]:
    """The calls that began after then, the oldest first."""
    place = (since, "")
    while True:
        with engine.begin() as connection:
            after = tuple_(calls.c.started_at, calls.c.sid) > place
            page = _read(connection, select(calls.c.sid).where(after).order_by(calls.c.started_at, calls.c.sid))
        yield from page
        if len(page) < PAGE:
            return
        place = (page[-1].started_at, page[-1].sid)


def calls_like(engine: Engine, start: str) -> list[KeptCall]:
    """The calls whose id begins so, the oldest first."""
    with engine.begin() as connection:
        theirs = select(calls.c.sid).where(calls.c.sid.startswith(start, autoescape=True)).order_by(calls.c.started_at)
        return _read(connection, theirs)


def _read(connection: Connection, which: Select[tuple[str]]) -> list[KeptCall]:
    """The calls of these ids, with their turns, in the same order."""
    sids = list(connection.execute(which.limit(PAGE)).scalars())
    answered = select(turns).where(turns.c.call_sid.in_(sids), turns.c.event != "")
    taken: defaultdict[str, list[KeptTurn]] = defaultdict(list)
    for row in connection.execute(answered.order_by(turns.c.call_sid, turns.c.turn)):
        taken[row.call_sid].append(KeptTurn(row.turn, row.event, row.step, row.at, row.outcomes))
    found = {
        row.sid: KeptCall(
            row.sid, row.caller_mask, row.started_at, row.revision, row.disposition, tuple(taken[row.sid])
        )
        for row in connection.execute(select(calls).where(calls.c.sid.in_(sids)))
    }
    return [found[sid] for sid in sids]
