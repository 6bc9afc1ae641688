"""The hostile line: 100,000 webhooks of callers and a carrier that do everything wrong, within five minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ivr.hostile.rules import Rule
from ivr.hostile.storm import Plan, Seen, Where, storm
from tests.line import ROOT
from tests.torture.bars import Bar, Size, trial

CALLS = 3_900
"""Calls that come to 100,000 webhooks and some more."""


@trial("H1", seconds=300, alone=True)
def hostile_webhooks(size: Size) -> Iterator[Bar]:
    """Calls of every kind of nonsense, by `ivr call --hostile`, on SQLite, on every core."""
    calls, began = size.of(CALLS, 20), time.monotonic()

    def told(seen: Seen) -> None:
        size.went(seen.counts["calls"] / calls)

    where = Where(ROOT / "prompts", ROOT / "audio")
    seen = storm(where, Plan(size.seed, calls, (os.cpu_count() or 1) + 1), told)
    seconds, webhooks = time.monotonic() - began, seen.counts["webhooks"] + seen.counts["status"]
    broken = "; ".join(f"{found.rule} ({found.detail})" for found in seen.found)
    name = f"{len(Rule)} rules over {webhooks:,} hostile webhooks, seed {size.seed}"
    yield Bar(name, "all hold", broken or "all hold", not seen.found)
    wanted = 300 * calls / CALLS
    yield Bar("seconds for them", f"≤ {wanted:.0f}", f"{seconds:.0f}", seconds <= wanted + 30 * (calls < CALLS))
    counts = ", ".join(f"{seen.counts[kind]:,} {kind}" for kind in ("again", "twins", "late", "stray"))
    yield Bar("of them delivered again, in twins, late, astray", "some of each", counts, bool(seen.counts["stray"]))
