"""One at a time, in the order in which they came: SQLite's own waiting has no order, and lets somebody wait for ever.

This module knows no database.
"""

from __future__ import annotations

from collections import deque
from threading import Event, Lock


class Turnstile:
    """Whoever has entered must leave."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Event] = deque()
        self._taken = False

    def enter(self, seconds: float) -> bool:
        """Wait for our turn; False when it did not come within so many seconds."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            turn = Event()
            self._waiting.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return False

    def leave(self) -> None:
        """Let in who has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False
