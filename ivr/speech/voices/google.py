"""gTTS: the voice of Google Translate, over the internet, for making clips and never during a call.

It is an undocumented service that answers 429 when asked too often, and an empty 200 when it changes; so sentences are
cut here to the 100 characters it takes at a time, tried again with growing pauses, and nothing but sound comes back.
The words go to Google: no prompt may hold a caller's data. Behaviour measured in facts/speech.md section 2.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import random
from typing import Any

from ivr.speech import Later, SpeechError
from ivr.speech.mixer import RATE, Samples, decoded, joined, resampled, silence, trimmed

gtts: Any = Later("gtts", "gTTS")

LIMIT = 100
"""Characters that Google takes at a time."""

_BOUNDS = (r"(?<=[.!?…])\s+", r"(?<=[,;:])\s+", r"\s+")
"""Where a text may be cut, the best first: sentences, commas, words."""


@dataclass(frozen=True)
class Google:
    """The French voice of Google Translate, through gTTS.

    `timeout` in seconds is the wait for one answer; the pause before try n + 1 is `backoff` x 2^n seconds, stretched
    by up to a half by `chance` (0 to 1), so that many makers do not come back at the same moment.
    """

    timeout: float = 10.0
    tries: int = 4
    backoff: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random
    name: str = "gtts"
    version: str = "fr-com"

    def speak(self, spoken_text: str, slow: bool = False) -> Samples:
        """The words as sound of 8 kHz; `slow` is Google's own slow.

        Raises SpeechError if there are no words, if Google refuses, cannot be reached, or sends anything but sound.
        """
        if not re.search(r"\w", spoken_text):
            raise SpeechError(f"gtts: there is no word in « {spoken_text} »: write one")
        return joined(piece for part in cut(spoken_text) for piece in (self._said(part, slow), _rest(part)))

    def _said(self, part: str, slow: bool) -> Samples:
        for number in range(self.tries - 1):
            try:
                return _heard(part, slow, self.timeout)
            except _PassingError:
                self.sleep(self.backoff * 2**number * (1 + self.chance() / 2))
        return _heard(part, slow, self.timeout)


class _PassingError(SpeechError):
    """A failure that may pass: worth another try."""


def cut(text: str, limit: int = LIMIT) -> list[str]:
    """The text in parts of at most `limit` characters, cut behind sentences, else commas, else words; punctuation kept.

    A single word that is longer than that stays whole.
    """
    parts: list[str] = []
    for piece in _pieces(" ".join(text.split()), limit, _BOUNDS):
        if parts and len(parts[-1]) + 1 + len(piece) <= limit:
            parts[-1] += f" {piece}"
        else:
            parts.append(piece)
    return parts


def _pieces(text: str, limit: int, bounds: tuple[str, ...]) -> Iterator[str]:
    if len(text) <= limit or not bounds:
        yield text
        return
    for piece in re.split(bounds[0], text):
        yield from _pieces(piece, limit, bounds[1:])


def _rest(part: str) -> Samples:
    """The silence that belongs behind a part, where Google's own was lost by asking in parts."""
    return silence({",": 0.2, ";": 0.25, ":": 0.25}.get(part[-1], 0.4 if part[-1] in ".!?…" else 0.0))


def _heard(part: str, slow: bool, timeout: float) -> Samples:
    """What Google sends for one part, without the silence around it."""
    said = gtts.gTTS(part, lang="fr", slow=slow, lang_check=False, pre_processor_funcs=[], timeout=timeout)
    try:
        data = b"".join(said.stream())
    except gtts.gTTSError as failed:
        raise _explained(part, failed.rsp) from failed
    except (ValueError, UnicodeError) as garbage:
        raise _PassingError(
            f"gtts: Google's answer to « {part} » cannot be read ({garbage}): try again later"
        ) from garbage
    if not data:
        raise _PassingError(
            f"gtts: Google answered « {part} » without any sound: try again later, or use pico or kokoro"
        )
    try:
        return trimmed(resampled(decoded(data), RATE))
    except SpeechError as unheard:
        raise _PassingError(f"gtts: what Google sent for « {part} » is no sound ({unheard})") from unheard


def _explained(part: str, response: Any) -> SpeechError:
    """The failure in words, by the answer of Google; None is no answer at all."""
    status = None if response is None else int(response.status_code)
    where = f"gtts, « {part} »"
    match status:
        case None:
            return _PassingError(f"{where}: translate.google.com does not answer: check the connection and the proxy")
        case 200:
            return _PassingError(f"{where}: Google answered without any sound: try again later, or use pico or kokoro")
        case 429:
            return _PassingError(f"{where}: Google answers 429, too many requests: wait an hour, what is made is kept")
        case 403:
            return SpeechError(f"{where}: Google answers 403, refused: use another network, or pico or kokoro")
        case _ if status >= 500:
            return _PassingError(f"{where}: Google answers {status}, it is out of order: try again later")
        case _:
            return SpeechError(f"{where}: Google answers {status}: gTTS may be out of date, pip install -U gTTS")
