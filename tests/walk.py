"""An exhaustive walk: every state that a script can reach, with every key, silence, result and outcome.

A state is a step, what has been learnt (the declared facts), what was interrupted, and how often the caller has been
silent or wrong there. States that differ only in the clock, in the path behind them or in the pace of the voice are
one; so are the keys that mean nothing at a step, once each of them has been tried there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.flow.engine import (
    Action,
    Before,
    Command,
    Connect,
    Count,
    Dialled,
    End,
    Event,
    Keys,
    Listen,
    Outcome,
    Pending,
    Poll,
    Recorded,
    Silence,
    State,
    Tape,
    Transferred,
    advance,
)
from ivr.flow.model import Entry, Flow, Menu, Run, Say, resume_point, ways

SOON, LATER, VERY_LATE = 1.0, 50.0, 3000.0
"""Seconds after the last key: within the two presses of `**`, outside them, and past the length of a long call."""


@dataclass(frozen=True)
class Visit:
    """One move of the walk: from a state (None: before the call), by an event, to a state with these actions."""

    before: State | None
    event: Event
    after: State
    actions: tuple[Action, ...]


def walk(flow: Flow) -> Iterator[Visit]:
    """Every move of the script."""
    facts, seen, tried = decisive(flow), set[tuple[object, ...]](), set[str]()
    waiting = deque(_move(flow, None, begun) for begun in _beginnings(flow))
    yield from waiting
    while waiting:
        here = waiting.popleft()
        for event in _events(flow, here.after, here.actions[-1], every_key=here.after.step not in tried):
            move = _move(flow, here.after, event)
            yield move
            if (key := same(flow, facts, move.after)) not in seen:
                seen.add(key)
                waiting.append(move)
        tried.add(here.after.step)


def _move(flow: Flow, state: State | None, event: Event) -> Visit:
    after, actions = advance(flow, state, event)
    return Visit(state, event, replace(after, started=0.0, since=0.0, pressed_at=0.0, asked=0.0), actions)


def same(flow: Flow, facts: frozenset[str], state: State) -> tuple[object, ...]:
    """What makes two states one; of what was learnt, the facts that decide something.

    An aside (key 0, a pause) decides by none of them: it is walked once for each step that it may interrupt.
    """
    step = flow.steps[state.step]
    visits = dict(state.visits).get(step.id, 0) if step.limit else 0
    known = state.facts.intersection(facts) if not step.aside else frozenset[str]()
    return step.id, known, state.interrupted, state.silent, state.wrong, visits, len(state.typed)


def _beginnings(flow: Flow) -> Iterator[Dialled]:
    """How a call may begin: with nothing known, with each of what may be known, placed by the line itself."""
    yield Dialled(0.0)
    points = [point for step in flow.steps.values() if (point := resume_point(step))]
    before = Before("CA" + "0" * 32, points[0]) if points else None
    for fact, slots in flow.given.items():
        yield Dialled(0.0, frozenset({fact}), tuple((slot, "1") for slot in slots), before)
    if flow.follow_up:
        yield Dialled(0.0, start=flow.follow_up)


def decisive(flow: Flow) -> frozenset[str]:
    """The facts that some way depends on, but for those that decide at the start alone; the others are only told."""
    branches = (branch for step in flow.steps.values() for _, way in ways(step) for branch in way)
    first = (flow.steps[flow.start], flow.steps[flow.menu])
    at_start = {fact for step in first if isinstance(step, Say) for branch in step.next for fact in branch.when}
    return frozenset(fact for branch in branches for fact in (*branch.when, *branch.unless)) - at_start


def _events(flow: Flow, state: State, wait: Action, *, every_key: bool) -> Iterator[Event]:
    step = flow.steps[state.step]
    match wait:
        case Listen() if isinstance(step, Menu):
            meaningless = [key for key in "123456789" if key not in step.keys]
            keys = "0123456789*#ABCD" if every_key else {*step.keys, *"0*#", *meaningless[:1]}
            yield from (Keys(LATER, key) for key in keys)
            yield from (Keys(SOON, "*"), Silence(LATER), Silence(VERY_LATE))
        case Listen() if isinstance(step, Entry):
            typed = (
                "",
                "1",
                "1" * step.least,
                "0" * step.most,
                "1*",
                "*",
                "**",
                "1*2*3*4",
                "*" * step.most,
                "0199000000",
            )
            yield from (Keys(LATER, digits) for digits in typed)
            yield from (Silence(at) for at in (LATER, VERY_LATE))
        case Count():
            yield from (Keys(at, key) for key in "07*#" for at in (SOON, LATER))
            yield Silence(LATER)
        case Command() if isinstance(step, Run):
            yield from (
                Outcome(SOON, name, tuple((s, "1") for b in way for s in b.fills))
                for name, way in step.outcomes.items()
            )
            yield from (Pending(at) for at in (SOON, 9.0, VERY_LATE))
        case Poll():
            yield from (Keys(SOON, "0"), Keys(SOON, "5"), Silence(SOON))
        case Tape():
            yield from (Recorded(LATER, "RE" + "0" * 32, 0.0), Recorded(LATER, "RE" + "0" * 32, 12.0))
        case Connect():
            yield from (Transferred(LATER, result) for result in ("answered", "busy", "no-answer", "failed", "?"))
        case End():
            yield from (Keys(SOON, "1"), Silence(LATER))
