"""The shortest call to each step of a script and through each way of it: keys, silences, mistakes, outcomes.

Found by walking the engine itself, breadth first, on a copy of the script whose steps and branches leave a mark in the
facts: what is met has really happened, conditions and limits included. A move is what a caller, a desk or a colleague
does at a step; silence and mistakes go on until the step gives up. Pure: flow in, routes out.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from ivr.flow.engine import (
    Action,
    Before,
    Dialled,
    Event,
    Keys,
    Outcome,
    Pending,
    Recorded,
    Silence,
    Speak,
    State,
    Transferred,
    advance,
)
from ivr.flow.mistakes import Mistake
from ivr.flow.model import (
    Check,
    Entry,
    Flow,
    HangUp,
    Hold,
    Menu,
    Patience,
    Record,
    Run,
    Say,
    Step,
    Transfer,
    Way,
    resume_point,
    ways,
)

LATER, SOON = 60.0, 1.0
"""Seconds from one move to the next, so that no two presses are taken as one; and where they are to be."""

MOST_TRIES = 20
"""More silences or mistakes in a row than this, and the step never gives up."""

SLOT = "1"
"""What an outcome fills its slots with: a digit can be said in every manner."""


@dataclass(frozen=True, slots=True, order=True)
class Goal:
    """Something that a call can come to: a step, a move at it, or one branch of a way out of it (from 0)."""

    step: str
    move: str = ""
    branch: int = -1


KINDS = ("steps", "keys", "silences", "wrong keys", "outcomes", "other moves", "conditions")
"""What goals are counted by."""


def kind(goal: Goal) -> str:
    """Which of `KINDS` the goal is."""
    match goal.move.partition(" ")[0]:
        case _ if goal.branch >= 0:
            return "conditions"
        case "":
            return "steps"
        case "key" | "outcome" as what:
            return f"{what}s"
        case "silence":
            return "silences"
        case "wrong":
            return "wrong keys"
        case _:
            return "other moves"


@dataclass(frozen=True, slots=True)
class Move:
    """What happens at a step (none before the call), with its name: `key 1`, `silence`, `outcome made`; event by event.

    Silence and mistakes are all there, until the step gives up.
    """

    step: str
    name: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """A move, and what came of it: the state after it, and what the caller got, event by event."""

    move: Move
    after: State
    answers: tuple[tuple[Action, ...], ...]


Route = tuple[Leg, ...]
"""A call from its beginning."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The shortest route to each goal, and the goals that no route leads to."""

    routes: Mapping[Goal, Route]
    missed: tuple[Goal, ...]


def reach(flow: Flow, beginnings: Iterable[Dialled] = (), goals: Iterable[Goal] = ()) -> Reach:
    """The shortest route to each of these goals (default: all), calls beginning as they may (default: `begins`).

    A first walk takes calls at the same step as one, whatever they have learnt: what it meets, it meets the shortest
    way. What it misses may want something learnt that is not learnt on the shortest way: a second walk tells calls
    apart by what the missing goals ask for, and a third, which only a goal that is out of reach needs, by all. Only
    where a step lets itself be visited so often, the way round it may be longer than the shortest.
    """
    search = _Search(flow, goals or goals_of(flow))
    starts = [_Node(None, search.begun(first)) for first in (*beginnings,) or (*begins(flow),)]
    for tell_apart in (_nothing, _asked_for, decisive):
        decides = tell_apart(flow, {goal.step for goal in search.missing})
        search.walk(starts, decides)
        if tell_apart is not _nothing:  # who goes round goes a long way: what is met without that comes first
            search.go_round(decides)
    routes = {goal: search.met[goal].route() for goal in sorted(search.goals) if goal in search.met}
    return Reach(routes, tuple(sorted(search.missing)))


def findings(flow: Flow, found: Reach) -> list[Mistake]:
    """What no call comes to, as mistakes of the script, with the mend."""
    return sorted(
        Mistake(flow.files.get(goal.step, "prompts/*.toml"), goal.step.partition(".")[2], _out_of_reach(flow, goal))
        for goal in found.missed
    )


def _out_of_reach(flow: Flow, goal: Goal) -> str:
    if not goal.move:
        return "no call comes here: let a key or a next lead to it on a way that can be taken, or take it off"
    if goal.branch < 0:
        return f"no call comes to '{goal.move}' here: mend the ways that lead here, or take it off"
    way = dict(ways(flow.steps[goal.step]))[goal.move]
    return (
        f"{goal.move} never leads to '{way[goal.branch].to}': whoever comes here knows otherwise; "
        "take this way off, or mend its conditions"
    )


def begins(flow: Flow) -> Iterator[Dialled]:
    """How a call may begin: with nothing known, with each of what may be known, placed by the line itself."""
    yield Dialled(0.0)
    points = [point for step in flow.steps.values() if (point := resume_point(step))]
    before = Before("CA" + "0" * 32, points[0]) if points else None
    for fact, slots in flow.given.items():
        yield Dialled(0.0, frozenset({fact}), tuple((slot, SLOT) for slot in slots), before)
    if flow.follow_up:
        yield Dialled(0.0, start=flow.follow_up)


def goals_of(flow: Flow) -> Iterator[Goal]:
    """Every goal: steps, moves at them, and branches where a way has several."""
    for step in flow.steps.values():
        able = dict(moves(step))
        yield Goal(step.id)
        yield from (Goal(step.id, name) for name in able)
        for name, way in ways(step):
            if name != "wrong key" or name in able:  # an entry that refuses nothing has no mistakes
                yield from (Goal(step.id, name, index) for index in range(len(way)) if len(way) > 1 or name not in able)


def _nothing(_flow: Flow, _missing: Set[str]) -> frozenset[str]:
    return frozenset()


def _asked_for(flow: Flow, missing: Set[str]) -> frozenset[str]:
    """The facts that the ways out of these steps depend on, and the ways into them."""
    found = ((step, branch) for step in flow.steps.values() for _, way in ways(step) for branch in way)
    asked = (branch for step, branch in found if step.id in missing or branch.to in missing)
    return frozenset(fact for branch in asked for fact in (*branch.when, *branch.unless))


def decisive(flow: Flow, _missing: Set[str] = frozenset()) -> frozenset[str]:
    """The facts that some way depends on; the others are only told."""
    return _asked_for(flow, flow.steps.keys())


# What may happen


def moves(step: Step) -> Iterator[tuple[str, tuple[Event, ...]]]:
    """What may happen at a step, by name, each with its events; silence and mistakes as they are the first time."""
    match step:
        case Menu(keys=keys):
            yield from ((f"key {key}", (Keys(LATER, key),)) for key in (*keys, *(k for k in "#*0" if k not in keys)))
            yield from (("wrong key", (Keys(LATER, key),)) for key in [k for k in "123456789" if k not in keys][:1])
            yield "silence", (Silence(LATER),)
        case Entry(keys=keys):
            yield from ((f"key {key}", (Keys(LATER, key),)) for key in keys)
            yield from (("next", (Keys(LATER, digits),)) for digits in _right(step))
            yield from (("wrong key", (Keys(LATER, digits),)) for digits in _wrong(step))
            yield "silence", (Silence(LATER),)
        case Hold():
            yield from ((f"key {key}{key}", (Keys(LATER, key), Keys(LATER + SOON, key))) for key in "0*")
            yield "next", (Silence(LATER),)
        case Run(outcomes=outcomes, keys=keys, waiting=waiting, every=every, cues=cues):
            yield from ((f"outcome {name}", (Outcome(LATER, name, _fills(way)),)) for name, way in outcomes.items())
            pressed = dict.fromkeys((*keys, *("#*0" if keys else "0")))
            yield from ((f"key {key}", (Pending(SOON), Keys(LATER, key))) for key in pressed)
            heard = (*((every,) if waiting else ()), *(cue.at for cue in cues))
            yield from ((f"wait {at:g}", (Pending(at),)) for at in heard)
        case Record():
            yield "next", (Recorded(LATER, "RE" + "0" * 32, 12.0),)
            yield "empty", (Recorded(LATER, "RE" + "0" * 32, 0.0),)
        case Transfer(outcomes=outcomes):
            yield from ((f"outcome {name}", (Transferred(LATER, name),)) for name in outcomes)
        case Say() | HangUp():
            return


def _fills(way: Way) -> tuple[tuple[str, str], ...]:
    return tuple((slot, SLOT) for branch in way for slot in branch.fills)


def _right(step: Entry) -> list[str]:
    """Digits that the entry takes, as far as a few tries can tell: at most one such."""
    return [digits for digits in _digits(step) if _is_taken(step, digits)][:1]


def _wrong(step: Entry) -> list[str]:
    """Digits that it refuses: too few, or not as one of its checks wants them."""
    short = ["1" * (step.least - 1)] if step.least > 1 else []
    refused = [next((digits for digits in _digits(step) if _refuses(step, check, digits)), "") for check in step.checks]
    return [digits for digits in (*short, *refused) if digits]


def _refuses(step: Entry, check: Check, digits: str) -> bool:
    """Whether this check is the first that is not content with them."""
    first = next((one for one in step.checks if not re.fullmatch(one.match, digits)), None)
    return step.least <= len(digits) <= step.most and first == check


def _digits(step: Entry) -> Iterator[str]:
    if step.dot:
        yield "1*2*3*4"
    for size in (step.least, step.most):
        yield from (digit * size for digit in "1234567890")
        yield from (f"0{digit}{'0' * size}"[:size] for digit in "123456789")


def _is_taken(step: Entry, digits: str) -> bool:
    typed = digits.replace("*", ".") if step.dot else digits
    return step.least <= len(typed) <= step.most and all(re.fullmatch(check.match, typed) for check in step.checks)


# Marks


def _marked(flow: Flow) -> Flow:
    """The script, with steps and branches that leave a mark when a call comes to them; no call runs long in it."""
    return replace(flow, steps={step.id: _marking(step) for step in flow.steps.values()}, long_call=math.inf)


def _mark(goal: Goal) -> str:
    return f"@met {goal.step} | {goal.move} | {goal.branch}"


def _marking(step: Step) -> Step:
    step = replace(step, sets=(*step.sets, _mark(Goal(step.id))), beyond=_leaving(step, _beyond(step), step.beyond))
    match step:
        case Say(next=way) | Hold(next=way):
            return replace(step, next=_leaving(step, "next", way))
        case Menu(keys=keys, then=then):
            then, patience = _leaving(step, "silence", then), _giving_up(step)
            return replace(step, keys=_each(step, "key", keys), patience=patience, then=then)
        case Entry(keys=keys, next=way):
            way, patience = _leaving(step, "next", way), _giving_up(step)
            return replace(step, keys=_each(step, "key", keys), patience=patience, next=way)
        case Run(outcomes=outcomes, keys=keys):
            return replace(step, outcomes=_each(step, "outcome", outcomes), keys=_each(step, "key", keys))
        case Transfer(outcomes=outcomes):
            return replace(step, outcomes=_each(step, "outcome", outcomes))
        case Record(next=way, empty=empty):
            return replace(step, next=_leaving(step, "next", way), empty=_leaving(step, "empty", empty))
        case HangUp():
            return step


def _leaving(step: Step, name: str, way: Way) -> Way:
    marks = (_mark(Goal(step.id, name, index)) for index in range(len(way)))
    return tuple(replace(branch, sets=(*branch.sets, mark)) for branch, mark in zip(way, marks, strict=True))


def _each(step: Step, what: str, table: Mapping[str, Way]) -> dict[str, Way]:
    return {name: _leaving(step, f"{what} {name}", way) for name, way in table.items()}


def _giving_up(step: Menu | Entry) -> Patience:
    patience = step.patience
    return replace(
        patience,
        no_input_give_up=_leaving(step, "silence", patience.no_input_give_up),
        no_match_give_up=_leaving(step, "wrong key", patience.no_match_give_up),
    )


def _beyond(step: Step) -> str:
    return f"visit {step.limit + 1}"


# The search


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A place in the search: the leg that led here, after those of its parent."""

    parent: _Node | None
    leg: Leg

    def route(self) -> Route:
        legs, node = [self.leg], self.parent
        while node:
            legs.append(node.leg)
            node = node.parent
        return tuple(reversed(legs))


class _Search:
    """A walk over a marked flow, which notes the first node at which each goal is met."""

    def __init__(self, flow: Flow, goals: Iterable[Goal]) -> None:
        self.goals = frozenset(goals)
        self.missing = set(self.goals)
        self.met: dict[Goal, _Node] = {}
        self._flow = _marked(flow)
        self._moves = {step.id: tuple(moves(step)) for step in flow.steps.values()}
        self._marks = {_mark(goal): goal for goal in _markable(flow)}
        self._seen: set[tuple[object, ...]] = set()

    def begun(self, first: Dialled) -> Leg:
        """The leg before which there is nothing."""
        return self._leg(None, Move("", "dial", (first,)))

    def walk(self, nodes: Iterable[_Node], decides: frozenset[str]) -> None:
        """Go on from these nodes until nothing is missing, or no state is new in what decides."""
        waiting = deque(nodes)
        for node in waiting:
            self._note(node)
        while waiting and self.missing:
            for follower in self._followers(waiting.popleft()):
                if (key := _key(follower.leg.after, decides)) not in self._seen:
                    self._seen.add(key)
                    waiting.append(follower)

    def go_round(self, decides: frozenset[str]) -> None:
        """Come back to the steps that may be visited so often only, until they are passed by; and go on from there."""
        for step in self._flow.steps.values():
            if any(goal.step == step.id and goal.move == _beyond(step) for goal in self.missing):
                node = self.met.get(Goal(step.id))
                for _ in range(step.limit + 1):
                    node = self._round(node, step) if node else None
                if node:
                    self.walk([node], decides)

    def _round(self, node: _Node, step: Step) -> _Node | None:
        """The nearest node after this one at which the step is visited once more, or passed by."""
        before, seen, waiting = _standing(node, step), set[tuple[object, ...]](), deque([node])
        while waiting:
            for follower in self._followers(waiting.popleft()):
                if _standing(follower, step) != before:
                    return follower
                if (key := _key(follower.leg.after, frozenset())) not in seen:
                    seen.add(key)
                    waiting.append(follower)
        return None

    def _followers(self, node: _Node) -> Iterator[_Node]:
        state = node.leg.after
        if state.disposition:
            return
        for name, events in self._moves[state.step]:
            follower = _Node(node, self._leg(state, Move(state.step, name, events)))
            self._note(follower)
            yield follower

    def _leg(self, before: State | None, move: Move) -> Leg:
        """The move made, some seconds after the step was come to: silence and mistakes until the step gives up."""
        since = before.since if before else 0.0
        first, *more = (replace(event, at=event.at + since) for event in move.events)
        state, answer = advance(self._flow, before, first)
        events, answers = [first], [answer]
        while more or (_is_patient(state, move) and len(events) < MOST_TRIES):
            event = more.pop(0) if more else first
            state, answer = advance(self._flow, state, event)
            events.append(event)
            answers.append(answer)
        return Leg(replace(move, events=tuple(events)), state, tuple(answers))

    def _note(self, node: _Node) -> None:
        """What is met here for the first time."""
        move, facts = node.leg.move, node.leg.after.facts
        marks = facts - node.parent.leg.after.facts if node.parent else facts
        said = {action.prompt for actions in node.leg.answers for action in actions if isinstance(action, Speak)}
        met = {Goal(move.step, move.name), *(self._marks[mark] for mark in marks if mark in self._marks)}
        for goal in met.union(map(Goal, said)):
            self.met.setdefault(goal, node)
            self.missing.discard(goal)


def _key(state: State, decides: frozenset[str]) -> tuple[object, ...]:
    """What makes two states one: the step, what decides, and how often it was visited where that is limited."""
    return state.step, state.facts & decides, dict(state.visits).get(state.step, 0), decides


def _markable(flow: Flow) -> Iterator[Goal]:
    for step in flow.steps.values():
        yield Goal(step.id)
        yield from (Goal(step.id, name, index) for name, way in ways(step) for index in range(len(way)))


def _is_patient(state: State, move: Move) -> bool:
    """Whether the step asks again, and can be left in silence or mistaken once more."""
    count = {"silence": state.silent, "wrong key": state.wrong}.get(move.name, 0)
    return bool(count) and state.step == move.step


def _standing(node: _Node, step: Step) -> tuple[int, bool]:
    """How often the step was visited, and whether it was passed by."""
    state = node.leg.after
    passed = any(_mark(Goal(step.id, _beyond(step), index)) in state.facts for index in range(len(step.beyond)))
    return dict(state.visits).get(step.id, 0), passed
