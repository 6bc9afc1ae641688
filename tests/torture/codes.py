"""Codes and passwords: a crowd for few codes (B3), guesses at one-time passwords (B5)."""

from __future__ import annotations

from collections.abc import Iterator

from ivr.desk.identity import Limits
from tests.attacks import claims_in_full, guesses_in_full
from tests.torture.bars import Bar, Size, trial

RUNS = 20
"""Crowds, one after the other."""

THREADS = 12
"""Guesses at once: so many may be under way when the breaker opens."""


@trial("B3", seconds=1200)
def codes_for_a_crowd(size: Size) -> Iterator[Bar]:
    """1,000 callers for 100 codes, whole calls over HTTP, one webhook in four delivered two or three times."""
    runs = size.of(RUNS)
    wrong, slowest, distinct = 0, 0.0, set[int]()
    for run, claims in enumerate(claims_in_full(runs)):
        codes = [code for given in claims.texted.values() for code in given]
        distinct.add(len(set(codes)) if len(set(codes)) == len(codes) else -len(codes))
        wrong += len(claims.heard.errors) + len(claims.heard.unlike)
        slowest = max(slowest, claims.heard.slowest)
        size.went((run + 1) / runs)
    reached = ", ".join(str(count) for count in sorted(distinct))
    yield Bar(f"distinct codes of 100 for 1,000 callers, {runs} runs", "100, each run", reached, distinct == {100})
    yield Bar("errors heard, twins that differ", "0", str(wrong), not wrong)
    yield Bar(
        "slowest answer, 50 callers at once, before the carrier gives up", "< 15 s", f"{slowest:.1f} s", slowest < 15
    )


@trial("B5", seconds=600)
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
