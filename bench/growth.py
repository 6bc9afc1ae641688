"""A turn with few and with many turns in the database, and with a small and a large script."""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.progress import track

from bench.caller import TURNS
from bench.lines import real
from bench.measure import Figure, figure, in_turns, ratio
from bench.turn import calls_of

BOUND = 1.15
STORED = (1_000, 100_000, 10_000_000)
SLICE = 20_000
"""Calls a transaction, while the database is filled."""

DAY = 86_400.0
CALLS_A_ROUND = 60


def figures(rounds: int = 7, stored: tuple[int, ...] = STORED) -> Iterator[Figure]:
    """The turn with each of these numbers of turns stored, over the turn with the fewest."""
    with tempfile.TemporaryDirectory() as folder:
        contenders = {}
        for turns in stored:
            place = Path(folder) / str(turns)
            app = real(place)
            _fill(place / "ligne.sqlite", turns // TURNS)
            contenders[str(turns)] = calls_of(app, CALLS_A_ROUND, first=1 << 64)
        costs = in_turns(contenders, rounds)
    for name, values in costs.items():
        yield figure(f"turn, {int(name):,} stored", values, unit="µs")
    few = costs[str(stored[0])]
    for turns in stored[1:]:
        yield ratio(f"turn, {turns:,} ÷ {stored[0]:,} stored", costs[str(turns)], few, bound=BOUND)


def _fill(path: Path, calls: int) -> None:
    """Calls of half a year, purged as they would be: yesterday's are whole, older ones have no answers left."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    numbers = iter(range(calls))
    for _ in track(range(0, calls, SLICE), f"{calls * TURNS:,} turns", disable=calls < SLICE):
        _insert(database, [(_sid(), number / max(calls, 1)) for number in itertools.islice(numbers, SLICE)])
    database.execute("ANALYZE")
    database.close()


def _insert(database: sqlite3.Connection, some: list[tuple[str, float]]) -> None:
    began = 1_800_000_000.0 - 183 * DAY
    with database:
        database.executemany(
            "INSERT INTO calls (sid, turn, state, caller_key, caller_mask, direction, started_at, updated_at, ended_at,"
            " status, disposition, remedy, last_step, follows, revision, kept) VALUES"
            " (?, 8, '', ?, '+336****01', 'inbound', ?, ?, ?, 'completed', 'solved', '', 'fin.resolu', '', '', 1)",
            ((sid, sid[2:], at, at + 60, at + 60) for sid, share in some for at in [began + share * 183 * DAY]),
        )
        database.executemany(
            "INSERT INTO turns (call_sid, turn, event, step, recipe, at)"
            " VALUES (?, ?, 'key 1', 'combine.preparer', '', ?)",
            ((sid, turn, began + share * 183 * DAY) for sid, share in some for turn in range(TURNS)),
        )


def _sid() -> str:
    """A call's id, as random as the carrier's."""
    return f"CA{os.urandom(16).hex()}"
