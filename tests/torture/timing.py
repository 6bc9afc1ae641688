"""Time that tells (B12): whether a refusal takes longer for a line that exists than for one that does not."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ivr.desk.identity import Limits
from tests.desk.house import LINE, MOBILE, NOON, UNKNOWN, House, call_id
from tests.torture.bars import Bar, Size, trial

MOST = 4.5
"""Welch's t above this says that two kinds of refusals can be told apart (facts/reliability.md B12)."""

ENDLESS = 10**9


@trial("B12", seconds=220, alone=True)
def refusals_that_take_as_long(size: Size) -> Iterator[Bar]:
    """A PIN that is wrong at a line, and one at no line; a password whose first digit is right, and one that is not."""
    samples = size.of(5_000, 200)
    endless = replace(
        Limits(),
        tries_a_call=ENDLESS,
        failures_to_wait=ENDLESS,
        failures_to_lock=ENDLESS,
        failures_an_hour=ENDLESS,
        passwords_a_day=ENDLESS,
    )
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder), endless)
        try:
            house.add_lines({LINE: MOBILE}, NOON - 90 * 86_400)
            took: tuple[list[float], list[float]] = ([], [])
            for sample in range(samples * 2):
                which, number = sample % 2, (LINE, UNKNOWN)[sample % 2]
                began = time.perf_counter()
                house.identity.check_pin(call_id(sample), number, "12345678", NOON + sample)
                took[which].append(time.perf_counter() - began)
                if sample % 200 == 0:
                    size.went(sample / samples / 4)
            yield _apart(f"|t| of 2 × {samples:,} PINs refused, at a line and at none", took)
            yield _apart(
                f"|t| of 2 × {samples:,} passwords refused, first digit right and wrong", _guessed(house, samples)
            )
        finally:
            house.engine.dispose()


def _guessed(house: House, samples: int) -> tuple[list[float], list[float]]:
    call, took = call_id(10**9), ([], [])  # type: tuple[str, tuple[list[float], list[float]]]
    house.send(call, LINE, NOON)
    right = house.posted[call][1]
    for sample in range(samples * 2):
        which = sample % 2
        first = right[0] if which == 0 else str((int(right[0]) + 5) % 10)
        typed = first + "".join(str((int(digit) + 1) % 10) for digit in right[1:])
        began = time.perf_counter()
        house.identity.verify(call, typed, NOON + 1)
        took[which].append(time.perf_counter() - began)
    return took


def _apart(name: str, took: tuple[list[float], list[float]]) -> Bar:
    """Welch's t of two samples, the slowest twentieth left out: it is the machine's."""
    first, second = (sorted(times)[: round(len(times) * 0.95)] for times in took)
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    t = abs(statistics.fmean(first) - statistics.fmean(second)) / spread**0.5
    means = f"{statistics.fmean(first) * 1e6:.0f} and {statistics.fmean(second) * 1e6:.0f} µs"
    return Bar(name, f"< {MOST}", f"{t:.1f} ({means})", t < MOST)
