"""A clock that is set back, by hand or by whoever keeps it, lets no password live longer than ten minutes (B16)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.desk import codes as rules
from ivr.desk.codes import CODE_SECONDS, Issued
from ivr.services.timekeeping import Timekeeper
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

CALL, OTHER = call_id(1), call_id(2)
HOUR = 3600.0


class Clocks:
    """The machine's clock, and one that nobody sets."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 5.0

    def pass_by(self, seconds: float) -> None:
        """Time passes."""
        self.wall += seconds
        self.steady += seconds

    def set_by(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self.wall += seconds


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042")
    yield house
    house.engine.dispose()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def keeper(house: House, clocks: Clocks) -> Timekeeper:
    return Timekeeper(house.engine, house.vault, lambda: clocks.wall, lambda: clocks.steady)


@pytest.mark.parametrize("seconds", [-3, -60, -HOUR, -86_400])
def test_a_clock_that_is_set_back_ends_what_was_sent(
    house: House, clocks: Clocks, keeper: Timekeeper, seconds: float
) -> None:
    house.send(CALL, at=clocks.wall)
    clocks.pass_by(300)
    keeper.look()
    clocks.set_by(seconds)
    keeper.look()
    clocks.pass_by(301)  # ten minutes and a second after it was sent, though the clock says less
    assert house.identity.verify(CALL, house.posted[CALL][1], clocks.wall) == "expired"
    clocks.set_by(-seconds)
    keeper.look()
    assert house.identity.verify(CALL, house.posted[CALL][1], clocks.wall) == "expired"
    house.send(OTHER, at=clocks.wall)
    assert house.identity.verify(OTHER, house.posted[OTHER][1], clocks.wall) == "verified"


@pytest.mark.parametrize("seconds", [0, 1, -1, 30])
def test_a_clock_that_is_kept_or_set_forward_ends_nothing_early(
    house: House, clocks: Clocks, keeper: Timekeeper, seconds: float
) -> None:
    house.send(CALL, at=clocks.wall)
    clocks.pass_by(1)
    clocks.set_by(seconds)
    keeper.look()
    assert house.identity.verify(CALL, house.posted[CALL][1], clocks.wall) == "verified"


def test_a_process_that_starts_after_the_clock_was_set_back_ends_what_comes_from_the_future(
    house: House, clocks: Clocks
) -> None:
    house.send(CALL, at=clocks.wall)
    clocks.set_by(-HOUR)
    Timekeeper(house.engine, house.vault, lambda: clocks.wall, lambda: clocks.steady).look()
    clocks.pass_by(HOUR)
    assert house.identity.verify(CALL, house.posted[CALL][1], clocks.wall) == "expired"


def test_a_proof_and_a_code_live_no_longer_either(house: House, clocks: Clocks, keeper: Timekeeper) -> None:
    line = house.prove(CALL, at=clocks.wall)
    code = house.issue(CALL, line, clocks.wall)
    assert isinstance(code, Issued)
    clocks.set_by(-HOUR)
    keeper.look()
    with house.codes() as codes:
        assert not rules.is_proved(codes, CALL, line, clocks.wall)
    assert house.read(CALL, code.id, clocks.wall) == "0042"
    clocks.pass_by(CODE_SECONDS + 5)
    assert house.read(CALL, code.id, clocks.wall) is None
