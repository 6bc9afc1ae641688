"""The end of a call: status callbacks in any order, as often as they like, or lost, and the record is the same."""

from __future__ import annotations

from functools import reduce
from itertools import permutations, product

import pytest

from ivr.store.ends import CUT, SWEPT, End, disposition_at_end, end, later

GOING_ON = ("queued", "initiated", "ringing", "in-progress")
FINAL = ("completed", "busy", "no-answer", "failed", "canceled")
ARRIVALS = {status: float(at) for at, status in enumerate((*GOING_ON, *FINAL), start=100)}


def heard(history: tuple[str, ...]) -> End | None:
    """What stands after these callbacks."""
    reports = (end(status, ARRIVALS[status]) for status in history)
    return reduce(later, reports, None)


def test_every_history_of_a_call_gives_the_record_of_the_statuses_that_came() -> None:
    """All 59,049 histories of five callbacks out of nine: every order, every loss, every duplicate."""
    records: dict[frozenset[str], End | None] = {}
    histories = 0
    for history in product((*GOING_ON, *FINAL), repeat=5):
        came = frozenset(history) & set(FINAL)
        assert records.setdefault(came, heard(history)) == heard(history)
        histories += 1
    assert histories == 9**5
    assert len(records) == 2 ** len(FINAL)  # none of them, some of them, all of them


@pytest.mark.parametrize("final", FINAL)
def test_a_call_that_went_on_and_ended_has_its_end_in_every_order(final: str) -> None:
    for history in permutations((*GOING_ON[1:], final, final)):
        assert heard(history) == End(final, ARRIVALS[final])


def test_nothing_but_a_final_status_ends_a_call() -> None:
    for status in (*GOING_ON, "", "answered", "COMPLETED", SWEPT):
        assert end(status, 1.0) is None
    assert heard(GOING_ON) is None


def test_an_end_never_goes_back() -> None:
    ends = [End(status, at) for status in (SWEPT, *FINAL) for at in (1.0, 2.0)]
    for one, other in product(ends, repeat=2):
        both = later(one, other)
        assert both == later(other, one)
        assert both in (one, other)
        assert later(both, one) == later(both, other) == both
    for one, other, third in product(ends, repeat=3):
        assert later(later(one, other), third) == later(one, later(other, third))


def test_of_two_that_are_alike_the_first_stands_and_any_stands_before_none_at_all() -> None:
    assert later(End("completed", 5.0), End("completed", 3.0)) == End("completed", 3.0)
    assert later(End(SWEPT, 1.0), End("canceled", 9.0)) == End("canceled", 9.0)


def test_the_script_has_the_last_word_on_how_a_call_ended() -> None:
    assert disposition_at_end("solved", End("busy", 1.0)) == "solved"
    assert disposition_at_end("", End("completed", 1.0)) == CUT
    assert disposition_at_end("", None) == ""
