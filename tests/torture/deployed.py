"""The line as it is deployed (B4, B9): nginx in front, processes that die and are restarted, slow requests."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import create_engine, func, select

from ivr.store.tables import calls, turns
from tests.deploy.front import Caller, Front, front
from tests.deploy.processes import workers_of
from tests.test_cli import served
from tests.torture.bars import Bar, Size, trial
from tests.torture.databases import NO_SERVER, database

KEYS = "211"
"""The cables: four webhooks, and the call has ended well."""

PATIENCE = 180.0
"""Seconds: two processes in a row may be killed as soon as they have started, and on a busy machine a start is long."""

NO_NGINX = Bar("behind nginx", "nginx", "not installed here", holds=False)


def _behind(nginx: Front) -> dict[str, str]:
    """The settings of a line of two web processes behind it."""
    return {"IVR_PUBLIC_URL": nginx.url, "IVR_PROXIES": "1", "IVR_WORKERS": "2", "IVR_WORKER": "0"}


@dataclass
class Supervised:
    """`ivr serve`, started again whenever it has ended, as systemd does; and who kills it."""

    nginx: Front
    folder: Path
    database: str
    dice: random.Random
    over: threading.Event = field(default_factory=threading.Event)
    kills: int = 0
    restarts: int = 0
    stops: list[float] = field(default_factory=list)

    def keep_up(self, ready: threading.Event) -> None:
        """Start it, and start it again, until it is over."""
        at = {**_behind(self.nginx), "IVR_DATABASE_URL": self.database}
        while not self.over.is_set():
            with suppress(IndexError), served(self.folder, self.nginx.line_port, **at) as (_, process):
                ready.set()
                self._harm(process)
            self.restarts += 1

    def _harm(self, process: subprocess.Popen[str]) -> None:
        """Kill a web process every second, until the whole gives up; or, every other time, stop or kill the whole."""
        if self.restarts % 2:
            self._end(process)
            return
        while not self.over.wait(1.0) and process.poll() is None:
            if found := workers_of(process):
                os.kill(self.dice.choice(found), signal.SIGKILL)
                self.kills += 1

    def _end(self, process: subprocess.Popen[str]) -> None:
        self.over.wait(3.0)
        if self.restarts % 4 == 1:
            os.killpg(process.pid, signal.SIGKILL)
            return
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        self.stops.append(time.monotonic() - began)


CALLS = {"SQLite": 4_000, "PostgreSQL": 2_000}
AT_ONCE = 20


@trial("B4", seconds=400)
def calls_on_processes_that_die(size: Size) -> Iterator[Bar]:
    """Whole calls, many at once, while web processes are killed each second and the whole is restarted all the time."""
    yield from _called_while_they_die("SQLite", size)


@trial("B4", seconds=200)
def calls_on_processes_that_die_on_postgresql(size: Size) -> Iterator[Bar]:
    """The same on PostgreSQL, which lives on."""
    yield from _called_while_they_die("PostgreSQL", size)


def _called_while_they_die(name: str, size: Size) -> Iterator[Bar]:
    if not shutil.which("nginx"):
        yield NO_NGINX
        return
    count = size.of(CALLS[name], 40)
    with tempfile.TemporaryDirectory() as root, front(Path(root) / "nginx") as nginx:
        folder = Path(root) / "var"
        folder.mkdir()
        with database(name, folder) as url:
            if not url:
                yield NO_SERVER
                return
            line = Supervised(nginx, folder, url, random.Random(size.seed))  # noqa: S311 - the same every time
            lost = _lost(line, count, size)
            solved, double = _kept(url)
    harm = f"{line.kills} processes killed, {line.restarts} restarts"
    reached = f"{lost}, {solved} solved"
    yield Bar(f"{name}: calls lost of {count:,} ({harm})", "0", reached, not lost and solved == count)
    yield Bar(f"{name}: turns taken twice", "0", f"{double}", not double)
    longest = max(line.stops, default=0.0)
    yield Bar(f"{name}: longest of {len(line.stops)} stops at SIGTERM", "< 20 s", f"{longest:.1f} s", longest < 20)


def _lost(line: Supervised, count: int, size: Size) -> int:
    """How many of so many calls did not come to their goodbye, on a line that dies all the time."""
    lost, ready = 0, threading.Event()
    keeper = threading.Thread(target=line.keep_up, args=(ready,))
    keeper.start()
    try:
        ready.wait(60)
        with ThreadPoolExecutor(AT_ONCE) as callers:
            for done, ended in enumerate(callers.map(partial(_ended, line.nginx.url), range(count))):
                lost += not ended
                size.went(done / count)
    finally:
        line.over.set()
        keeper.join()
    return lost


def _kept(url: str) -> tuple[int, int]:
    """How many calls were solved, and how many turns were taken twice, says a database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        solved = connection.scalar(select(func.count()).where(calls.c.disposition == "solved"))
        twice = select(turns.c.call_sid).group_by(turns.c.call_sid, turns.c.turn).having(func.count() > 1)
        double = connection.scalar(select(func.count()).select_from(twice.subquery()))
    engine.dispose()
    return solved or 0, double or 0


def _ended(url: str, number: int) -> bool:
    """Whether a call came to its goodbye, whatever was killed meanwhile."""
    caller = Caller(url, number, patience=PATIENCE)
    try:
        return "<Hangup/>" in caller.call(KEYS)
    except (AssertionError, OSError):
        return False


@trial("B9", seconds=90, alone=True)
def slow_requests_by_the_thousand(size: Size) -> Iterator[Bar]:
    """Half-sent headers and bodies, kept up; idle connections; callers all that while."""
    if not shutil.which("nginx"):
        yield NO_NGINX
        return
    each, idle, seconds = size.of(1_000, 50), size.of(10_000, 200), size.of(60, 10)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        nginx = stack.enter_context(front(Path(name) / "nginx"))
        folder = Path(name) / "var"
        folder.mkdir()
        _, process = stack.enter_context(served(folder, nginx.line_port, **_behind(nginx)))
        Caller(nginx.url, 9_999).call(KEYS)
        before = _megabytes(process)
        over = threading.Event()
        slow = threading.Thread(target=_keep_slow, args=(nginx.port, each, idle, over))
        slow.start()
        took: list[float] = []
        wrong, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.monotonic()
            wrong += not _ended(nginx.url, len(took))
            took.append((time.monotonic() - began) / (1 + len(KEYS)))
            size.went(1 - (until - time.monotonic()) / seconds)
        over.set()
        slow.join()
        grown = _megabytes(process) - before
    slowest = sorted(took)[int(len(took) * 0.99)] * 1000
    crowd = f"{each} slow headers, {each} slow bodies, {idle} idle, {seconds} s"
    yield Bar(f"calls that failed of {len(took)} ({crowd})", "0", f"{wrong}", not wrong)
    yield Bar("p99 of a webhook", "< 500 ms", f"{slowest:.0f} ms", slowest < 500)
    yield Bar("memory of the line", "< 50 MB more", f"{grown:+.0f} MB", grown < 50)


def _keep_slow(port: int, each: int, idle: int, over: threading.Event) -> None:
    """Open so many of each kind, and again those that the server has closed, until it is over."""
    head = b"POST /voice HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    kinds = [head] * each + [head + b"Content-Length: 1000\r\n\r\nCallSid="] * each + [b""] * idle
    held: list[socket.socket] = []
    while not over.is_set():
        for sent in kinds:
            if over.is_set():
                break
            with suppress(OSError):
                held.append(socket.create_connection(("127.0.0.1", port), timeout=2))
                held[-1].sendall(sent)
            if len(held) > len(kinds):
                held.pop(0).close()
        over.wait(4.0)
    for connection in held:
        connection.close()


def _megabytes(process: subprocess.Popen[str]) -> float:
    """The memory of the line's processes."""
    pages = 0
    for pid in (process.pid, *workers_of(process)):
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
