"""One turn of a call: its transaction, from what is known of the call to what is kept of it.

Read with one statement and written with two, on a seat of its own (`ivr.store.seats`). Twins of a webhook meet here:
the first to write takes the turn; the other is told, and finds the answer that was given. It must not know what states
and recipes hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from ivr.store import jobs
from ivr.store.ends import ABANDONED, CUT
from ivr.store.seats import Seat, Sql

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
        """The connection, for what must be written with this turn or not at all."""
        return self._seat.transaction

    def ask(self, key: str) -> bool:
        """Ask for work in the background; False when it has been asked for already."""
        return jobs.ask(self.transaction, self._sid, key, self._at)

    def job(self, key: str) -> jobs.Done | None:
        """What became of that work, or None while it is not done."""
        return jobs.done(self.transaction, self._sid, key)

    def taken(self) -> Given | None:
        """What this turn was answered with, when it was; else the turn is ours to take.

        The call is locked from here on: a twin that comes later waits until we have written.
        """
        self._row = row = self._read()
        if row is None or row[0] <= self._number:
            return None
        if row[3] is None:  # a twin has written while we waited for the lock: what we saw of the turns is older
            row = self._read()
        return Given(row[3], row[2]) if row and row[3] else None

    def live(self) -> str:
        """The revision that is live; empty when none was ever published (`ivr.store.revisions`)."""
        row = self._seat.execute(LIVE, {}).fetchone()
        return row[0] if row else ""

    def call(self) -> Call | None:
        """The call, locked until the turn is written; None when it is unknown, or its state is gone."""
        if not self._is_read:
            self._row = self._read()
        return Call(*self._row[:3]) if self._row and self._row[1] else None

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
        moved = {
            "sid": self._sid,
            "next": self._number + 1,
            "state": state,
            "at": self._at,
            "settled": self._at - SETTLED_SECONDS,
            "said": disposition,
            "remedy": remedy[:120],
            "step": step,
            "revision": revision,
        }
        if self._row is None or not self._row[1] or self._number == 0:
            moved |= {"key": caller.key, "mask": caller.mask, "direction": direction, "follows": "", "after": None}
            if self._number == 0 and direction == INBOUND:
                moved |= self._followed(caller)
            lives = self._seat.execute(FOUND if self._number else BEGUN, moved).rowcount
        else:
            lives = self._seat.execute(MOVED, moved).rowcount
        if not lives:
            return
        row = {"sid": self._sid, "number": self._number, "at": self._at}
        row |= {"event": event, "step": step, "recipe": recipe, "outcomes": outcomes}
        if not self._seat.execute(ANSWERED, row).rowcount:
            raise TwinError(f"turn {self._number} was taken meanwhile")

    def _read(self) -> tuple[Any, ...] | None:
        """The call's next turn, its state, and the recipe of this turn, if there is one."""
        which = {"sid": self._sid, "number": self._number}
        row: tuple[Any, ...] | None = self._seat.execute(KNOWN, which).fetchone()
        self._is_read = True
        return row

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
            found = [self._seat.execute(NEWEST, one).fetchone() for one in asked]
            earlier = [_Earlier(*row) for row in found if row]
            self._seen = sorted(earlier, key=lambda last: last.started_at, reverse=True)[:1]
        return self._seen


def given(seat: Seat, sid: str, number: int) -> Given | None:
    """What one turn was answered with, or None when it was never taken, or its answer is gone."""
    row = seat.execute(RECIPE, {"sid": sid, "number": number}).fetchone()
    return Given(*row) if row and row[0] else None


RECIPE = Sql("""
    SELECT turns.recipe, calls.revision, turns.at FROM turns JOIN calls ON calls.sid = turns.call_sid
    WHERE turns.call_sid = :sid AND turns.turn = :number""")

LIVE = Sql("SELECT revision FROM releases ORDER BY number DESC LIMIT 1")

_SELECT = """
    SELECT turn, state, revision, (SELECT recipe FROM turns WHERE call_sid = calls.sid AND turn = :number)
    FROM calls WHERE sid = :sid"""
KNOWN = Sql(_SELECT, postgresql=f"{_SELECT} FOR UPDATE OF calls")

NEWEST = Sql("""
    SELECT sid, state, disposition, started_at, updated_at, ended_at, last_step FROM calls
    WHERE caller_key = :key AND direction = 'inbound' AND sid <> :sid
    ORDER BY started_at DESC, sid LIMIT 1""")

_MOVES = """
    turn = :next, state = :state, revision = :revision, updated_at = :at,
    disposition = CASE WHEN :said = '' THEN calls.disposition ELSE :said END,
    remedy = CASE WHEN :remedy = '' THEN calls.remedy ELSE :remedy END,
    last_step = CASE WHEN :said = '' THEN :step ELSE calls.last_step END"""
_LIVES = "(calls.ended_at IS NULL OR calls.ended_at > :settled)"

MOVED = Sql(f"UPDATE calls SET {_MOVES} WHERE sid = :sid AND {_LIVES}")  # noqa: S608 - constants

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
BEGUN = Sql(f"{_NEW} {_MOVES}, {_WHO}, kept = 3 WHERE {_LIVES}")
FOUND = Sql(f"{_NEW} {_MOVES}, kept = 3 WHERE {_LIVES}")

ANSWERED = Sql("""
    INSERT INTO turns (call_sid, turn, event, step, recipe, at, outcomes)
    VALUES (:sid, :number, :event, :step, :recipe, :at, :outcomes)
    ON CONFLICT DO NOTHING""")
