"""A walk of every state of a script, with every key, silence, result and outcome, at whatever moment.

A state is a step, what was interrupted, and how often the caller has been silent or wrong there. States that differ in
the clock, in the path behind them or in the pace of the voice are one; so are the keys that mean nothing at a step,
once each of them has been tried there. What was learnt tells no states apart: the walk begins with the shortest call to
each goal (`ivr.flow.reach`) as well, so that every condition has been met and missed somewhere.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ivr.flow.engine import (
    Action,
    Command,
    Connect,
    Count,
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
from ivr.flow.model import Entry, Flow, Menu, Run
from ivr.flow.reach import Leg, begins, reach

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
    seen, tried = set[tuple[object, ...]](), set[str]()
    waiting = deque(_move(flow, None, begun) for begun in begins(flow))
    waiting.extend(_arrived(route[-1]) for route in reach(flow).routes.values())
    yield from waiting
    while waiting:
        here = waiting.popleft()
        for event in _events(flow, here.after, here.actions[-1], every_key=here.after.step not in tried):
            move = _move(flow, here.after, event)
            yield move
            if (key := same(flow, move.after)) not in seen:
                seen.add(key)
                waiting.append(move)
        tried.add(here.after.step)


def _arrived(leg: Leg) -> Visit:
    """The end of a call to a goal; that goal's own marks are no facts of the script, and decide nothing."""
    return Visit(None, leg.move.events[-1], leg.after, leg.answers[-1])


def _move(flow: Flow, state: State | None, event: Event) -> Visit:
    after, actions = advance(flow, state, event)
    return Visit(state, event, replace(after, started=0.0, since=0.0, pressed_at=0.0, asked=0.0), actions)


def same(flow: Flow, state: State) -> tuple[object, ...]:
    """What makes two states one."""
    step = flow.steps[state.step]
    visits = dict(state.visits).get(step.id, 0) if step.limit else 0
    return step.id, state.interrupted, state.silent, state.wrong, visits, len(state.typed)


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
