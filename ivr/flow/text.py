"""A written prompt becomes its pieces: words, pauses `[3 s]`, slots `{line:pairs}`, options with their key; and back.

This module must not know steps or keys that exist: it only reads what the text offers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ivr.flow.model import READINGS, RECORDING, Option, Pause, Piece, Prompt, Slot, Words

MANNERS = ("text", "digits", "pairs", "address", "number", "said", RECORDING, *READINGS)
"""The ways to speak a slot; `said` is ready to be spoken, in utterances parted by « | »: « demain|à huit heures »."""

_MARK = re.compile(r"\[(\d+(?:,\d+)?) s\]|\{([a-z-]+)(?::([a-z]+))?\}")
_STRAY = re.compile(rf"({_MARK.pattern})|[\[\]{{}}<>]")
_SENTENCE = re.compile(r"(?<=[.?!…»\]])\s+(?=[A-ZÀÂÇÉÈÊËÎÏÔÙÛÜŒ«\[{])")
_OFFER = re.compile(r"\b[Tt]apez[\s\u00a0\u202f](\d|étoile|dièse|zéro)\b")
_KEY_NAMES = {"étoile": "*", "dièse": "#", "zéro": "0"}


class TextError(ValueError):
    """A prompt that cannot be read; the message says what is wrong and the mend, `prompt` is what could be read."""

    def __init__(self, problem: str, prompt: Prompt) -> None:
        self.prompt = prompt
        super().__init__(problem)


def read_prompt(text: str, *, options: bool) -> Prompt:
    """The prompt that the text says; with `options`, sentences that say « tapez 1 » are set apart as choices.

    A question that is followed by « Tapez 1. » belongs to that option: « C’est fait ? Tapez 1. »

    Raises TextError for a stray bracket or brace, an unknown manner, or words behind the first option.
    """
    wrong = [*_stray_marks(text), *_unknown_manners(text)]
    body: list[str] = []
    choices: list[tuple[str, str]] = []
    for sentence in _sentences(_STRAY.sub(r"\1", text) if wrong else text):
        keys = _offered(sentence) if options else []
        if len(keys) > 1:
            wrong.append(f"one sentence offers keys {' and '.join(keys)}: write one sentence an option")
        if keys:
            choices.append((keys[0], sentence))
        elif not choices:
            body.append(sentence)
        elif _MARK.fullmatch(sentence):
            choices[-1] = (choices[-1][0], f"{choices[-1][1]} {sentence}")
        else:
            wrong.append(f"« {sentence} » comes after an option: put it before the first « tapez »")
            body.append(sentence)
    prompt = Prompt(_pieces(" ".join(body)), tuple(Option(key, _pieces(said)) for key, said in choices))
    if wrong:
        raise TextError("; ".join(wrong), prompt)
    return prompt


def _sentences(text: str) -> Iterator[str]:
    """Sentences and marks in order; a « Tapez … » stays with the question before it, a quotation is never cut."""
    held = ""
    for part in _SENTENCE.split(text.strip()):
        follows = not held or part.startswith("Tapez") or held.count("«") > held.count("»")
        if not follows:
            yield held
        held = f"{held} {part}".strip() if follows else part
        if not held.endswith("?") and held.count("«") == held.count("»"):
            yield held
            held = ""
    if held:
        yield held


def _offered(sentence: str) -> list[str]:
    return [_KEY_NAMES.get(key, key) for key in _OFFER.findall(sentence)]


def _stray_marks(text: str) -> Iterator[str]:
    if stray := re.search(r"[\[\]{}<>&]", _MARK.sub("", text).replace("Plug & phone", "")):
        yield f"stray '{stray[0]}': a pause is written [3 s], a slot {{name}} or {{name:manner}}"


def _unknown_manners(text: str) -> Iterator[str]:
    for mark in _MARK.finditer(text):
        if mark[3] and mark[3] not in MANNERS:
            yield f"{{{mark[2]}:{mark[3]}}}: a manner is one of {', '.join(MANNERS)}"


def _pieces(text: str) -> tuple[Piece, ...]:
    """The text cut at its marks; white space folded, so that lines may be broken anywhere.

    A stop or comma behind a slot is written for the eye: what fills the slot is said with its own melody.
    """
    pieces: list[Piece] = []
    at = 0
    for mark in _MARK.finditer(text):
        pieces.extend(_words(_behind(pieces, text[at : mark.start()])))
        pieces.append(_marked(*mark.groups()))
        at = mark.end()
    return (*pieces, *_words(_behind(pieces, text[at:])))


def _behind(pieces: list[Piece], text: str) -> str:
    return text.lstrip(" .,") if pieces and isinstance(pieces[-1], Slot) else text


def displayed(prompt: Prompt) -> str:
    """A prompt as it is read on paper: its pauses and slots as marks."""
    return in_marks(prompt.pieces())


def in_marks(pieces: Iterable[Piece]) -> str:
    """Pieces as they are read on paper: words as they are, pauses and slots as marks."""
    return " ".join(map(_mark, pieces))


def _mark(piece: Piece) -> str:
    match piece:
        case Words(text=text):
            return text
        case Slot(name=name):
            return f"{{{name}}}"
        case Pause(seconds=length):
            return f"[{length:g}\u00a0s]".replace(".", ",") if length >= 1 else "·"


def _words(text: str) -> Iterator[Words]:
    if folded := re.sub(r"[ \t\n]+", " ", text).strip(" "):
        yield Words(folded)


def _marked(pause: str | None, slot: str | None, manner: str | None) -> Pause | Slot:
    if pause:
        return Pause(float(pause.replace(",", ".")))
    return Slot(str(slot), manner if manner in MANNERS else "text")
