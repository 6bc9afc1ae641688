"""A turn in process: the WSGI call alone, against a constant route and against a tutorial's view."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.caller import TURNS, call, served
from bench.lines import bare, naive, quiet, real
from bench.measure import Figure, Work, figure, in_turns, ratio

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

NAIVE_BOUND = 1.3
CALLS_A_ROUND = 100


def figures(rounds: int = 9) -> Iterator[Figure]:
    """The ratios of a turn. `rounds` of 800 turns for each contender."""
    with tempfile.TemporaryDirectory() as folder:
        app = real(Path(folder))
        costs = in_turns(
            {"bare": _constant(bare()), "naive": _constant(naive()), "turn": calls_of(app, CALLS_A_ROUND)}, rounds
        )
    for name, values in costs.items():
        yield figure(f"{name}, in process", values, unit="µs")
    yield ratio("turn ÷ bare route, in process", costs["turn"], costs["bare"])
    yield ratio("turn ÷ tutorial's view, in process", costs["turn"], costs["naive"], bound=NAIVE_BOUND)


def calls_of(app: WSGIApplication, calls: int, first: int = 1) -> Work:
    """The work of whole calls, each of them new; `first` is the number of the first."""
    numbers = itertools.count(first)

    def prepared() -> Callable[[], int]:
        environs = [hook.environ() for number in itertools.islice(numbers, calls) for hook in call(number)]
        return partial(_all_served, app, environs)

    return prepared


def _constant(app: WSGIApplication) -> Work:
    hook = list(call(0))[1]

    def prepared() -> Callable[[], int]:
        return partial(_all_served, app, [hook.environ() | {"PATH_INFO": "/"} for _ in range(CALLS_A_ROUND * TURNS)])

    return prepared


def _all_served(app: WSGIApplication, environs: Sequence[dict[str, Any]]) -> int:
    for environ in environs:
        served(app, environ)
    return len(environs)


if __name__ == "__main__":
    quiet()
    for found in figures(int(sys.argv[1]) if sys.argv[1:] else 9):
        print(f"{found.name:40} {found.median:9.2f} {found.unit}  ({found.least:.2f} to {found.most:.2f})")
