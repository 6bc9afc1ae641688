"""One turn of a call: its transaction, from what is known of the call to what is kept of it.

Read with one statement and written with one stroke, on a seat of its own (`ivr.store.seats`). Twins of a webhook meet
here: the first to write takes the turn; the other is told, and finds the answer that was given. Before a desk acts it
is settled whose the turn is: what a desk claims is never given back to be claimed by somebody else. It must not know
what states and recipes hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from ivr.store import jobs
from ivr.store.ends import ABANDONED, CUT
from ivr.store.seats import Seat, Sql, Written

INBOUND, PLACED = "inbound", "outbound-api"
"""Who dialled: the caller, or the line itself (twilio.com/docs/voice/twiml, Direction)."""

RECALL_SECONDS = 7 * 86_400
"""A call of the same caller within this time after another one follows it."""

SETTLED_SECONDS = 86_400
"""A call that ended longer ago is moved by nothing: whoever speaks of it replays what he caught (reliability 0.2).

Until then its turns keep their answers, for a webhook delivered twice (`ivr.store.retention`).
"""


class TwinError(Exception):
    """The turn was taken while we worked it out: nothing of ours is kept, and its answer is in the database."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as it is kept: a keyed hash to recognise, a masked number to show.

    `before` are his hashes under secret keys that were replaced: his calls until then are found by them.
    """

    key: str
    mask: str
    before: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands: the number of its next turn, its state, and the revision of the script that it is on."""

    turn: int
    state: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a turn was answered with: its recipe, and the revision of the script that it is a recipe of.

    `at` is when (seconds since the epoch), where it was asked for.
    """

    recipe: str = field(repr=False)
    revision: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class CutCall:
    """A call that was cut: its state as it is kept, when its last turn was (seconds since the epoch), and where."""

    sid: str
    state: str = field(repr=False)
    updated_at: float
    last_step: str


@dataclass(frozen=True, slots=True)
class _Earlier:
    """The caller's call before this one. Times in seconds since the epoch."""

    sid: str
    state: str = field(repr=False)
    disposition: str
    started_at: float
    updated_at: float
    ended_at: float | None
    last_step: str

    def was_cut(self, since: float) -> bool:
        """Whether it was cut after then, where it can go on. One that nobody ended counts from its last turn."""
        ended = self.ended_at or self.updated_at
        return bool(self.state) and self.disposition in ("", CUT, ABANDONED) and ended >= since


class Turn:
    """One turn being taken, inside its transaction."""

    def __init__(self, seat: Seat, sid: str, number: int, at: float) -> None:
        self._seat = seat
        self._sid, self._number, self._at = sid, number, at
        self._row: tuple[Any, ...] | None = None
        self._is_read = False
        self._seen: list[_Earlier] | None = None

    @property
    def transaction(self) -> Connection:
        """The connection, for what must be written with this turn or not at all.

        The call is locked from here on: a twin that comes later waits until we have written. Raises TwinError when the
        call has moved since it was read.
        """
        if not self._seat.is_open:
            return self._seat.transaction
        before = self._known()
        transaction = self._seat.transaction
        held = self._seat.row(HELD, {"sid": self._sid})
        if held != (before and before[:1]):
            raise self._twin()
        return transaction

    def ask(self, key: str) -> bool:
        """Ask for work in the background; False when it has been asked for already."""
        return jobs.ask(self.transaction, self._sid, key, self._at)

    def job(self, key: str) -> jobs.Done | None:
        """What became of that work, or None while it is not done."""
        return jobs.done(self.transaction, self._sid, key)

    def taken(self) -> Given | None:
        """What this turn was answered with, when it was; else the turn is ours to take."""
        row = self._known()
        return Given(row[3], row[2]) if row and row[0] > self._number and row[3] else None

    def live(self) -> str:
        """The revision that is live; empty when none was ever published (`ivr.store.revisions`)."""
        row = self._seat.row(LIVE, {})
        return row[0] if row else ""

    def call(self) -> Call | None:
        """The call; None when it is unknown, or its state is gone."""
        row = self._known()
        return Call(*row[:3]) if row and row[1] else None

    def cut_call(self, caller_keys: Sequence[str], since: float) -> CutCall | None:
        """The caller's newest call before this one, when it was cut after then: for who calls back to go on.

        `caller_keys` are the hashes that may stand for his number; none for who withholds it.
        """
        for last in self._earlier(caller_keys):
            if last.was_cut(since):
                return CutCall(last.sid, last.state, last.updated_at, last.last_step)
        return None

    def write(
        self,
        caller: Caller,
        *,
        event: str,
        step: str,
        state: str,
        recipe: str,
        disposition: str,
        remedy: str = "",
        direction: str = INBOUND,
        revision: str = "",
        outcomes: str = "",
    ) -> None:
        """The turn's answer, and the call as it stands after it. Nothing, when the call ended more than a day ago.

        `disposition` and `remedy` stay what they were when nothing is said of them, so that a turn that comes after
        the call's end undoes nothing. `last_step` is where the caller was last, not the sentence that ended the call.
        `revision` is the script that the turn was walked with, `outcomes` what the world said in it, names alone.
        Raises TwinError when the turn has been taken by another process.
        """
        row = self._known()
        if row and row[4] is not None and row[4] <= self._at - SETTLED_SECONDS:
            return
        values: dict[str, object] = {
            "sid": self._sid,
            "number": self._number,
            "was": row[0] if row else 0,
            "next": self._number + 1,
            "at": self._at,
            "state": state,
            "said": disposition,
            "remedy": remedy[:120],
            "step": step,
            "revision": revision,
            "event": event,
            "recipe": recipe,
            "outcomes": outcomes,
        }
        written = MOVED
        if row is None or not row[1] or self._number == 0:
            written = FOUND if self._number else BEGUN
            values |= {"key": caller.key, "mask": caller.mask, "direction": direction, "follows": "", "after": None}
            if self._number == 0 and direction == INBOUND:
                values |= self._followed(caller)
        if not self._seat.write(written, values):
            raise self._twin()

    def _known(self) -> tuple[Any, ...] | None:
        """The call's next turn, its state and revision, the recipe of this turn, and when the call ended; read once."""
        if not self._is_read:
            self._row = self._seat.row(KNOWN, {"sid": self._sid, "number": self._number})
            self._is_read = True
        return self._row

    def _twin(self) -> TwinError:
        return TwinError(f"turn {self._number} was taken meanwhile")

    def _followed(self, caller: Caller) -> dict[str, object]:
        """The caller's last call within seven days before this one, and how many seconds before it began."""
        for last in self._earlier((caller.key, *caller.before)):
            if last.started_at >= self._at - RECALL_SECONDS:
                return {"follows": last.sid, "after": self._at - last.started_at}
        return {}

    def _earlier(self, caller_keys: Sequence[str]) -> list[_Earlier]:
        """The caller's newest call that came in before this one, if any; read once. None for a withheld number."""
        if self._seen is None:
            asked = [{"key": key, "sid": self._sid} for key in caller_keys if key]
            found = [self._seat.row(NEWEST, one) for one in asked]
            earlier = [_Earlier(*row) for row in found if row]
            self._seen = sorted(earlier, key=lambda last: last.started_at, reverse=True)[:1]
        return self._seen


def given(seat: Seat, sid: str, number: int) -> Given | None:
    """What one turn was answered with, or None when it was never taken, or its answer is gone."""
    row = seat.row(RECIPE, {"sid": sid, "number": number})
    return Given(*row) if row and row[0] else None


RECIPE = Sql("""
    SELECT turns.recipe, calls.revision, turns.at FROM turns JOIN calls ON calls.sid = turns.call_sid
    WHERE turns.call_sid = :sid AND turns.turn = :number""")

LIVE = Sql("SELECT revision FROM releases ORDER BY number DESC LIMIT 1")

KNOWN = Sql("""
    SELECT turn, state, revision, (SELECT recipe FROM turns WHERE call_sid = calls.sid AND turn = :number), ended_at
    FROM calls WHERE sid = :sid""")

HELD = Sql("SELECT turn FROM calls WHERE sid = :sid FOR UPDATE")
"""Only where a transaction begins late: what was read before may hold no more."""

NEWEST = Sql("""
    SELECT sid, state, disposition, started_at, updated_at, ended_at, last_step FROM calls
    WHERE caller_key = :key AND direction = 'inbound' AND sid <> :sid
    ORDER BY started_at DESC, sid LIMIT 1""")

_MOVES = """
    turn = :next, state = :state, revision = :revision, updated_at = :at,
    disposition = CASE WHEN :said = '' THEN calls.disposition ELSE :said END,
    remedy = CASE WHEN :remedy = '' THEN calls.remedy ELSE :remedy END,
    last_step = CASE WHEN :said = '' THEN :step ELSE calls.last_step END"""
_NEW = """
    INSERT INTO calls (sid, turn, state, caller_key, caller_mask, direction, started_at, updated_at, status,
        disposition, remedy, last_step, follows, follows_after, revision)
    VALUES (:sid, :next, :state, :key, :mask, :direction, :at, :at, 'in-progress',
        :said, :remedy, :step, :follows, :after, :revision)
    ON CONFLICT (sid) DO UPDATE SET"""
_WHO = """
    caller_key = :key, caller_mask = :mask, direction = :direction,
    follows = CASE WHEN :follows = '' THEN calls.follows ELSE :follows END,
    follows_after = CASE WHEN :follows = '' THEN calls.follows_after ELSE :after END"""
_ANSWERED = """
    INSERT INTO turns (call_sid, turn, event, step, recipe, at, outcomes)
    SELECT :sid, :number, :event, :step, :recipe, :at, :outcomes"""


def _written(move: str) -> Written:
    """The call moved from the turn that it was at, and the answer of this turn, or neither."""
    move = f"{move} WHERE calls.sid = :sid AND calls.turn = :was"
    return Written(
        (move, f"{_ANSWERED} WHERE true ON CONFLICT DO NOTHING"),
        at_once=f"WITH moved AS ({move} RETURNING sid) {_ANSWERED} FROM moved",
    )


MOVED = _written(f"UPDATE calls SET {_MOVES}")  # noqa: S608 - constants
BEGUN = _written(f"{_NEW} {_MOVES}, {_WHO}, kept = 3")
FOUND = _written(f"{_NEW} {_MOVES}, kept = 3")
