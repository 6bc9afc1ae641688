"""What a person should know of a call, before taking it over: what was learnt and done, and where it stands.

The words are the script's own: the meaning of each fact it declares, and the label of the step. It must not know who
is told, nor how.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.flow.engine import State
from ivr.flow.model import Flow, resume_point


@dataclass(frozen=True, slots=True)
class Summary:
    """The meanings of the facts that are known, in the order of the script; the act that the call stands at."""

    done: tuple[str, ...]
    act: str


def summary(flow: Flow, state: State) -> Summary:
    """The summary of a call. Facts whose meaning is empty are the line's own business and are left out."""
    done = tuple(meaning for fact, meaning in flow.facts.items() if fact in state.facts and meaning)
    return Summary(done, act(flow, state))


def resumption(flow: Flow, state: State) -> str:
    """The step at which the call can go on after a cut; empty when it had not begun anything."""
    behind = (state.interrupted or state.step, *reversed(state.trail))
    return next((point for step in behind if step in flow.steps and (point := resume_point(flow.steps[step]))), "")


def act(flow: Flow, state: State) -> str:
    """The label of the step that the call stands at, or of the last one behind it that has one."""
    behind = (state.interrupted or state.step, *reversed(state.trail))
    labels = (flow.steps[step].label for step in behind if step in flow.steps)
    return next(filter(None, labels), "")
