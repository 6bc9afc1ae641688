"""What a trial is: a bar of facts/reliability.md, put to the line at a size, and the figures that it gives."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tests.torture


@dataclass(frozen=True)
class Bar:
    """One figure: what was to be reached, what was, and whether that will do."""

    name: str
    wanted: str
    reached: str
    holds: bool


@dataclass(frozen=True)
class Size:
    """How much is asked of a trial: `share` of its full size, `minutes` of whatever is measured in time, and the seed.

    `went` is told how far a trial has come, from 0 to 1, by trials that know.
    """

    share: float = 1.0
    minutes: float = 60.0
    seed: int = 20271
    went: Callable[[float], None] = lambda _share: None

    def of(self, full: int, least: int = 1) -> int:
        """The share of a number, and never less than `least`."""
        return max(least, round(full * self.share))


Try = Callable[[Size], Iterator[Bar]]


@dataclass(frozen=True)
class Trial:
    """One function of this folder. `bar` is « B3 », or « H1 » for one that is not of facts/reliability.md.

    `seconds` is about what it takes in full on two shared cores.
    """

    bar: str
    seconds: float
    name: str
    run: Try

    @property
    def order(self) -> tuple[str, int, str]:
        """By the letter of the bar and its number."""
        return self.bar[0], int(self.bar[1:]), self.name


_TRIALS: list[Trial] = []


def trial(bar: str, *, seconds: float) -> Callable[[Try], Try]:
    """Put a function among the trials of a bar (« B3 »); `seconds` is about what it takes in full."""

    def found(run: Try) -> Try:
        _TRIALS.append(Trial(bar, seconds, run.__name__.replace("_", " "), run))
        return run

    return found


def trials() -> list[Trial]:
    """Every trial of this folder, in the order of the bars."""
    for module in pkgutil.iter_modules(tests.torture.__path__):
        if module.name != "__main__":
            importlib.import_module(f"tests.torture.{module.name}")
    return sorted(_TRIALS, key=lambda found: found.order)
