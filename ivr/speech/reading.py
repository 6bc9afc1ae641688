"""A code as it is dictated: one sound, put together in memory from the clips of its characters.

One file, because an address for each digit would write the code into every access log on the way. Bytes of mu-law in,
bytes out; it needs nothing but the standard library, and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ivr.speech.clips import RADIO, character, group_name
from ivr.speech.shelf import RATE

Clip = Callable[[str], bytes | None]
"""The mu-law of the clip that says these words, or None when there is none."""

PACES = {"noting": (1.0, 1.5), "typing": (1.4, 4.0), "slowly": (2.0, 3.0), "radio": (0.0, 1.5)}
"""Seconds from one character to the next, and of silence between two groups (dialogue.md U11, G3, K4D, G3L, G3R)."""

BEFORE_A_GROUP = 0.5
GROUP = 3

_QUIET = b"\xff"


def reading(code: str, manner: str, clip: Clip) -> bytes | None:
    """The code read out in this manner (`PACES`), as mu-law; None when one of its clips is not there."""
    onset, pause = PACES[manner]
    groups = [code[at : at + GROUP] for at in range(0, len(code), GROUP)]
    said: list[bytes] = []
    for number, group in enumerate(groups):
        sounds = [clip(words) for words in _words(group, manner)]
        head = clip(group_name(number)) if manner == "slowly" and len(groups) > 1 else b""
        if head is None or not all(sounds):
            return None
        said.append(
            (head + _silence(BEFORE_A_GROUP) if head else b"") + _paced([s for s in sounds if s], onset, manner)
        )
    return _silence(pause).join(said)


def in_words(code: str, manner: str) -> Iterator[str]:
    """What is said of the code, clip by clip: for the carrier's voice, when a clip is missing."""
    for at in range(0, len(code), GROUP):
        yield from _words(code[at : at + GROUP], manner)


def _words(group: str, manner: str) -> list[str]:
    return [RADIO.get(one, character(one)) if manner == "radio" else character(one) for one in group.lower()]


def _paced(sounds: Sequence[bytes], onset: float, manner: str) -> bytes:
    """Sounds whose onsets are so many seconds apart; in radio manner with that long a silence between them instead."""
    if manner == "radio":
        return _silence(PACES[manner][1]).join(sounds)
    return b"".join(_filled(sound, onset) for sound in sounds[:-1]) + sounds[-1]


def _filled(sound: bytes, seconds: float) -> bytes:
    return sound + _QUIET * max(round(seconds * RATE) - len(sound), 0)


def _silence(seconds: float) -> bytes:
    return _QUIET * round(seconds * RATE)
