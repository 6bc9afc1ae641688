"""The caller's seconds: what each symptom takes to hear, from the script and its clips, against the words needed."""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import Figure, figure
from ivr.check import check, script_settings

INSTRUCTIONS = {"S1": 21.0, "S1p": 26.0, "S2a": 7.0, "S2b": 13.0, "S2c": 18.0, "S3": 56.0, "S3m": 64.0, "S4": 22.0}
"""Seconds of the words that carry the acts themselves (design/dialogue.md C.11, lower bound)."""

OVERHEAD_BOUND = 40.0
"""For everything but the code, whose checks are not speech alone."""


def figures() -> Iterator[Figure]:
    """Seconds of speech by symptom, keys pressed at once, and what of it is not instructions."""
    for measure in check(script_settings()).measures:
        name = measure.rule.removeprefix("path ")
        if name in INSTRUCTIONS:
            yield figure(f"{name}, speech heard", [measure.value], unit="s", bound=measure.limit)
            bound = None if name.startswith("S3") else OVERHEAD_BOUND
            yield figure(f"{name}, over the instructions", [measure.value - INSTRUCTIONS[name]], unit="s", bound=bound)
