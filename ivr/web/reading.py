"""Reading a code out: verbs for the answer, and the one sound behind them, at an address that means nothing.

The address holds the call and the reference to the code, sealed: it serves that call while it lives and its code may be
heard, and is kept by nobody. The code is decrypted at the moment that it is fetched; its sound lives in memory.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response

from ivr.calls import Clock
from ivr.flow.model import RECORDING
from ivr.speech import reading
from ivr.speech.clips import take
from ivr.speech.shelf import samples, wave
from ivr.speech.speaker import Speaker
from ivr.store.vault import Vault, VaultError
from ivr.telephony import twiml

PLACE = "reading|address|-"
TITLE = "(code)"
NOTHING = b"\xff" * 4000
"""Half a second of silence, as mu-law."""

CodeOf = Callable[[str, str, float], str | None]
"""The code that a reference means, for a call, at a time; None when it may not be heard."""

SoundOf = Callable[[str, str], bytes | None]
"""The sound (WAV) of what a call has recorded, by the carrier's id; None while there is none."""


@dataclass(frozen=True)
class Readings:
    """Reads codes out, in the clips of the voices of whoever speaks now. `audio` is where clips lie."""

    speaker: Callable[[], Speaker]
    code_of: CodeOf
    vault: Vault
    audio: str
    clock: Clock
    sound_of: SoundOf = lambda _call, _reference: None

    def verbs(self, call: str, manner: str, reference: str, *, in_words: bool = False) -> str:
        """What reads the code out or plays a recording: its sound, else the carrier's voice for a missing clip.

        `in_words` asks for the carrier's voice; a recording has none, and is left out.
        """
        if manner == RECORDING and in_words:
            return ""
        if manner == RECORDING:
            return twiml.play(f"{self.audio}code/{self._address(call, manner, reference)}.wav")
        code = self.code_of(call, reference, self.clock())
        if code is None:
            return ""
        if not in_words and reading.reading(code, manner, self._clip) is not None:
            return twiml.play(f"{self.audio}code/{self._address(call, manner, reference)}.wav")
        return "".join(f'{twiml.say(words)}<Pause length="1"/>' for words in reading.in_words(code, manner))

    def sound(self, address: str) -> bytes:
        """The file at this address; half a second of silence when there is nothing to hear there any more."""
        opened = self._opened(address)
        if opened and opened[1] == RECORDING:
            return self.sound_of(opened[0], opened[2]) or wave(NOTHING)
        code = self.code_of(opened[0], opened[2], self.clock()) if opened else None
        said = reading.reading(code, opened[1], self._clip) if code and opened else None
        if said is None:
            return wave(NOTHING)
        return wave(said, TITLE)

    def _clip(self, words: str) -> bytes | None:
        """The mu-law of a clip, in the first voice that has it."""
        speaker = self.speaker()
        names = (take(words, speaker.lexicon, voice).name for voice in speaker.voices)
        found = next((clip for name in names if (clip := speaker.shelf.find(name))), None)
        return samples(found.data) if found else None

    def _address(self, call: str, manner: str, reference: str) -> str:
        """The same for the same call, manner and reference, so that a webhook delivered twice gets the same bytes."""
        sealed = self.vault.sealed_alike(json.dumps([call, manner, reference]), PLACE)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _opened(self, address: str) -> tuple[str, str, str] | None:
        try:
            sealed = base64.b64decode(address + "=" * (-len(address) % 4), altchars=b"-_", validate=True)
            call, manner, reference = json.loads(self.vault.opened(sealed, PLACE))
        except (VaultError, ValueError, binascii.Error):
            return None
        return call, manner, reference


def reading_routes(readings: Readings) -> Blueprint:
    """The route `/audio/code/<address>.wav`: cached by nobody, on no disk."""
    routes = Blueprint("reading", __name__)
    routes.add_url_rule("/audio/code/<address>.wav", "code", lambda address: _heard(readings.sound(address)))
    return routes


def _heard(data: bytes) -> Response:
    return Response(data, mimetype="audio/wav", headers={"Cache-Control": "no-store"})
