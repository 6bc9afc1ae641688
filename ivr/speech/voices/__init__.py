"""The speech engines behind one small interface: words in, samples out.

`voice("kokoro", …)` gives the engine of that name. Making one costs nothing and needs none of its packages or files:
a running line names clips by `name` and `version` alone; packages and files are looked for when it first speaks.
This package must not know prompts, clips or the telephone: its words come out of `ivr.speech.lexicon`, and its samples
go to `ivr.speech.mixer`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ivr.speech import SpeechError
from ivr.speech.mixer import Samples
from ivr.speech.voices.google import Google
from ivr.speech.voices.kokoro import Kokoro
from ivr.speech.voices.pico import Pico

CARRIER = "carrier"
"""The carrier's own voice: it speaks the words itself (`<Say>`), so there are no samples to make."""

NAMES = ("kokoro", "pico", "gtts", CARRIER)
"""What a voice can be called, for `IVR_VOICE`; the first is the one that the line is shipped with."""


class Voice(Protocol):
    """A speech engine: its name, and a version that changes when the same words would sound otherwise."""

    @property
    def name(self) -> str:
        """What it is called in `IVR_VOICE`."""
        ...

    @property
    def version(self) -> str:
        """What it is, down to what changes its sound: part of the hash in a clip's name."""
        ...

    def speak(self, spoken_text: str, slow: bool = False) -> Samples:
        """The words as sound, untreated; `slow` is about 15 % slower.

        Raises SpeechError, whose message says what is missing or was refused, and the mend.
        """
        ...


def voice(name: str, *, model: Path = Path("kokoro.onnx"), style: Path = Path("ff_siwis.bin")) -> Voice:
    """The engine called so; `model` and `style` are kokoro's two files (`supply.fetched` gets them).

    Raises SpeechError for a name that is not known, and for the carrier, which speaks for itself.
    """
    match name:
        case "kokoro":
            return Kokoro(model, style)
        case "pico":
            return Pico()
        case "gtts":
            return Google()
        case "carrier":
            raise SpeechError("voice carrier: the carrier says the words itself (<Say>), there is no clip to make")
        case _:
            raise SpeechError(f"voice {name!r} is not known: choose one of {', '.join(NAMES)}")


def preferred(name: str) -> tuple[Voice, ...]:
    """The voices whose clips are played, the chosen one first; none when the carrier is to speak.

    Raises SpeechError for a name that is not known.
    """
    if name == CARRIER:
        return ()
    others = [other for other in NAMES if other not in (name, CARRIER)]
    return tuple(voice(known) for known in (name, *others))
