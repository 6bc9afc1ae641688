"""The listening page: every prompt in the order of the call, to be read, checked against the guide, and heard.

For the person who signs the voice off. What the prompts are is told by whoever wires this; this module must not know
how words are recorded, nor where. It shares the browser phone's style and player, so it is on when that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template

from ivr.flow.chart import nearest_first
from ivr.flow.model import (
    Clip,
    Flow,
    Hold,
    Menu,
    Pause,
    Prompt,
    Reading,
    Run,
    Utterance,
    Words,
    length_of,
    seconds,
)
from ivr.flow.text import displayed
from ivr.speech.lexicon import spoken
from ivr.speech.speaker import Speaker
from ivr.web.softphone import under_policy


@dataclass(frozen=True, slots=True)
class ListenedPrompt:
    """One prompt as it is listened to.

    `text` is what is displayed, `spoken` what the voice was given, `guide` the facts that it states (number and text),
    `parts` what sounds: clips, silences, and words that have no clip.
    """

    id: str
    text: str
    spoken: str
    seconds: float
    guide: tuple[tuple[str, str], ...]
    parts: tuple[Utterance, ...]

    def pieces(self) -> list[dict[str, Any]]:
        """The parts as the page's player takes them."""
        return [_piece(part) for part in self.parts]

    def is_recorded(self) -> bool:
        """Whether all of it sounds by clips: nothing is left to the carrier's voice."""
        return not any(isinstance(part, Words) for part in self.parts)


Listened = Callable[[], Sequence[ListenedPrompt]]


def listening_routes(listened: Listened) -> Blueprint:
    """The page `/ecoute`; `listened` gives the prompts in the order of the call (see `in_call_order`)."""
    routes = Blueprint("listening", __name__, template_folder="templates")
    routes.add_url_rule("/ecoute", "page", lambda: _page(listened()))
    return routes


def listened(speaker: Speaker) -> list[ListenedPrompt]:
    """Every prompt as it sounds, in the order of the call; a hold with its cues, which are in its one clip."""
    flow = speaker.flow
    return [
        _listened(speaker, flow, name, prompt)
        for name, prompt in in_call_order(flow)
        if name in flow.steps or not isinstance(flow.steps[name.partition("@")[0]], Hold)
    ]


def _listened(speaker: Speaker, flow: Flow, name: str, prompt: Prompt) -> ListenedPrompt:
    step = flow.steps[name.partition("@")[0]]
    facts = tuple((fact, flow.guide.get(fact, "")) for fact in step.guide) if name == step.id else ()
    text = displayed(prompt)
    if isinstance(step, Hold):
        parts = speaker.hold(step, 0.0)
        text += "".join(f" [à {cue.at:g} s] {displayed(cue.prompt)}" for cue in step.cues)
    else:
        parts = tuple(speaker.spoken(prompt.pieces(), {}))
    said = spoken(text, speaker.lexicon, speaker.voices[0].name if speaker.voices else "")
    return ListenedPrompt(name, text, said, sum(map(length_of, parts)), facts, parts)


def in_call_order(flow: Flow) -> Iterator[tuple[str, Prompt]]:
    """Every prompt that is said, with its id (`step@second` for a cue): nearest to the start of the call first.

    A step's phrases follow it; what no way reaches (asides, reached by keys that are valid everywhere) comes last.
    """
    for step_id in nearest_first(flow):
        step = flow.steps[step_id]
        said = [(step_id, step.prompt)]
        if isinstance(step, Menu | Hold | Run):
            said += [(f"{step_id}@{cue.at:g}", cue.prompt) for cue in step.cues]
        yield from ((name, prompt) for name, prompt in said if prompt.pieces())


def _page(prompts: Sequence[ListenedPrompt]) -> Response:
    missing = sum(not prompt.is_recorded() for prompt in prompts)
    total = duration(sum(prompt.seconds for prompt in prompts))
    return under_policy(render_template("ecoute.html", prompts=prompts, missing=missing, total=total))


def duration(total: float) -> str:
    """Seconds as a French reader counts them: « 12 min 05 s »."""
    minutes, rest = divmod(round(total), 60)
    return f"{minutes}\u00a0min\u00a0{rest:02}\u00a0s" if minutes else f"{rest}\u00a0s"


def _piece(part: Utterance) -> dict[str, Any]:
    match part:
        case Pause(seconds=silence):
            return {"silence": silence}
        case Clip(name=name, words=words):
            return {"clip": f"audio/{name}", "words": words}
        case Reading(manner=manner):
            return {"words": f"(code, {manner})", "seconds": 2.0}
        case Words(text=text):
            return {"words": text, "seconds": round(seconds((part,)), 3)}
