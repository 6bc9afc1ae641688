"""Trials side by side, each in a process of its own, and what they tell.

A trial that breaks, that dies, or whose process does not end has not held, and the others go on.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from tests.torture.bars import Bar, Seen, Size, Trial
from tests.torture.processes import family, kill

SPAWN = multiprocessing.get_context("spawn")

POLITE = 10
"""How much a trial that measures no time gives way to those that do (`nice`)."""

PARTING = 10.0
"""Seconds for a process to put away what it has started."""


@dataclass(frozen=True)
class Began:
    """A trial has begun."""

    trial: Trial


@dataclass(frozen=True)
class Went:
    """How far a trial has come, from 0 to 1."""

    trial: Trial
    share: float


@dataclass(frozen=True)
class Figure:
    """A trial has given a figure."""

    trial: Trial
    bar: Bar


Event = Began | Went | Figure | Seen


def ready(waiting: Sequence[Trial], running: Sequence[Trial], lanes: int) -> list[Trial]:
    """Those of the waiting that begin now: all that run beside others; the longest; at the end one that is alone."""
    beside = [one for one in waiting if one.beside]
    busy = [one for one in running if not one.beside]
    longest = sorted((one for one in waiting if not one.beside), key=lambda one: (one.alone, -one.seconds))
    together = [one for one in longest if not one.alone]
    free = lanes - len(busy) if together else 1 - len(busy)
    return beside + (together or longest)[: max(0, free)]


def told(trials: Sequence[Trial], size: Size, lanes: int) -> Generator[Event, None, None]:
    """Run them all, in so many processes at once besides the light ones. Closing this ends whatever runs."""
    waiting, running = list(trials), dict[Connection, _Running]()
    try:
        while waiting or running:
            for one in ready(waiting, [other.trial for other in running.values()], lanes):
                waiting.remove(one)
                begun = _begun(one, size)
                running[begun.heard] = begun
                yield Began(one)
            for heard in wait(list(running)):
                assert isinstance(heard, Connection)
                one_of = running[heard]
                yield from one_of.events()
                if one_of.over:
                    del running[heard]
    finally:
        _end([one_of.process for one_of in running.values()])


@dataclass
class _Running:
    """A trial in its process, and what has been heard of it."""

    trial: Trial
    process: SpawnProcess
    heard: Connection
    bars: list[Bar] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    whole: bool = False
    over: bool = False

    def events(self) -> Iterator[Event]:
        """What it tells next; when it tells nothing any more, its end."""
        try:
            match self.heard.recv():
                case Bar() as bar:
                    yield self._figure(bar)
                case float(share):
                    yield Went(self.trial, share)
                case _:
                    self.whole = True
        except (EOFError, OSError):
            yield from self._ended()

    def _figure(self, bar: Bar) -> Figure:
        self.bars.append(bar)
        return Figure(self.trial, bar)

    def _ended(self) -> Iterator[Event]:
        self.over = True
        self.heard.close()
        self.process.join(PARTING)
        lasted = self.process.is_alive()
        _end([self.process])
        if lasted:
            yield self._figure(Bar(self.trial.name, "an end", "its process did not end", holds=False))
        elif not self.whole:
            reached = f"its process ended with {self.process.exitcode}"
            yield self._figure(Bar(self.trial.name, "an end", reached, holds=False))
        elif not self.bars:
            yield self._figure(Bar(self.trial.name, "a figure", "none", holds=False))
        yield Seen(self.trial, tuple(self.bars), time.monotonic() - self.began)


def _begun(trial: Trial, size: Size) -> _Running:
    heard, told_there = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=_tell, args=(trial, size, told_there))
    process.start()
    told_there.close()
    return _Running(trial, process, heard)


def _end(processes: Sequence[SpawnProcess]) -> None:
    """Ask them to end, which puts away what they have started; after a while, end them and all of that."""
    started = _started(processes)
    for process in processes:
        process.terminate()
    until = time.monotonic() + PARTING
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
    kill([*_started(processes), *started])
    for process in processes:
        process.join()


def _started(processes: Sequence[SpawnProcess]) -> list[int]:
    """The numbers of those that have not ended, and of all that they have started."""
    return [one for process in processes if process.is_alive() and process.pid for one in family(process.pid)]


# In the process of a trial.


def _tell(trial: Trial, size: Size, parent: Connection) -> None:
    """Put a trial to the line, and tell the parent how far it is, each figure, and that it was all.

    Keys pressed at the terminal reach the parent alone, who then ends this process in an orderly way.
    """
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.nice(0 if trial.beside or trial.alone else POLITE)
    logging.disable(logging.CRITICAL)  # a million refusals would hide the figures
    with parent, suppress(KeyboardInterrupt, BrokenPipeError):
        for bar in _figures(trial, replace(size, went=lambda share: parent.send(float(share)))):
            parent.send(bar)
        parent.send(None)


def _figures(trial: Trial, size: Size) -> Iterator[Bar]:
    try:
        yield from trial.run(size)
    except Exception as error:
        yield Bar(trial.name, "an end", f"{type(error).__name__}: {error}", holds=False)
