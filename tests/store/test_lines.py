"""Lines at rest: found by either number, changed by an import, sealed again with a new key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text, update

from ivr.store.codes import Codes
from ivr.store.lines import Import, KeptLine, Lines
from ivr.store.tables import lines as table
from ivr.store.vault import Vault, VaultError
from tests.desk.house import KEY, LINE, MOBILE, NOON, House

NEW_KEY = b"the key that replaces the first one, from today on"
SECOND_LINE, SECOND_MOBILE = "+33199000108", "+33639980099"


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    house = House(tmp_path, database=database)
    house.add_lines({LINE: MOBILE})
    yield house
    house.engine.dispose()


def by_number(house: House, number: str = LINE, vault: Vault | None = None) -> KeptLine:
    with house.engine.begin() as connection:
        line = Lines(connection, vault or house.vault).by_number(number)
    assert line is not None
    return line


def test_a_line_is_found_by_either_number(house: House) -> None:
    house.add_lines({SECOND_LINE: MOBILE})
    with house.lines() as lines:
        assert by_number_of(lines, LINE) == (LINE, MOBILE)
        assert {line.number for line in lines.by_mobile(MOBILE)} == {LINE, SECOND_LINE}
        assert lines.by_number("+33199000999") is None
        assert lines.by_mobile(SECOND_MOBILE) == []


def by_number_of(lines: Lines, number: str) -> tuple[str, str]:
    line = lines.by_number(number)
    assert line is not None
    return line.number, line.mobile


def test_importing_again_changes_what_differs_and_keeps_the_account(house: House) -> None:
    before = by_number(house)
    with house.lines() as lines:
        lines.set_pin(before.id, "a hash")
    house.add_lines({LINE: MOBILE}, NOON + 1)
    assert by_number(house).mobile_changed_at is None
    with house.lines() as lines:
        rows = [before_with(before, SECOND_MOBILE), before_with(before, MOBILE, SECOND_LINE)]
        assert lines.take_in(rows, NOON + 2) == Import(new=1, changed=1, same=0)
    after = by_number(house)
    assert (after.id, after.mobile, after.mobile_changed_at, after.pin) == (
        before.id,
        SECOND_MOBILE,
        NOON + 2,
        "a hash",
    )


def before_with(line: KeptLine, mobile: str, number: str = LINE) -> KeptLine:
    return KeptLine(line.id, number, mobile, line.model, None, None)


def test_a_telephone_may_change_without_the_mobile(house: House) -> None:
    line = by_number(house)
    with house.lines() as lines:
        changed = KeptLine(line.id, LINE, MOBILE, "C610IP", None, None)
        assert lines.take_in([changed], NOON + 1) == Import(new=0, changed=1, same=0)
    assert (by_number(house).model, by_number(house).mobile_changed_at) == ("C610IP", None)


def test_a_number_moved_to_another_row_does_not_open(house: House) -> None:
    house.add_lines({SECOND_LINE: SECOND_MOBILE})
    first, second = by_number(house), by_number(house, SECOND_LINE)
    with house.engine.begin() as connection:
        stolen = f"SELECT mobile_cipher FROM lines WHERE id = '{second.id}'"  # noqa: S608 - an id of ours
        cipher = connection.execute(text(stolen)).scalar_one()
        connection.execute(update(table).where(table.c.id == first.id).values(mobile_cipher=cipher))
    with pytest.raises(VaultError):
        by_number(house)


def test_nothing_shows_a_number(house: House) -> None:
    with house.lines() as lines:
        [shown] = lines.shown()
        assert (shown.number, shown.mobile) == ("+331****07", "+336****34")
        assert MOBILE[4:] not in repr(lines.by_number(LINE))


def test_a_new_key_reads_the_old_rows_and_renewing_lets_the_old_one_go(house: House) -> None:
    house.add_codes("0042")
    with house.lines() as lines:
        lines.set_pin(by_number_id(lines), "a hash")
    both, new = Vault([NEW_KEY, KEY]), Vault([NEW_KEY])
    before = by_number(house, vault=both)
    with house.engine.begin() as connection:
        assert Lines(connection, new).by_number(LINE) is None
        assert Lines(connection, both).by_mobile(MOBILE) == [before]
        assert [Lines(connection, both).renew(), Lines(connection, both).renew()] == [1, 0]
        assert [Codes(connection, both).renew(), Codes(connection, both).renew()] == [1, 0]
    assert by_number(house, vault=new) == before
    with house.engine.begin() as connection:
        codes = Codes(connection, new)
        [code_id] = codes.like("")
        assert codes.opened(code_id) == "0042"


def by_number_id(lines: Lines) -> str:
    [line] = lines.by_mobile(MOBILE)
    return line.id
