"""What is written becomes what a voice must be given: « tapez 1 » -> « tapez, un », « C590IP » -> « C cinq cent… ».

Rules are here; words are in `prompts/lexique.toml`, which any French speaker can edit. Scripts keep the text as it is
displayed, and nobody spells for a machine in a prompt. Pure: text in, text out; this module must not know files,
engines (but for their names) or clips. Hazards and their measures: dialogue.md B.3.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from ivr.speech import SpeechError


@dataclass(frozen=True)
class Lexicon:
    """Words and how to say them: `said` for every voice, `engines[name]` where one voice needs it otherwise."""

    said: Mapping[str, str]
    engines: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, engine: str) -> Mapping[str, str]:
        """The words of one voice."""
        own = self.engines.get(engine)
        return {**self.said, **own} if own else self.said

    @cached_property
    def version(self) -> str:
        """Twelve characters that change with any word."""
        words = [sorted(self.said.items()), sorted((name, sorted(own.items())) for name, own in self.engines.items())]
        return sha256(repr(words).encode()).hexdigest()[:12]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What finds, in a text, its words and everything that the rules are about; the first that fits wins."""
        words = sorted(self.said, key=len, reverse=True)
        known = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words) or r"(?!)"
        return re.compile(f"(?P<word>{known})|{_RULES}")


def read(toml: str, where: str = "prompts/lexique.toml") -> Lexicon:
    """The lexicon that a TOML text holds: `"PIN" = "pine"`, or `"PIN" = { dit = "pine", gtts = "PIN" }`.

    Raises SpeechError, in French, naming `where`, the word and the mend.
    """
    try:
        entries = tomllib.loads(toml).get("mots", {})
    except tomllib.TOMLDecodeError as wrong:
        raise SpeechError(f'{where} : ce n’est pas du TOML ({wrong}). Une ligne s’écrit : "PIN" = "pine"') from wrong
    said: dict[str, str] = {}
    engines: dict[str, dict[str, str]] = {}
    for word, entry in entries.items():
        ways = {"dit": entry} if isinstance(entry, str) else entry
        if not isinstance(ways, dict) or "dit" not in ways or not all(_sayable(way) for way in ways.values()):
            raise SpeechError(
                f"{where} : « {word} » : écrivez comment le dire, en lettres, sans chiffre ni sigle : "
                f'"{word}" = "…" ou "{word}" = {{ dit = "…", pico = "…" }}'
            )
        said[word] = ways.pop("dit")
        for engine, way in ways.items():
            engines.setdefault(engine, {})[word] = way
    return Lexicon(said, engines)


def spoken(text: str, lexicon: Lexicon, engine: str = "") -> str:
    """What the voice `engine` must be given for the text; slots in braces and addresses of the web are left alone."""
    own = lexicon.of(engine)
    plain = _plain(text)
    return _tidy(lexicon.pattern.sub(lambda found: _said(found, own), plain))


def unreadable(text: str, lexicon: Lexicon) -> list[str]:
    """What no voice would say right in the text: an address of the web, an acronym that is not in the lexicon, a sign.

    Empty for a text that is fit to be spoken.
    """
    left = re.sub(r"\{[\w:-]+\}", "", spoken(text, lexicon))
    return _UNREADABLE.findall(left)


def spelled(code: str) -> list[str]:
    """The name of each digit, letter and point of a code, for clips of one character each.

    Raises SpeechError for any other character.
    """
    names = [_NAMES.get(character.upper(), "") for character in code if character not in " -"]
    if not all(names):
        raise SpeechError(f"code {code!r}: only digits, letters and points can be spelled")
    return names


def pairs(number: str) -> str:
    """A telephone number as it is said in France, two digits at a time: « zéro neuf, soixante-douze, dix »."""
    digits = re.sub(r"\D", "", number)
    return ", ".join(_pair(digits[start : start + 2]) for start in range(0, len(digits), 2))


def in_words(number: int) -> str:
    """A whole number in French, 0 to 9999: « quatre-vingt-un », « deux mille quinze »."""
    if number < 100:
        return _below_hundred(number)
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{_UNITS[hundreds]} cent"
        return f"{head} {in_words(rest)}" if rest else head
    thousands, rest = divmod(number, 1_000)
    head = "mille" if thousands == 1 else f"{in_words(thousands)} mille"
    return f"{head} {in_words(rest)}" if rest else head


_UNITS = (
    *("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze"),
    *("treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"),
)
_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre-vingt"}

_LETTERS = (
    *("a", "bé", "cé", "dé", "e", "effe", "gé", "ache", "i", "ji", "ka", "elle", "emme", "enne", "o", "pé", "ku"),
    *("erre", "esse", "té", "u", "vé", "double vé", "ixe", "i grec", "zède"),
)
_NAMES = {
    **dict(zip("0123456789", _UNITS, strict=False)),
    **dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTERS, strict=True)),
    ".": "point",
}

_MEASURES = {
    "s": ("une seconde", "secondes"),
    "min": ("une minute", "minutes"),
    "h": ("une heure", "heures"),
    "%": ("un pour cent", "pour cent"),
    "€": ("un euro", "euros"),
}

_RULES = r"""(?P<left>\{[^}]*\}|https?://\S+|www\.\S+)
|(?P<address>\b\d{1,3}(?:\.\d{1,3}){3}\b)
|(?P<phone>\b0\d(?: ?\d\d){4}\b)
|(?P<clock>\b(?P<hours>\d{1,2}) ?h ?(?P<minutes>[0-5]\d)\b)
|(?P<measure>\b(?P<amount>\d+(?:,\d+)?) ?(?P<unit>s|min|h|%|€)(?!\w))
|(?P<decimal>\b\d+,\d+\b)
|(?P<number>\d+)
|(?P<rank>\b[Nn]°)
|(?P<key>\b[Tt]apez(?=\ (?:\d|étoile|dièse|zéro)))
|(?P<level>\ *>\ *)
|(?P<open>\ *«\ *)
|(?P<close>\ *»)""".replace("\n", "")

_UNREADABLE = re.compile(
    r"https?://\S+|www\.\S+|[\w-]+\.(?:fr|com|net|org)\b|\b(?=\w*[A-Z]\w*[A-Z])\w+|\d+|[^\w\s.,;:!?…'()-]"
)


def _said(found: re.Match[str], words: Mapping[str, str]) -> str:
    """What is said for one find: the word of the lexicon, what its rule says, or the text itself."""
    kind = found.lastgroup or ""
    if kind == "word":
        return words[found[0]]
    return _SAYINGS[kind](found) if kind in _SAYINGS else found[0]


def _address(found: re.Match[str]) -> str:
    """An address of the internet, digit by digit: two-digit numbers are written down wrong (dialogue.md B.2)."""
    return ", point, ".join(", ".join(spelled(part)) for part in found[0].split("."))


def _clock(found: re.Match[str]) -> str:
    return f"{_measured(found['hours'], 'h')} {in_words(int(found['minutes']))}"


def _number(digits: str) -> str:
    """A number in words; digit by digit if it starts with 0 or has more than four digits: then it is a code."""
    if len(digits) > 4 or (len(digits) > 1 and digits[0] == "0"):
        return ", ".join(spelled(digits))
    return in_words(int(digits))


def _decimal(amount: str) -> str:
    """A number that may have decimals: « zéro virgule cinq »."""
    return " virgule ".join(_number(part) for part in amount.split(","))


def _measured(amount: str, unit: str) -> str:
    """An amount and its unit: « trente secondes », « vingt et une heures »."""
    one, many = _MEASURES[unit]
    words = re.sub(r"\bun$", one.split()[0], _decimal(amount))
    return one if amount in ("1", "01") else f"{words} {many}"


def _pair(digits: str) -> str:
    return " ".join(spelled(digits)) if digits[0] == "0" else in_words(int(digits))


def _below_hundred(number: int) -> str:
    if number < 20:
        return _UNITS[number]
    ten = number // 10 * 10 - (10 if number // 10 in (7, 9) else 0)
    rest = number - ten
    if not rest:
        return "quatre-vingts" if ten == 80 else _TENS[ten]
    joint = " et " if rest in (1, 11) and ten != 80 else "-"
    return f"{_TENS[ten]}{joint}{_UNITS[rest]}"


_SAYINGS: Mapping[str, Callable[[re.Match[str]], str]] = {
    "address": _address,
    "phone": lambda found: pairs(found[0]),
    "clock": _clock,
    "measure": lambda found: _measured(found["amount"], found["unit"]),
    "decimal": lambda found: _decimal(found[0]),
    "number": lambda found: _number(found[0]),
    "rank": lambda _: "numéro",
    "key": lambda found: f"{found[0]},",
    "level": lambda _: ". ",
    "open": lambda _: ", ",
    "close": lambda _: ",",
}


def _plain(text: str) -> str:
    """The text with the simple forms of apostrophes and spaces, which every engine knows."""
    return " ".join(text.replace("’", "'").split())


_STOP, _COMMAS, _COMMA = re.compile(r"[\s,]*([:;.!?…])(?:\s*,)*"), re.compile(r"(?:\s*,)+"), re.compile(r",(?=\w)")


def _tidy(text: str) -> str:
    """One sign between two words, where quotation marks and rules have left several; no space before it."""
    text = _STOP.sub(r"\1", " ".join(text.split()))
    return _COMMA.sub(", ", _COMMAS.sub(",", text)).strip(" ,")


def _sayable(way: object) -> bool:
    return isinstance(way, str) and bool(way.strip()) and not re.search(r"\d|[A-Z]{2}", way)
