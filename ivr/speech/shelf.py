"""The clips there are: the folder `audio/`, read once for how long each lasts, and a clip again when it is asked for.

Who stands in front of the line keeps what it has fetched (`deploy/nginx.conf`), and so does the carrier. Silences are
made here, to the sample, and a clip can be had from a second of it on. This module must not know which clips are
wanted, nor how they are made; it needs nothing but the standard library.
"""

from __future__ import annotations

import json
import logging
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from ivr.speech import SpeechError

RATE = 8000
"""Samples, and bytes of mu-law, a second."""

INDEX = "index.json"
"""In the folder: what each clip says, for people and pages; no call needs it."""

KEPT = 64
"""Clips that stay in memory, those that were asked for last: about a megabyte."""

log = logging.getLogger("ivr.clips")

_QUIET = b"\xff"
_SILENCE = re.compile(r"silence-(\d{1,5})\.wav", re.ASCII)
_MADE = re.compile(r"[\w.-]{1,80}\.wav", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sound:
    """A file as it is served: its bytes, its length in seconds, and its ETag (a hash of the bytes)."""

    data: bytes
    seconds: float
    etag: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A clip in its file: what it says, and how many seconds it lasts."""

    path: Path
    words: str
    seconds: float

    def sound(self) -> Sound | None:
        """The file as it is served; None when it can be read no more."""
        try:
            return _read(self.path, self.words)
        except (OSError, SpeechError) as error:
            log.warning("clip", extra={"clip": self.path.name, "why": str(error)})
            return None


@dataclass(frozen=True)
class Shelf:
    """The clips of one folder. What is not there is silence to nobody: the caller of `find` says the words instead."""

    sounds: Mapping[str, Filed] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Sound | None:
        """The clip of that name, or a silence « silence-500.wav » of so many milliseconds."""
        if found := self.sounds.get(name):
            return found.sound()
        silence = _SILENCE.fullmatch(name)
        return sound(wave(_QUIET * (RATE * int(silence[1]) // 1000))) if silence and int(silence[1]) else None

    def seconds(self, name: str) -> float | None:
        """How long the clip lasts, or None when it is not there."""
        found = self.sounds.get(name)
        return found.seconds if found else None


NOTHING_YET = Shelf()


class Library:
    """The clips of a folder, looked at again when a new script may need more of them. What was there once stays."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shelf = read_shelf(folder)

    def restock(self) -> Shelf:
        """The shelf with what has come into the folder since; raises SpeechError when its index cannot be read."""
        self.shelf = read_shelf(self._folder, self.shelf)
        return self.shelf

    def find(self, name: str) -> Sound | None:
        """The clip of that name, though it came into the folder a moment ago: another process may know it already."""
        found = self.shelf.find(name)
        if found is None and _MADE.fullmatch(name) and (self._folder / name).is_file():
            return self.restock().find(name)
        return found


def read_shelf(folder: Path, known: Shelf = NOTHING_YET) -> Shelf:
    """Everything that can be played in the folder, and what is `known` already; what is no telephone WAV is left out.

    Raises SpeechError when the index cannot be read.
    """
    words = {**known.words, **_index(folder / INDEX)}
    come = (path for path in sorted(folder.glob("*.wav")) if path.name not in known.sounds)
    new = {path: len(samples(path.read_bytes())) / RATE for path in come}
    filed = {path.name: Filed(path, words.get(path.name, ""), seconds) for path, seconds in new.items() if seconds}
    return Shelf({**known.sounds, **filed}, words)


@lru_cache(maxsize=KEPT)
def _read(path: Path, words: str) -> Sound:
    """The clip, with what it says as its title. Raises OSError, and SpeechError when it is no clip any more."""
    if mulaw := samples(path.read_bytes()):
        return sound(wave(mulaw, words))
    raise SpeechError(f"{path} : ce n'est plus un clip. Lancez : ivr speak")


def _index(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {str(name): str(words) for name, words in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as wrong:
        raise SpeechError(f"{path} : illisible ({wrong}). Effacez-le, puis lancez : ivr speak") from wrong


def sound(data: bytes) -> Sound:
    """A WAV as it is served."""
    return Sound(data, len(samples(data)) / RATE, sha256(data).hexdigest()[:24])


def silence(seconds: float) -> str:
    """The name of a silence of so many seconds, to the millisecond."""
    return f"silence-{round(seconds * 1000)}.wav"


def from_second(clip: Sound, start: float) -> Sound:
    """The rest of a clip, from this second of it on (at least one sample)."""
    kept = samples(clip.data)
    return sound(wave(kept[min(round(start * RATE), len(kept) - 1) :]))


def wave(mulaw: bytes, title: str = "") -> bytes:
    """A WAV file of 8 kHz mono mu-law (RIFF format 7), with what it says as its title, for people who look at it."""
    shape = struct.pack("<HHIIHHH", 7, 1, RATE, RATE, 1, 8, 0)
    chunks = _chunk(b"fmt ", shape) + _chunk(b"fact", struct.pack("<I", len(mulaw))) + _chunk(b"data", mulaw)
    if title:
        chunks += _chunk(b"LIST", b"INFO" + _chunk(b"INAM", title.encode() + b"\0"))
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def samples(riff: bytes) -> bytes:
    """The mu-law samples of a telephone WAV; nothing for any other file."""
    if riff[:4] != b"RIFF" or riff[8:12] != b"WAVE":
        return b""
    at, is_telephone = 12, False
    while at + 8 <= len(riff):
        name, size = struct.unpack_from("<4sI", riff, at)
        body = riff[at + 8 : at + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            is_telephone = struct.unpack_from("<HHI", body) == (7, 1, RATE)
        if name == b"data":
            return body if is_telephone and len(body) == size else b""
        at += 8 + size + size % 2
    return b""
