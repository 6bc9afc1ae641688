"""Call-backs: booked once a call, due in their slot, placed by one process, never lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ivr.store.callbacks import Callback, Callbacks
from tests.desk.house import NOON, House, call_id

CALL, OTHER = call_id(1), call_id(2)
NUMBER = "+33639980001"
START, END = NOON + 3600, NOON + 7200


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    yield house
    house.engine.dispose()


@contextmanager
def opened(house: House) -> Iterator[Callbacks]:
    with house.engine.begin() as connection:
        yield Callbacks(connection, house.vault)


@pytest.fixture
def booked(house: House) -> Callback:
    with opened(house) as callbacks:
        assert callbacks.book(CALL, NUMBER, START, END, NOON)
        [found] = callbacks.shown()
    return found


def test_a_call_books_once(house: House, booked: Callback) -> None:
    with opened(house) as callbacks:
        assert not callbacks.book(CALL, "+33639980002", START + 1, END + 1, NOON + 1)
        assert callbacks.of_call(CALL) == booked
        assert (booked.mask, booked.start, booked.end, booked.state) == ("+336****01", START, END, "booked")
        assert callbacks.number(booked.id) == NUMBER
    assert b"639980001" not in house.raw_bytes()


def test_many_deliveries_at_once_book_once(house: House) -> None:
    together, got = threading.Barrier(6), list[bool]()

    def book() -> None:
        together.wait(timeout=10)
        with opened(house) as callbacks:
            got.append(callbacks.book(CALL, NUMBER, START, END, NOON))

    webhooks = [threading.Thread(target=book) for _ in range(6)]
    for webhook in webhooks:
        webhook.start()
    for webhook in webhooks:
        webhook.join()
    assert sorted(got) == [False] * 5 + [True]


def test_one_that_was_withdrawn_makes_room_for_another(house: House, booked: Callback) -> None:
    with opened(house) as callbacks:
        assert callbacks.withdraw(booked.id, NOON + 1)
        assert not callbacks.withdraw(booked.id, NOON + 2)
        assert callbacks.shown() == []
        assert callbacks.book(CALL, "+33639980002", START, END, NOON + 3)
        [again] = callbacks.shown()
        assert (callbacks.number(again.id), again.state, again.done_at) == ("+33639980002", "booked", None)


@pytest.mark.parametrize(("number", "start", "end"), [("", START, END), (NUMBER, END, START), (NUMBER, START, START)])
def test_what_cannot_be_kept_is_not_promised(house: House, number: str, start: float, end: float) -> None:
    with pytest.raises(ValueError, match="needs a number, and a slot"), opened(house) as callbacks:
        callbacks.book(CALL, number, start, end, NOON)


def test_it_is_due_in_its_slot_and_placed_once(house: House, booked: Callback) -> None:
    with opened(house) as callbacks:
        assert callbacks.due(START - 1) == []
        assert callbacks.due(START) == callbacks.due(END - 1) == [booked]
        assert callbacks.due(END) == []
        assert callbacks.placed(booked.id)
        assert not callbacks.placed(booked.id)
        assert callbacks.due(START) == []
        assert callbacks.unplaced(booked.id)
        assert not callbacks.unplaced(booked.id)
        assert callbacks.due(START) == [booked]


def test_a_slot_that_went_by_is_missed_and_still_to_be_done(house: House, booked: Callback) -> None:
    with opened(house) as callbacks:
        callbacks.book(OTHER, NUMBER, END, END + 1, NOON)
        assert callbacks.miss(END - 1) == []
        assert callbacks.miss(END) == [booked.id]
        assert [callback.state for callback in callbacks.shown()] == ["missed", "booked"]
        assert callbacks.done(booked.id, END + 5)
        assert not callbacks.done(booked.id, END + 6)
        assert not callbacks.withdraw(booked.id, END + 6)
        assert callbacks.shown("done")[0].done_at == END + 5


def test_they_are_named_by_the_beginning_of_their_id(house: House, booked: Callback) -> None:
    with opened(house) as callbacks:
        assert callbacks.like(booked.id[:8]) == [booked.id]
        assert callbacks.like("%") == []
        assert callbacks.number("nobody") == ""
        assert callbacks.of_call(OTHER) is None
