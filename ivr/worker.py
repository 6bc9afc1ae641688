"""What the line does between calls: texts and calls that are due, watched lines, recordings, calls that nobody ended.

Each is a round that is run every so often, in a thread of the web process or in `ivr worker` beside it, in any number
of processes: what a round does is decided by rows, never by who runs it. A round that fails is run again at its time,
and keeps no other one waiting for long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread

log = logging.getLogger("ivr.worker")


@dataclass(frozen=True, slots=True)
class Round:
    """One thing to be done every so many seconds, the `first` time so many after the start."""

    name: str
    every: float
    run: Callable[[], object]
    first: float = 0.0


class Worker:
    """Runs rounds in a thread of this process until it is stopped. `clock` is monotonic, in seconds."""

    def __init__(self, rounds: Sequence[Round], clock: Callable[[], float] = time.monotonic) -> None:
        self._rounds, self._clock = tuple(rounds), clock
        self._due = [clock() + each.first for each in self._rounds]
        self._over = Event()
        self._thread = Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the round that is being run, and end."""
        self._over.set()
        self._thread.join()

    def run_due(self) -> None:
        """Run every round whose time it is, each once."""
        for place, each in enumerate(self._rounds):
            if self._clock() < self._due[place] or self._over.is_set():
                continue
            try:
                each.run()
            except Exception as error:  # the database or a partner is away: it is tried again at its time
                log.warning("mishap", extra={"round": each.name, "why": type(error).__name__})
            self._due[place] = self._clock() + each.every

    def _run(self) -> None:
        while not self._over.is_set():
            self.run_due()
            self._over.wait(max(0.0, min(self._due) - self._clock()))
