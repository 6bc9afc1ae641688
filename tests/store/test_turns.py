"""Calls as they are kept: how they end, whatever the carrier says of it and when; who calls again; who was cut."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, update

from ivr.store.database import open_database
from ivr.store.ends import CUT
from ivr.store.tables import calls
from ivr.store.tables import turns as table
from ivr.store.turn import PLACED, Call, Caller, CutCall, TwinError
from ivr.store.turns import Turns

LEA, TOM = Caller("a" * 32, "+336****01"), Caller("b" * 32, "+336****02")
NOBODY = Caller("", "")
DAY = 86_400.0
NOON = 1_800_000_000.0
Record = tuple[str, str, float | None]


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database)
    yield engine
    engine.dispose()


@pytest.fixture
def turns(engine: Engine) -> Turns:
    return Turns(engine)


def sid(number: int) -> str:
    return f"CA{number:032x}"


def take(
    turns: Turns, call: int, number: int = 0, at: float = NOON, *, caller: Caller = LEA, said: str = "", **more: str
) -> None:
    """One turn of a call, at a step of the same number."""
    with turns.turn(sid(call), number, at) as turn:
        assert turn.taken() is None
        turn.call()
        answer = {"event": "key 1", "step": f"a.{number}", "state": f"state {number}", "recipe": f"[{number}]"}
        turn.write(caller, **answer, disposition=said, **more)


def cut_call(turns: Turns, caller: Caller, since: float, call: int = 99) -> CutCall | None:
    """The cut call that a new one would be offered to resume."""
    with turns.turn(sid(call), 0, NOON) as turn:
        return turn.cut_call((caller.key,), since)


def record(engine: Engine, call: int = 1) -> Record:
    """What is kept of a call's end."""
    columns = (calls.c.status, calls.c.disposition, calls.c.ended_at)
    with engine.begin() as connection:
        row = connection.execute(select(*columns).where(calls.c.sid == sid(call))).one()
    return row.status, row.disposition, row.ended_at


def row(engine: Engine, call: int = 1) -> dict[str, object]:
    with engine.begin() as connection:
        return dict(connection.execute(select(calls).where(calls.c.sid == sid(call))).mappings().one())


def kept(engine: Engine, call: int, number: int) -> tuple[str, str]:
    """A turn's event and recipe."""
    query = select(table.c.event, table.c.recipe).where(table.c.call_sid == sid(call), table.c.turn == number)
    with engine.begin() as connection:
        found = connection.execute(query).one()
    return found.event, found.recipe


# The script that a call is on


def test_a_call_comes_back_with_the_revision_that_its_last_turn_was_walked_with(engine: Engine, turns: Turns) -> None:
    take(turns, 1, revision="an old one", outcomes='["agents:open"]')
    with turns.turn(sid(1), 1, NOON + 1) as turn:
        assert turn.taken() is None
        assert turn.call() == Call(1, "state 0", "an old one")
        turn.write(LEA, event="", step="a.1", state="state 1", recipe="[1]", disposition="", revision="a new one")
    with turns.turn(sid(1), 2, NOON + 2) as turn:
        assert turn.call() == Call(2, "state 1", "a new one")
    with engine.begin() as connection:
        said = connection.execute(select(table.c.outcomes).order_by(table.c.turn)).scalars().all()
    assert said == ['["agents:open"]', ""]


def test_an_answer_that_is_kept_is_not_given_anew_wherever_the_call_stands(engine: Engine, turns: Turns) -> None:
    for number in range(3):
        take(turns, 1, number)
    with engine.begin() as connection:
        connection.execute(update(calls).values(turn=2))
    with pytest.raises(TwinError):
        take(turns, 1, 2, said="solved")
    assert (row(engine)["turn"], row(engine)["disposition"]) == (2, "")
    assert kept(engine, 1, 2) == ("key 1", "[2]")


# How a call ends


@pytest.mark.parametrize("said", ["", "solved"])
def test_statuses_in_any_order_around_the_last_turn_give_one_record(engine: Engine, turns: Turns, said: str) -> None:
    dice = random.Random(20271)  # noqa: S311 - the same every time
    statuses = {"initiated": 1.0, "ringing": 2.0, "in-progress": 3.0, "busy": 50.0, "completed": 60.0}
    for call in range(60):
        take(turns, call, 0)
        events = [*statuses, *dice.choices([*statuses], k=dice.randrange(3)), "the last turn"]
        dice.shuffle(events)
        for event in events:
            if event in statuses:
                turns.close(sid(call), event, NOON + statuses[event])
            else:
                take(turns, call, 1, NOON + 10, said=said)
        assert record(engine, call) == ("completed", said or CUT, NOON + 60), events


def test_a_turn_that_comes_after_the_end_undoes_nothing_and_may_say_how_it_ended(engine: Engine, turns: Turns) -> None:
    take(turns, 1)
    turns.close(sid(1), "completed", NOON + 20)
    take(turns, 1, 1, NOON + 21)
    assert record(engine) == ("completed", CUT, NOON + 20)
    take(turns, 1, 2, NOON + 22, said="message")
    assert record(engine) == ("completed", "message", NOON + 20)


def test_what_is_not_final_and_what_nobody_knows_is_not_noted(engine: Engine, turns: Turns) -> None:
    take(turns, 1)
    for status in ("ringing", "in-progress", "whatever", ""):
        turns.close(sid(1), status, NOON + 1)
    turns.close(sid(2), "completed", NOON + 1)
    assert record(engine) == ("in-progress", "", None)
    assert [call.sid for call in turns.latest(9)] == [sid(1)]


def test_a_call_that_we_placed_and_nobody_answered_is_one_row(engine: Engine, turns: Turns) -> None:
    for status in ("no-answer", "ringing", "no-answer", "initiated"):
        turns.close(sid(1), status, NOON + 5, direction=PLACED)
    [shown] = turns.latest(9)
    assert (shown.direction, shown.status, shown.disposition) == (PLACED, "no-answer", CUT)
    assert turns.sweep(NOON + DAY) == []
    assert turns.tally(0).calls == 0
    with turns.turn(sid(1), 0, NOON + 6) as turn:
        assert turn.taken() is None
        assert turn.call() is None, "there is no state to go on from"
        turn.write(LEA, event="", step="suivi.sonne", state="{}", recipe="[]", disposition="solved", direction=PLACED)
    assert record(engine) == ("no-answer", "solved", NOON + 5)
    assert row(engine)["caller_key"] == LEA.key


def test_the_sweeper_ends_the_calls_whose_end_was_lost(engine: Engine, turns: Turns) -> None:
    take(turns, 1, 0, NOON)
    take(turns, 2, 0, NOON, said="solved")
    take(turns, 3, 0, NOON + 7200)
    take(turns, 4, 0, NOON)
    turns.close(sid(4), "completed", NOON + 9)
    assert turns.sweep(NOON + 3600) == [sid(1), sid(2)]
    assert turns.sweep(NOON + 3600) == []
    assert record(engine, 1) == ("swept", CUT, NOON)
    assert record(engine, 2) == ("swept", "solved", NOON)
    assert record(engine, 3) == ("in-progress", "", None)
    turns.close(sid(1), "completed", NOON + 70)
    assert record(engine, 1) == ("completed", CUT, NOON + 70), "a status that comes late is better than none"


def test_where_the_caller_was_last_and_the_last_remedy_are_kept(engine: Engine, turns: Turns) -> None:
    take(turns, 1, 0)
    take(turns, 1, 1, remedy="rebrancher la base")
    take(turns, 1, 2)
    take(turns, 1, 3, said="solved")
    assert (row(engine)["last_step"], row(engine)["remedy"]) == ("a.2", "rebrancher la base")
    take(turns, 2, 0, said="abandoned", remedy="é" * 200)
    assert (row(engine, 2)["last_step"], row(engine, 2)["remedy"]) == ("a.0", "é" * 120)


def test_a_call_that_ended_more_than_a_day_ago_is_moved_by_nothing(engine: Engine, turns: Turns) -> None:
    take(turns, 1, 0, said="solved")
    turns.close(sid(1), "completed", NOON + 60)
    before = row(engine)
    with turns.turn(sid(1), 0, NOON + 60 + DAY) as turn:
        turn.write(TOM, event="replayed", step="z.z", state="other", recipe="[z]", disposition="")
    take(turns, 1, 7, NOON + 60 + DAY, caller=TOM)
    assert row(engine) == before
    assert kept(engine, 1, 0) == ("key 1", "[0]")
    take(turns, 1, 8, NOON + 59 + DAY)
    assert row(engine)["turn"] == 9


# Who calls again


def test_a_call_follows_the_last_one_of_the_same_caller_within_seven_days(engine: Engine, turns: Turns) -> None:
    take(turns, 1, at=NOON)
    take(turns, 2, at=NOON + 100, caller=TOM)
    take(turns, 3, at=NOON + DAY)
    take(turns, 3, 1, at=NOON + DAY + 9)
    take(turns, 4, at=NOON + DAY * 3)
    take(turns, 5, at=NOON + DAY * 10 + 1)
    follows = {call: (row(engine, call)["follows"], row(engine, call)["follows_after"]) for call in range(1, 6)}
    assert follows == {1: ("", None), 2: ("", None), 3: (sid(1), DAY), 4: (sid(3), DAY * 2), 5: ("", None)}
    tally = turns.tally(0)
    assert (tally.calls, tally.again_in_a_day, tally.again_in_a_week) == (5, 1, 2)


def test_a_withheld_number_follows_nobody_and_a_call_that_we_place_follows_nothing(
    engine: Engine, turns: Turns
) -> None:
    take(turns, 1, caller=NOBODY)
    take(turns, 2, caller=NOBODY)
    take(turns, 3, direction=PLACED)
    take(turns, 4)
    take(turns, 5, direction=PLACED)
    assert [row(engine, call)["follows"] for call in range(1, 6)] == [""] * 5


def test_calls_are_listed_and_counted_by_how_they_ended(turns: Turns) -> None:
    take(turns, 1, at=NOON, said="solved")
    take(turns, 2, at=NOON + 1, caller=TOM)
    take(turns, 3, at=NOON + 2, caller=TOM, direction=PLACED, said="solved")
    take(turns, 4, at=NOON + 3)
    turns.close(sid(4), "completed", NOON + 4)
    assert [call.sid for call in turns.latest(3)] == [sid(2), sid(3), sid(4)]
    assert turns.latest(1)[0].mask == LEA.mask
    assert turns.tally(NOON - 1).dispositions == {"": 1, "cut": 1, "solved": 1}
    assert turns.tally(NOON).dispositions == {"": 1, "cut": 1}


# Who was cut


def test_the_newest_call_that_was_cut_is_found(turns: Turns) -> None:
    take(turns, 1, 0, NOON)
    take(turns, 1, 1, NOON + 10)
    turns.close(sid(1), "completed", NOON + 300)
    assert cut_call(turns, LEA, NOON + 300) == CutCall(sid(1), "state 1", NOON + 10, "a.1")
    assert cut_call(turns, LEA, NOON + 301) is None
    assert cut_call(turns, TOM, 0) is None


def test_a_call_whose_end_has_not_been_reported_yet_counts_from_its_last_turn(turns: Turns) -> None:
    take(turns, 1, 0, NOON)
    assert cut_call(turns, LEA, NOON) is not None
    assert cut_call(turns, LEA, NOON + 1) is None


def test_the_call_that_asks_is_not_the_one_that_was_cut(turns: Turns) -> None:
    take(turns, 1, 0, NOON)
    turns.close(sid(1), "completed", NOON + 9)
    take(turns, 2, 0, NOON + 60)
    found = cut_call(turns, LEA, NOON, call=2)
    assert found
    assert found.sid == sid(1)


@pytest.mark.parametrize("said", ["solved", "transferred", "callback", "message"])
def test_a_call_that_the_script_ended_hides_one_that_was_cut_before_it(turns: Turns, said: str) -> None:
    take(turns, 1, 0, NOON)
    turns.close(sid(1), "completed", NOON + 9)
    take(turns, 2, 0, NOON + 60, said=said)
    turns.close(sid(2), "completed", NOON + 70)
    assert cut_call(turns, LEA, NOON) is None


def test_nobody_whose_number_is_withheld_is_offered_anybodys_call(turns: Turns) -> None:
    take(turns, 1, 0, NOON, caller=NOBODY)
    turns.close(sid(1), "completed", NOON + 9)
    assert cut_call(turns, NOBODY, 0) is None


def test_a_cut_call_shows_no_state() -> None:
    assert "canary" not in repr(CutCall(sid(1), "canary", 1.0, "a.b"))
