"""The limits that third parties' clients leave open: on an answer's time and size, and on what they log.

A socket's time-out counts each read. A name that does not resolve, or an answer that comes one byte at a time,
outlives it; so work is done in a thread of its own and given up at the limit. An answer that somebody waits for has a
limit of its own (`answered_within`), whatever it waits for on the way (`left`). It stands beside the rooms, in the
lowest row: who speaks to another machine (OVH, Twilio) takes it from here. This module must not know them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from io import BytesIO
from threading import Thread
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

T = TypeVar("T")

MOST_BYTES = 1_000_000
"""An answer longer than this is none of the ones we ask for."""


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


class BoundedAdapter(HTTPAdapter):
    """Reads every answer whole and at once, and never more than a megabyte of it. Mount it on a requests.Session."""

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """The answer to one request, in memory. Raises requests.RequestException."""
        response = super().send(*args, **{**kwargs, "stream": True})
        try:
            body = response.raw.read(MOST_BYTES + 1, decode_content=True)
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        original, response.raw = response.raw, BytesIO(body)
        if len(body) > MOST_BYTES:
            original.close()
            raise requests.exceptions.ContentDecodingError("the answer is longer than a megabyte")
        return response


def bound(session: requests.Session) -> None:
    """Let the session read no endless answer, over TLS or not, and log no address that it asks.

    Addresses of OVH and Twilio hold telephone numbers, and urllib3 writes each into its log at the level DEBUG.
    """
    logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())


def was_never_sent(error: object) -> bool:
    """Whether a requests exception says that no connection was made, so that nothing can have been done."""
    match error:
        case requests.ConnectTimeout() | requests.exceptions.SSLError():
            return True
        case requests.ConnectionError(args=(MaxRetryError(reason=NewConnectionError()),)):
            return True
        case _:
            return False
