"""Proof that the tests can fail (the end of facts/reliability.md 4): the line broken on purpose, each time noticed."""

from __future__ import annotations

from collections.abc import Iterator

from tests.sabotage import SABOTAGES, is_red
from tests.torture.bars import Bar, Size, trial


@trial("B19", seconds=150, sized="always")
def sabotages_that_a_named_test_notices(size: Size) -> Iterator[Bar]:
    """Every way of `tests/sabotage.py`: its test is green, and red once the line is broken."""
    missed = []
    for done, (name, sabotage) in enumerate(SABOTAGES.items(), start=1):
        if not is_red(sabotage.test, name) or is_red(sabotage.test):
            missed.append(name)
        size.went(done / len(SABOTAGES))
    noticed = len(SABOTAGES) - len(missed)
    reached = f"{noticed} of {len(SABOTAGES)}" + "".join(f", not {name}" for name in missed)
    yield Bar(f"sabotages noticed by their test ({', '.join(SABOTAGES)})", "all", reached, not missed)
