"""A call of the dialogue walked on the script: whether it still goes that way, and its seconds of speech.

The caller knows his way: he presses as soon as he has heard the option that he wants, so that of each question only
what comes before that is counted (dialogue.md C.11, « speech with barge-in »). Pure: flow and path in, a walk out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ivr.flow.engine import (
    Action,
    Dialled,
    Event,
    Keys,
    Next,
    Outcome,
    Recorded,
    Silence,
    Speak,
    State,
    Transferred,
    advance,
)
from ivr.flow.limits import Path
from ivr.flow.measures import Seconds, Size, size, up_to
from ivr.flow.model import TRANSFER_OUTCOMES, Entry, Flow, HangUp, Hold, Menu, Piece, Record, Run, Step, Transfer

SILENCE = "silence"
"""Written where nothing is pressed."""

BETWEEN = 60.0
"""Seconds from one event to the next, so that no two presses are taken as one."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What was heard on a path, how many keys it took, and where it went astray: at this step, for this reason."""

    heard: Size
    keys: int
    at: str = ""
    astray: str = ""


def begun(flow: Flow, facts: Iterable[str] = ()) -> Next | None:
    """The call as it begins when so much is known; None when it cannot, in a flow that the proof does not pass."""
    return _moved(flow, None, Dialled(0.0, facts=frozenset(facts)))


def _moved(flow: Flow, state: State | None, event: Event) -> Next | None:
    try:
        return advance(flow, state, event)
    except (KeyError, RuntimeError, StopIteration, re.error):  # a way that leads nowhere, a check that is none
        return None


def walked(flow: Flow, path: Path, seconds: Seconds) -> Walk:
    """The walk; `astray` is empty when the script goes as the path says, down to its last stop."""
    said: list[Piece] = []
    keys, at, left = 0, 0.0, (flow.start, "the call")
    moved = begun(flow, path.given)
    for step_id, action in path.stops:
        if moved is None:
            return Walk(size(said, seconds), keys, left[0], f"{left[1]} leads nowhere")
        state, actions = moved
        if state.step != step_id:
            return Walk(size(said, seconds), keys, left[0], f"{left[1]} leads to {state.step}, not to {step_id}")
        step = flow.steps[step_id]
        said += _heard(flow, actions, step, action)
        if isinstance(step, HangUp):
            break
        event = _event(flow, step, action, at := at + BETWEEN)
        left = (step_id, _named(step, action))
        if event is None:
            return Walk(size(said, seconds), keys, step_id, f"there is no {left[1]} here")
        keys += len(action) if isinstance(event, Keys) else 0
        moved = _moved(flow, state, event)
    return Walk(size(said, seconds), keys)


def _heard(flow: Flow, actions: tuple[Action, ...], step: Step, key: str) -> Iterator[Piece]:
    """Every piece that is spoken, the question that is answered up to the option that is taken."""
    for action in actions:
        if isinstance(action, Speak) and action.prompt in flow.steps:
            prompt = flow.steps[action.prompt].prompt
            yield from up_to(prompt, key) if action.prompt == step.id else prompt.pieces(action.part)
    if isinstance(step, Hold):
        yield from step.prompt.pieces()


def _event(flow: Flow, step: Step, action: str, at: float) -> Event | None:
    """What happens at the step; None when it cannot happen there."""
    match step:
        case Menu() | Entry() | Hold() if action in ("", SILENCE):
            return Silence(at)
        case Menu(keys=keys) if action in keys or action in ("0", "*", "#"):
            return Keys(at, action)
        case Entry() if set(action) <= set("0123456789*#"):
            return Keys(at, action)
        case Run(outcomes=outcomes) if action in outcomes:
            return Outcome(at, action, tuple((slot, "1") for branch in outcomes[action] for slot in branch.fills))
        case Run(keys=keys) if action in keys:
            return Keys(at, action)
        case Transfer() if action in TRANSFER_OUTCOMES:
            return Transferred(at, action)
        case Record():
            return Recorded(at, "a message", 0.0 if action == SILENCE else 12.0)
        case _:
            return None


def _named(step: Step, action: str) -> str:
    match step:
        case Menu() if action not in ("", SILENCE):
            return f"key {action}"
        case Run(keys=keys) if action in keys:
            return f"key {action}"
        case Run() | Transfer():
            return f"outcome {action}"
        case _:
            return "silence" if action == SILENCE else "next"
