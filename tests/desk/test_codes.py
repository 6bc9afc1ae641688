"""The code: who gets one, how long it may be read, what happens to it, and that two people never hear the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from ivr.desk import codes as rules
from ivr.desk.codes import CODE_SECONDS, PROOF_SECONDS, Issued, groups, wrong_groups
from ivr.desk.register import NewCode
from ivr.store.codes import Codes
from ivr.store.tables import codes as table
from ivr.store.turns import Turns
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

CALL, OTHER = call_id(1), call_id(2)
SECOND_LINE = "+33199000108"


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    house.add_lines({LINE: MOBILE, SECOND_LINE: MOBILE})
    yield house
    house.engine.dispose()


def issued(answer: object) -> Issued:
    assert isinstance(answer, Issued)
    return answer


def tally(house: House) -> dict[str, int]:
    with house.codes() as codes:
        return codes.tally()


def notes(house: House) -> list[str]:
    with house.engine.begin() as connection:
        return [
            note.what for note in Codes(connection, house.vault)._audit.latest(100) if note.what.startswith("code.")
        ]


def test_a_proved_call_gets_the_next_code_and_hears_it_as_it_is_written(house: House) -> None:
    house.add_codes("007103925604", "222")
    code = issued(house.issue(CALL, house.prove(CALL)))
    assert (code.length, code.only_digits) == (12, True)
    assert [house.read(CALL, code.id, NOON + i) for i in range(3)] == ["007103925604"] * 3
    assert notes(house) == ["code.issued", "code.read"]


@pytest.mark.parametrize("code", ["0", "A1-b*#", "0" * 32])
def test_a_code_is_text_whatever_it_looks_like(house: House, code: str) -> None:
    house.add_codes(code)
    got = issued(house.issue(CALL, house.prove(CALL)))
    assert house.read(CALL, got.id) == code
    assert got.only_digits == code.isdecimal()


def test_no_code_for_a_call_that_has_not_proved_itself(house: House) -> None:
    house.add_codes("111")
    line = house.prove(CALL)
    house.begin_call(OTHER)
    assert house.issue(OTHER, line) == "unproved"
    assert house.issue(CALL, house.account(SECOND_LINE)) == "unproved"
    assert house.issue(CALL, line, NOON + PROOF_SECONDS) == "unproved"
    assert tally(house) == {"pool": 1}


def test_asked_twice_it_is_the_same_code(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    first = house.issue(CALL, line)
    assert house.issue(CALL, line, NOON + 60) == first
    assert tally(house) == {"active": 1, "pool": 1}


def test_what_the_turn_loses_was_never_issued(house: House) -> None:
    house.add_codes("111")
    line = house.prove(CALL)
    with pytest.raises(ZeroDivisionError), house.codes() as codes:
        assert issued(rules.issue(codes, CALL, line, NOON)).length / 0
    assert tally(house) == {"pool": 1}


def test_an_empty_pool_says_so(house: House) -> None:
    assert house.issue(CALL, house.prove(CALL)) == "exhausted"


def test_a_code_nobody_heard_goes_to_the_next_call_of_its_line_alone(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    first = issued(house.issue(CALL, line))
    house.prove(OTHER)
    assert issued(house.issue(OTHER, line)).id == first.id
    assert house.read(CALL, first.id) is None
    assert house.read(OTHER, first.id) == "111"


def test_a_code_that_was_heard_is_not_given_again(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    first = issued(house.issue(CALL, line))
    house.read(CALL, first.id)
    house.prove(OTHER)
    assert house.read(OTHER, issued(house.issue(OTHER, line)).id) == "222"


def test_a_code_is_read_for_a_quarter_of_an_hour(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    code = issued(house.issue(CALL, line))
    assert house.read(CALL, code.id, NOON + CODE_SECONDS - 0.1) == "111"
    assert house.read(CALL, code.id, NOON + CODE_SECONDS) is None
    later = issued(house.issue(CALL, line, NOON + CODE_SECONDS))
    assert house.read(CALL, later.id, NOON + CODE_SECONDS) == "222"


def test_a_code_nobody_heard_in_time_goes_to_nobody(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    house.issue(CALL, line)
    house.prove(OTHER, at=NOON + CODE_SECONDS)
    second = issued(house.issue(OTHER, line, NOON + CODE_SECONDS))
    assert house.read(OTHER, second.id, NOON + CODE_SECONDS) == "222"
    assert tally(house) == {"expired": 1, "read": 1}


def test_a_call_that_repairs_a_second_line_gets_a_second_code(house: House) -> None:
    house.add_codes("111", "222")
    first_line = house.prove(CALL)
    first = issued(house.issue(CALL, first_line))
    house.send(CALL, SECOND_LINE)
    assert house.identity.verify(CALL, house.posted[CALL][1], NOON) == "verified"
    second = issued(house.issue(CALL, house.account(SECOND_LINE)))
    assert house.read(CALL, second.id) == "222"
    assert house.read(CALL, first.id) is None


def test_a_code_dies_with_its_call(house: House) -> None:
    house.add_codes("111")
    code = issued(house.issue(CALL, house.prove(CALL)))
    Turns(house.engine).close(CALL, "completed", NOON + 1)
    assert house.read(CALL, code.id, NOON + 2) is None


def test_nobody_reads_the_code_of_another_call(house: House) -> None:
    house.add_codes("111", "222")
    mine = issued(house.issue(CALL, house.prove(CALL)))
    theirs = issued(house.issue(OTHER, house.prove(OTHER, SECOND_LINE)))
    assert house.read(CALL, theirs.id) is None
    assert house.read(OTHER, mine.id) is None


def test_what_expires_is_wiped_and_never_given_again(house: House) -> None:
    house.add_codes("111")
    line = house.prove(CALL)
    house.issue(CALL, line)
    with house.codes() as codes:
        assert rules.expire(codes, NOON + CODE_SECONDS) == 1
        assert rules.expire(codes, NOON + CODE_SECONDS) == 0
    assert tally(house) == {"expired": 1}
    assert house.issue(CALL, line, NOON + CODE_SECONDS) == "exhausted"


def test_a_code_that_was_heard_stays_so_when_its_time_is_over(house: House) -> None:
    house.add_codes("111")
    code = issued(house.issue(CALL, house.prove(CALL)))
    house.read(CALL, code.id)
    with house.codes() as codes:
        rules.expire(codes, NOON + CODE_SECONDS)
    assert tally(house) == {"read": 1}
    assert house.read(CALL, code.id) is None


def test_a_revoked_code_is_not_read_any_more(house: House) -> None:
    house.add_codes("111")
    code = issued(house.issue(CALL, house.prove(CALL)))
    with house.codes() as codes:
        rules.revoke(codes, code.id, "operator lea", NOON)
    assert house.read(CALL, code.id) is None
    assert notes(house) == ["code.issued", "code.revoked"]


def test_the_operators_own_code_is_held_like_one_of_the_pool(house: House) -> None:
    line = house.prove(CALL)
    with house.codes() as codes:
        first = issued(rules.hold(codes, CALL, line, "ABC", NOON))
        second = issued(rules.hold(codes, CALL, line, "0042", NOON + 1))
    assert house.read(CALL, first.id) is None
    assert house.read(CALL, second.id) == "0042"
    with house.codes() as codes:
        assert rules.hold(codes, OTHER, line, "0043", NOON) == "unproved"
        again = issued(rules.hold(codes, CALL, line, "0042", NOON + 2))
    assert house.read(CALL, again.id) == "0042"


@pytest.mark.parametrize("code", ["", "0" * 33])
def test_what_is_no_code_is_not_held(house: House, code: str) -> None:
    line = house.prove(CALL)
    with house.codes() as codes, pytest.raises(ValueError, match="1 to 32"):
        rules.hold(codes, CALL, line, code, NOON)


def test_the_constraints_are_the_last_line(house: House) -> None:
    house.add_codes("111", "222")
    line = house.prove(CALL)
    code = issued(house.issue(CALL, line))
    for clash in ({"call_sid": CALL}, {"line": line, "status": "active"}):
        with pytest.raises(IntegrityError), house.engine.begin() as connection:
            connection.execute(update(table).where(table.c.id != code.id).values(clash))
    with pytest.raises(IntegrityError), house.codes() as codes:
        codes.take_in([NewCode("222")], NOON)


def test_ten_claimants_for_each_code_share_the_pool(house: House) -> None:
    """Many at once, every fifth twice: every code goes once, twins hear the same, the others that there is none."""
    at_once, pool = (50, 100) if house.engine.dialect.name == "sqlite" else (12, 25)  # as many as it has connections
    count = 10 * pool
    house.add_codes(*(f"{471_803_925_604 + i * 7_919:012}" for i in range(pool)))
    lines = [f"line {i}" for i in range(count)]
    with house.accounts() as accounts:
        for i, line in enumerate(lines):
            accounts.ask(call_id(i), line, "sms", b"", at=NOON, expires_at=NOON, tries=0)
            accounts.use(call_id(i), NOON)
    for i in range(count):
        house.begin_call(call_id(i))

    def claim(i: int) -> tuple[int, str | None]:
        with house.codes() as codes:
            answer = rules.issue(codes, call_id(i), lines[i], NOON)
            return i, rules.read(codes, call_id(i), answer.id, NOON) if isinstance(answer, Issued) else answer

    claimants = sorted([*range(count), *range(0, count, 5)], key=lambda i: (i * 7919) % count)
    with ThreadPoolExecutor(at_once) as crowd:
        heard = set(crowd.map(claim, claimants))
    assert len(heard) == count  # twins heard the same
    said = Counter(answer for _, answer in heard)
    assert said.pop("exhausted") == count - pool
    assert len(said) == pool
    assert set(said.values()) == {1}


codes_of_any_kind = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32)


@given(codes_of_any_kind)
def test_a_code_noted_right_has_no_wrong_group(code: str) -> None:
    assert wrong_groups(code, code) == ()
    assert "".join(groups(code)) == code


@given(codes_of_any_kind, st.text("0123456789", max_size=40))
def test_a_code_noted_wrong_has_one(code: str, noted: str) -> None:
    assert bool(wrong_groups(code, noted)) == (code != noted)
    assert all(0 <= group < len(groups(code)) for group in wrong_groups(code, noted))


def test_only_the_wrong_group_is_named() -> None:
    code = "471803925604"
    assert wrong_groups(code, "471830925604") == (1,)
    assert wrong_groups(code, "47180392560") == (3,)
    assert wrong_groups(code, "4718039256041") == (3,)
    assert wrong_groups(code, "") == (0, 1, 2, 3)
