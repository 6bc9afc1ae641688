"""Rendering alone: the answer of a turn as TwiML, kept from an earlier caller or made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench.caller import KEYS
from bench.measure import Figure, figure, in_turns
from ivr.flow.engine import Action, Dialled, Keys, advance
from ivr.flow.model import Flow
from ivr.folder import read_lexicon, read_script
from ivr.speech.shelf import read_shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import preferred
from ivr.telephony.twiml import Renderer

ROUNDS_OF_A_CALL = 100
ADDRESS = "/voice/3/0123456789abcdef/"
PROMPTS, AUDIO = Path("prompts"), Path("audio")


def figures(rounds: int = 7) -> Iterator[Figure]:
    """Microseconds for one answer."""
    flow = read_script(PROMPTS)
    speaker = Speaker(flow, read_shelf(AUDIO), read_lexicon(PROMPTS), preferred("kokoro"))
    answers = list(_answers(flow))

    def rendered(renderer: Callable[[], Renderer]) -> Callable[[], int]:
        def work() -> int:
            for _ in range(ROUNDS_OF_A_CALL):
                made = renderer()
                for actions in answers:
                    made.answer(actions, ADDRESS, first=False)
            return ROUNDS_OF_A_CALL * len(answers)

        return work

    def fresh() -> Renderer:
        return Renderer(flow, speaker, audio="https://ligne.example.com/audio/")

    warm = fresh()
    costs = in_turns({"kept": lambda: rendered(lambda: warm), "made anew": lambda: rendered(fresh)}, rounds)
    for name, values in costs.items():
        yield figure(f"rendering, {name}", values, unit="µs")


def _answers(flow: Flow) -> Iterator[tuple[Action, ...]]:
    """The answers of one call."""
    at = 1_800_000_000.0
    state, actions = advance(flow, None, Dialled(at))
    for key in KEYS:
        yield actions
        at += 8
        state, actions = advance(flow, state, Keys(at, key))
