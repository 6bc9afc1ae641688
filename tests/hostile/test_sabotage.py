"""The storm finds what is wrong: sabotages of engine and web, each found by a seed and shrunk to a few lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, select, update

import ivr.hostile.attack
from ivr.calls import Answer, Calls
from ivr.flow import engine
from ivr.hostile.command import transcript
from ivr.hostile.rules import Rule
from ivr.hostile.storm import Found, Ground
from ivr.phone.transcript import parse
from ivr.store.tables import calls, codes, turns
from ivr.store.turn import Given, Turn
from ivr.telephony import twiml

Patch = pytest.MonkeyPatch


def moves_again(patch: Patch) -> None:
    """A webhook that comes again gets the answer that is kept, and the call goes a turn further."""
    taken = Turn.taken

    def and_moves(turn: Turn) -> Given | None:
        if found := taken(turn):
            moved = update(calls).where(calls.c.sid == turn._sid).values(turn=calls.c.turn + 1)
            turn.transaction.execute(moved)
        return found

    patch.setattr(Turn, "taken", and_moves)


def takes_again(patch: Patch) -> None:
    """A webhook that comes again is worked out anew."""
    patch.setattr(Turn, "taken", _forgets)


def looks_then_acts(patch: Patch) -> None:
    """Whether a turn was taken is looked up in a transaction of its own, before the one that takes it."""
    take = Calls._taken

    def unsafe(line: Calls, call: str, number: int, *rest: Any) -> Answer:
        if line.turns.given(call, number) is not None:
            said = line.last_answer(call, number + 1)
            assert said
            return said
        return take(line, call, number, *rest)

    patch.setattr(Calls, "_taken", unsafe)
    patch.setattr(Turn, "taken", _forgets)


def _forgets(turn: Turn) -> None:
    """Take the turn, whoever had it."""
    mine = (turns.c.call_sid == turn._sid, turns.c.turn == turn._number)
    turn.transaction.execute(delete(turns).where(*mine))


def says_nothing(patch: Patch) -> None:
    """One step answers an empty document."""
    answer = twiml.Renderer.answer

    def silent(renderer: twiml.Renderer, actions: Any, address: str, **options: Any) -> bytes:
        if getattr(actions[-1], "step", "") == "bouton.alimentation":
            return twiml.document("").encode()
        return answer(renderer, actions, address, **options)

    patch.setattr(twiml.Renderer, "answer", silent)


def counts_no_digits(patch: Patch) -> None:
    """An answer with much to play wants no digits at all: no carrier understands that."""
    answer = twiml.Renderer.answer

    def garbled(renderer: twiml.Renderer, *rest: Any, **options: Any) -> bytes:
        document = answer(renderer, *rest, **options)
        return document.replace(b'numDigits="1"', b'numDigits="0"') if document.count(b"<Play") > 6 else document

    patch.setattr(twiml.Renderer, "answer", garbled)


def stumbles_at_stars(patch: Patch) -> None:
    """The way back raises."""

    def raises(*_: object) -> None:
        raise ZeroDivisionError

    patch.setattr(engine, "_back", raises)


def never_gives_up(patch: Patch) -> None:
    """Silence is asked again, for ever: twenty times are enough to see it."""
    patch.setattr(ivr.hostile.attack, "MOST_SILENCES", 20)
    no_input = engine._no_input

    def patient(flow: Any, state: Any, step: Any, at: float) -> Any:
        return no_input(flow, replace(state, silent=0), step, at)

    patch.setattr(engine, "_no_input", patient)


def issues_beside(patch: Patch) -> None:
    """When the webhook that has a code made comes again, it takes another one, beside the turn that is kept."""
    take = Calls.take_turn

    def beside(line: Calls, call: str, number: int, caller: str, event: engine.Event, **how: Any) -> Answer:
        before, taken = line.turns.told(call, number - 1), line.turns.told(call, number)
        if taken and taken[1].startswith("creation.") and before and before[1] == "adresse.relire":
            with line.turns.turn(call, number, event.at) as turn:
                first = select(codes.c.id).where(codes.c.status == "pool").limit(1).scalar_subquery()
                turn.transaction.execute(update(codes).where(codes.c.id == first).values(status="read"))
        return take(line, call, number, caller, event, **how)

    patch.setattr(Calls, "take_turn", beside)


SABOTAGES: dict[Callable[[Patch], None], Rule] = {
    moves_again: Rule.ONCE,
    takes_again: Rule.SAME,
    looks_then_acts: Rule.SAME,
    says_nothing: Rule.HEARD,
    counts_no_digits: Rule.VALID,
    stumbles_at_stars: Rule.WHOLE,
    never_gives_up: Rule.ENDS,
    issues_beside: Rule.CODES,
}

FAR_AWAY: dict[Callable[[Patch], None], tuple[int, tuple[str, ...], int]] = {
    issues_beside: (31, ("creation.creer",), 25)
}
"""What shows only far into a call: a seed that gets there soon, where callers want to get, and in how many lines."""


def found_by(arena: Ground, seed: int, goals: tuple[str, ...]) -> Found:
    """The first thing that the storm finds, of calls on their way to the goals."""
    for number in range(20):
        if found := arena.attacked(seed, number, 2, goals).found:
            return arena.shortest(found[0])
    raise AssertionError("the storm finds nothing")


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.__name__)
def test_a_sabotage_is_found_and_shrunk(sabotage: Callable[[Patch], None], arena: Ground) -> None:
    rule, (seed, goals, most) = SABOTAGES[sabotage], FAR_AWAY.get(sabotage, (7, (), 5))
    with Patch.context() as patch:
        sabotage(patch)
        found = found_by(arena, seed, goals)
        assert found.rule == rule
        assert len(found.lines) <= most
        written = [line.text for line in parse(transcript(seed, found), "found.call").lines]
        again = arena.replayed(written)
        assert again
        assert (again.rule, again.detail) == (found.rule, found.detail)
    assert arena.replayed(found.lines) is None, "without the sabotage it holds"
