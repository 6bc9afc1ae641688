"""PostgreSQL's driver, with a limit: a server that has frozen says nothing, and its driver would wait for ever.

The limit is whoever's who waits for an answer (`ivr.bounds.answered_within`); where nobody does, there is none. After
one has waited in vain, those who come next are told at once (`Reach`): their callers hear the guide. It is imported
where PostgreSQL is used, for its wheel is an extra.

A turn's own statements skip the driver's cursors, which cost three times what the statement does: they are prepared
once a connection, and their values go to libpq as they are.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import psycopg
from psycopg import generators
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus

from ivr.bounds import left


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement that the server knows by name, and the names of its values, in order."""

    name: bytes
    values: tuple[str, ...]


class Patient(psycopg.Connection[Any]):
    """A connection that waits for the server no longer than somebody waits for us."""

    def __init__(self, *made: Any, **options: Any) -> None:
        super().__init__(*made, **options)
        self.lost: Callable[[], None] = lambda: None
        self._ours: dict[str, _Prepared] = {}
        self._rows = Transformer(self)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What the server answers. Raises psycopg.OperationalError when it does not in time; then this is closed."""
        limit = left(inf) if timeout is None else timeout
        try:
            return super().wait(gen, interval, None if limit == inf else limit)
        except psycopg.Error as error:
            if error.sqlstate is None and not self.closed and type(error).__name__ == "_WaitTimeout":
                self.pgconn.finish()
                self.lost()
                raise psycopg.OperationalError("the server has not answered in time") from error
            raise

    def ask(self, statement: str, values: Mapping[str, object]) -> Any:
        """What libpq gives for this statement, its values written « :name ». It begins no transaction."""
        known = self._ours.get(statement) or self._prepare(statement)
        self.pgconn.send_query_prepared(known.name, [_sent(values[name]) for name in known.values])
        return self._result()

    def row(self, statement: str, values: Mapping[str, object]) -> tuple[Any, ...] | None:
        """The first row of the answer."""
        result = self.ask(statement, values)
        if not result.ntuples:
            return None
        self._rows.set_pgresult(result)
        return self._rows.load_row(0, tuple)

    def rollback(self) -> None:
        """Undo the transaction. The driver may then let the server forget all that is prepared: ours as well."""
        super().rollback()
        if self._ours:
            self._ours.clear()
            self.pgconn.send_query(b"DEALLOCATE ALL")
            self._result()

    def _prepare(self, statement: str) -> _Prepared:
        names = tuple(dict.fromkeys(NAMED.findall(statement)))
        numbered = NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
        prepared = _Prepared(b"turn %d" % len(self._ours), names)
        self.pgconn.send_prepare(prepared.name, numbered.encode())
        self._result()
        self._ours[statement] = prepared
        return prepared

    def _result(self) -> Any:
        *_, result = self.wait(generators.execute(self.pgconn))
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
        return result


PAUSE = 1.0
"""Seconds between two looks at a server that is silent: so long may it be back, and nobody know."""


class Reach:
    """Whether the server answers. Once it has let somebody wait in vain, one asks it every so often; others need not.

    `lost` lets go of the connections that nobody uses: they lead to the same silence.
    """

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost, self._next = lost, -inf

    def connect(self, *arguments: Any, **options: Any) -> Patient:
        """A connection. Raises psycopg.OperationalError, at once while the server is silent."""
        if time.monotonic() < self._next:
            raise psycopg.OperationalError("the server did not answer a moment ago")
        if self._next > -inf:
            self._next = time.monotonic() + PAUSE
        try:
            made = Patient.connect(*arguments, **options)
        except psycopg.errors.ConnectionTimeout:
            self._silent()
            raise
        self._next, made.lost = -inf, self._silent
        return made

    def _silent(self) -> None:
        self._next = time.monotonic() + PAUSE
        self._lost()


NAMED = re.compile(r":([a-z]+)")


def _sent(value: object) -> bytes | None:
    """A value as the server reads it. Raises psycopg.DataError for a text that it cannot hold."""
    if value is None:
        return None
    sent = str(value).encode()
    if 0 in sent:
        raise psycopg.DataError("a text of PostgreSQL holds no NUL")
    return sent
