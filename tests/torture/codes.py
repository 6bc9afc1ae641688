"""Codes and passwords: a crowd for few codes (B3), guesses at one-time passwords (B5)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ivr.desk.identity import Limits
from tests.attacks import Claims, claim, claims_in_full, guesses_in_full
from tests.postgres import RUNS
from tests.torture.bars import Bar, Size, trial
from tests.torture.databases import NO_SERVER, database

CROWDS = {"SQLite": 20, "PostgreSQL": 5}
"""Crowds, one after the other."""

THREADS = 12
"""Guesses at once: so many may be under way when the breaker opens."""


@trial("B3", seconds=1200)
def codes_for_a_crowd(size: Size) -> Iterator[Bar]:
    """1,000 callers for 100 codes, whole calls over HTTP, one webhook in four delivered two or three times."""
    runs = size.of(CROWDS["SQLite"])
    yield from _claimed("SQLite", claims_in_full(runs), runs, "before the carrier gives up", 15, size)


@trial("B3", seconds=100)
def codes_for_a_crowd_on_postgresql(size: Size) -> Iterator[Bar]:
    """The same on PostgreSQL, every call placed where it stands before it asks for its code."""
    runs = size.of(CROWDS["PostgreSQL"])
    yield from _claimed("PostgreSQL", _on_postgresql(runs), runs, "before we give up", 5, size) if RUNS else [NO_SERVER]


def _on_postgresql(runs: int) -> Iterator[Claims]:
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder, database("PostgreSQL", Path(folder)) as url:
            yield claim(Path(folder), callers=1000, pool=100, database=url)


def _claimed(
    name: str, crowds: Iterator[Claims], runs: int, patience: str, seconds: float, size: Size
) -> Iterator[Bar]:
    """What became of crowds; nobody waits longer than so many seconds."""
    wrong, slowest, distinct = 0, 0.0, set[int]()
    for done, claims in enumerate(crowds, start=1):
        codes = [code for given in claims.texted.values() for code in given]
        distinct.add(len(set(codes)) if len(set(codes)) == len(codes) else -len(codes))
        wrong += len(claims.heard.errors) + len(claims.heard.unlike)
        slowest = max(slowest, claims.heard.slowest)
        size.went(done / runs)
    reached = ", ".join(str(count) for count in sorted(distinct))
    what = f"{name}: distinct codes of 100 for 1,000 callers, {runs} runs"
    yield Bar(what, "100, each run", reached, distinct == {100})
    yield Bar(f"{name}: errors heard, twins that differ", "0", str(wrong), not wrong)
    what = f"{name}: slowest answer, 50 callers at once, {patience}"
    yield Bar(what, f"≤ {seconds:.0f} s", f"{slowest:.1f} s", slowest <= seconds)


@trial("B5", seconds=2000)
def guesses_at_passwords(size: Size) -> Iterator[Bar]:
    """Guesses at six digits, from 10,000 numbers, at 1,000 accounts, over 60 days and 20 restarts."""
    guesses, limits = size.of(1_000_000, 10_000), Limits()
    siege = guesses_in_full(guesses)
    most, hour = max(siege.in_a_row().values(), default=0), siege.in_an_hour()
    lock, breaker = limits.failures_to_lock, limits.failures_an_hour
    yield Bar(f"most guesses compared in a row at one account, of {guesses:,}", f"≤ {lock}", str(most), most <= lock)
    yield Bar("passwords guessed", "≤ 3", str(siege.wins()), siege.wins() <= 3)
    wanted = f"≤ {breaker} + {THREADS + 1}"
    yield Bar("guesses compared in an hour, over all accounts", wanted, str(hour), hour <= breaker + THREADS + 1)
