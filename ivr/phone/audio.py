"""How long the line speaks: the pieces of a Say, the seconds of a clip. Pure: bytes and words in, seconds out."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ivr.phone.errors import TwimlError
from ivr.phone.twiml import Element, Play, Say

WORDS_A_SECOND = 165 / 60  # a calm French voice
BEEP = 1.0  # seconds of the tone before a recording
TONE = 0.5  # seconds a played key; 'w' is as long, 'W' twice: twilio.com/docs/voice/twiml/play#digits
BYTES_A_SECOND = 8000  # 8 kHz mu-law, and near enough a 64 kb/s MP3
RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "fast": 1.25, "x-fast": 1.5}
BREAKS = {"none": 0.0, "x-weak": 0.0, "weak": 0.2, "medium": 0.4, "strong": 0.6, "x-strong": 1.2}  # estimates
SPELT = frozenset({"characters", "spell-out", "digits", "telephone"})

# twilio.com/docs/voice/twiml/play#supported-audio-file-types
WAVES = frozenset({"audio/wav", "audio/wave", "audio/x-wav"})
CLIP_TYPES = WAVES | {
    *("audio/mpeg", "audio/aiff", "audio/x-aifc", "audio/x-aiff", "audio/x-gsm", "audio/gsm", "audio/ulaw"),
}
MU_LAW = 7
TELEPHONY = {1: "PCM", 6: "A-law", MU_LAW: "mu-law"}  # WAV format tags
QUIET = (b"\xff", b"\x7f")  # mu-law for nothing at all
MOST_QUIET = 0.9  # of a clip; one that has more of it than this, a tick say, tells the caller nothing


@dataclass(frozen=True)
class Utterance:
    """What is heard in one go: words, or a clip's address (`title` is the clip's own, if its file has one)."""

    what: str
    seconds: float
    title: str = ""


@dataclass(frozen=True)
class Silence:
    """Seconds without words. `note` tells the log of what is there instead: a beep, tones."""

    seconds: float
    note: str = ""


Piece = Utterance | Silence


def spoken(say: Say) -> tuple[Piece, ...]:
    """Cut a Say's words, once through, into utterances with the silences of its <break>s between."""
    speech = _Speech()
    speech.read(say.content, rate=1.0)
    return speech.pieces()


def tones(play: Play) -> Silence:
    """Give the silence, to the caller's understanding, of a Play of digits."""
    return Silence(TONE * (len(play.digits) + play.digits.count("W")), f"tones {play.digits}")


def normal(text: str) -> str:
    """Write text with single ordinary spaces, none around: what two spellings of the same words share."""
    return " ".join(text.split())


class _Speech:
    """Words gathered until a break ends the utterance."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._words = ""
        self._seconds = 0.0

    def pieces(self) -> tuple[Piece, ...]:
        self._close()
        return tuple(self._pieces)

    def read(self, content: tuple[Element | str, ...], rate: float) -> None:
        for node in content:
            if isinstance(node, str):
                self._add(node, _count(node) / rate)
            else:
                self._read_element(node, rate)

    def _read_element(self, node: Element, rate: float) -> None:
        match node.name:
            case "break":
                self._close()
                self._pieces.extend(_silence(node))
            case "sub":
                alias = node.attributes.get("alias", node.text)
                self._add(alias, _count(alias) / rate)
            case "say-as" if node.attributes.get("interpret-as") in SPELT:
                self._add(node.text, len("".join(node.text.split())) / rate)
            case "prosody":
                self.read(node.children, rate * _rate(node.attributes.get("rate", "medium")))
            case "p" | "s":
                self._add(" ", 0)
                self.read(node.children, rate)
                self._add(" ", 0)
            case _:
                self.read(node.children, rate)

    def _add(self, text: str, words: float) -> None:
        self._words += text
        self._seconds += words / WORDS_A_SECOND

    def _close(self) -> None:
        if what := normal(self._words):
            self._pieces.append(Utterance(what, self._seconds or 1 / WORDS_A_SECOND))
        self._words, self._seconds = "", 0.0


def _count(text: str) -> int:
    """Count spoken words: French puts spaces before its « ? », which nobody says."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def _rate(rate: str) -> float:
    return RATES[rate] if rate in RATES else int(rate.rstrip("%")) / 100


def _silence(node: Element) -> Iterator[Silence]:
    time = node.attributes.get("time")
    seconds = _seconds(time) if time else BREAKS[node.attributes.get("strength", "medium")]
    if seconds:
        yield Silence(seconds)


def _seconds(time: str) -> float:
    return float(time.removesuffix("ms")) / 1000 if time.endswith("ms") else float(time.removesuffix("s"))


def clip(url: str, content_type: str | None, body: bytes) -> Piece:
    """Measure a clip as fetched: exactly if it is a WAV, else by its size. Silence, ticks and all, is no utterance.

    Raises TwimlError: 12300 for a type that Twilio does not play, 11200 for bytes that are not what the type says.
    """
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind not in CLIP_TYPES:
        raise TwimlError(12300, f"the clip {url} has Content-Type {kind!r}; send audio/wav or audio/mpeg")
    if not body:
        raise TwimlError(11200, f"the clip {url} is empty")
    if kind in WAVES:
        return _wave(url, body)
    return Utterance(url, len(body) / BYTES_A_SECOND)


def _wave(url: str, body: bytes) -> Piece:
    """Measure a WAV. The standard library's `wave` refuses mu-law, hence these lines."""
    if body[:4] != b"RIFF" or body[8:12] != b"WAVE":
        raise TwimlError(11200, f"the clip {url} is served as a WAV and is none; serve it as what it is")
    chunks = dict(_chunks(body))
    shape, samples = chunks.get(b"fmt ", b""), chunks.get(b"data", b"")
    if len(shape) < 16 or not samples:
        raise TwimlError(11200, f"the WAV {url} has no format or no samples; make it again")
    tag, _channels, _rate, bytes_a_second = struct.unpack_from("<HHII", shape)
    if tag not in TELEPHONY or not bytes_a_second:
        raise TwimlError(11200, f"the WAV {url} has format {tag}; a telephone plays {', '.join(TELEPHONY.values())}")
    seconds = len(samples) / bytes_a_second
    if tag == MU_LAW and sum(map(samples.count, QUIET)) >= MOST_QUIET * len(samples):
        return Silence(seconds)
    return Utterance(url, seconds, _title(chunks))


def _chunks(riff: bytes) -> Iterator[tuple[bytes, bytes]]:
    """List the chunks of a RIFF file, by name; each is padded to an even length."""
    at = 12
    while at + 8 <= len(riff):
        name, size = struct.unpack_from("<4sI", riff, at)
        at += 8
        if at + size > len(riff):
            raise TwimlError(11200, f"a WAV is cut short within its {name.decode('latin-1')!r} chunk; make it again")
        yield name, riff[at : at + size]
        at += size + size % 2


def _title(chunks: dict[bytes, bytes]) -> str:
    found = re.search(rb"INAM(.{4})", chunks.get(b"LIST", b""), re.DOTALL)
    if not found:
        return ""
    size = int.from_bytes(found[1], "little")
    return normal(chunks[b"LIST"][found.end() : found.end() + size].rstrip(b"\0").decode("utf-8", "replace"))
