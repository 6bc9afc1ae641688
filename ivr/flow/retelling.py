"""What happened in a turn, as text that may be kept for months; and a call walked again from it, on any script.

Names alone are kept: of keys, of outcomes and facts, how many digits were typed and whether they were taken. What the
digits were, who called, which line or code it was is not in it. So a call can be walked again with nobody to ask: what
desks said is in its turns. This module must not know where they are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ivr.flow.engine import (
    Action,
    Before,
    Command,
    Connect,
    Dialled,
    Event,
    Keys,
    Outcome,
    Pending,
    Recorded,
    Silence,
    State,
    Transferred,
    advance,
    taken_as,
)
from ivr.flow.model import TRANSFER_OUTCOMES, Check, Entry, Flow, Step

MOST_KEYS = 2
"""More keys than this at a menu are a number that somebody typed there: it is not kept, but for the key that acted."""

BEGAN = "dialled"
"""The event of the turn that a call began with."""

PENDING, CONNECT = "pending", "@connect"
"""What a desk that has not answered yet is kept as; who is asked when nobody can be rung."""

NEVER = Check("(?!)", "")
"""What no digits match."""


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True)
class World:
    """What the world said in a turn, beside the event's own word.

    `said` is each desk with its answer (« find-line:known »), in order. When the call began: the `facts` that were
    known, whether the line had `placed` it, and what it may resume (`call`, `step`, and the facts `learnt` there). When
    digits were typed: how many (`typed`), how they were `taken`, and the phrase that refused them (`reason`); `first`
    is the key that acted when many were pressed at a menu.
    """

    said: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    placed: bool = False
    call: str = ""
    step: str = ""
    learnt: tuple[str, ...] = ()
    typed: int = 0
    taken: str = ""
    reason: str = ""
    first: str = ""

    def text(self) -> str:
        """All of it as text, without what is at its default."""
        said = {name: value for name in self.__slots__ if (value := getattr(self, name))}
        return _JSON.encode(said) if said else "{}"


def world_from(text: str) -> World | None:
    """The world that `World.text` wrote; None for a turn that was taken before such things were kept."""
    if not text:
        return None
    known: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()
    }
    return World(**known)


@dataclass(frozen=True, slots=True)
class Told:
    """One turn as it was kept: what happened in a word, the step that it led to, when, and what the world said."""

    number: int
    event: str
    step: str
    at: float
    world: World | None


def told(event: Event, step: Step | None, state: State | None, said: Sequence[str]) -> tuple[str, World]:
    """What happened at the step, in a word that may be kept, and what the world said.

    `state` is what the event came upon: None when the call began with it.
    """
    world = World(said=tuple(said))
    match event:
        case Dialled() if state is None:
            return BEGAN, _begun(world, event)
        case Keys(digits=digits) if isinstance(step, Entry) and state:
            return _typed(world, step, state, digits)
        case Keys(digits=digits) if len(digits) > MOST_KEYS:
            return f"{len(digits)} digits", replace(world, first=digits[:1])
        case Keys(digits=digits):
            return f"key {digits}", world
        case Recorded(seconds=seconds):
            return f"recorded {seconds:.0f} s", world
        case Transferred(result=result):
            return result, world
        case _:
            return type(event).__name__.lower(), world


def _begun(world: World, event: Dialled) -> World:
    there = event.before
    world = replace(world, facts=tuple(sorted(event.facts)), placed=bool(event.start))
    return replace(world, call=there.call, step=there.step, learnt=tuple(sorted(there.facts))) if there else world


def _typed(world: World, step: Entry, state: State, digits: str) -> tuple[str, World]:
    """A single key that leads elsewhere is a key; of what fills the slot, how many digits and whether it was taken."""
    how = taken_as(step, state, digits)
    if how.kind == "key":
        return f"key {digits}", world
    return f"{len(digits)} digits", replace(world, typed=len(how.digits), taken=how.kind, reason=how.reason)


# Walking a call again


@dataclass(frozen=True, slots=True)
class Again:
    """A turn walked again: what it came upon, where it led, what the caller got.

    `unanswered` names what was asked of the world and not asked then: nobody knows where the call would have gone.
    """

    told: Told
    prior: State | None
    state: State
    actions: tuple[Action, ...]
    unanswered: str = ""

    @property
    def same(self) -> bool:
        """Whether it led to the same step as then."""
        return not self.unanswered and self.state.step == self.told.step


def walked_again(flow: Flow, turns: Iterable[Told]) -> Iterator[Again]:
    """The turns of a call on this script, in order, up to the first that goes elsewhere; that one is the last.

    Ends before a turn whose world was not kept, and before one that follows a gap (taken without the database).
    """
    state: State | None = None
    due = 0
    for turn in turns:
        begins = turn.event == BEGAN
        if turn.world is None or not (begins or turn.number == due):
            return
        again, due = _walked(flow, None if begins else state, turn, turn.world), turn.number + 1
        yield again
        if not again.same:
            return
        state = again.state


def _walked(flow: Flow, prior: State | None, turn: Told, world: World) -> Again:
    if world.taken == "erased" and prior is not None:
        return Again(turn, prior, prior, ())  # what is left of it is counted with what was typed next
    walked_on, event = _happened(flow, prior, turn, world)
    state, gathered, said = prior, list[Action](), list(world.said)
    while True:
        state, actions = advance(walked_on, state, event)
        *spoken, last = actions
        gathered += spoken
        match last:
            case Command(name=name):
                asked = name
            case Connect() if said[:1] and said[0].startswith(f"{CONNECT}:"):
                asked = CONNECT
            case wait:
                return Again(turn, prior, state, (*gathered, wait))
        desk, _, answer = said.pop(0).partition(":") if said else ("", "", "")
        if desk != asked:
            return Again(turn, prior, state, tuple(gathered), unanswered=asked)
        event = _answered(desk, answer, turn.at)
        walked_on = flow


def _answered(desk: str, answer: str, at: float) -> Event:
    if answer == PENDING:
        return Pending(at)
    return Transferred(at, answer) if desk == CONNECT else Outcome(at, answer)


def _happened(flow: Flow, state: State | None, turn: Told, world: World) -> tuple[Flow, Event]:
    """The event again, and the script on which an entry takes the digits as it took them then."""
    kind, _, rest = turn.event.partition(" ")
    step = flow.steps.get(state.step) if state else None
    match kind:
        case _ if state is None:
            return flow, _dialled(flow, turn, world)
        case "key":
            return flow, Keys(turn.at, rest)
        case "silence":
            return flow, Silence(turn.at)
        case "recorded":
            return flow, Recorded(turn.at, "", float(rest.split()[0]))
        case _ if kind in TRANSFER_OUTCOMES:
            return flow, Transferred(turn.at, kind)
        case _ if world.first or not isinstance(step, Entry):
            return flow, Keys(turn.at, world.first or "0")
        case _ if world.taken == "nothing":
            return flow, Keys(turn.at, "")
        case _:
            return _entering(flow, step, world), Keys(turn.at, some_digits(step, world.typed))


def _dialled(flow: Flow, turn: Told, world: World) -> Dialled:
    before = Before(world.call, world.step, frozenset(world.learnt)) if world.step else None
    start = flow.follow_up if world.placed else ""
    return Dialled(turn.at, frozenset(world.facts), before=before, start=start)


def _entering(flow: Flow, step: Entry, world: World) -> Flow:
    """The script with this entry refusing what it refused, for its reason, and taking everything else that fits."""
    check = (replace(NEVER, say=world.reason),) if world.taken == "refused" and world.reason else ()
    return replace(flow, steps={**flow.steps, step.id: replace(step, checks=check)})


def some_digits(step: Entry, length: int) -> str:
    """So many digits of which none is a key of the entry: what was typed is not kept."""
    digit = next(digit for digit in "0123456789*" if digit not in step.keys)
    return digit * length


def fitting(step: Entry, length: int, refused_for: str = "") -> str:
    """Digits that nobody has typed, and that the entry takes (or refuses, for the reason of that name)."""
    tries = [*_INVENTED, *(digit * length for digit in "0123456789"), "1234567890123456789"[:length]]
    for typed in (one for one in tries if len(one) == length and (step.dot or one.isdecimal())):
        wrong = next((check.say for check in step.checks if not re.fullmatch(check.match, typed)), "")
        if wrong == refused_for:
            return typed.replace(".", "*") if step.dot else typed
    return some_digits(step, length)


_INVENTED = (
    *("0199000007", "0639980001"),
    *("10.0.0.1", "192.0.2.7", "192.0.2.17", "203.0.113.7", "203.0.113.17", "203.0.113.117", "198.51.100.117"),
)
"""A number and a mobile that France keeps for fiction; addresses kept for examples, of nearly every length."""
