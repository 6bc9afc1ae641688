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


def test_a_way_that_only_goes_as_a_whole_is_taken_out_as_a_whole() -> None:
    """Without one of its lines the way leads astray; without all of them it was never needed."""
    ways = (["dial", "star"], ["dial", "3", "1", "2", "star"])
    assert shrunk(ways[1], lambda left: list(left) in ways) == ways[0]


def test_so_many_trials_and_no_more() -> None:
    trials: list[Sequence[str]] = []

    def fails(lines: Sequence[str]) -> bool:
        trials.append(lines)
        return "7" in lines

    left = shrunk([str(number) for number in range(100)], fails, most=5)
    assert len(trials) == 5
    assert "7" in left
    assert len(left) < 100
