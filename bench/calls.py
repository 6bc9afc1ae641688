"""How many calls two cores carry, the load generator counted: one webhook per eight seconds and call, open loop.

A call in progress asks for a turn every eight seconds. Here each call's turns follow one another within a second, and
calls begin so much more often: as many webhooks a second, in a tenth of the time.
"""

from __future__ import annotations

import itertools
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.caller import TURNS, call
from bench.client import Heard, Planned, as_planned, request
from bench.lines import environment
from bench.measure import Figure
from bench.served import served
from bench.server import REAL

SECONDS_A_TURN = 8.0
"""Between two webhooks of a call (facts/speed.md 4)."""

BETWEEN_TURNS = 1.0
"""Seconds between two webhooks of a call as it is simulated."""

LADDER = (2_000, 4_000, 8_000, 10_000, 12_000, 16_000, 20_000, 24_000, 32_000, 48_000)
LATEST = 0.1
"""Seconds: the ninety-ninth of a hundred answers must be there."""

WORKERS = 2
"""One for each core (docs/deploy.md)."""

BOUNDS = {"sqlite": 16_000, "postgresql": 10_000}


def figures(seconds: float = 15.0, database: str = "") -> Iterator[Figure]:
    """The most calls of the ladder that keep within the limit, each rung for so many seconds after a warm-up."""
    kind = "postgresql" if database else "sqlite"
    carried = 0
    numbers = itertools.count(1)
    with tempfile.TemporaryDirectory() as folder, served(REAL, environment(Path(folder), database), WORKERS) as line:
        for calls in LADDER:
            heard = as_planned(line.port, _planned(calls / SECONDS_A_TURN, seconds, numbers))
            late = heard.percentile(0.99)
            yield Figure(f"p99 of {calls} calls, {kind}", late * 1000, *_quartiles(heard), unit="ms")
            if heard.wrong or late > LATEST:
                break
            carried = calls
    yield Figure(f"calls carried, {kind}", carried, carried, carried, "calls", BOUNDS[kind], at_most=False)


def _planned(rate: float, seconds: float, numbers: Iterator[int]) -> list[Planned]:
    """Webhooks at this rate (a second), in the order in which they go out; calls begin at random instants."""
    dice = random.Random(8)  # noqa: S311 - the same every time
    planned, at = list[Planned](), 0.0
    while at < seconds:
        at += dice.expovariate(rate / TURNS)
        for turn, hook in enumerate(call(next(numbers))):
            planned.append((at + turn * BETWEEN_TURNS * dice.uniform(0.9, 1.1), request(hook)))
    return sorted(planned)


def _quartiles(heard: Heard) -> tuple[float, float]:
    return heard.percentile(0.5) * 1000, heard.percentile(0.999) * 1000


if __name__ == "__main__":
    for found in figures():
        print(f"{found.name:40} {found.median:9.2f} {found.unit}  ({found.least:.2f} to {found.most:.2f})", flush=True)
