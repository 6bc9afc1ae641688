"""Backups: one moment of either database as a file, and back into either; nothing that is no backup is brought back."""

from __future__ import annotations

import random
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError

from ivr.store.audit import Audit
from ivr.store.backup import BackupError, back_up, faults, restore
from ivr.store.database import as_it_is, open_database, upgrade
from ivr.store.tables import metadata
from tests.desk.house import LINE, MOBILE, NOON, House, call_id
from tests.store.test_database import VERSIONS, filled

CODES = [f"{number:012}" for number in range(40)]


@pytest.fixture
def house(tmp_path: Path, database: str) -> Iterator[House]:
    """A house with something in every table."""
    house = House(tmp_path, database=database)
    with house.engine.begin() as connection:
        filled(connection, metadata)
    house.add_lines({LINE: MOBILE})
    house.add_codes(*CODES)
    yield house
    house.engine.dispose()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite database."""
    engine = open_database(f"sqlite:///{tmp_path}/other.sqlite")
    yield engine
    engine.dispose()


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with engine.begin() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }


def as_it_was(_connection: Connection) -> None:
    """Settles nothing."""


def test_what_is_brought_back_is_what_was_there(house: House, other: Engine, tmp_path: Path) -> None:
    before, went = everything(house.engine), list[float]()
    back_up(house.engine, tmp_path / "kept" / "b.sqlite", went.append)
    assert went[-1] == 1
    house.add_lines({"+33199000108": MOBILE})
    for engine in (house.engine, other):
        rows = restore(engine, tmp_path / "kept" / "b.sqlite", as_it_was, went.append)
        assert rows == sum(map(len, before.values()))
        assert everything(engine) == before
        assert faults(engine) == []


def test_numbers_go_on_behind_those_that_came_back(house: House, tmp_path: Path) -> None:
    back_up(house.engine, tmp_path / "b.sqlite")
    restore(house.engine, tmp_path / "b.sqlite", as_it_was)
    with house.accounts() as accounts:
        for call in (7, 8):
            accounts.ask(call_id(call), "a", "sms", b"", at=NOON, expires_at=NOON, tries=0)
            accounts.failed(NOON)
    with house.engine.begin() as connection:
        assert connection.execute(text("SELECT id FROM passwords ORDER BY id")).scalars().all() == [1, 2, 3]


def test_the_audit_is_guarded_again(house: House, tmp_path: Path) -> None:
    back_up(house.engine, tmp_path / "b.sqlite")
    restore(house.engine, tmp_path / "b.sqlite", as_it_was)
    with pytest.raises(DBAPIError, match="append-only"), house.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit"))


def test_nothing_has_changed_when_it_does_not_come_through(house: House, tmp_path: Path) -> None:
    back_up(house.engine, tmp_path / "b.sqlite")
    house.add_lines({"+33199000108": MOBILE})
    before = everything(house.engine)

    def fails(_connection: Connection) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        restore(house.engine, tmp_path / "b.sqlite", fails)
    assert everything(house.engine) == before
    test_the_audit_is_guarded_again(house, tmp_path / "again")


def test_a_backup_is_its_owners_alone_and_never_written_over(house: House, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "b.sqlite"
    back_up(house.engine, file)
    assert [path.name for path in file.parent.iterdir()] == ["b.sqlite"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        back_up(house.engine, file)


def test_backups_taken_while_codes_are_issued_hold_one_moment(house: House, tmp_path: Path) -> None:
    """Every code that was answered before a backup began is no free one in it; chain and pages hold (B18)."""
    account, answered, over = house.account(), list[str](), threading.Event()
    for number in range(len(CODES)):
        house.begin_call(call_id(number + 100))

    def issue() -> None:
        for number in range(len(CODES)):
            with house.codes() as codes:
                code = codes.claim(call_id(number + 100), f"{account[:24]}{number:08}", at=NOON, expires_at=NOON + 900)
                codes.note(NOON, "call", "code.issued", str(code))
            answered.append(str(code))
        over.set()

    issuing = threading.Thread(target=issue)
    issuing.start()
    taken = 0
    while taken < 3 or not over.is_set():
        file, before = tmp_path / f"{taken}.sqlite", list(answered)
        back_up(house.engine, file)
        with closing(sqlite3.connect(file)) as copy:
            free = {row[0] for row in copy.execute("SELECT id FROM codes WHERE status = 'pool'")}
            noted = {row[0] for row in copy.execute("SELECT subject FROM audit WHERE what = 'code.issued'")}
        assert free.isdisjoint(before)
        assert noted == {row for row in house_codes(file) if row not in free}
        taken += 1
    issuing.join()
    assert taken >= 3


def house_codes(file: Path) -> set[str]:
    """The ids of the pool in a backup, but the one that stands for « something in every table »."""
    with closing(sqlite3.connect(file)) as copy:
        return {row[0] for row in copy.execute("SELECT id FROM codes WHERE id <> 'x'")}


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_backup_of_an_older_version_is_brought_to_ours(tmp_path: Path, other: Engine, version: str) -> None:
    old = as_it_is(f"sqlite:///{tmp_path}/old.sqlite")
    upgrade(old, version)
    with old.begin() as connection:
        filled(connection)
    old.dispose()
    assert restore(other, tmp_path / "old.sqlite", as_it_was) >= 2
    assert len(everything(other)["calls"]) == 1


def spoiled(file: Path, how: str) -> Path:
    """A backup that something has happened to."""
    whole, dice = file.read_bytes(), random.Random(3)  # noqa: S311 - the same every time
    middle = len(whole) // 2
    spoilt = {
        "cut": whole[:middle],
        "empty": b"",
        "text": b"code\n0042\n",
        "overwritten": whole[:8192] + dice.randbytes(len(whole) - 8192),
        "of a newer version": whole.replace(VERSIONS[-1].encode(), b"9999"),
    }[how]
    path = file.with_name("spoiled.sqlite")
    path.write_bytes(spoilt)
    return path


@pytest.mark.parametrize("how", ["cut", "empty", "text", "overwritten", "of a newer version"])
def test_what_is_no_sound_backup_is_not_brought_back(tmp_path: Path, other: Engine, how: str) -> None:
    house = House(tmp_path)
    house.add_codes("0042")
    back_up(house.engine, tmp_path / "b.sqlite")
    house.engine.dispose()
    with other.begin() as connection:
        Audit(connection, house.vault).note(NOON, "lea", "one", "a subject")
    before = everything(other)
    with pytest.raises(BackupError, match="version plus récente" if "newer" in how else "sauvegarde|endommagée|vide"):
        restore(other, spoiled(tmp_path / "b.sqlite", how), as_it_was)
    assert everything(other) == before
    with pytest.raises(BackupError, match="n'existe pas"):
        restore(other, tmp_path / "nowhere.sqlite", as_it_was)


def test_a_table_that_is_gone_is_a_fault(database: str) -> None:
    engine = open_database(database)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE links"))
    assert faults(engine) == ["table links absente"]
    engine.dispose()
