"""Measuring: contenders in turns, medians, and how far the measures spread. It must not know what is measured."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], Callable[[], int]]
"""Prepares some work, off the clock; what it gives back does it, and says how many pieces of it were done."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its median over the rounds, the least and the most, and the bound that it must keep.

    `at_most` says which way the bound is meant. A figure without a bound (`None`) is told for what it explains.
    """

    name: str
    median: float
    least: float
    most: float
    unit: str = "×"
    bound: float | None = None
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Whether the bound is kept; True where there is none."""
        if self.bound is None:
            return True
        return self.median <= self.bound if self.at_most else self.median >= self.bound


def in_turns(contenders: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Microseconds of this process's CPU for one piece of each contender's work, round by round.

    The contenders take turns, so that a neighbour of the machine disturbs them all alike. The first round warms up and
    is not counted.
    """
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, work in contenders.items():
            do = work()
            gc.collect()
            begin = time.process_time()
            pieces = do()
            if turn:
                costs[name].append((time.process_time() - begin) / pieces * 1e6)
    return costs


def ratio(
    name: str,
    costs: Sequence[float],
    base: Sequence[float],
    *,
    unit: str = "×",
    bound: float | None = None,
    at_most: bool = True,
) -> Figure:
    """One cost over another, round by round."""
    return figure(name, [a / b for a, b in zip(costs, base, strict=True)], unit=unit, bound=bound, at_most=at_most)


def figure(
    name: str, values: Sequence[float], *, unit: str, bound: float | None = None, at_most: bool = True
) -> Figure:
    """The measures of several rounds as one figure."""
    return Figure(name, statistics.median(values), min(values), max(values), unit, bound, at_most)
