"""The shortest list that still fails."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ivr.hostile.shrink import shrunk


@given(st.sets(st.integers(0, 60), max_size=5))
def test_what_is_left_is_what_is_needed_in_its_order(needed: set[int]) -> None:
    lines = [str(number) for number in range(61)]
    wanted = [str(number) for number in sorted(needed)]
    assert shrunk(lines, lambda left: set(wanted) <= set(left)) == wanted


def test_so_many_trials_and_no_more() -> None:
    trials: list[Sequence[str]] = []

    def fails(lines: Sequence[str]) -> bool:
        trials.append(lines)
        return "7" in lines

    left = shrunk([str(number) for number in range(100)], fails, most=5)
    assert len(trials) == 5
    assert "7" in left
    assert len(left) < 100
