"""Where calls went, counted: from which step to which one, and where those stopped that came to no end.

Of calls and turns it reads what is kept in clear: ids of steps, names of events. It must not know a flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, and_, distinct, func, select

from ivr.store.ends import ABANDONED, CUT
from ivr.store.tables import calls, turns

Move = tuple[str, str, str]
"""The step that a call was at (empty: it began), what happened there (`turns.event`), and the step it came to."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many calls there were; how many came by each step; how often each move was made; how many stopped where."""

    calls: int
    visits: Mapping[str, int]
    moves: Mapping[Move, int]
    lost: Mapping[str, int]


def traffic(engine: Engine, since: float, passing: Iterable[str] = ()) -> Traffic:
    """The traffic of the calls that began after then (seconds since the epoch).

    A call that was cut or abandoned stopped at its last step that is not one of `passing`: interruptions, ends.
    """
    begun = calls.c.started_at > since
    before = turns.alias()
    known = and_(turns.c.call_sid == calls.c.sid, begun, turns.c.step != "")
    follows = and_(before.c.call_sid == turns.c.call_sid, before.c.turn == turns.c.turn - 1)
    came_from = func.coalesce(before.c.step, "")
    move = (came_from, turns.c.event, turns.c.step)
    moved = select(*move, func.count()).select_from(turns.join(calls, known).outerjoin(before, follows)).group_by(*move)
    visited = select(turns.c.step, func.count(distinct(turns.c.call_sid))).join(calls, known).group_by(turns.c.step)
    last = (
        select(turns.c.call_sid, func.max(turns.c.turn).label("turn"))
        .join(calls, and_(known, calls.c.disposition.in_((CUT, ABANDONED))))
        .where(turns.c.step.not_in(list(passing)))
        .group_by(turns.c.call_sid)
        .subquery()
    )
    at_last = and_(turns.c.call_sid == last.c.call_sid, turns.c.turn == last.c.turn)
    lost = select(turns.c.step, func.count()).join(last, at_last).group_by(turns.c.step)
    with engine.begin() as connection:
        return Traffic(
            connection.execute(select(func.count()).select_from(calls).where(begun)).scalar_one(),
            _by_step(connection.execute(visited)),
            {(source, event, step): count for source, event, step, count in connection.execute(moved)},
            _by_step(connection.execute(lost)),
        )


def _by_step(rows: Iterable[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in rows}
