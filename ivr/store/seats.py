"""Connections that stay open from one turn to the next, and statements that go straight to their driver.

A turn is what a caller waits for: in SQLAlchemy's hands its statements cost ten times what the driver asks for them
(`python -m bench`, facts/speed.md 7). A desk that writes with the turn still gets an ordinary connection, on the same
transaction. It must not know any table.

On SQLite these connections do not wait for the disk at each commit (`synchronous = NORMAL`): a power cut may take the
last turns of menus, which then begin again. A turn in which something was promised, issued or spent is on the disk
before it is answered: the write-ahead log is flushed after it.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, RootTransaction

IDLE = 4
"""More seats than this are not kept open between turns: one for each thread that serves."""

IN_A_TURN = "in a turn"
"""Set in the connection's info while a turn has begun on it: a desk's transaction is that one."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement for both drivers, its parameters written « :name »; `postgresql` where that one needs its own."""

    text: str
    postgresql: str = ""

    def of(self, dialect: str) -> str:
        """The statement as the driver takes it."""
        return self.text if dialect == "sqlite" else _psycopg(self.postgresql or self.text)


@cache
def _psycopg(text: str) -> str:
    return re.sub(r":([a-z]+)", r"%(\1)s", text)


class Seat:
    """One open connection. `flush` puts on the disk what was committed; it does nothing where a commit does."""

    def __init__(self, connection: Connection, flush: Callable[[], None]) -> None:
        self._connection, self._flush = connection, flush
        self._dialect = connection.dialect.name
        self._driver: Any = connection.connection.dbapi_connection
        self._desk: RootTransaction | None = None
        self._set: dict[str, object] = {}

    def execute(self, statement: Sql, parameters: Mapping[str, object]) -> Any:
        """The driver's cursor, after this statement."""
        return self._driver.execute(statement.of(self._dialect), parameters)

    @property
    def transaction(self) -> Connection:
        """The connection as desks use it, in the turn's own transaction."""
        if self._desk is None:
            self._desk = self._connection.begin()
        return self._connection

    def begin(self, entrance: Entrance) -> None:
        """Begin a turn."""
        entrance.begin(self._driver.execute, self._set)
        self._connection.info[IN_A_TURN] = True

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
        self._desk = None
        self._connection.info.pop(IN_A_TURN, None)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def drop(self) -> None:
        """Close the connection for good."""
        self._desk = None
        self._connection.invalidate()
        self._connection.close()


class Entrance:
    """How a transaction begins: here, as the driver does it by itself."""

    def enter(self) -> None:
        """Wait until it may begin."""

    def begin(self, execute: Callable[[str], object], known: dict[str, object]) -> None:
        """Begin it; `known` stays with the connection, for what need not be said to it twice."""

    def leave(self) -> None:
        """Let others in."""


class Seats:
    """The seats of one engine, whose transactions begin at the entrance.

    `prepare` gets each new connection of the driver, `flush` puts on the disk what was committed.
    """

    def __init__(
        self,
        engine: Engine,
        entrance: Entrance | None = None,
        *,
        prepare: Callable[[Any], None] = lambda _driver: None,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine, self.entrance = engine, entrance or Entrance()
        self._prepare, self._flush = prepare, flush
        self._free: list[Seat] = []
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[Seat]:
        """A seat for one transaction: written whole when the block ends, not at all when it raises."""
        self.entrance.enter()
        try:
            seat = self._seat()
            try:
                seat.begin(self.entrance)
                yield seat
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
        return Seat(connection, self._flush)

    def _keep(self, seat: Seat) -> None:
        with self._lock:
            if len(self._free) < IDLE:
                self._free.append(seat)
                return
        seat.close()

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
