"""Connections that stay open from one turn to the next, and statements that go straight to their driver.

A turn is what a caller waits for: in SQLAlchemy's hands its statements cost ten times what the driver asks for them
(`python -m bench`, facts/speed.md 7). A desk that writes with the turn still gets an ordinary connection, on the same
transaction. It must not know any table.

These connections do not wait for the disk at each commit: a power cut may take the last turns of menus, which then
begin again. A turn in which something was promised, issued or spent is on the disk before it is answered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction

T = TypeVar("T")

IDLE = 4
"""More seats than this are not kept open between turns: one for each thread that serves."""

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
FLUSHED = "SET LOCAL synchronous_commit TO DEFAULT"
"""This transaction waits for the disk when it ends, and takes to it whatever was written before."""

TAKEN = "23505"
"""Unique violation (postgresql.org/docs/18, errcodes): a row of that name is there already."""

IN_A_TURN = "in a turn"
"""Set in the connection's info while a turn has begun on it: a desk's transaction is that one."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A question for both drivers, its values written « :name »."""

    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """What is written with one stroke: step by step where a transaction has begun, or `at_once` without one.

    Each step writes one row, or what was read before holds no more.
    """

    steps: tuple[str, ...]
    at_once: str


class Seat:
    """One open connection. `flush` puts on the disk what was committed; it does nothing where a commit does."""

    def __init__(self, connection: Connection, flush: Callable[[], None]) -> None:
        self._connection, self._flush = connection, flush
        self._driver: Any = connection.connection.dbapi_connection
        self._desk: RootTransaction | None = None

    def row(self, asked: Sql, values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row that answers the question."""
        row: tuple[Any, ...] | None = self._driver.execute(asked.text, values).fetchone()
        return row

    def write(self, what: Written, values: Mapping[str, object]) -> bool:
        """Write it; False when somebody else has written in between, and nothing may be kept."""
        return all(self._driver.execute(step, values).rowcount for step in what.steps)

    @property
    def is_open(self) -> bool:
        """Whether others may write between what is asked and what is written."""
        return False

    @property
    def transaction(self) -> Connection:
        """The connection as desks use it, in the turn's own transaction."""
        if self._desk is None:
            self._connection.info[IN_A_TURN] = True
            self._desk = self._connection.begin()
        return self._connection

    def begin(self, entrance: Entrance) -> None:
        """Begin a turn."""
        entrance.begin(self._driver.execute)

    def commit(self) -> None:
        """Write the turn; what a desk has done is on the disk afterwards."""
        if self._desk is None:
            self._driver.commit()
        else:
            self._desk.commit()
            self._flush()

    def rollback(self) -> None:
        """Leave no trace of the turn."""
        (self._desk or self._driver).rollback()

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke: a rollback then has nothing left to do, and does not fail."""
        return self._connection.invalidated or bool(getattr(self._driver, "closed", False))

    def end(self) -> None:
        """The turn is over: the seat is free for another one."""
        if self._desk is not None:
            self._desk = None
            self._connection.info.pop(IN_A_TURN, None)

    def drop(self) -> None:
        """Close the connection for good."""
        self._desk = None
        self._connection.invalidate()
        self._connection.close()


class OpenSeat(Seat):
    """One on which no transaction begins before a desk asks for it: each statement stands for itself until then.

    That spares PostgreSQL three of five round trips. What is written says which turn it follows, so that nothing is
    written when somebody else was faster.
    """

    def row(self, asked: Sql, values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row that answers the question."""
        row: tuple[Any, ...] | None = self._driver.row(asked.text, values)
        return row

    def write(self, what: Written, values: Mapping[str, object]) -> bool:
        """Write it; False when somebody else has written in between, and nothing may be kept."""
        try:
            return bool(self._driver.ask(what.at_once, values).command_tuples)
        except Exception as error:
            if getattr(error, "sqlstate", "") != TAKEN:
                raise
            return False

    @property
    def is_open(self) -> bool:
        """Whether others may write between what is asked and what is written."""
        return self._desk is None

    @property
    def transaction(self) -> Connection:
        """The connection as desks use it, in a transaction that begins here."""
        if self._desk is None:
            self._driver.ask(BEGIN, {})
            self._driver.ask(FLUSHED, {})
        return super().transaction

    def begin(self, entrance: Entrance) -> None:
        """Begin a turn."""

    def commit(self) -> None:
        """Write what a desk has done; without one all is written."""
        if self._desk is not None:
            self._desk.commit()

    def rollback(self) -> None:
        """Leave no trace of the turn."""
        if self._desk is not None:
            self._desk.rollback()


class Entrance:
    """How a transaction begins: here, as the driver does it by itself."""

    def enter(self) -> None:
        """Wait until it may begin."""

    def begin(self, execute: Callable[[str], object]) -> None:
        """Begin it."""

    def leave(self) -> None:
        """Let others in."""


class Seats:
    """The seats of one engine, whose transactions begin at the entrance.

    `prepare` gets each new connection of the driver, `flush` puts on the disk what was committed; `kind` is theirs.
    """

    def __init__(
        self,
        engine: Engine,
        entrance: Entrance | None = None,
        *,
        prepare: Callable[[Any], None] = lambda _driver: None,
        flush: Callable[[], None] = lambda: None,
        kind: type[Seat] = Seat,
    ) -> None:
        self._engine, self.entrance = engine, entrance or Entrance()
        self._prepare, self._flush, self._kind = prepare, flush, kind
        self._free: list[Seat] = []
        self._lock = threading.Lock()

    def taken(self) -> AbstractContextManager[Seat]:
        """A seat for one transaction: written whole when the block ends, not at all when it raises."""
        return self.taken_for(lambda seat: seat)

    @contextmanager
    def taken_for(self, work: Callable[[Seat], T]) -> Iterator[T]:
        """The same, for the work that is done on it."""
        self.entrance.enter()
        try:
            seat = self._seat()
            try:
                seat.begin(self.entrance)
                yield work(seat)
                seat.commit()
            except BaseException:
                self._left(seat)
                raise
            seat.end()
            self._keep(seat)
        finally:
            self.entrance.leave()

    def close(self) -> None:
        """Let go of the seats that nobody sits on: their pool is gone, it closes nothing that comes back."""
        for seat in self._emptied():
            seat.drop()

    def _emptied(self) -> list[Seat]:
        with self._lock:
            free, self._free = self._free, []
        return free

    def _seat(self) -> Seat:
        with self._lock:
            if self._free:
                return self._free.pop()
        connection = self._engine.connect()
        self._prepare(connection.connection.dbapi_connection)
        return self._kind(connection, self._flush)

    def _keep(self, seat: Seat) -> None:
        with self._lock:
            if len(self._free) < IDLE:
                self._free.append(seat)
                return
        seat.drop()  # who gets it from the pool next would not wait for the disk either

    def _left(self, seat: Seat) -> None:
        """Undo a turn that failed. Whatever the reason, a connection that cannot even do that is of no more use.

        Nor are the others then: who lost one connection to a server has lost them all.
        """
        try:
            seat.rollback()
        except Exception:
            self._drop(seat)
            raise
        if seat.is_lost:
            self._drop(seat)
            return
        seat.end()
        self._keep(seat)

    def _drop(self, seat: Seat) -> None:
        for lost in (seat, *self._emptied()):
            lost.drop()


def flushed(path: str) -> None:
    """Put on the disk what was written to this file."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)
