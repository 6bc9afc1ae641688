"""What an answer says, as utterances: clips where they are recorded, words for the carrier's voice where they are not.

One voice a call: a person's recording first, then the chosen voice, then any other that has the same words. This
module must not know who carries the utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ivr.flow.engine import Speak
from ivr.flow.model import (
    READINGS,
    RECORDING,
    Clip,
    Cue,
    Flow,
    Hold,
    Pause,
    Piece,
    Reading,
    Run,
    Slot,
    Utterance,
    Words,
    length_of,
)
from ivr.speech.clips import Named, character, countdown, human, is_said, pair, parts, take, tick
from ivr.speech.lexicon import Lexicon
from ivr.speech.shelf import Shelf, silence

SLOW_SILENCE = 1.5
"""In slow mode, silences are this much longer (dialogue.md C.2)."""

BETWEEN_DIGITS, BETWEEN_PAIRS = 0.25, 0.3
"""Seconds of silence in a number that is read back: to be confirmed, not written down (dialogue.md p16)."""


@dataclass(frozen=True)
class Speaker:
    """Speaks one flow. `voices` in order of preference; an empty shelf leaves everything to the carrier."""

    flow: Flow
    shelf: Shelf
    lexicon: Lexicon
    voices: Sequence[Named] = ()

    def prompt(self, speak: Speak) -> tuple[Utterance, ...]:
        """A prompt, its options alone, or one of its cues, with its slots."""
        step = self.flow.steps[speak.prompt]
        if speak.cue and isinstance(step, Run):
            return next((self.cue(cue, slow=speak.slow) for cue in step.cues if cue.at == speak.cue), ())
        pieces = step.prompt.pieces(speak.part)
        return tuple(self.spoken(pieces, dict(speak.slots), slow=speak.slow))

    def cue(self, cue: Cue, *, slow: bool = False) -> tuple[Utterance, ...]:
        """What is said at a second of a wait."""
        return tuple(self.spoken(cue.prompt.pieces(), {}, slow=slow))

    def wait(self, gap: float, every: float) -> tuple[Utterance, ...]:
        """Silence of `gap` seconds, with a comfort tick `every` so many when it is recorded."""
        clip = tick(every) if every else None
        times = int(gap // every) if clip and self.shelf.seconds(clip.name) else 0
        if not clip or not times:
            return (Pause(gap),) if gap > 0 else ()
        rest = gap - times * every
        return (*((Pause(rest),) if rest else ()), Clip(clip.name, "", every, times))

    def hold(self, step: Hold, start: float) -> tuple[Utterance, ...]:
        """A hold from this second of it on: its one exact file, or its words at their estimated seconds."""
        for voice in self.voices:
            name = countdown(step, self.lexicon, voice).name
            if length := self.shelf.seconds(name):
                return (Clip(name, "", max(length - start, 0.0), start=start),)
        lead = tuple(self.spoken(step.prompt.pieces(), {}))
        counted = start - sum(map(length_of, lead))
        return (*(lead if counted < 0 else ()), *self._counting(step, max(counted, 0.0)))

    def _counting(self, step: Hold, start: float) -> Iterator[Utterance]:
        now = start
        for cue in step.cues:
            if cue.at >= start:
                said = self.cue(cue)
                yield Pause(max(cue.at - now, 0.0))
                yield from said
                now = max(now, cue.at) + sum(map(length_of, said))

    def silence(self, seconds: float) -> Clip:
        """Silence that is played, exact to the millisecond: a carrier's pause knows whole seconds alone."""
        return Clip(silence(seconds), "", seconds)

    def spoken(self, pieces: Iterable[Piece], slots: Mapping[str, str], *, slow: bool = False) -> Iterator[Utterance]:
        """Pieces as utterances, each run of words by its clip where there is one."""
        for piece in pieces:
            match piece:
                case Words(text=text) if is_said(text):
                    yield self._recorded(text, slow=slow)
                case Slot(name=name, manner=manner) if manner in (RECORDING, *READINGS):
                    yield Reading(slots.get(name, ""), manner)
                case Slot(name=name, manner=manner):
                    yield from (
                        self._recorded(one.text) if isinstance(one, Words) else one
                        for one in read_back(slots.get(name, ""), manner)
                    )
                case Pause(seconds=silence):
                    yield Pause(silence * SLOW_SILENCE if slow else silence)

    def _recorded(self, words: str, *, slow: bool = False) -> Utterance:
        for name in self._names(words, slow=slow):
            if length := self.shelf.seconds(name):
                return Clip(name, words, length)
        return Words(words)

    def _names(self, words: str, *, slow: bool) -> Iterator[str]:
        """The files that may hold these words, the best first; slowly spoken ones before the others in slow mode."""
        yield human(words)
        for voice in self.voices:
            if slow:
                yield take(words, self.lexicon, voice, slow=True).name
            yield take(words, self.lexicon, voice).name


def read_back(value: str, manner: str) -> Iterator[Words | Pause]:
    """A slot's value in words, one utterance a digit, a pair, a number, or a part that is said as it is."""
    match manner:
        case "said":
            yield from map(Words, parts(value))
        case "digits" | "address":
            yield from _apart([character(one) for one in value.lower()], BETWEEN_DIGITS)
        case "pairs" if value.isdecimal():
            yield from _apart([pair(value[i : i + 2].zfill(2)) for i in range(0, len(value), 2)], BETWEEN_PAIRS)
        case "number" if value.isdecimal() and 9 < int(value) < 100:
            yield Words(pair(value))
        case "number" if value.isdecimal() and int(value) < 10:
            yield Words(character(str(int(value))))
        case _:
            if value:
                yield Words(value)


def _apart(words: list[str], gap: float) -> Iterator[Words | Pause]:
    for number, one in enumerate(words):
        if number:
            yield Pause(gap)
        yield Words(one)
