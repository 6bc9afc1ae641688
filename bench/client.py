"""A load of webhooks from one process, over connections that stay open: requests sent whole, answers read whole.

Open loop: a webhook goes out at its planned instant, whether earlier ones were answered or not, and its time counts
from that instant. A client that waits for answers before it asks again hides exactly the waits that matter.
It must not know what is asked.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.caller import Hook

TICK = 0.001
"""Seconds between two looks at what is due."""

CONNECTIONS = 32
"""Open before the first request; more are opened while these wait."""

PATIENCE = 15.0
"""Seconds until an answer counts as none: the carrier's own (twilio.com/docs/api/errors/11200)."""

Planned = tuple[float, bytes]
"""Seconds from the start, and the request."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back: seconds from the planned instant to the whole answer, and how many were no 200 or none."""

    seconds: Sequence[float]
    wrong: int

    def percentile(self, share: float) -> float:
        """The time that this share of the answers kept within."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def request(hook: Hook, path: str = "") -> bytes:
    """The webhook as it goes over the wire, to its own path or another one."""
    head = (
        f"POST {path or hook.path} HTTP/1.1\r\nHost: ligne.example.com\r\nUser-Agent: TwilioProxy/1.1\r\n"
        f"X-Twilio-Signature: {hook.signature}\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
        f"Content-Length: {len(hook.body)}\r\n\r\n"
    )
    return head.encode() + hook.body


def one_after_the_other(port: int, requests: Sequence[bytes], connections: int = 8) -> Heard:
    """Send the requests over so many connections, each of them as soon as the last one was answered."""
    return asyncio.run(_closed(port, requests, connections))


def as_planned(port: int, planned: Sequence[Planned]) -> Heard:
    """Send each request at its instant."""
    return asyncio.run(_open(port, planned))


class _Wire(asyncio.Protocol):
    """One connection; tells `done` of each answer: the status, and how much was read."""

    def __init__(self, done: Callable[[_Wire, bool], None]) -> None:
        self._done, self._read, self._whole = done, bytearray(), 0
        self.planned = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember what to write on."""
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def ask(self, wanted: bytes, planned: float) -> None:
        """Send a request, whose time counts from then."""
        self.planned = planned
        if self.transport:
            self.transport.write(wanted)

    def data_received(self, data: bytes) -> None:
        """Read on, up to the length that the head tells."""
        self._read += data
        if not self._whole and (end := self._read.find(b"\r\n\r\n")) > 0:
            head = bytes(self._read[:end]).lower()
            told = head.find(b"content-length:")
            self._whole = end + 4 + (int(head[told + 15 :].split(b"\r\n", 1)[0]) if told > 0 else 0)
        if self._whole and len(self._read) >= self._whole:
            good = self._read.startswith(b"HTTP/1.1 200")
            self._read, self._whole = bytearray(), 0
            self._done(self, good)

    def connection_lost(self, exc: Exception | None) -> None:
        """What is asked from now on gets no answer."""
        self.transport = None


class _Load:
    """What goes out and comes back, over as many connections as wait for an answer at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free, self._late = deque[_Wire](), deque[Planned]()
        self._opening = 0
        self._tasks = set[asyncio.Task[None]]()
        self.seconds, self.wrong = list[float](), 0

    async def open(self, connections: int) -> None:
        """Open so many connections beforehand."""
        for _ in range(connections):
            self._opening += 1
            await self._another()

    def ask(self, at: float, wanted: bytes) -> None:
        """Send a request now; its time counts from `at`. It waits while all connections do."""
        if self._free:
            self._free.pop().ask(wanted, at)
            return
        self._late.append((at, wanted))
        if self._opening < len(self._late):
            self._opening += 1
            self._tasks.add(asyncio.get_running_loop().create_task(self._another()))

    def heard(self, asked: int) -> Heard:
        """What came back of so many requests."""
        return Heard(self.seconds or [PATIENCE], self.wrong + asked - len(self.seconds))

    async def _another(self) -> None:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: _Wire(self._done), "127.0.0.1", self._port)
        self._opening -= 1
        self._next(wire)

    def _done(self, wire: _Wire, good: bool) -> None:
        self.seconds.append(time.perf_counter() - wire.planned)
        self.wrong += not good
        self._next(wire)

    def _next(self, wire: _Wire) -> None:
        if self._late:
            at, wanted = self._late.popleft()
            wire.ask(wanted, at)
        else:
            self._free.append(wire)


async def _closed(port: int, requests: Sequence[bytes], connections: int) -> Heard:
    load = _Load(port)
    await load.open(connections)
    for place, wanted in enumerate(requests):
        while place - len(load.seconds) >= connections:
            await asyncio.sleep(0)
        load.ask(time.perf_counter(), wanted)
    await _all(load, len(requests))
    return load.heard(len(requests))


async def _open(port: int, planned: Sequence[Planned]) -> Heard:
    load = _Load(port)
    await load.open(CONNECTIONS)
    gc.collect()
    gc.freeze()
    begin = time.perf_counter() + 0.1
    for at, wanted in planned:
        while begin + at > time.perf_counter():
            await asyncio.sleep(TICK)
        load.ask(begin + at, wanted)
    await _all(load, len(planned))
    gc.unfreeze()
    return load.heard(len(planned))


async def _all(load: _Load, asked: int) -> None:
    """Wait for the last answer, no longer than the carrier would."""
    until = time.perf_counter() + PATIENCE
    while len(load.seconds) < asked and time.perf_counter() < until:
        await asyncio.sleep(TICK)
