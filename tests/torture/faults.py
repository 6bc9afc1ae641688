"""Whatever the line stands on fails at every moment of every scenario (B13), and a disk that is really full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ivr.demo.loopback import HANG
from ivr.web.voice import LIMITED
from tests.faults import IN_TIME, SCENARIOS, Heard, House, Scenario, failed_everywhere
from tests.torture.bars import Bar, Size, trial

LASTING = 40
"""Statements and requests in a row that fail when it is not one alone."""


@trial("B13", seconds=600)
def a_fault_at_every_moment_of_every_scenario(size: Size) -> Iterator[Bar]:
    """The k-th statement, commit or request fails, for every k: once alone, once with all that come after it."""
    kinds = [(name, lasting) for lasting in (1, LASTING) for name in SCENARIOS]
    every = max(1, round(1 / size.share))
    tried, slowest, wrong = 0, 0.0, list[str]()
    for done, (name, lasting) in enumerate(kinds):
        with tempfile.TemporaryDirectory() as folder:
            seen = failed_everywhere(Path(folder), name, every=every, lasting=lasting)
        size.went((done + 1) / len(kinds))
        tried, slowest, wrong = tried + seen.tried, max(slowest, seen.slowest), wrong + seen.wrong
    which = "every one" if every == 1 else f"every {every}th"
    what = f"{which} of the statements and requests of {len(SCENARIOS)} scenarios failing, alone and {LASTING} in a row"
    yield Bar(f"calls placed with {what}", "all", f"{tried}", tried > 0)
    yield Bar(
        "answers that are no TwiML, codes that nobody knows of, next calls that do not end well", "0",
        str(len(wrong)) + "".join(f"; {one[:120]}" for one in wrong[:3]), not wrong,
    )  # fmt: skip
    yield Bar("slowest answer", f"≤ {IN_TIME:.0f} s", f"{slowest:.2f} s", slowest <= IN_TIME)


@trial("B13", seconds=60)
def a_disk_that_is_full(size: Size) -> Iterator[Bar]:
    """The database on a file system of 2 MB, filled to the last byte during calls, and given room again."""
    with tempfile.TemporaryDirectory() as folder, _small_disk(Path(folder)) as disk:
        if disk is None:
            yield Bar("calls on a full disk", "tried", "not tried: only root may mount a file system", holds=False)
            return
        house = House(disk)
        try:
            yield from _filled(house, disk, size.of(30, 5))
        finally:
            house.stop()


def _filled(house: House, disk: Path, calls: int) -> Iterator[Bar]:
    scenario = SCENARIOS["code"]
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    heard = [house.place(scenario) for _ in range(calls)]
    wrong = [what for call in heard for what in call.wrong]
    done = sum(scenario.ends_with in call.answers[-1] for call in heard)
    slowest = max(call.slowest for call in heard)
    ballast.unlink()
    after = house.place(scenario)
    reached = f"{len(wrong)} wrong answers, slowest {slowest:.2f} s, {done} of {calls} had room for their code"
    yield Bar(f"{calls} calls on a full disk", "answered in 5 s", reached, not wrong and slowest <= IN_TIME)
    unknown = len(house.unknown_codes())
    yield Bar("codes given out on a full disk that nobody knows of", "0", str(unknown), not unknown)
    well = scenario.ends_with in after.answers[-1]
    yield Bar("the first call after there is room", "as ever", "as ever" if well else "not as ever", well)


@trial("B13", seconds=45)
def a_database_that_another_process_holds(size: Size) -> Iterator[Bar]:
    """Another process begins to write and does not end, for 30 s: calls one after the other, all that while."""
    held = size.of(30, 6)
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            yield from _held(house, held, size)
        finally:
            house.stop()


def _held(house: House, seconds: int, size: Size) -> Iterator[Bar]:
    scenario = SCENARIOS["guide"]
    house.place(scenario)
    other = sqlite3.connect(house.line.database_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began, heard = time.monotonic(), list[Heard]()
    while (gone := time.monotonic() - began) < seconds:
        heard.append(house.place(scenario))
        size.went(gone / seconds)
    other.execute("ROLLBACK")
    other.close()
    ended = time.monotonic()
    after = house.place(scenario)
    wrong = [what for call in heard for what in call.wrong]
    led = sum(scenario.ends_with in call.answers[-1] for call in heard)
    slowest, back = max(call.slowest for call in heard), time.monotonic() - ended
    reached = f"{led} of {len(heard)}, {len(wrong)} wrong answers, slowest {slowest:.1f} s"
    holds = led == len(heard) and not wrong and slowest <= IN_TIME
    yield Bar(
        f"calls led through the guide while another process holds the database for {seconds} s", "all", reached, holds
    )
    well = LIMITED not in after.answers[0] and not after.wrong
    yield Bar("a whole call as ever after that", "≤ 5 s", f"{back:.1f} s" if well else "never", well and back <= 5)


@trial("B13", seconds=60)
def partners_that_are_away(size: Size) -> Iterator[Bar]:
    """OVH and Twilio accept connections and say nothing, for 30 s: calls for a code, one after the other."""
    away, scenario = size.of(30, 8), SCENARIOS["code-by-ovh"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(8) as background:
        house = House(Path(folder), operator=True)
        try:
            house.line.app.extensions["ivr"].__dict__["background"] = background.submit
            house.line.operator_fails("all", "hangs")
            house.line.carrier.faults["*"] = HANG
            began, heard = time.monotonic(), list[Heard]()
            while (gone := time.monotonic() - began) < away:
                heard.append(house.place(scenario))
                size.went(gone / away)
            house.line.operator_fails("all", "works")
            house.line.carrier.faults.clear()
            ended = time.monotonic()
            well = _goes_well(house, scenario, ended + 15)
            back = time.monotonic() - ended
        finally:
            house.stop()
    wrong, slowest = sum(len(call.wrong) for call in heard), max(call.slowest for call in heard)
    reached = f"{wrong} wrong answers in {len(heard)} calls, slowest {slowest:.2f} s"
    yield Bar(
        f"calls for a code while OVH and Twilio hang for {away} s",
        "answered in 5 s",
        reached,
        not wrong and slowest <= 5,
    )
    yield Bar("a code made and texted after that", "≤ 5 s", f"{back:.1f} s" if well else "never", well and back <= 5)


def _goes_well(house: House, scenario: Scenario, until: float) -> bool:
    """Whether a call comes to its good end before then, tried again and again."""
    while time.monotonic() < until:
        if scenario.ends_with in house.place(scenario).answers[-1]:
            return True
    return False


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path | None]:
    """A file system of its own of 2 MB, where that may be mounted."""
    if os.geteuid() != 0:
        yield None
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:  # noqa: S603 - our own words
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)  # noqa: S603, S607 - our own words
