"""How long work may take that somebody waits for.

A socket's time-out counts each read. A name that does not resolve, or an answer that comes one byte at a time,
outlives it; so work is done in a thread of its own and given up at the limit. An answer that somebody waits for has a
limit of its own (`answered_within`), whatever it waits for on the way (`left`). It stands beside the rooms, in the
lowest row, and must not know what is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)


class answered_within:  # noqa: N801 - used like a function; a class costs every turn half of a generator
    """Let what happens within wait for so many seconds in all, wherever it asks how long it may (`left`)."""

    __slots__ = ("_before", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        self._before = _UNTIL.set(time.monotonic() + self._seconds)

    def __exit__(self, *_error: object) -> None:
        _UNTIL.reset(self._before)


def left(most: float) -> float:
    """Seconds that may still be waited: `most`, or less when somebody waits for an answer."""
    until = _UNTIL.get()
    return most if until is None else max(0.0, min(most, until - time.monotonic()))


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work gives, or raises.

    Raises TimeoutError when it takes longer than `seconds`; then the work may still go on, unheard, until its socket
    ends.
    """
    answer: Future[T] = Future()
    Thread(target=_settle, args=(answer, work), daemon=True).start()
    return answer.result(timeout=seconds)


def _settle(answer: Future[T], work: Callable[[], T]) -> None:
    try:
        answer.set_result(work())
    except BaseException as error:
        answer.set_exception(error)
