"""What is kept no longer than it must be, and how a number is forgotten everywhere (facts/reliability.md 1.7, T15).

Day by day (`purge`): answers of turns and work in the background go with the call's end and a day; states and texts
after a week; messages and call-backs a month after a person dealt with them. A call's row stays for the statistics, but
after six months nothing in it, nor in any other table, leads to a caller any more, and its turns are gone.

The audit is append-only, and holds no number. Accounts keep their failures in a row: a lock must outlive its cause.
Codes are the desk's to expire (`ivr.desk.codes.expire`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, func, or_, select, tuple_, update

from ivr.store.accounts import Accounts
from ivr.store.audit import Audit
from ivr.store.codes import Codes
from ivr.store.jobs import jobs
from ivr.store.numbers import number_keys
from ivr.store.outbox import SETTLED
from ivr.store.outbox_tables import links, outbox
from ivr.store.recordings import FOLDER, Recordings
from ivr.store.tables import attempts, callbacks, calls, codes, lines, messages, passwords, turns, watches
from ivr.store.vault import Vault

HOUR, DAY = 3600.0, 86_400.0

LONGEST_CALL = 4 * HOUR
"""No call lasts longer: what was written for a turn before that is of a call that is over."""

SLICE, PAUSE = 500, 0.1
"""Rows a transaction, and seconds until the next: a call that goes on waits for one slice, and gets in between two.

SQLite asks a database that is locked again after a tenth of a second at the latest.
"""

QUICK_BYTES = 64 * 2**20
"""An SQLite file up to this size is written anew within a second or so: calls can wait for that."""

CALLS = 50
"""Calls a transaction, where what goes is found by the call: about as many turns as a slice has rows."""

EVERYTHING, NO_ANSWERS, NO_STATE, NOTHING = 3, 2, 1, 0
"""How much of a call is kept (`calls.kept`): it loses its answers, then its state, then its turns."""

Counts = Mapping[str, int]
"""How many rows of what."""


@dataclass(frozen=True, slots=True)
class Periods:
    """How long things are kept, in seconds (facts/reliability.md 1.7).

    `turns`: answers and work in the background, after the end of the call. `states`: where calls stood, after their
    end; a call-back after a long week-end still tells what was done. `calls`: who called, and every turn; also what
    nobody ever dealt with. `handled`: messages and call-backs, after a person dealt with them. `drafts`: what callers
    did not send. `outbox`: what was sent, without its text. `links`: after they expired. `watches`: line and number,
    after the watch.
    """

    turns: float = DAY
    states: float = 7 * DAY
    calls: float = 183 * DAY
    handled: float = 30 * DAY
    drafts: float = DAY
    outbox: float = 7 * DAY
    links: float = DAY
    watches: float = DAY


PERIODS = Periods()


@dataclass(frozen=True, slots=True)
class Purged:
    """What went, or would go. `on_disk`: no byte of it is left in an SQLite file (of PostgreSQL's nobody knows)."""

    counts: Counts
    on_disk: bool = False

    @property
    def total(self) -> int:
        """How many rows in all."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class _Chore:
    """Rows whose time is over: deleted, or emptied by `change`."""

    name: str
    table: Table
    over: ColumnElement[bool]
    change: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class _Stage:
    """Turns of the calls whose time is over: deleted, or emptied by `change`. What the `calls` hold then."""

    name: str
    over: ColumnElement[bool]
    calls: Mapping[str, object]
    change: Mapping[str, object] | None = None

    @property
    def turns(self) -> ColumnElement[bool]:
        """The turns of all these calls."""
        return turns.c.call_sid.in_(select(calls.c.sid).where(self.over))


def purge(
    engine: Engine,
    vault: Vault,
    at: float,
    periods: Periods = PERIODS,
    *,
    folder: Path,
    who: str = "line",
    anew: bool | None = None,
    dry_run: bool = False,
) -> Purged:
    """Let go of what is over, slice by slice; `folder` is IVR_DATA_DIR, `who` is noted in the audit.

    What is deleted is overwritten; but pages keep torn pieces of rows that have moved, and only a file that is written
    anew keeps none. That takes seconds for hundreds of megabytes, while calls wait: `anew` says whether it is to be,
    None that it is when the file is small and something went.
    Any number of processes may purge at once. Raises what the database raises; what was done until then stays done.
    """
    recordings = Recordings(folder / FOLDER, vault)
    answers, old = _stages(at, periods)
    chores = _chores(at, periods)
    over = _messages_over(at, periods)
    if dry_run:
        with engine.begin() as connection:
            counts = {answers.name: _count(connection, turns, answers.turns)}
            counts |= {chore.name: _count(connection, chore.table, chore.over) for chore in chores}
            counts[old.name] = _count(connection, turns, old.turns)
            return Purged(counts | {"messages": _count(connection, messages, over)})
    counts = {answers.name: sum(_call_slices(engine, answers))}
    counts |= {chore.name: sum(_slices(engine, chore)) for chore in chores}
    counts[old.name] = sum(_call_slices(engine, old))
    counts["messages"] = sum(_message_slices(engine, recordings, over))
    something = any(counts.values())
    _drop_strays(engine, recordings, at - periods.drafts)
    with _forgetful(engine) as connection:
        Accounts(connection, vault).forget(at)
        if something:
            Audit(connection, vault).note(at, who, "data.purged", f"{sum(counts.values())} rows")
    return Purged(counts, on_disk=_swept_disk(engine, anew=something and _is_quick(engine) if anew is None else anew))


def forget_number(
    engine: Engine, vault: Vault, number: str, at: float, *, folder: Path, who: str = "line", dry_run: bool = False
) -> Purged:
    """Erase a number in E.164 everywhere, the bytes of an SQLite file included; `folder` is IVR_DATA_DIR.

    A line of the register whose number or mobile it is goes as well, with its codes: an import would never take it out.
    Its calls stay for the statistics, without caller, state or turns; one that goes on starts again at the top. What
    somebody else keyed in a call of his own is sealed in that call's state, and goes with it after `Periods.states`.
    On SQLite the file is written anew (VACUUM): seconds for hundreds of megabytes, while calls wait.
    Raises what the database raises; then nothing of it has gone but sounds of messages: do it again.
    """
    recordings = Recordings(folder / FOLDER, vault)
    with engine.connect() as connection, connection.begin() as transaction:
        _overwrite(connection)
        counts, sounds = _forget(connection, vault, number, at, who)
        if dry_run:
            transaction.rollback()
            return Purged(counts)
        Audit(connection, vault).note(at, who, "number.forgotten", f"{sum(counts.values())} rows")
        for message in sounds:
            recordings.drop(message)
    return Purged(counts, on_disk=_swept_disk(engine, anew=True))


def _stages(at: float, periods: Periods) -> tuple[_Stage, _Stage]:
    """Answers go first, turns last: what a call keeps only ever grows less."""
    answered, old = at - periods.turns - LONGEST_CALL, at - periods.calls
    whole = and_(calls.c.kept == EVERYTHING, calls.c.started_at < answered)
    some = and_(calls.c.kept.in_((EVERYTHING, NO_ANSWERS, NO_STATE)), calls.c.started_at < old)
    return _Stage("answers", whole, {"kept": NO_ANSWERS}, {"recipe": ""}), _Stage(
        "turns", some, {"kept": NOTHING, "state": ""}
    )


def _chores(at: float, periods: Periods) -> list[_Chore]:
    answered, old, stood = at - periods.turns - LONGEST_CALL, at - periods.calls, at - periods.states
    forgotten = and_(calls.c.kept >= NO_ANSWERS, calls.c.started_at < stood, calls.c.ended_at < stood)
    nobody = {"caller_key": "", "caller_mask": "", "follows": ""}
    unwatched = {"line_cipher": None, "number_key": "", "number_cipher": None}
    handled = callbacks.c.done_at < at - periods.handled
    sent = and_(outbox.c.state.in_(SETTLED), outbox.c.queued_at < at - periods.outbox)
    watched = and_(watches.c.line_cipher.is_not(None), watches.c.until < at - periods.watches)
    return [
        _Chore("jobs", jobs, jobs.c.asked_at < answered),
        _Chore("states", calls, forgotten, {"state": "", "kept": NO_STATE}),
        _Chore("callers", calls, and_(calls.c.caller_key != "", calls.c.started_at < old), nobody),
        _Chore("outbox", outbox, sent),
        _Chore("links", links, links.c.expires_at < at - periods.links),
        _Chore("callbacks", callbacks, or_(handled, callbacks.c.slot_end < old)),
        _Chore("watched lines", watches, watched, unwatched),
        _Chore("watches", watches, watches.c.until < old),
    ]


def _messages_over(at: float, periods: Periods) -> ColumnElement[bool]:
    unsent = and_(messages.c.state.in_(("draft", "discarded")), messages.c.at < at - periods.drafts)
    return or_(unsent, messages.c.done_at < at - periods.handled, messages.c.at < at - periods.calls)


def _slices(engine: Engine, chore: _Chore) -> Iterator[int]:
    """How many rows each transaction took, until none is left."""
    key = tuple_(*chore.table.primary_key.columns)
    over = select(*chore.table.primary_key.columns).where(chore.over).limit(SLICE)
    some = key.in_(over.with_for_update(skip_locked=True))
    statement = delete(chore.table) if chore.change is None else update(chore.table).values(dict(chore.change))
    taken = SLICE
    while taken == SLICE:
        with _forgetful(engine) as connection:
            taken = connection.execute(statement.where(some)).rowcount
        yield taken
        _pause(taken)


def _call_slices(engine: Engine, stage: _Stage) -> Iterator[int]:
    """How many turns each transaction took, until no call is left."""
    statement = delete(turns) if stage.change is None else update(turns).values(dict(stage.change))
    some = select(calls.c.sid).where(stage.over).limit(CALLS).with_for_update(skip_locked=True)
    sids = [""]
    while sids:
        with _forgetful(engine) as connection:
            sids = list(connection.execute(some).scalars())
            taken = connection.execute(statement.where(turns.c.call_sid.in_(sids))).rowcount
            connection.execute(update(calls).where(calls.c.sid.in_(sids)).values(dict(stage.calls)))
        yield taken
        _pause(SLICE if sids else 0)


def _message_slices(engine: Engine, recordings: Recordings, over: ColumnElement[bool]) -> Iterator[int]:
    """The same for messages: the sound goes first, so that a row is left to find it by."""
    taken = SLICE
    while taken == SLICE:
        with _forgetful(engine) as connection:
            ids = connection.execute(select(messages.c.id).where(over).limit(SLICE)).scalars().all()
            for message in ids:
                recordings.drop(message)
            connection.execute(delete(messages).where(messages.c.id.in_(ids)))
        taken = len(ids)
        yield taken
        _pause(taken)


def _pause(taken: int) -> None:
    """Let the calls get in, when another slice follows."""
    if taken == SLICE:
        time.sleep(PAUSE)


def _drop_strays(engine: Engine, recordings: Recordings, before: float) -> None:
    """Delete files that belong to no message: a process died between file and row."""
    names = list(recordings.names(before))
    with engine.begin() as connection:
        known = set(connection.execute(select(messages.c.id)).scalars())
    for name in names:
        if name not in known:
            recordings.drop(name)


def _forget(connection: Connection, vault: Vault, number: str, at: float, who: str) -> tuple[dict[str, int], list[str]]:
    """Take the number out of every table; how many rows of what, and the messages whose sound is to go."""
    keys = number_keys(vault, number)
    theirs = calls.c.caller_key.in_(keys)
    accounts = _ids(connection, lines.c.id, _lines_with(vault, number))
    called = set(_ids(connection, calls.c.sid, theirs))
    for table in (messages, callbacks, watches):
        called |= set(_ids(connection, table.c.call_sid, table.c.number_key.in_(keys)))
    called |= set(_ids(connection, outbox.c.call_sid, outbox.c.to_key.in_(keys)))
    called |= set(_ids(connection, passwords.c.call_sid, passwords.c.account.in_(accounts)))
    touched = sorted(called)
    mine = {"calls": _count(connection, calls, theirs)}
    connection.execute(update(calls).where(theirs).values(caller_key="", caller_mask="", follows=""))
    connection.execute(update(calls).where(calls.c.sid.in_(touched)).values(state=""))
    sounds = _ids(connection, messages.c.id, _theirs(messages, keys, touched))
    for table, which in (
        (turns, turns.c.call_sid.in_(touched)),
        (jobs, jobs.c.call_sid.in_(touched)),
        (links, links.c.call_sid.in_(touched)),
        (messages, _theirs(messages, keys, touched)),
        (callbacks, _theirs(callbacks, keys, touched)),
        (watches, _theirs(watches, keys, touched)),
        (outbox, or_(outbox.c.to_key.in_(keys), and_(outbox.c.to_key == "", outbox.c.call_sid.in_(touched)))),
        (passwords, passwords.c.account.in_(accounts)),
        (attempts, attempts.c.account.in_(accounts)),
        (lines, lines.c.id.in_(accounts)),
    ):
        mine[table.name] = connection.execute(delete(table).where(which)).rowcount
    for code in _ids(connection, codes.c.id, and_(codes.c.line.in_(accounts), codes.c.cipher.is_not(None))):
        Codes(connection, vault).retire(code, "revoked")
        Audit(connection, vault).note(at, who, "code.revoked", code)
    return mine, sounds


def _theirs(table: Table, keys: tuple[str, ...], touched: list[str]) -> ColumnElement[bool]:
    """Rows that lead to the number, or to nobody and come from one of its calls."""
    return or_(table.c.number_key.in_(keys), and_(table.c.number_key == "", table.c.call_sid.in_(touched)))


def _lines_with(vault: Vault, number: str) -> ColumnElement[bool]:
    line, mobile = vault.keys("line", number), vault.keys("mobile", number)
    return or_(lines.c.number_key.in_(line), lines.c.mobile_key.in_(mobile))


def _ids(connection: Connection, column: ColumnElement[Any], which: ColumnElement[bool]) -> list[str]:
    return list(connection.execute(select(column).where(which)).scalars())


def _count(connection: Connection, table: Table, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(which)).scalar_one()


@contextmanager
def _forgetful(engine: Engine) -> Iterator[Connection]:
    """A transaction whose deleted bytes are overwritten."""
    with engine.begin() as connection:
        _overwrite(connection)
        yield connection


def _overwrite(connection: Connection) -> None:
    """On SQLite, let what this connection deletes be overwritten with zeros (sqlite.org/pragma, secure_delete)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _is_quick(engine: Engine) -> bool:
    """Whether the file is small enough to be written anew at any time."""
    if engine.dialect.name != "sqlite":
        return False
    with engine.begin() as connection:
        pages, size = (connection.exec_driver_sql(f"PRAGMA {of}").scalar_one() for of in ("page_count", "page_size"))
    return bool(pages * size <= QUICK_BYTES)


def _swept_disk(engine: Engine, *, anew: bool) -> bool:
    """Empty SQLite's log into its file, which is written `anew` or not; whether no byte of what was deleted is left.

    Never sure of it on PostgreSQL; nor when others kept the file busy, or the disk is full: then do it again.
    """
    if engine.dialect.name != "sqlite":
        return False
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if anew:
            cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        busy = cursor.fetchone()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return anew and busy is not None and busy[0] == 0
