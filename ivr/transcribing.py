"""A call of the database as a transcript that can be played again (`ivr.phone.transcript`).

What callers typed is not kept: digits that nobody typed take its place. What desks said is told to whoever plays it, in
a verb of the stage: `says COMMAND OUTCOME`. A prompt that reads something out is told by its first words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.flow.engine import End, Speak
from ivr.flow.model import Entry, Flow, Hold, Prompt, Run, Slot, Step, Words
from ivr.flow.retelling import CONNECT, Again, World, fitting
from ivr.speech.clips import is_said
from ivr.store.history import KeptCall

PARIS = ZoneInfo("Europe/Paris")

CALLER = "+33639980001"
"""Who calls in every transcript: a number that is nobody's."""

AT_ONCE = 3.0
"""Seconds between two presses of one key that are meant together (`ivr.flow.engine.SECOND_PRESS`)."""

AGENTS = {
    "answered": "agent answers and presses 1 and talks 60",
    "busy": "agent is busy",
    "no-answer": "agent does not answer",
    "failed": "agent refuses",
}
"""What a person does, for how it came out."""


@dataclass(frozen=True)
class Recalled:
    """A call that was walked again, on its own script."""

    call: KeptCall
    flow: Flow
    turns: Sequence[Again]


def transcript(story: Sequence[Recalled]) -> str:
    """The transcript of a call, after those that it resumes."""
    last = story[-1].call
    how = last.disposition or "en cours"
    head = f"# Appel {last.sid[:10]} du {_when(last.started_at)}, tel que la base le garde : {how}."
    return "\n".join([head, *(line for recalled in story for line in _lines(recalled))]) + "\n"


def _lines(recalled: Recalled) -> Iterator[str]:
    turns = recalled.turns
    for place, turn in enumerate(turns):
        after = turns[place + 1] if place + 1 < len(turns) else None
        yield from _surroundings(turn, after)
        yield from _act(recalled, turn, turns[place - 1] if place else None)
        if not (after and _cuts_in(turn, after)):
            yield from _heard(recalled.flow, turn)
    wait = turns[-1].actions[-1:]
    yield f"hung up, {wait[0].disposition}" if wait and isinstance(wait[0], End) else "drop early"


def _surroundings(turn: Again, after: Again | None) -> Iterator[str]:
    """What desks will say, and what the person who is rung will do, told before it happens."""
    for said in turn.told.world.said if turn.told.world else ():
        desk, _, answer = said.partition(":")
        if desk != CONNECT:
            yield f"says {desk} {answer}"
    if after and after.told.event in AGENTS:
        yield AGENTS[after.told.event]


def _act(recalled: Recalled, turn: Again, before: Again | None) -> Iterator[str]:
    """What the caller did, as a telephone does it."""
    world = turn.told.world or World()
    step = recalled.flow.steps.get(turn.prior.step) if turn.prior else None
    kind, _, rest = turn.told.event.partition(" ")
    early = " early" if isinstance(step, Hold | Run) or (before and _cuts_in(before, turn)) else ""
    match kind:
        case "dialled":
            who = CALLER if recalled.call.mask else "anonymous"
            yield f"dial from {who} at {_when(turn.told.at)}"
        case "key":
            if isinstance(step, Hold) and before:
                yield f"wait {turn.told.at - before.told.at:.0f} any"
            yield f"press {rest}{early}"
            if isinstance(step, Entry) and step.most > 1:
                yield "silence any"  # the carrier waits for more digits
        case "recorded":
            yield from ("wait 1 any", f"speak {float(rest.split()[0]):.0f}", "press #")
        case "silence" | "answered" | "busy" | "no-answer" | "failed":
            yield "silence any"
        case _ if world.taken == "erased":
            return
        case _ if world.first or not isinstance(step, Entry):
            yield f"press {world.first or '0'}{early}"
        case _:
            yield f"press {_typed(step, world)}{early}"


def _typed(step: Entry, world: World) -> str:
    """Digits that nobody typed, taken as those were; the end of them is told where the entry cannot know it."""
    if world.taken == "nothing":
        return "#"
    digits = fitting(step, world.typed, world.reason)
    return digits if len(digits) >= step.most else f"{digits}#"


def _cuts_in(turn: Again, after: Again) -> bool:
    """Whether the next key is this one's second press, which means something else when it comes at once."""
    twice = turn.told.event == after.told.event and after.told.event in ("key *", "key 0")
    return twice and after.told.at - turn.told.at <= AT_ONCE


def _heard(flow: Flow, turn: Again) -> Iterator[str]:
    """What is heard: ids, and from the first prompt on that reads something out, words."""
    items, exact = [], True
    for action in turn.actions:
        if isinstance(action, Speak):
            prompt = _prompt(flow.steps[action.prompt], action)
            exact = exact and not any(isinstance(piece, Slot) for piece in prompt.pieces(action.part))
            if item := _id(action, prompt) if exact else _first_words(prompt, action):
                items.append(item)
    if items:
        yield f"hear {', '.join(items)}"


def _prompt(step: Step, action: Speak) -> Prompt:
    cues = step.cues if action.cue and isinstance(step, Run) else ()
    return next((cue.prompt for cue in cues if cue.at == action.cue), step.prompt)


def _id(action: Speak, prompt: Prompt) -> str:
    if action.cue:
        return f"{action.prompt}@{action.cue:g}"
    return f"{action.prompt}/options" if action.part == "options" and prompt.options else action.prompt


def _first_words(prompt: Prompt, action: Speak) -> str:
    pieces = prompt.pieces(action.part)
    said = next((piece.text for piece in pieces if isinstance(piece, Words) and is_said(piece.text)), "")
    return f'"{said.partition(chr(34))[0].strip()}"' if said else ""


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, PARIS):%Y-%m-%d %H:%M}"
