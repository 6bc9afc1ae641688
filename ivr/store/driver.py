"""PostgreSQL's driver, with a limit: a server that has frozen says nothing, and its driver would wait for ever.

The limit is whoever's who waits for an answer (`ivr.bounds.answered_within`); where nobody does, there is none. It is
imported where PostgreSQL is used, for its wheel is an extra.
"""

from __future__ import annotations

from math import inf
from typing import Any

import psycopg

from ivr.bounds import left


class Patient(psycopg.Connection[Any]):
    """A connection that waits for the server no longer than somebody waits for us."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """What the server answers. Raises psycopg.OperationalError when it does not in time; then this is closed."""
        limit = left(inf) if timeout is None else timeout
        try:
            return super().wait(gen, interval, None if limit == inf else limit)
        except psycopg.Error as error:
            if error.sqlstate is None and not self.closed and type(error).__name__ == "_WaitTimeout":
                self.pgconn.finish()
                raise psycopg.OperationalError("the server has not answered in time") from error
            raise
