"""Sounds made for the tests: nothing is synthesised, everything is known to the sample."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np

from ivr.speech.mixer import RATE, Samples, soundfile


def tone(seconds: float, level: float = 0.3, rate: int = RATE, pitch: float = 700.0) -> Samples:
    """A plain tone of a known height."""
    wave = level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    return Samples(wave.astype(np.float32), rate)


def nothing(seconds: float, rate: int = RATE) -> Samples:
    """Digital silence."""
    return Samples(np.zeros(round(seconds * rate), np.float32), rate)


def word(seconds: float = 0.4, level: float = 0.3, around: float = 0.5, rate: int = 24_000) -> Samples:
    """What an engine gives: a sound with silence around it."""
    parts = [nothing(around, rate).values, tone(seconds, level, rate).values, nothing(around, rate).values]
    return Samples(np.concatenate(parts), rate)


def syllables(level: float = 0.3) -> Samples:
    """Loud and weak sounds in turn, like speech."""
    parts: list[Any] = [
        tone(0.2, level * share, 24_000, 300 + 400 * share).values for share in (1, 0.1, 0.6, 0.05, 0.8)
    ]
    return Samples(np.concatenate(parts), 24_000)


def mp3(seconds: float = 0.5) -> bytes:
    """A recording as Google sends it: MP3, 24 kHz, mono."""
    file = BytesIO()
    soundfile.write(file, word(seconds).values, 24_000, format="MP3")
    return file.getvalue()
