"""The line under attack: a crowd for a few codes, guessers by the hundred, and passwords used where they must not be.

The attacks are in `tests/attacks.py`, at the size that is right for every change; in full they are for `make torture`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.desk.identity import Limits
from tests.attacks import (
    Attack,
    Caller,
    Door,
    FrontDesk,
    HouseDesk,
    ask_again,
    ask_for_password,
    besiege,
    claim,
    customers,
    even,
    line_number,
    mobile,
    odd_digits,
    passwords_of,
    pool_of,
    type_password,
)
from tests.line import Line

CALLERS, POOL = 300, 30
"""A tenth of the callers get a code. 1,000 and 100 in full (`attacks.claims_in_full`)."""

LIMITS = Limits()


def test_a_crowd_shares_a_pool_of_codes_and_hears_no_error(tmp_path: Path, database: str) -> None:
    claims = claim(tmp_path, callers=CALLERS, pool=POOL, database=database)
    assert claims.heard.errors == []
    assert Counter(claims.said.values()) == {"texted": POOL, "failed": CALLERS - POOL}
    assert claims.texted.keys() == {who for who, said in claims.said.items() if said == "texted"}
    codes = [code for codes in claims.texted.values() for code in codes]
    assert sorted(codes) == sorted(pool_of(POOL)), "each code, once"
    assert claims.heard.unlike == [], "twins are answered alike"
    assert claims.heard.twins >= CALLERS * 0.4, "the webhooks of every fifth call come twice, both times"


# Guessing at the desk.


def test_an_account_gives_ten_guesses_in_its_life(tmp_path: Path) -> None:
    """2,000 guesses by 20 at once, two in every call, over 20 days and 5 restarts: guesses that never are right."""
    desk = HouseDesk(tmp_path, 10, 20, even(random.Random(1)))  # noqa: S311 - the same every time
    siege = besiege(desk, Attack(10, 500, 2000, 20, 5, odd_digits, together=2))
    desk.stop()
    assert siege.wins() == 0
    assert siege.in_a_row() == dict.fromkeys(range(10), LIMITS.failures_to_lock)
    assert siege.in_a_call() == LIMITS.tries_a_call
    assert siege.sent_in_a_day() == LIMITS.passwords_a_day
    assert {"locked", "exhausted", "expired", "asked: locked", "asked: too_many"} <= siege.answers.keys()


def test_the_breaker_stops_an_attack_on_everybody_at_once(tmp_path: Path) -> None:
    """800 guesses at 200 accounts within an hour, by 20 at once: what is under way when it opens is all that passes."""
    desk = HouseDesk(tmp_path, 200, 20, even(random.Random(2)))  # noqa: S311 - the same every time
    siege = besiege(desk, Attack(200, 1000, 800, 0.9 / 24, 2, odd_digits))
    desk.stop()
    assert LIMITS.failures_an_hour < siege.in_an_hour() <= LIMITS.failures_an_hour + 20
    assert len(siege.compared) == siege.in_an_hour()
    assert siege.answers["asked: closed"] > 100


def test_a_guess_that_is_right_is_seen_to_win_once_a_password(tmp_path: Path) -> None:
    desk = HouseDesk(tmp_path, 10, 4, lambda below: 0)
    siege = besiege(desk, Attack(10, 50, 80, 5, 1, lambda _dice: "000000"))
    desk.stop()
    assert 0 < siege.wins() == len(siege.compared) == len(siege.sent)


# The same through the front door.


def test_callers_who_guess_get_ten_tries_at_a_line(tmp_path: Path) -> None:
    desk = FrontDesk(tmp_path, 2, 4)
    siege = besiege(desk, Attack(2, 40, 360, 27, 3, odd_digits))
    heard = desk.door.heard
    desk.stop()
    assert siege.in_a_row() == {0: LIMITS.failures_to_lock, 1: LIMITS.failures_to_lock}
    assert siege.in_a_call() == LIMITS.tries_a_call
    assert siege.answers["asked: refused"] > 0
    assert heard.errors == []


def test_callers_who_guess_at_every_line_open_the_breaker(tmp_path: Path) -> None:
    desk = FrontDesk(tmp_path, 20, 8)
    siege = besiege(desk, Attack(20, 40, 120, 0.9 / 24, 0, odd_digits))
    heard = desk.door.heard
    desk.stop()
    assert LIMITS.failures_an_hour < siege.in_an_hour() <= LIMITS.failures_an_hour + 8
    assert heard.errors == []


@pytest.fixture
def door(line: Line) -> Iterator[Door]:
    """The line with three customers, and its front door."""
    customers(line, 3)
    door = Door(line, 8)
    yield door
    door.close()


def asked(door: Door, number: int, shown: str = "+33639989999", account: int = 0) -> Caller:
    """A call that has come to where the six digits are typed."""
    caller = Caller(door, number, shown)
    assert ask_for_password(caller, line_number(account))
    return caller


def test_a_password_opens_its_line_once(door: Door) -> None:
    first = asked(door, 1)
    password = passwords_of(door.line)[mobile(0)]
    door.line.clock.advance(20)
    assert type_password(first, password, copies=3) == "verified"
    assert door.heard.unlike == []
    door.line.clock.advance(20)
    first.press("3", "*")
    door.line.clock.advance(0.5)
    first.press("*", "3")  # two stars lead to the main menu, from anywhere
    assert not ask_again(first, line_number(0))  # it has proved itself, and is not asked again
    assert first.hears("adresse.comment")
    second = asked(door, 2)
    door.line.clock.advance(20)
    assert type_password(second, password) == "wrong"


@pytest.mark.parametrize(("after", "said"), [(599, "verified"), (600, "refused"), (86_400, "refused")])
def test_a_password_lives_ten_minutes_on_the_telephone(after: float, said: str, door: Door) -> None:
    caller = asked(door, 1)
    password = passwords_of(door.line)[mobile(0)]
    door.line.clock.advance(after)
    assert type_password(caller, password) == said


def test_a_password_is_worth_nothing_in_another_call_whoever_makes_it(door: Door) -> None:
    """Two calls for one line at once, from one telephone; and one for another line."""
    passwords = []
    calls = []
    for number, account in ((1, 0), (2, 0), (3, 1)):
        calls.append(asked(door, number, account=account))
        passwords.append(passwords_of(door.line)[mobile(account)])
        door.line.clock.advance(5)
    assert len(set(passwords)) == 3
    for place, caller in enumerate(calls):
        for other in (1, 2):
            assert type_password(caller, passwords[(place + other) % 3]) == "wrong"
            door.line.clock.advance(5)
        assert type_password(caller, passwords[place]) == "verified"
        door.line.clock.advance(5)


def test_a_webhook_that_proved_somebody_proves_nobody_when_it_is_played_again(door: Door) -> None:
    """A week later: in its own call it is answered as it was then; in any other it is at the beginning, or refused."""
    caller = asked(door, 1)
    password, turn = passwords_of(door.line)[mobile(0)], caller.said
    door.line.clock.advance(20)
    caller.press(password)
    answered = caller.said
    caller.silence()
    assert caller.hears("adresse.comment")
    door.line.clock.advance(7 * 86_400)
    door.line.restart()
    played = Caller(door, 1, caller.shown, turn)
    played.press(password)
    assert played.said == answered
    for number in (2, 3):
        other = Caller(door, number, caller.shown)
        if number == 2:
            other.dial()
        other.said = turn
        other.press(password)
        assert "<Hangup/>" in other.said
        assert "<Gather" not in other.said
