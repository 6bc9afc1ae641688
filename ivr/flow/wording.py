"""Rules for the words of a script: whose keys a verb means, the order of options, French typography.

« Tapez » is for the caller's own telephone; the things that he repairs have verbs of their own, and it is never asked
which of two keypads is meant (dialogue.md B.1, U15). Which verbs and things is the script's to say (`Wording`). Each
rule gives (rule, what is wrong and the mend). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ivr.flow.limits import Wording
from ivr.flow.model import Entry, Menu, Pause, Piece, Prompt, Run, Step, Words

Fault = tuple[str, str]
"""The rule that is broken; what is wrong, and the mend."""

_KEY = r"(?:\d(?!\d)|étoile|dièse|zéro)"
_MOBILE = re.compile(r"\btapez\b", re.IGNORECASE)
_NAMED = re.compile(rf"\btapez[\s\u00a0\u202f]+{_KEY}\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.?!…])[ \u00a0\u202f]+(?=[A-ZÀÂÇÉÈÊËÎÏÔÙÛÜŒ«])")

_TYPOGRAPHY = (
    (re.compile(r"'"), "a straight apostrophe", "write ’ (U+2019)"),
    (re.compile(r'"'), "a straight quotation mark", "write « … »"),
    (re.compile(r" (?=[:;!?»])"), "an ordinary space before « : ; ! ? » or »", "make it a non-breaking one (U+00A0)"),
    (re.compile(r"« "), "an ordinary space after «", "make it a non-breaking one (U+00A0)"),
    (re.compile(r"\w(?=[:;!?»])|«(?=\w)"), "no space beside « : ; ! ? » or « »", "put a non-breaking one (U+00A0)"),
    (re.compile(r"\b[Tt]apez (?=\d)"), "an ordinary space before a key", "make it a non-breaking one (U+00A0)"),
    (re.compile(r"\bnuméro (?=\d)"), "an ordinary space before a number", "make it a non-breaking one (U+00A0)"),
    (
        re.compile(r"(?:^|[.?!…] )(?:A|Ca|Etes|Etape|Ecoutez|Eteignez|Etoile)\b"),
        "a capital without its accent",
        "put it: À, Ç, É",
    ),
)


def typography(text: str) -> Iterator[Fault]:
    """What a French reader would mend in a text that is displayed."""
    for pattern, wrong, mend in _TYPOGRAPHY:
        if found := pattern.search(text):
            yield "typography", f"« …{text[max(found.start() - 12, 0) : found.end() + 12]}… » has {wrong}: {mend}"


def texts(prompt: Prompt) -> Iterator[str]:
    """The runs of words of a prompt, as they are displayed."""
    return (piece.text for piece in prompt.pieces() if isinstance(piece, Words))


def order(step: Menu | Run) -> Iterator[Fault]:
    """Options ascend from 1 without a gap, 0 at the end (U2)."""
    offered = _offered(step)
    numbers = [int(key) for key in offered if key in "123456789"]
    if any(after < before for before, after in pairwise(numbers)):
        yield "order", f"the options come in the order {', '.join(offered)}: let the keys ascend"
    elif numbers and numbers != list(range(1, len(numbers) + 1)):
        yield "order", f"the options are {', '.join(map(str, numbers))}: number them from 1, without a gap"
    if "0" in offered[:-1]:
        yield "order", "key 0 is offered before others: let it be the last option"


def _offered(step: Menu | Run) -> list[str]:
    prompts = (step.prompt, *(cue.prompt for cue in step.cues))
    return list(dict.fromkeys(option.key for prompt in prompts for option in prompt.options))


def options(prompt: Prompt) -> Iterator[Fault]:
    """« Pour X, tapez 1 », never « Tapez 1 pour X », which has the digit remembered while the rest is heard (U2)."""
    for option in prompt.options:
        said = " ".join(piece.text for piece in option.pieces if isinstance(piece, Words))
        found = _NAMED.search(said)
        if not found or len(prompt.options) == 1:
            continue
        if not said[: found.start()].strip(" ,:«»…\u00a0\u202f") or re.search(r"\w", said[found.end() :]):
            yield "option", f"« {said} » says the key before what it does: write « Pour …, tapez {option.key}. »"


def verbs(step: Step, prompt: Prompt, wording: Wording) -> Iterator[Fault]:
    """« Tapez » for the caller's telephone alone, and no other verb for it (U15)."""
    for text in texts(prompt):
        for sentence in _SENTENCE.split(text):
            yield from _tapez(step, sentence, wording)
            yield from _other_verbs(step, sentence, wording)
            for word in wording.never:
                if re.search(rf"\b{re.escape(word)}\b", sentence, re.IGNORECASE):
                    yield "verbs", f"« {sentence} » says « {word} », which this script never says: write it otherwise"


def _tapez(step: Step, sentence: str, wording: Wording) -> Iterator[Fault]:
    if not _MOBILE.search(sentence):
        return
    on_a_device = re.match(
        rf"(?:sur|dans|au dos de) (?:le |la |l’|votre ){_any(wording.devices)}\b", sentence, re.IGNORECASE
    )
    if (wording.devices and on_a_device) or not (isinstance(step, Entry) or _NAMED.search(sentence)):
        verb = f": write « {wording.verbs[0]} »" if wording.verbs else ""
        yield "verbs", f"« {sentence} »: « tapez » is for a key of the caller's own telephone alone{verb}"


def _other_verbs(step: Step, sentence: str, wording: Wording) -> Iterator[Fault]:
    if not wording.verbs:
        return
    a_key = rf"\b({_any(wording.verbs)})\b(?: sur)?(?: la touche| le)?[ \u00a0\u202f]+{_KEY}\b"
    meant = re.match(rf"{_any(wording.verbs)}\b", sentence, re.IGNORECASE) if isinstance(step, Entry) else None
    if found := meant or re.search(a_key, sentence, re.IGNORECASE):
        verb = found[0].split()[0].lower()
        yield "verbs", f"« {sentence} »: « {verb} » is kept for the device; for the caller's telephone write « tapez »"


def _any(words: tuple[str, ...]) -> str:
    return f"(?:{'|'.join(map(re.escape, words))})"


def levels(prompt: Prompt, wording: Wording, least: float) -> Iterator[Fault]:
    """Silence enough, before each next level of a device's menus, to go there (U6)."""
    if not wording.levels:
        return
    before: Piece | None = None
    for piece in prompt.body:
        if isinstance(piece, Words):
            for number, sentence in enumerate(_SENTENCE.split(piece.text)):
                silent = before.seconds if isinstance(before, Pause) and number == 0 else 0.0
                deeper = re.match(rf"{_any(wording.levels)}\b", sentence)
                if deeper and (before or number) and silent < least:
                    wrong = f"« {sentence} » comes {silent:g} s after what precedes it"
                    yield "level_silence", f"{wrong}: put [{least:g} s] in between, to find the menu"
        before = piece
