"""What a trial is: a bar of facts/reliability.md, put to the line at a size, and the figures that it gives."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import tests.torture


@dataclass(frozen=True)
class Bar:
    """One figure: what was to be reached, what was, and whether that will do."""

    name: str
    wanted: str
    reached: str
    holds: bool


def unheard(_share: float) -> None:
    """Nobody is told how far a trial has come."""


@dataclass(frozen=True)
class Size:
    """How much is asked of a trial: `share` of its full size, `minutes` of whatever is measured in time, and the seed.

    `went` is told how far a trial has come, from 0 to 1, by trials that know.
    """

    share: float = 1.0
    minutes: float = 60.0
    seed: int = 20271
    went: Callable[[float], None] = unheard

    def of(self, full: int, least: int = 1) -> int:
        """The share of a number, and never less than `least`."""
        return max(least, round(full * self.share))


Try = Callable[[Size], Iterator[Bar]]
Sized = Literal["share", "minutes", "always"]
"""Which part of a size a trial heeds; « always » is one that is run in full whatever is asked."""


@dataclass(frozen=True)
class Trial:
    """One function of this folder. `bar` is « B3 », or « H1 » for one that is not of facts/reliability.md.

    `seconds` is about what it takes in full on two shared cores. One that is `beside` is long and light, and runs
    beside all others from the beginning; one that is `alone` measures time, and runs when no other does but those.
    """

    bar: str
    seconds: float
    name: str
    run: Try
    sized: Sized = "share"
    beside: bool = False
    alone: bool = False

    def size(self, asked: Size) -> str:
        """How much of it that is, in words."""
        if self.sized == "minutes":
            return f"{asked.minutes:g} min"
        return "in full" if self.sized == "always" or asked.share == 1 else f"{100 * asked.share:g}%"

    @property
    def order(self) -> tuple[str, int, str]:
        """By the letter of the bar and its number."""
        return self.bar[0], int(self.bar[1:]), self.name


@dataclass(frozen=True)
class Seen:
    """A trial that is over: its figures, and the seconds that it took."""

    trial: Trial
    bars: tuple[Bar, ...]
    seconds: float


_TRIALS: list[Trial] = []


def trial(
    bar: str, *, seconds: float, sized: Sized = "share", beside: bool = False, alone: bool = False
) -> Callable[[Try], Try]:
    """Put a function among the trials of a bar (« B3 »), named for it; the rest is as in `Trial`."""

    def found(run: Try) -> Try:
        add(Trial(bar, seconds, run.__name__.replace("_", " "), run, sized, beside, alone))
        return run

    return found


def add(one: Trial) -> None:
    """Put it among the trials; it runs in a process of its own, so pickle must find what it runs by its name."""
    _TRIALS.append(one)


def trials() -> list[Trial]:
    """Every trial of this folder, in the order of the bars."""
    for module in pkgutil.iter_modules(tests.torture.__path__):
        if module.name != "__main__":
            importlib.import_module(f"tests.torture.{module.name}")
    return sorted(_TRIALS, key=lambda found: found.order)
