"""Voices: seconds of speech that each engine makes in a second, and what `ivr speak` costs with nothing to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure, figure
from ivr.check import script_settings
from ivr.speak import VOICE_FILES, voice_folder
from ivr.speech.making import Engine, has_kokoro
from ivr.speech.voices import Voice

SENTENCES = (
    "Regardez le bouton central de la base.",
    "Branchez le câble réseau dans la prise bleue, puis attendez trente secondes.",
    "Pour entendre la suite, tapez un.",
)


def figures(rounds: int = 3) -> Iterator[Figure]:
    """Seconds of speech a second, for the voices that are on this machine; seconds of the second `ivr speak`."""
    for engine in _engines():
        voice = engine.voice()
        voice.speak(SENTENCES[0])
        yield figure(f"speech by {engine.name}", [_speed(voice) for _ in range(rounds)], unit="s a second")
    yield figure("ivr speak, nothing to do", [_second_run() for _ in range(rounds)], unit="s")


def _engines() -> Iterator[Engine]:
    """The voices that need no network and are here; kokoro's model is a download (`ivr speak`)."""
    settings = script_settings()
    for name in ("kokoro", "pico"):
        engine = Engine(name, *(voice_folder(settings) / file for file in VOICE_FILES))
        if name != "kokoro" or has_kokoro(engine):
            yield engine


def _speed(voice: Voice) -> float:
    begun = time.perf_counter()
    spoken = sum(said.seconds for said in map(voice.speak, SENTENCES))
    return spoken / (time.perf_counter() - begun)


def _second_run() -> float:
    command = [str(Path(sys.executable).parent / "ivr"), "speak", "--check"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ourselves
    return time.perf_counter() - begun
