"""The database: migrations that give the tables we use, and transactions that do not overlap."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, insert, select, text
from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError

from ivr.store.database import as_it_is, open_database, upgrade
from ivr.store.tables import codes, metadata
from ivr.store.turn import Caller, Given
from ivr.store.turns import Turns
from tests.line import ROOT

SID = "CA" + "1" * 32
NOBODY = Caller("", "")
VERSIONS = sorted(path.name[:4] for path in (ROOT / "ivr" / "store" / "migrations" / "versions").glob("0*.py"))
NEWEST = VERSIONS[-1]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a folder/ligne.sqlite"


def test_the_migrations_give_the_tables_that_we_use(fresh_database: str) -> None:
    engine = open_database(fresh_database)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_every_older_version_is_upgraded_with_what_it_holds(fresh_database: str, version: str) -> None:
    engine = as_it_is(fresh_database)
    upgrade(engine, version)
    with engine.begin() as connection:
        held = filled(connection)
        assert {"calls", "turns"} <= held.keys()
    upgrade(engine)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        for name, values in held.items():
            kept = connection.execute(select(text(f"* FROM {name}"))).mappings().one()
            assert {column: kept[column] for column in values} == values
    engine.dispose()


def filled(connection: Connection, tables: MetaData | None = None) -> dict[str, dict[str, object]]:
    """One row in each of these tables, or in all that are there, a value in every column: what was put where."""
    samples = {str: "x", int: 1, float: 1.5, bytes: b"x", bool: True}
    if tables is None:
        tables = MetaData()
        tables.reflect(connection, only=lambda name, _: name != "alembic_version")
    held = {}
    for name, table in tables.tables.items():
        held[name] = {column.name: samples[column.type.python_type] for column in table.columns}
        connection.execute(insert(table).values(held[name]))
    return held


def test_opening_again_changes_nothing(fresh_database: str) -> None:
    first = open_database(fresh_database)
    Turns(first).close(SID, "completed", 1.0)
    first.dispose()
    second = open_database(fresh_database)
    with second.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
    second.dispose()


def test_processes_that_start_together_upgrade_once(tmp_path: Path) -> None:
    for attempt in range(5):  # the race for WAL on a new file is lost about once in twenty, without our waiting
        opened = open_together(f"sqlite:///{tmp_path}/{attempt}/ligne.sqlite", 6)
        assert len(opened) == 6
        for engine in opened:
            engine.dispose()


def test_processes_that_start_together_on_a_server_upgrade_once(fresh_database: str) -> None:
    opened = open_together(fresh_database, 4)
    assert len(opened) == 4
    for engine in opened:
        engine.dispose()


def open_together(url: str, processes: int) -> list[Engine]:
    together = threading.Barrier(processes)
    opened: list[Engine] = []

    def start() -> None:
        together.wait(timeout=10)
        opened.append(open_database(url))

    starts = [threading.Thread(target=start) for _ in range(processes)]
    for process in starts:
        process.start()
    for process in starts:
        process.join()
    return opened


def test_commits_are_on_the_disk_and_readers_do_not_block(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # FULL
    engine.dispose()


def test_the_database_itself_keeps_one_unheard_code_a_line(database: str) -> None:
    """What rules and transactions see to, seen to once more: by whoever writes to it, and however."""
    engine = open_database(database)
    code = {"place": 1, "line": "a line", "status": "active", "imported_at": 1.0}
    with engine.begin() as connection:
        connection.execute(insert(codes).values(id="1", code_key="1", call_sid="CA1", **code))
    for second in (
        {"id": "2", "code_key": "2", "call_sid": "CA2"},  # the same line
        {"id": "2", "code_key": "2", "call_sid": "CA1", "line": "another", "status": "read"},  # the same call
        {"id": "2", "code_key": "1", "call_sid": None, "line": None, "status": "waiting"},  # the same code
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(insert(codes).values({**code, **second}))
    engine.dispose()


def test_a_turn_that_fails_is_not_taken(database: str) -> None:
    engine = open_database(database)
    turns = Turns(engine)
    with pytest.raises(ZeroDivisionError), turns.turn(SID, 0, 1.0) as turn:
        assert turn.taken() is not None or 1 / 0
    with turns.turn(SID, 0, 1.0) as turn:
        assert turn.taken() is None
    engine.dispose()


def test_a_turn_is_taken_once(database: str) -> None:
    engine = open_database(database)
    turns = Turns(engine)
    with turns.turn(SID, 0, 1.0) as turn:
        assert turn.taken() is None
        turn.write(NOBODY, event="dialled", step="a.b", state="{}", recipe="[1]", disposition="")
    with turns.turn(SID, 0, 2.0) as turn:
        assert turn.taken() == Given("[1]", "")
        call = turn.call()
        assert call is not None
        assert (call.turn, call.state) == (1, "{}")
    engine.dispose()


def test_a_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "ligne.sqlite").mkdir()
    with pytest.raises(OperationalError):
        open_database(f"sqlite:///{tmp_path}/ligne.sqlite")


def test_a_driver_that_is_not_installed_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ArgumentError, match=r"psycopg is missing: pip install 'ivr-depannage\[postgres\]'"):
        open_database("postgresql://nobody@192.0.2.1/ligne")
