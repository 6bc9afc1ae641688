"""Who calls: what is sent and to whom, what is counted, what locks, and that nobody learns which lines exist."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.identity import Identity, Limits, Seats, is_guessable
from tests.conftest import DATABASES
from tests.desk.house import LINE, MOBILE, NOON, UNKNOWN, House, call_id, quick_hasher

CALL, OTHER = call_id(1), call_id(2)
HOUR = 3600.0
NO_BREAKER = Limits(failures_an_hour=10**9)


on_both = pytest.mark.parametrize("house", DATABASES, indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """On SQLite; on PostgreSQL what is a matter of transactions."""
    is_served = getattr(request, "param", "sqlite") == "postgresql"
    house = House(tmp_path, database=request.getfixturevalue("postgres_database") if is_served else "")
    house.add_lines({LINE: MOBILE})
    yield house
    house.engine.dispose()


@pytest.fixture
def calm(tmp_path: Path) -> Iterator[House]:
    """A house without a breaker, to see what an account alone allows."""
    house = House(tmp_path, limits=NO_BREAKER)
    house.add_lines({LINE: MOBILE})
    yield house
    house.engine.dispose()


def fail(house: House, times: int, at: float) -> list[str]:
    """Wrong passwords, one a call and a call every nine hours, as an attacker with patience would."""
    said: list[str] = []
    for i in range(times):
        house.send(call_id(1000 + i), at=at + i * 9 * HOUR)
        said.append(house.verify_wrong(call_id(1000 + i), at + i * 9 * HOUR))
    return said


@on_both
def test_the_password_goes_to_the_mobile_on_file_and_opens_the_line_once(house: House) -> None:
    sent = house.send(CALL)
    mobile, password = house.posted[CALL]
    assert (sent.outcome, sent.ending, mobile) == ("sent", "34", MOBILE)
    assert len(password) == 6
    assert house.identity.verify(CALL, password, NOON) == "verified"
    assert house.identity.verify(CALL, password, NOON) == "expired"


def test_a_password_is_worth_nothing_in_another_call(house: House) -> None:
    house.send(CALL)
    house.send(OTHER)
    assert house.identity.verify(OTHER, house.posted[CALL][1], NOON) == "wrong"
    assert house.identity.verify(call_id(3), house.posted[CALL][1], NOON) == "expired"


def test_what_is_kept_of_a_password_is_of_one_call_and_one_pepper(house: House) -> None:
    another = Identity(house.accounts, [b"another pepper"], house.dice.randrange, hasher=quick_hasher())
    digests = [house.identity.digest(CALL, "123456"), house.identity.digest(OTHER, "123456")]
    assert len({*digests, another.digest(CALL, "123456")}) == 3


@pytest.mark.parametrize(("after", "said"), [(599.9, "verified"), (600.0, "expired"), (10**6, "expired")])
def test_a_password_lives_ten_minutes(house: House, after: float, said: str) -> None:
    house.send(CALL)
    assert house.identity.verify(CALL, house.posted[CALL][1], NOON + after) == said


def test_after_three_wrong_tries_the_right_one_is_too_late(house: House) -> None:
    house.send(CALL)
    assert [house.verify_wrong(CALL) for _ in range(3)] == ["wrong"] * 3
    assert house.identity.verify(CALL, house.posted[CALL][1], NOON) == "exhausted"


def test_an_sms_sent_again_replaces_the_first_and_gives_no_try_more(house: House) -> None:
    house.send(CALL)
    first = house.posted[CALL][1]
    assert [house.verify_wrong(CALL) for _ in range(2)] == ["wrong"] * 2
    assert house.send(CALL, at=NOON + 60).outcome == "sent"
    assert house.identity.verify(CALL, first, NOON + 60) == "wrong"
    assert house.identity.verify(CALL, house.posted[CALL][1], NOON + 60) == "exhausted"
    assert house.send(CALL, at=NOON + 61).outcome == "too_many"


def test_who_has_proved_himself_has_all_his_tries_for_another_line(house: House) -> None:
    house.add_lines({UNKNOWN: MOBILE})
    house.send(CALL)
    assert [house.verify_wrong(CALL), house.verify_wrong(CALL)] == ["wrong", "wrong"]
    assert house.identity.verify(CALL, house.posted[CALL][1], NOON) == "verified"
    house.send(CALL, UNKNOWN)
    assert [house.verify_wrong(CALL) for _ in range(4)] == ["wrong", "wrong", "wrong", "exhausted"]


def test_a_line_gets_three_sms_a_day_whoever_calls(house: House) -> None:
    assert [house.send(call_id(i)).outcome for i in range(4)] == ["sent", "sent", "sent", "too_many"]
    assert house.send(call_id(9), at=NOON + 86400).outcome == "sent"


def test_five_failures_in_a_row_wait_a_quarter_of_an_hour(house: House) -> None:
    house.send(CALL)
    house.send(OTHER)
    [house.verify_wrong(CALL) for _ in range(3)]
    assert [house.verify_wrong(OTHER) for _ in range(3)] == ["wrong", "wrong", "locked"]
    assert house.send(call_id(3), at=NOON + 899).outcome == "locked"
    assert house.send(call_id(3), at=NOON + 900).outcome == "sent"
    assert house.identity.verify(call_id(3), house.posted[call_id(3)][1], NOON + 900) == "verified"
    assert house.standing().failures == 0


def test_ten_failures_in_a_row_lock_until_an_operator_acts(house: House) -> None:
    assert fail(house, 12, NOON) == ["wrong"] * 10 + ["expired"] * 2  # no SMS left, so nothing was asked
    years, account = NOON + 10 * 365 * 86400, house.account()
    assert house.standing().hard_locked
    assert house.send(CALL, at=years).outcome == "locked"
    with house.accounts() as accounts:
        accounts.unlock(account, years)
    assert house.send(CALL, at=years).outcome == "sent"


def test_the_tenth_try_may_still_be_right(house: House) -> None:
    assert fail(house, 9, NOON) == ["wrong"] * 9
    later = NOON + 5 * 86400
    house.send(CALL, at=later)
    assert house.identity.verify(CALL, house.posted[CALL][1], later) == "verified"
    assert not house.standing().hard_locked


def test_a_try_is_counted_before_it_is_compared(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.send(CALL)

    def power_cut(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("ivr.desk.identity.hmac.compare_digest", power_cut)
    with pytest.raises(KeyboardInterrupt):
        house.verify_wrong(CALL)
    assert house.standing().failures == 1


def test_more_than_twenty_failures_in_an_hour_close_the_desk_for_everybody(house: House) -> None:
    numbers = [f"+331990002{i:02}" for i in range(10)]
    house.add_lines(dict.fromkeys(numbers, MOBILE))
    said = []
    for i, number in enumerate(numbers):
        house.send(call_id(i), number)
        said += [house.verify_wrong(call_id(i)) for _ in range(3)]
    assert Counter(said) == {"wrong": 21, "expired": 9}  # the last three calls got no SMS any more
    later = call_id(99)
    assert [house.send(later, at=NOON + after).outcome for after in (0, HOUR - 1, HOUR)] == ["closed", "closed", "sent"]


def test_a_mobile_changed_this_week_is_not_trusted(house: House) -> None:
    house.add_lines({LINE: "+33639980099"}, at=NOON)
    assert house.send(CALL, at=NOON + 7 * 86400 - 1).outcome == "closed"
    assert house.send(CALL, at=NOON + 7 * 86400).outcome == "sent"
    assert house.posted[CALL][0] == "+33639980099"


@on_both
def test_of_many_right_answers_at_once_one_is_taken(house: House) -> None:
    house.send(CALL)
    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: house.identity.verify(CALL, house.posted[CALL][1], NOON), range(20)))
    assert Counter(said)["verified"] == 1


# Nobody learns which lines exist.


@on_both
def test_an_unknown_line_is_asked_counted_and_locked_like_a_real_one(house: House) -> None:
    said = {}
    for base, number in ((10, LINE), (20, UNKNOWN)):
        outcomes: list[str] = []
        for call in map(call_id, range(base, base + 4)):
            outcomes.append(house.send(call, number).outcome)
            outcomes += [house.verify_wrong(call) for _ in range(4)]
        said[number] = outcomes
    assert said[LINE] == said[UNKNOWN]
    assert house.standing(UNKNOWN) == house.standing(LINE)


def test_an_unknown_line_has_an_ending_to_announce_and_no_sms(house: House) -> None:
    endings = {house.send(call, UNKNOWN).ending for call in (CALL, OTHER)}
    assert len(endings) == 1
    assert endings.pop().isdecimal()
    assert house.posted == {}


def test_no_guess_opens_a_line_that_does_not_exist(tmp_path: Path) -> None:
    """Even the password and the PIN that were drawn in its place."""
    house = House(tmp_path, draw=lambda _: 0)
    house.send(CALL, UNKNOWN)
    assert house.identity.verify(CALL, "000000", NOON) == "wrong"
    assert house.identity.check_pin(OTHER, UNKNOWN, "00000000", NOON) == "wrong"
    house.engine.dispose()


def test_an_unknown_line_takes_the_same_statements(house: House) -> None:
    work = {}
    for call, number in ((CALL, LINE), (OTHER, UNKNOWN)):
        with house.statements() as sent:
            house.send(call, number)
        with house.statements() as tried:
            house.verify_wrong(call)
        with house.statements() as pin:
            house.identity.check_pin(call, number, "00000000", NOON)
        work[number] = (sent, tried, pin)
    assert work[LINE] == work[UNKNOWN]


# The support PIN.


def give_pin(house: House, number: str = LINE) -> str:
    pin, kept = house.identity.new_pin()
    with house.lines() as lines:
        line = lines.by_number(number)
        assert line is not None
        lines.set_pin(line.id, kept)
    return pin


def test_the_support_pin_opens_its_line_and_no_other(house: House) -> None:
    house.add_lines({UNKNOWN: MOBILE})
    pin = give_pin(house)
    assert house.identity.check_pin(CALL, UNKNOWN, pin, NOON) == "wrong"
    assert house.identity.check_pin(OTHER, LINE, pin, NOON) == "verified"


def test_a_pin_has_three_tries_a_call_shared_with_the_sms(house: House) -> None:
    pin = give_pin(house)
    house.send(CALL)
    assert house.verify_wrong(CALL) == "wrong"
    said = [house.identity.check_pin(CALL, LINE, "11111111", NOON) for _ in range(2)]
    assert [*said, house.identity.check_pin(CALL, LINE, pin, NOON)] == ["wrong", "wrong", "exhausted"]


def test_asking_for_pins_takes_no_sms_of_the_day(house: House) -> None:
    for call in map(call_id, range(10, 13)):
        house.identity.check_pin(call, LINE, "11111111", NOON)
    assert house.send(CALL).outcome == "sent"


def test_pins_and_passwords_fail_on_the_same_account(house: House) -> None:
    give_pin(house)
    fail(house, 4, NOON)
    later = NOON + 36 * HOUR
    assert [house.identity.check_pin(CALL, LINE, "11111111", later) for _ in range(2)] == ["wrong", "locked"]


def test_a_locked_account_costs_no_hashing(tmp_path: Path) -> None:
    hashed = []

    class Counting(PasswordHasher):
        def verify(self, kept: str | bytes, typed: str | bytes) -> Literal[True]:
            hashed.append(typed)
            return super().verify(kept, typed)

    house = House(tmp_path, limits=NO_BREAKER)
    house.add_lines({LINE: MOBILE})
    house.identity._hasher = Counting(1, 8, 1)
    calls = [call_id(i // 3) for i in range(60)]
    said = [house.identity.check_pin(call, LINE, "11111111", NOON + i * HOUR) for i, call in enumerate(calls)]
    assert Counter(said) == {"wrong": 10, "locked": 50}
    assert len(hashed) == 10
    house.engine.dispose()


def test_a_pin_waits_for_a_seat_and_is_not_counted_without_one(tmp_path: Path) -> None:
    house = House(tmp_path, seats=Seats(count=1, patience=0))
    house.add_lines({LINE: MOBILE})
    assert house.seats.taken()
    assert house.identity.check_pin(CALL, LINE, "11111111", NOON) == "busy"
    assert house.standing().failures == 0
    house.seats.left()
    assert house.identity.check_pin(CALL, LINE, "11111111", NOON) == "wrong"
    house.engine.dispose()


def test_a_right_pin_proves_nothing_for_a_line_asked_about_meanwhile(house: House) -> None:
    """While the PIN of the caller's own line is hashed, the same call asks about somebody else's."""
    house.add_lines({UNKNOWN: MOBILE})
    pin = give_pin(house)

    class Slow(PasswordHasher):
        def verify(self, kept: str | bytes, typed: str | bytes) -> Literal[True]:
            house.identity.check_pin(CALL, UNKNOWN, "11111111", NOON)
            return super().verify(kept, typed)

    own = Identity(house.accounts, house.vault.peppers("passwords"), house.dice.randrange, hasher=Slow(1, 8, 1))
    assert own.check_pin(CALL, LINE, pin, NOON) == "wrong"
    other = house.account(UNKNOWN)
    with house.codes() as codes:
        assert codes.proved_at(CALL, other) is None


@pytest.mark.parametrize("pin", ["00000000", "12345678", "98765432", "89012345", "12121212", "11111112"])
def test_guessable_pins_are_not_given(pin: str) -> None:
    assert is_guessable(pin)


@given(st.integers(0, 2**32))
def test_nearly_every_other_pin_may_be_given(seed: int) -> None:
    pin = "".join(random.Random(seed).sample("0123456789", 8))  # noqa: S311 - a made-up PIN
    assert not is_guessable(pin) or pin in "0123456789012345678" or pin in "9876543210987654321"


# The attack of facts/reliability.md B5, at a size that takes seconds.


def test_however_many_guess_at_once_an_account_gives_ten(calm: House) -> None:
    """2,000 guesses by 50 threads on 4 accounts, half of them unknown, over many days and callers."""
    numbers = [LINE, "+33199000108", UNKNOWN, "+33199000998"]
    calm.add_lines({numbers[1]: MOBILE})
    dice = random.Random(7)  # noqa: S311 - the same every time
    days = sorted(dice.randrange(40) for _ in range(500))  # a lock of one day must not outlive the attack of all others
    jobs = [(call_id(i), numbers[i % 4], NOON + day * 43200) for i, day in enumerate(days)]

    def attack(job: tuple[str, str, float]) -> list[tuple[str, str]]:
        call, number, at = job
        calm.send(call, number, at)
        return [(number, calm.verify_wrong(call, at)) for _ in range(4)]

    with ThreadPoolExecutor(50) as pool:
        said = Counter(answer for answers in pool.map(attack, jobs) for answer in answers)
    assert {number: said[number, "wrong"] for number in numbers} == dict.fromkeys(numbers, 10)
    assert all(calm.standing(number).hard_locked for number in numbers)


@on_both
def test_the_breaker_counts_over_all_accounts_at_once(house: House) -> None:
    """60 accounts tried at once by 30 threads: the 21st failure closes the desk, whatever was under way included."""
    numbers = [f"+331990003{i:02}" for i in range(60)]
    house.add_lines(dict.fromkeys(numbers, MOBILE))
    for i, number in enumerate(numbers):
        house.send(call_id(i), number)
    with ThreadPoolExecutor(30) as pool:
        said = Counter(pool.map(lambda i: house.verify_wrong(call_id(i)), range(60)))
    assert 21 <= said["wrong"] <= 20 + 30
    assert said["wrong"] + said["closed"] == 60
    assert house.send(CALL).outcome == "closed"
