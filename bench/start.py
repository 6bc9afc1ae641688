"""Starting: `ivr --help`, `ivr serve` until it answers and its first call; and the memory of a worker."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.caller import TURNS, call
from bench.client import one_after_the_other, request
from bench.lines import environment
from bench.measure import Figure, figure
from bench.served import served
from bench.server import REAL

HELP_BOUND, MEMORY_BOUND, FLAT_BOUND = 0.15, 70.0, 1.1
CALLS_A_LOAD = 500


def figures(rounds: int = 7, turns: int = 100_000) -> Iterator[Figure]:
    """Seconds of starting; megabytes of a worker that idles, and after so many turns."""
    yield figure("ivr --help", [_help() for _ in range(rounds + 1)][1:], unit="s", bound=HELP_BOUND)
    with tempfile.TemporaryDirectory() as folder:
        with served(REAL, environment(Path(folder))) as line:
            yield figure("ivr serve, until it answers for the first time", [line.seconds], unit="s")
        yield from _serving(folder, turns)


def _serving(folder: str, turns: int) -> Iterator[Figure]:
    with served(REAL, environment(Path(folder))) as line:
        yield figure("ivr serve, until it answers", [line.seconds], unit="s")
        first = one_after_the_other(line.port, [request(next(call(0)))], connections=1)
        yield figure("the first call's first answer", [seconds * 1000 for seconds in first.seconds], unit="ms")
        yield figure("memory of a worker, idle", [line.memory()], unit="MB", bound=MEMORY_BOUND)
        number, half = 1, 0.0
        while number * TURNS < turns:
            numbers = range(number, number + CALLS_A_LOAD)
            one_after_the_other(line.port, [request(hook) for n in numbers for hook in call(n)])
            number += CALLS_A_LOAD
            half = half if half and number * TURNS > turns / 2 + CALLS_A_LOAD * TURNS else line.memory()
        loaded = line.memory()
    yield figure(f"memory of a worker, after {turns} turns", [loaded], unit="MB", bound=MEMORY_BOUND)
    yield figure("memory, all turns ÷ half of them", [loaded / half], unit="×", bound=FLAT_BOUND)


def _help() -> float:
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "ivr"), "--help"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ourselves
    return time.perf_counter() - begun
