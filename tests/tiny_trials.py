"""Trials of nothing, for the runner of `tests/torture`: one of each way to end. Their processes import little."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from tests.torture.bars import Bar, Size, Trial


def too_slow(size: Size) -> Iterator[Bar]:
    size.went(0.5)
    yield Bar(f"answers to {size.of(1000, 10)} webhooks", "≤ 5 s", "6 s", holds=False)


def quick_enough(_size: Size) -> Iterator[Bar]:
    yield Bar("answers", "≤ 5 s", "1 s", holds=True)
    yield Bar("errors | none", "0", "0", holds=True)


def broken(_size: Size) -> Iterator[Bar]:
    raise OSError("no such machine [/nor]\nthat tag")


def dies(_size: Size) -> Iterator[Bar]:
    yield Bar("before it dies", "told", "told", holds=True)
    os.kill(os.getpid(), signal.SIGKILL)


def tells_nothing(_size: Size) -> Iterator[Bar]:
    yield from ()


def waits(_size: Size) -> Iterator[Bar]:
    """Something in a session of its own that would go on for ever, as `ivr serve` would."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    with subprocess.Popen(command, start_new_session=True) as started:  # noqa: S603 - our own words
        yield Bar("started", "", f"{started.pid} of {os.getpid()}", holds=True)
        started.wait()


SLOW, BROKEN, DIES, QUICK, NOTHING = TRIALS = (
    Trial("B13", 1, "slow", too_slow, alone=True),
    Trial("B4", 1, "broken", broken),
    Trial("B5", 2, "dies", dies),
    Trial("B3", 3, "quick", quick_enough, sized="always"),
    Trial("B20", 9, "nothing", tells_nothing, sized="minutes", beside=True),
)
WAITS = Trial("B4", 1, "waits", waits)
