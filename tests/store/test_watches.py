"""Lines that are watched for their telephone: one a call, looked at by anybody, settled by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.store.vault import Vault
from ivr.store.watches import Watch, Watches
from tests.desk.house import NOON, House, call_id

CALL, OTHER = call_id(1), call_id(2)
LINE, MOBILE = "+33199000107", "+33639980034"
WATCHED = Watch(CALL, LINE, NOON, NOON + 300, "", "", None, None, "")


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    with opened(house) as watches:
        assert watches.start(CALL, LINE, NOON, NOON + 300)
    yield house
    house.engine.dispose()


@contextmanager
def opened(house: House) -> Iterator[Watches]:
    with house.engine.begin() as connection:
        yield Watches(connection, house.vault)


def test_a_call_is_watched_once(house: House) -> None:
    with opened(house) as watches:
        assert not watches.start(CALL, "another", NOON + 1, NOON + 301)
        assert watches.of(CALL) == WATCHED
        assert watches.of(OTHER) is None


def test_the_last_wish_counts_until_it_is_settled(house: House) -> None:
    with opened(house) as watches:
        assert watches.wish(CALL, "sms", MOBILE)
        assert watches.of(CALL) == replace(WATCHED, wish="sms", number=MOBILE)
        assert watches.wish(CALL, "ring")
        assert watches.of(CALL) == replace(WATCHED, wish="ring")
        watches.settle(CALL, "back")
        assert not watches.wish(CALL, "sms", MOBILE)
        assert not watches.wish(OTHER, "sms", MOBILE)


def test_those_to_look_at_have_begun_are_open_and_have_rested(house: House) -> None:
    with opened(house) as watches:
        watches.start(OTHER, LINE, NOON + 10, NOON + 310)
        assert [watch.call for watch in watches.open(NOON - 1)] == []
        assert [watch.call for watch in watches.open(NOON)] == [CALL]
        assert watches.checked(CALL, NOON + 20)
        assert [watch.call for watch in watches.open(NOON + 24, every=5)] == [OTHER]
        assert [watch.call for watch in watches.open(NOON + 25, every=5)] == [CALL, OTHER]
        assert [watch.call for watch in watches.open(NOON + 900)] == [CALL, OTHER], "over, and nobody has settled it"
        watches.settle(CALL, "not-back")
        assert [watch.call for watch in watches.open(NOON + 900)] == [OTHER]


def test_the_first_sight_is_kept(house: House) -> None:
    with opened(house) as watches:
        assert watches.saw(CALL, NOON + 20)
        assert not watches.saw(CALL, NOON + 25)
        assert watches.of(CALL) == replace(WATCHED, seen_at=NOON + 20, checked_at=NOON + 25)


def test_many_who_settle_at_once_are_one(house: House) -> None:
    together, got = threading.Barrier(6), list[bool]()

    def settle() -> None:
        together.wait(timeout=10)
        with opened(house) as watches:
            got.append(watches.settle(CALL, "back"))

    workers = [threading.Thread(target=settle) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(got) == [False] * 5 + [True]


def test_line_and_number_are_sealed_and_not_shown(house: House) -> None:
    with opened(house) as watches:
        watches.wish(CALL, "sms", MOBILE)
        watch = watches.of(CALL)
    assert not any(number in repr(watch) for number in (LINE, MOBILE))
    assert not any(number[3:].encode() in house.raw_bytes() for number in (LINE, MOBILE))


def test_one_that_does_not_open_keeps_nobody_from_the_others(house: House) -> None:
    with house.engine.begin() as connection:
        watches = Watches(connection, Vault([b"another key, which opens none of what was sealed"]))
        assert watches.open(NOON) == [replace(WATCHED, line="")]
