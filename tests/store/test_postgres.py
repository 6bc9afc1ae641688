"""What PostgreSQL alone does: connections that break, turns that are taken at once, transactions that wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from ivr.store.database import once_more, open_database, seats_of
from ivr.store.seats import IDLE, Sql
from ivr.store.statements import one_at_a_time
from ivr.store.turn import Caller, Given, Turn, TwinError
from ivr.store.turns import Turns
from tests.postgres import until_waiting

SID = "CA" + "1" * 32
NOBODY = Caller("", "")


@pytest.fixture
def engine(postgres_database: str) -> Iterator[Engine]:
    engine = open_database(postgres_database)
    yield engine
    engine.dispose()


def write(turn: Turn, recipe: str = "[1]") -> None:
    """An answer to the turn, and where the call stands after it."""
    turn.write(NOBODY, event="key 1", step="a.b", state="{}", recipe=recipe, disposition="")


def begin(engine: Engine) -> None:
    """Take the first turn of the call."""
    with Turns(engine).turn(SID, 0, 1.0) as turn:
        write(turn, "[0]")


def note(connection: Connection, what: str) -> None:
    """What a desk may write with a turn."""
    asked = "INSERT INTO jobs (call_sid, key, asked_at, outcome, slots) VALUES (:sid, :key, 1, '', '')"
    connection.execute(text(asked), {"sid": SID, "key": what})


def noted(engine: Engine) -> list[str]:
    """What desks have written."""
    with engine.begin() as connection:
        return list(connection.execute(text("SELECT key FROM jobs ORDER BY key")).scalars())


# A turn that two take at once


@pytest.mark.parametrize("number", [0, 1])
def test_of_two_that_both_found_the_turn_free_one_writes(engine: Engine, number: int) -> None:
    turns = Turns(engine)
    if number:
        begin(engine)
    with turns.turn(SID, number, 2.0) as first, ExitStack() as late:
        second = late.enter_context(turns.turn(SID, number, 2.0))
        assert first.taken() is second.taken() is None
        write(first, "[first]")
        with pytest.raises(TwinError):
            write(second, "[second]")
    assert turns.given(SID, number) == Given("[first]", "", 2.0)
    assert turns.next_turn(SID) == number + 1


def test_a_call_is_moved_from_where_it_was_found_or_not_at_all(engine: Engine) -> None:
    turns = Turns(engine)
    begin(engine)
    with turns.turn(SID, 1, 2.0) as first, turns.turn(SID, 4, 2.0) as other:
        assert first.taken() is other.taken() is None
        write(first)
        with pytest.raises(TwinError):
            write(other)
    assert turns.next_turn(SID) == 2
    assert turns.given(SID, 4) is None


@pytest.mark.parametrize("number", [0, 1])
def test_no_desk_acts_in_a_turn_that_somebody_else_has_taken(engine: Engine, number: int) -> None:
    turns = Turns(engine)
    if number:
        begin(engine)
    with turns.turn(SID, number, 2.0) as late:
        assert late.taken() is None
        with turns.turn(SID, number, 2.0) as turn:
            write(turn)
        with pytest.raises(TwinError):
            note(late.transaction, "late")
    assert noted(engine) == []


def test_while_a_desk_acts_a_twin_waits_and_then_acts_not_at_all(engine: Engine) -> None:
    turns = Turns(engine)
    begin(engine)

    def late() -> None:
        with turns.turn(SID, 1, 2.0) as turn:
            both.wait(timeout=10)
            desk = turn.transaction
            acted.append("late")
            note(desk, "late")

    acted, both = list[str](), threading.Barrier(2)
    with ThreadPoolExecutor(1) as pool:
        with turns.turn(SID, 1, 2.0) as turn:
            note(turn.transaction, "first")
            waits = pool.submit(late)
            both.wait(timeout=10)
            until_waiting(engine, 1)
            assert not waits.done()
            write(turn)
        with pytest.raises(TwinError):
            waits.result(timeout=10)
    assert acted == []
    assert noted(engine) == ["first"]
    assert turns.given(SID, 1) == Given("[1]", "", 2.0)


def test_what_a_desk_did_stands_or_falls_with_the_turn_and_the_next_turn_is_taken(engine: Engine) -> None:
    def fail(number: int) -> None:
        with turns.turn(SID, 1, 2.0) as turn:
            for key in range(8):
                note(turn.transaction, f"{number} {key}")
            write(turn)
            raise ZeroDivisionError

    turns = Turns(engine)
    begin(engine)
    for number in range(8):  # the driver prepares what comes again; a rollback lets it forget all that is prepared
        with pytest.raises(ZeroDivisionError):
            fail(number)
        assert (noted(engine), turns.given(SID, 1), turns.next_turn(SID)) == ([], None, 1)
    with turns.turn(SID, 1, 2.0) as turn:
        note(turn.transaction, "kept")
        write(turn)
    assert (noted(engine), turns.given(SID, 1)) == (["kept"], Given("[1]", "", 2.0))


def test_a_turn_in_which_no_desk_acts_asks_the_server_twice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from ivr.store.driver import Patient

    asked, wait = [], Patient.wait

    def counted(connection: Patient, *how: Any, **more: Any) -> Any:
        asked.append(1)
        return wait(connection, *how, **more)

    turns = Turns(engine)
    begin(engine)
    for number in (1, 2):
        asked.clear()
        monkeypatch.setattr(Patient, "wait", counted)
        with turns.turn(SID, number, 2.0) as turn:
            assert turn.taken() is None
            assert turn.call()
            write(turn)
    assert len(asked) == 2


def test_only_what_a_desk_did_waits_for_the_disk(engine: Engine) -> None:
    with engine.begin() as connection:  # the tests' own server is in haste
        connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = on'))
    engine.dispose()
    asked, turns, seats = "SHOW synchronous_commit", Turns(engine), seats_of(engine)
    with turns.turn(SID, 0, 1.0) as turn:
        assert turn.transaction.execute(text(asked)).scalar_one() == "on"
        write(turn)
    with ExitStack() as together:
        for seat in [together.enter_context(seats.taken()) for _ in range(IDLE + 3)]:
            assert seat.row(Sql(asked), {}) == ("off",)
    with ExitStack() as together:
        for _ in range(IDLE + 3):
            others = together.enter_context(engine.begin())
            assert others.execute(text(asked)).scalar_one() == "on"


def test_a_text_that_the_server_cannot_hold_is_refused_whole(engine: Engine) -> None:
    begin(engine)
    with pytest.raises(Exception, match="NUL"), Turns(engine).turn(SID, 1, 2.0) as turn:
        write(turn, "[\0]")
    assert Turns(engine).next_turn(SID) == 1


# Connections that break


def broken(connection: Connection) -> None:
    """Let the server end this connection, as one that restarts does."""
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def all_broken(url: str) -> None:
    """Let the server end every connection of this database."""
    others = open_database(url)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    with others.begin() as connection:
        connection.execute(text(f"{ended} pg_backend_pid()"))
    others.dispose()


@pytest.mark.parametrize("a_desk_acts", [True, False])
def test_a_turn_whose_connection_breaks_is_taken_on_another(postgres_database: str, a_desk_acts: bool) -> None:
    engine, tries = open_database(postgres_database), []

    def take() -> Given | None:
        with Turns(engine).turn(SID, 0, 1.0) as turn:
            taken = turn.taken()
            tries.append(taken)
            if len(tries) == 1:
                broken(turn.transaction) if a_desk_acts else all_broken(postgres_database)
            turn.write(NOBODY, event="dialled", step="a.b", state="{}", recipe="[1]", disposition="")
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
