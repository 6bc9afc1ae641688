"""What an action says, as utterances: the prompt's words, its silences, and its slots in words.

This module must not know who carries the utterances, nor how they are recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ivr.flow.engine import Speak
from ivr.flow.model import Flow, Pause, Piece, Slot, Utterance, Words
from ivr.speech.manners import in_words

SLOW_SILENCE = 1.5
"""In slow mode, silences are this much longer (dialogue.md C.2)."""


def utterances(flow: Flow, speak: Speak) -> tuple[Utterance, ...]:
    """The utterances of one `Speak`: its prompt, or its options alone, with its slots."""
    pieces = flow.steps[speak.prompt].prompt.pieces(speak.part)
    return tuple(spoken(pieces, dict(speak.slots), slow=speak.slow))


def spoken(pieces: Iterable[Piece], slots: Mapping[str, str], *, slow: bool = False) -> Iterator[Utterance]:
    """The pieces as utterances: each run of words and slots is one, so that the voice keeps its melody."""
    said: list[str] = []
    for piece in pieces:
        match piece:
            case Words(text=text):
                said.append(text)
            case Slot(name=name, manner=manner):
                said.append(in_words(slots.get(name, ""), manner))
            case Pause(seconds=silence):
                yield from _words(said)
                said = []
                yield Pause(silence * SLOW_SILENCE if slow else silence)
    yield from _words(said)


def _words(said: list[str]) -> Iterator[Words]:
    if text := " ".join(said).replace(" ,", ",").replace(" .", "."):
        yield Words(text)
