"""What PostgreSQL alone does: connections that break, and transactions that wait for each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ivr.store.database import once_more, open_database
from ivr.store.statements import one_at_a_time
from ivr.store.turn import Caller, Given
from ivr.store.turns import Turns

SID = "CA" + "1" * 32
NOBODY = Caller("", "")


def broken(connection: Connection) -> None:
    """Let the server end this connection, as one that restarts does."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_a_turn_whose_connection_breaks_is_taken_on_another(postgres_database: str) -> None:
    engine, tries = open_database(postgres_database), []

    def take() -> Given | None:
        with Turns(engine).turn(SID, 0, 1.0) as turn:
            taken = turn.taken()
            tries.append(taken)
            turn.write(NOBODY, event="dialled", step="a.b", state="{}", recipe="[1]", disposition="")
            if len(tries) == 1:
                broken(turn.transaction)
        return taken

    assert once_more(take) is None
    assert tries == [None, None]
    assert Turns(engine).given(SID, 0) == Given("[1]", "", 1.0)
    engine.dispose()


def test_a_commit_whose_answer_is_lost_is_found_done(postgres_database: str) -> None:
    engine, tries = open_database(postgres_database), []

    def take() -> Given | None:
        with Turns(engine).turn(SID, 0, 1.0) as turn:
            tries.append(turn.taken())
            if tries[-1] is None:
                turn.write(NOBODY, event="dialled", step="a.b", state="{}", recipe="[1]", disposition="")
        if len(tries) == 1:
            with engine.begin() as connection:
                broken(connection)
        return tries[-1]

    assert once_more(take) == Given("[1]", "")
    engine.dispose()


def test_two_that_wait_for_each_other_both_come_through(postgres_database: str) -> None:
    engine, both = open_database(postgres_database), threading.Barrier(2)
    waits: list[str] = []

    def hold(names: tuple[str, str]) -> None:
        with engine.begin() as connection:
            one_at_a_time(connection, names[0])
            waits.append(names[0])
            if len(waits) <= 2:
                both.wait(timeout=10)
            one_at_a_time(connection, names[1])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda names: once_more(lambda: hold(names)), [("a", "b"), ("b", "a")]))
    assert len(waits) == 3, "one of them was ended, and done again"
    engine.dispose()


def test_what_is_wrong_is_not_done_again(postgres_database: str) -> None:
    engine, tries = open_database(postgres_database), []

    def wrong() -> None:
        tries.append(1)
        with engine.begin() as connection:
            connection.execute(text("SELECT no_such_column FROM calls"))

    with pytest.raises(DBAPIError):
        once_more(wrong)
    assert tries == [1]
    engine.dispose()
