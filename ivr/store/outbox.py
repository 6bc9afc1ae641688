"""The outbox: what is to leave is a row of the transaction that decided it, and goes out once at most.

Three channels: texts (`sms`), outgoing telephone calls (`call`), and what is handed over to the support team
(`handover`). A row is `queued`, then `sending` (committed before anything leaves), then `sent`, `failed`, or `unknown`
when nobody can tell; from `unknown` it is settled by looking, never by sending again (facts/reliability.md F5). Only
what is handed over may go twice: its receiver drops the twin. What is settled loses its payload.

Texts are capped when they are queued, exactly, however many queue at once (facts/reliability.md T10). This module must
not know what is sent, nor to whom: a payload is bytes that somebody else encrypted, a recipient is a keyed hash.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack

from sqlalchemy import Connection, Engine, Row, case, delete, exists, func, or_, select, update

from ivr.store.outbox_tables import outbox
from ivr.store.statements import LEDGERS, insert_or, one_at_a_time

State = Literal["queued", "sending", "sent", "failed", "unknown"]
SETTLED: tuple[State, ...] = ("sent", "failed")

Channel = Literal["sms", "call", "handover"]
CHANNELS: tuple[Channel, ...] = ("sms", "call", "handover")
"""The most urgent first: who waits on the telephone for a password goes before a call that was promised for later."""

Queued = Literal["queued", "again", "capped"]
"""What became of a wish. `queued`: it will leave. `again`: it was queued before. `capped`: it does not leave."""

CAPPED, WITHDRAWN = "capped", "withdrawn"
"""Why a row failed that never left: it counts for no cap, and may be wished for again."""

RESTORED = "restored"
"""Why a row failed that a backup brought back."""

CALLS_APART = 1.0
"""Seconds between two outgoing calls, over all processes: what Twilio starts in a second (facts/twilio.md 6, CPS)."""

HOUR, DAY = 3600.0, 86_400.0

_rung = outbox.alias("rung")
"""The same table beside itself: what was tried just now."""

log = logging.getLogger("ivr.outbox")


@dataclass(frozen=True, slots=True)
class Caps:
    """The most texts (facts/reliability.md T10, B8): for one recipient who proved nothing, and for all together.

    They are counted when they are queued, over the hour or day before.
    """

    unproven_an_hour: int = 3
    unproven_a_day: int = 5
    all_an_hour: int = 300


CAPS = Caps()


class Options(TypedDict, total=False):
    """What `queue` may be told beside what to queue."""

    channel: Channel
    to_key: str
    not_before: float | None
    unproven: bool
    caps: Caps


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to be sent, or to be looked for: its call and kind, how often and when it was tried (seconds).

    `due_at` is when it was meant to leave first, however often it was put off since.
    """

    id: int
    call: str
    kind: str
    channel: Channel
    attempts: int
    due_at: float
    tried_at: float
    payload: bytes = field(repr=False)


def queue(
    connection: Connection,
    call: str,
    kind: str,
    payload: bytes,
    at: float,
    *,
    channel: Channel = "sms",
    to_key: str = "",
    not_before: float | None = None,
    unproven: bool = False,
    caps: Caps = CAPS,
) -> Queued:
    """Queue one thing of a kind for a call, within the caller's transaction; it leaves at `not_before`, or at once.

    `to_key` is the keyed hash of the recipient. `unproven` says that nobody has proved a right to texts to this
    number: then it needs its key. Other transactions that queue texts wait until this one ends. What was capped or
    withdrawn may be wished for again. Raises ValueError for an unproven text without a recipient's key.
    """
    if unproven and not to_key:
        raise ValueError(f"{kind}: a text that nobody has proved a right to is capped by recipient: give its to_key")
    cap = _cap(connection, to_key, at, caps, unproven=unproven) if channel == "sms" else ""
    due = at if not_before is None else not_before
    row = {
        "channel": channel,
        "to_key": to_key,
        "unproven": unproven,
        "state": "failed" if cap else "queued",
        "why": CAPPED if cap else "",
        "not_before": due,
        "queued_at": at,
        "due_at": due,
        "payload": None if cap else payload,
    }
    new = {"call_sid": call, "kind": kind, "attempts": 0, "tried_at": 0.0, "sid": ""}
    never_left = outbox.c.why.in_((CAPPED, WITHDRAWN))
    wish = insert_or(connection, outbox).values(**row, **new)
    wish = wish.on_conflict_do_update(index_elements=["call_sid", "kind"], set_=row, where=never_left)
    if connection.execute(wish.returning(outbox.c.id)).first() is None:
        return "again"
    if cap:
        log.warning("capped", extra={"call": call, "kind": kind, "cap": cap})
    return "capped" if cap else "queued"


def withdraw(connection: Connection, call: str, kind: str) -> bool:
    """Take back what is still queued, within the caller's transaction; False when it left, or was never there."""
    change = {"state": "failed", "why": WITHDRAWN, "payload": None}
    mine = update(outbox).where(outbox.c.call_sid == call, outbox.c.kind == kind, outbox.c.state == "queued")
    return connection.execute(mine.values(**change).returning(outbox.c.id)).first() is not None


def let_go(connection: Connection) -> int:
    """Give up what has not been settled, within the caller's transaction: a backup cannot know what left since.

    What is handed over stays: its receiver drops twins. How many that were.
    """
    change = {"state": "failed", "why": RESTORED, "payload": None}
    mine = update(outbox).where(outbox.c.state.not_in(SETTLED), outbox.c.channel != "handover")
    return connection.execute(mine.values(**change)).rowcount


class Outbox:
    """The outbox of one database; any number of processes may send from it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def queue(self, call: str, kind: str, payload: bytes, at: float, **options: Unpack[Options]) -> Queued:
        """The same as `queue`, in a transaction of its own."""
        with self._engine.begin() as connection:
            return queue(connection, call, kind, payload, at, **options)

    def withdraw(self, call: str, kind: str) -> bool:
        """The same as `withdraw`, in a transaction of its own."""
        with self._engine.begin() as connection:
            return withdraw(connection, call, kind)

    def claim(self, at: float, channels: Collection[Channel] = CHANNELS) -> Job | None:
        """What is due on these channels, the most urgent and oldest, now `sending` and nobody else's; else None.

        A call is due only `CALLS_APART` after the one before it.
        """
        urgency = case({channel: place for place, channel in enumerate(CHANNELS)}, value=outbox.c.channel)
        just_rung = exists().where(_rung.c.channel == "call", _rung.c.tried_at.between(at - CALLS_APART, at))
        due = (
            select(outbox)
            .where(outbox.c.state == "queued", outbox.c.not_before <= at, outbox.c.channel.in_(channels))
            .where(or_(outbox.c.channel != "call", ~just_rung))
            .order_by(urgency, outbox.c.not_before, outbox.c.id)
            .limit(1)
            .with_for_update(skip_locked=True, of=outbox)
        )
        with self._engine.begin() as connection:
            if "call" in channels:
                one_at_a_time(connection, "outbox calls")
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            tried = {"state": "sending", "attempts": row.attempts + 1, "tried_at": at}
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(**tried))
        return _job(row, row.attempts + 1, at)

    def strand(self, before: float, at: float) -> int:
        """Settle what has been `sending` since before then, its process having died; how much there was.

        It is `unknown` from now on; what is handed over is queued again, for its receiver drops twins.
        """
        lost = update(outbox).where(outbox.c.state == "sending", outbox.c.tried_at < before)
        outcome = case((outbox.c.channel == "handover", "queued"), else_="unknown")
        with self._engine.begin() as connection:
            return connection.execute(lost.values(state=outcome, not_before=at)).rowcount

    def unknown(self, at: float, channels: Collection[Channel] = CHANNELS) -> Sequence[Job]:
        """What is of unknown outcome on these channels, and time to look for."""
        due = select(outbox).where(outbox.c.state == "unknown", outbox.c.not_before <= at).order_by(outbox.c.id)
        with self._engine.begin() as connection:
            found = connection.execute(due.where(outbox.c.channel.in_(channels)))
            return [_job(row, row.attempts, row.tried_at) for row in found]

    def settle(self, job: Job, state: State, *, not_before: float = 0.0, sid: str = "", why: str = "") -> None:
        """Note how it went, and why; `not_before` is when to try or look again, `sid` the carrier's name of it.

        What has been settled stays: a process that comes late changes nothing, unless it knows that it was sent.
        """
        change: dict[str, object] = {"state": state, "not_before": not_before, "sid": sid, "why": why}
        if state in SETTLED:
            change["payload"] = None
        mine = outbox.c.attempts == job.attempts
        open_still = outbox.c.state.not_in(SETTLED if state != "sent" else ("sent",))
        with self._engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.id == job.id, mine, open_still).values(**change))

    def state(self, call: str, kind: str) -> State | None:
        """How it stands with one thing; None when it was never queued."""
        query = select(outbox.c.state).where(outbox.c.call_sid == call, outbox.c.kind == kind)
        with self._engine.begin() as connection:
            return connection.execute(query).scalar_one_or_none()

    def forget(self, before: float) -> int:
        """Delete what was settled and queued before then; how much there was. The caps count the last day."""
        old = delete(outbox).where(outbox.c.state.in_(SETTLED), outbox.c.queued_at < before)
        with self._engine.begin() as connection:
            return connection.execute(old).rowcount


def _cap(connection: Connection, to_key: str, at: float, caps: Caps, *, unproven: bool) -> str:
    """The cap that one more text would break, and no other transaction queues one until ours ends; else empty."""
    one_at_a_time(connection, LEDGERS)
    texts = select(func.count()).where(outbox.c.channel == "sms", outbox.c.why.not_in((CAPPED, WITHDRAWN)))
    theirs = texts.where(outbox.c.to_key == to_key, outbox.c.unproven)
    limits = [(texts, HOUR, caps.all_an_hour, "all an hour")]
    if unproven:
        limits.append((theirs, HOUR, caps.unproven_an_hour, "recipient an hour"))
        limits.append((theirs, DAY, caps.unproven_a_day, "recipient a day"))
    for counted, seconds, most, name in limits:
        if connection.execute(counted.where(outbox.c.queued_at > at - seconds)).scalar_one() >= most:
            return name
    return ""


def _job(row: Row[tuple[object, ...]], attempts: int, tried_at: float) -> Job:
    payload = row.payload or b""
    return Job(row.id, row.call_sid, row.kind, row.channel, attempts, row.due_at, tried_at, payload)
