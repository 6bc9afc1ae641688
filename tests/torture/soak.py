"""The line for an hour, on either database (B20): `ivr serve`, fifty webhooks a second, memory and files watched."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ivr.phone import wire
from ivr.web.voice import INTERRUPTED, LIMITED, SORRY
from tests.attacks import call_sid
from tests.line import ACCOUNT, ROOT, TOKEN
from tests.torture.bars import Bar, Size, trial
from tests.torture.databases import NO_SERVER, database
from tests.torture.processes import family

RATE = 50.0
"""Webhooks a second."""

CALLERS = 10
WARM = 0.2
"""Of the time: memory is counted from here on."""

MORE_IN_AN_HOUR, NOISE = 1.0, 3.0
"""Megabytes by which memory may grow in an hour, and those that mean nothing in less than half an hour."""


@dataclass
class Heard:
    """What the callers heard: seconds of every answer, and what was wrong."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@trial("B20", seconds=3700, sized="minutes", beside=True)
def a_soak_on_sqlite(size: Size) -> Iterator[Bar]:
    """Calls through the guide, one after the other, by ten callers."""
    yield from _soaked("SQLite", size)


@trial("B20", seconds=3700, sized="minutes", beside=True)
def a_soak_on_postgresql(size: Size) -> Iterator[Bar]:
    """The same on a PostgreSQL that keeps what it is told, as in production; its own memory is not the line's."""
    yield from _soaked("PostgreSQL", size)


def _soaked(name: str, size: Size) -> Iterator[Bar]:
    seconds = size.minutes * 60
    with tempfile.TemporaryDirectory() as folder, database(name, Path(folder), settings=()) as url:
        if not url:
            yield NO_SERVER
            return
        with _served(Path(folder), url) as (line, process), _calling(line, seconds) as heard:
            memory, files = _watched(process.pid, seconds, size)
    yield from _told(name, heard, memory, files, seconds)


@contextmanager
def _calling(url: str, seconds: float) -> Iterator[Heard]:
    """Ten callers for so long, or until the block ends otherwise."""
    heard, over, gone = Heard(), time.monotonic() + seconds, threading.Event()
    callers = [threading.Thread(target=_call, args=(url, n, heard, over, gone)) for n in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield heard
    except BaseException:
        gone.set()
        raise
    finally:
        for caller in callers:
            caller.join()


def _told(
    name: str, heard: Heard, memory: list[tuple[float, float]], files: list[int], seconds: float
) -> Iterator[Bar]:
    took = sorted(heard.took)
    p99 = took[round(len(took) * 0.99) - 1] * 1000
    rate = len(took) / seconds
    wrong = len(heard.wrong)
    minutes = f"{seconds / 60:g} min"
    reached = f"{wrong} of {len(took):,} webhooks" + "".join(f"; {what[:80]}" for what in heard.wrong[:2])
    yield Bar(f"{name}: errors in {minutes} at {rate:.0f} webhooks a second", "0", reached, not wrong)
    reached = f"{p99:.0f} ms, half within {took[len(took) // 2] * 1000:.0f}"
    yield Bar(f"{name}: 99 of 100 answered within", "250 ms", reached, p99 < 250)
    grown, slope = memory[-1][1] - memory[0][1], _slope(memory)
    allowed = MORE_IN_AN_HOUR if seconds >= 1800 else NOISE
    shown = f"{memory[0][1]:.1f} to {memory[-1][1]:.1f} MB ({slope:+.1f} MB an hour)"
    what = f"{name}: memory after the first {WARM:.0%}, all of the line's processes"
    yield Bar(what, f"grows ≤ {allowed:.0f} MB", shown, grown <= allowed)
    spread = f"{files[0]} to {files[-1]} (within {min(files)} to {max(files)})"
    yield Bar(f"{name}: open files of the line", "as many at the end", spread, files[-1] <= files[0] + 5)


def _slope(memory: list[tuple[float, float]]) -> float:
    """Megabytes an hour, by least squares."""
    xs, ys = [at / 3600 for at, _ in memory], [megabytes for _, megabytes in memory]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((one - x) ** 2 for one in xs)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread if spread else 0.0


def _watched(parent: int, seconds: float, size: Size) -> tuple[list[tuple[float, float]], list[int]]:
    """Memory in megabytes and open files of the processes, every few seconds once they are warm."""
    began, memory, files = time.monotonic(), list[tuple[float, float]](), list[int]()
    while (gone := time.monotonic() - began) < seconds:
        time.sleep(min(5.0, max(0.1, seconds / 100)))
        size.went(gone / seconds)
        if gone >= seconds * WARM:
            processes = family(parent)
            memory.append((gone, sum(_resident(one) for one in processes)))
            files.append(sum(sum(1 for _ in Path(f"/proc/{one}/fd").iterdir()) for one in processes))
    return memory, files


def _resident(process: int) -> float:
    """Megabytes of memory that are its own."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def _served(folder: Path, database_url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`ivr serve`, answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IVR_DATA_DIR": str(folder),
        "IVR_DATABASE_URL": database_url,
        "IVR_PUBLIC_URL": url,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
    }
    command = [str(Path(sys.executable).with_name("ivr")), "serve", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 - ours
        try:
            _until_it_answers(url)
            yield url, process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _until_it_answers(url: str) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            if wire.send(wire.Request("GET", f"{url}/readyz", b"", {})).status == 200:
                return
        except Exception:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def _call(url: str, caller: int, heard: Heard, over: float, gone: threading.Event) -> None:
    """Calls one after the other, at this caller's share of the rate, until it is over or everybody is gone."""
    apart, due = CALLERS / RATE, time.monotonic() + caller / RATE
    number = 0
    while time.monotonic() < over and not gone.is_set():
        number += 1
        form = {"CallSid": call_sid(caller * 10**6 + number), "AccountSid": ACCOUNT, "From": "", "To": "+33199000000"}
        path, about = "/voice", {"CallStatus": "ringing"}
        for keys in ("2", "1", "1", "", "over"):
            time.sleep(max(0.0, due - time.monotonic()))
            due += apart
            if keys == "over":
                _asked(f"{url}/voice/status", {**form, "CallStatus": "completed"}, heard)
                break
            said = _asked(url + path, {**form, **about}, heard)
            action = re.search(r'action="([^"]+)"', said)
            if keys and action:
                path, about = action[1], {"CallStatus": "in-progress", "Digits": keys}


def _asked(url: str, form: dict[str, str], heard: Heard) -> str:
    began = time.monotonic()
    try:
        answer = wire.send(wire.request("POST", url, form, TOKEN))
    except Exception as error:
        heard.wrong.append(f"{type(error).__name__}")
        return ""
    heard.took.append(time.monotonic() - began)
    said = answer.body.decode()
    if answer.status not in (200, 204) or any(words in said for words in (SORRY, INTERRUPTED, LIMITED)):
        heard.wrong.append(f"{answer.status} {said[:80]}")
    return said
