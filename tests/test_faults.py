"""Whatever the line stands on fails at any moment, a caller has an answer, and the next call goes as ever.

A part of what is failed in `tests/torture/faults.py`, where every statement and request of every scenario fails once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from ivr.web.voice import LIMITED
from tests.canaries import Watch
from tests.faults import IN_TIME, SCENARIOS, House, failed_everywhere
from tests.line import Line, turns_of


@pytest.fixture(autouse=True)
def _codes_are_read(watch: Watch) -> None:
    """Without clips the carrier's own voice says a code, from the words of the answer."""
    watch.spared = {"code"}


@pytest.mark.parametrize(
    ("scenario", "every", "lasting"),
    [
        ("guide", 3, 1),
        ("guide", 7, 100),
        ("code", 23, 1),
        ("code", 61, 60),
        ("code-by-ovh", 29, 1),
        ("call-back", 7, 1),
        ("message", 7, 1),
        ("message", 11, 30),
    ],
)
def test_a_fault_at_any_moment_costs_nobody_his_call(scenario: str, every: int, lasting: int, tmp_path: Path) -> None:
    seen = failed_everywhere(tmp_path, scenario, every=every, lasting=lasting)
    assert seen.wrong == []
    assert seen.slowest < IN_TIME
    assert seen.tried >= 3


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.stop()


def full(line: Line) -> Callable[[], None]:
    """The disk is full from now on: the database may not grow by a page. The function gives it room again."""
    turns_of(line.app).close_database()

    def bounded(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # not below what it has already

    event.listen(Engine, "connect", bounded)

    def room() -> None:
        event.remove(Engine, "connect", bounded)
        turns_of(line.app).close_database()

    return room


def test_a_full_disk_costs_no_call_and_no_code(house: House) -> None:
    room = full(house.line)
    limited = 0
    for _ in range(30):
        heard = house.place(SCENARIOS["code"])
        assert heard.wrong == []
        assert heard.slowest < IN_TIME
        limited += any(LIMITED in answer for answer in heard.answers)
    assert limited > 10, "the disk was never full"
    assert house.unknown_codes() == set()
    room()
    assert SCENARIOS["code"].ends_with in house.place(SCENARIOS["code"]).answers[-1]


@pytest.mark.parametrize("fault", ["hangs", "resets", "500"])
def test_an_operator_that_is_away_keeps_nobody_waiting_and_is_asked_again_when_it_is_back(
    fault: str, tmp_path: Path
) -> None:
    """What is slow runs in the background here, as in production: seconds are real."""
    scenario, house = SCENARIOS["code-by-ovh"], House(tmp_path, operator=True)
    try:
        with ThreadPoolExecutor(4) as background:
            house.line.app.extensions["ivr"].__dict__["background"] = background.submit
            house.line.operator_fails("all", fault)
            heard = house.place(scenario)
            assert heard.wrong == []
            assert heard.slowest < IN_TIME
            assert scenario.ends_with not in heard.answers[-1]
        house.line.app.extensions["ivr"].__dict__["background"] = house.line._work
        house.line.operator_fails("all", "works")
        assert scenario.ends_with in house.place(scenario).answers[-1]
    finally:
        house.stop()
