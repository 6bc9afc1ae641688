"""Turns at the database: in order, and none lost when somebody gives up waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import exc, text

from ivr.store import database
from ivr.store.database import open_database
from ivr.store.turnstile import Turnstile


def test_who_came_first_is_first() -> None:
    turnstile, order = Turnstile(), list[int]()
    assert turnstile.enter(0)

    def come(number: int) -> None:
        assert turnstile.enter(10)
        order.append(number)
        turnstile.leave()

    with ThreadPoolExecutor(20) as crowd:
        for number in range(20):
            crowd.submit(come, number)
            while len(turnstile._waiting) <= number:
                pass
        turnstile.leave()
    assert order == list(range(20))


def test_who_gives_up_takes_nobodys_turn() -> None:
    turnstile = Turnstile()
    assert turnstile.enter(0)
    assert not turnstile.enter(0)
    turnstile.leave()
    assert turnstile.enter(0)


def test_a_transaction_that_lasts_makes_others_give_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    engine = open_database(f"sqlite:///{tmp_path}/ligne.sqlite")
    with engine.begin(), pytest.raises(exc.TimeoutError, match="no turn"), engine.begin():
        pass
    with engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()


def test_a_connection_that_breaks_gives_its_turn_back(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/ligne.sqlite")
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.invalidate()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()
