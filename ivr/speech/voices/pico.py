"""The small offline voice: SVOX Pico in French (py-nanotts), 5 MB, instantaneous, no set-up.

Each prompt is spoken in a process of its own, because the engine's output changes from its third call in one process
(facts/speech.md section 1), and a clip must come out the same twice.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ivr.speech import Later, SpeechError
from ivr.speech.mixer import Samples

if TYPE_CHECKING:
    import numpy as np
else:
    np = Later("numpy")

RATE = 16_000
"""Samples a second that the engine gives, in hertz."""

_PROGRAM = """
import sys
from py_nanotts import NanoTTS
speed = float(sys.argv[1])
text = sys.stdin.buffer.read().decode()
sys.stdout.buffer.write(NanoTTS().speak(text, "fr-FR", speed=None if speed == 1 else speed))
"""


@dataclass(frozen=True)
class Pico:
    """The voice nk0 of SVOX Pico; `timeout` in seconds is how long one prompt may take (it takes a hundredth)."""

    timeout: float = 60.0
    name: str = "pico"
    version: str = "nk0-0.1.1"

    def speak(self, spoken_text: str, slow: bool = False) -> Samples:
        """The words as sound of 16 kHz; `slow` is 15 % slower.

        Raises SpeechError if py-nanotts is not installed, or does not answer.
        """
        command = [sys.executable, "-c", _PROGRAM, "0.85" if slow else "1"]
        try:
            done = subprocess.run(command, input=spoken_text.encode(), capture_output=True, timeout=self.timeout)  # noqa: S603 - our own program, words on its input
        except subprocess.TimeoutExpired as late:
            raise SpeechError(f"pico: no answer within {self.timeout} s for « {spoken_text} »: try again") from late
        if b"No module named 'py_nanotts'" in done.stderr:
            raise SpeechError("pico: the package py-nanotts is not installed: pip install py-nanotts")
        if done.returncode or not done.stdout:
            reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no sound"]
            raise SpeechError(f"pico could not say « {spoken_text} » ({reason[0]}): say it another way")
        return Samples(np.frombuffer(done.stdout, "<i2").astype(np.float32) / np.float32(32_768), RATE)
