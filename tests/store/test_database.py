"""The database: migrations that give the tables we use, and transactions that do not overlap."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import IntegrityError, OperationalError

from ivr.store.database import open_database
from ivr.store.tables import codes, metadata
from ivr.store.turn import Caller, Given
from ivr.store.turns import Turns
from tests.line import ROOT

SID = "CA" + "1" * 32
NOBODY = Caller("", "")
NEWEST = max(path.name for path in (ROOT / "ivr" / "store" / "migrations" / "versions").glob("0*.py"))[:4]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a folder/ligne.sqlite"


def test_the_migrations_give_the_tables_that_we_use(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_opening_again_changes_nothing(url: str) -> None:
    first = open_database(url)
    Turns(first).close(SID, "completed", 1.0)
    first.dispose()
    second = open_database(url)
    with second.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
    second.dispose()


def test_processes_that_start_together_upgrade_once(tmp_path: Path) -> None:
    for attempt in range(5):  # the race for WAL on a new file is lost about once in twenty, without our waiting
        opened = open_together(f"sqlite:///{tmp_path}/{attempt}/ligne.sqlite", 6)
        assert len(opened) == 6
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


def test_the_database_itself_keeps_one_unheard_code_a_line(url: str) -> None:
    """What rules and transactions see to, seen to once more: by whoever writes to it, and however."""
    engine = open_database(url)
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


def test_a_turn_that_fails_is_not_taken(url: str) -> None:
    engine = open_database(url)
    turns = Turns(engine)
    with pytest.raises(ZeroDivisionError), turns.turn(SID, 0, 1.0) as turn:
        assert turn.taken() is not None or 1 / 0
    with turns.turn(SID, 0, 1.0) as turn:
        assert turn.taken() is None
    engine.dispose()


def test_a_turn_is_taken_once(url: str) -> None:
    engine = open_database(url)
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
