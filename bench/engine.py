"""The engine alone, rendering alone, and a script's load and check, at growing sizes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.caller import KEYS
from bench.measure import Figure, Work, figure, in_turns, ratio
from ivr.check import check, script_settings
from ivr.flow.engine import Dialled, Event, Keys, Silence, State, advance
from ivr.flow.model import Flow
from ivr.folder import read_script
from tests.big_script import write

STEP_BOUND, GROWTH_BOUND, CHECK_BOUND = 25.0, 1.1, 5.0
SIZES = (10, 1_000, 10_000)
CHECKED = (100, 1_000, 10_000)
STEPS_A_ROUND = 4_000
"""Steps of the engine a round."""


def figures(rounds: int = 7) -> Iterator[Figure]:
    """Microseconds of a step of our script, growth with the script's size, seconds of load and check."""
    costs = in_turns({"step": walks(read_script(Path("prompts")))}, rounds)
    yield figure("engine step", costs["step"], unit="µs", bound=STEP_BOUND)
    with tempfile.TemporaryDirectory() as folder:
        flows = {}
        for size in SIZES:
            place = Path(folder) / str(size)
            write(place, size)
            begun = time.process_time()
            flows[size] = read_script(place)
            yield figure(f"load, {len(flows[size].steps)} steps", [time.process_time() - begun], unit="s")
        steps = in_turns({str(size): walks(flow) for size, flow in flows.items()}, rounds)
        for size in CHECKED:
            place = Path(folder) / f"checked-{size}"
            write(place, size)
            begun = time.process_time()
            report = check(script_settings(str(place)), clips=False)
            spent = time.process_time() - begun
            bound = CHECK_BOUND if size == CHECKED[-1] else None
            yield figure(f"check, {report.steps} steps", [spent], unit="s", bound=bound)
    yield ratio("engine step, 10,000 ÷ 10 steps", steps[str(SIZES[-1])], steps[str(SIZES[0])], bound=GROWTH_BOUND)


def walks(flow: Flow) -> Work:
    """Steps of calls that press keys and keep silent."""
    pairs = list(_pairs(flow))

    def work() -> int:
        for _ in range(STEPS_A_ROUND // len(pairs)):
            for state, event in pairs:
                advance(flow, state, event)
        return STEPS_A_ROUND // len(pairs) * len(pairs)

    return lambda: work


def _pairs(flow: Flow) -> Iterator[tuple[State, Event]]:
    """States of one call, each with what happens next."""
    at = 1_800_000_000.0
    state, _ = advance(flow, None, Dialled(at))
    for key in KEYS:
        at += 8
        for event in (Keys(at, key), Silence(at)):
            yield state, event
        state, _ = advance(flow, state, Keys(at, key))
        if state.disposition:
            return
