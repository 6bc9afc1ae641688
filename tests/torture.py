"""The attacks in full, with what came of them: `make torture`. It takes many minutes, and is no part of `make test`.

Each line of the report is a bar of facts/reliability.md, the figure to reach, and the one that was reached.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ivr.desk.identity import Limits
from tests.attacks import claims_in_full, guesses_in_full

RUNS = 3
"""Crowds, one after the other."""


@dataclass(frozen=True)
class Bar:
    """One figure: what was to be reached, what was, and whether that will do."""

    name: str
    wanted: str
    reached: str
    holds: bool


def main(runs: int = RUNS, guesses: int = 100_000) -> int:
    """Run everything; 1 when a bar is not met."""
    console, began = Console(), time.monotonic()
    with Progress(console=console) as progress:
        bars = [bar for bar, _ in zip(_bars(runs, guesses), progress.track(range(2 * runs + 3)), strict=False)]
    table = Table("bar", "wanted", "reached", "holds", title=f"{time.monotonic() - began:.0f} s")
    for bar in bars:
        table.add_row(bar.name, bar.wanted, bar.reached, "yes" if bar.holds else "NO")
    console.print(table)
    return 0 if all(bar.holds for bar in bars) else 1


def _bars(runs: int, guesses: int) -> Iterator[Bar]:
    for claims in claims_in_full(runs):
        codes = [code for given in claims.texted.values() for code in given]
        distinct = len(set(codes)) == len(codes) == 100
        yield Bar("B3 codes for 1,000 callers", "100 distinct", f"{len(set(codes))} of {len(codes)}", distinct)
        wrong = len(claims.heard.errors) + len(claims.heard.unlike)
        reached = f"{wrong} in {claims.seconds:.0f} s"
        yield Bar("B3 errors heard, twins that differ", "0", reached, not wrong)
    siege, limits = guesses_in_full(guesses), Limits()
    most = max(siege.in_a_row().values(), default=0)
    yield Bar("B5 verified guesses in a row on one account", f"≤ {limits.failures_to_lock}", str(most), most <= 10)
    yield Bar("B5 passwords guessed", "≤ 3", str(siege.wins()), siege.wins() <= 3)
    hour = siege.in_an_hour()
    wanted = f"≤ {limits.failures_an_hour} + 13"
    yield Bar("B5 verified guesses in an hour, over all accounts", wanted, str(hour), hour <= 20 + 13)


if __name__ == "__main__":
    sys.exit(main())
