"""How a slot's value is said in French: digit by digit, in pairs, as an address. Text in, words out.

Dialogue.md B.2: an unknown number is read digit by digit, since « soixante… douze » has already been written as a 6; a
familiar telephone number is read in pairs; an address digit by digit with « point ».
"""

from __future__ import annotations

DIGITS = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
_TEENS = ("dix", "onze", "douze", "treize", "quatorze", "quinze", "seize")
_TENS = ("", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt")


def in_words(value: str, manner: str) -> str:
    """The value as it is said in this manner (`ivr.flow.text.MANNERS`); what it cannot say digit-wise, it leaves."""
    match manner:
        case "digits":
            return ", ".join(map(_character, value))
        case "code":
            return ". ".join(", ".join(map(_character, group)) for group in groups(value))
        case "pairs":
            return ", ".join(pair(value[i : i + 2]) for i in range(0, len(value), 2))
        case "address":
            return ", ".join(map(_character, value))
        case "number" if value.isdecimal() and int(value) < 100:
            return number(int(value))
        case _:
            return value


def groups(value: str, size: int = 3) -> list[str]:
    """The value in groups of so many characters, the best size to note down (Wickelgren 1964; dialogue.md r7)."""
    return [value[i : i + size] for i in range(0, len(value), size)]


def _character(character: str) -> str:
    if character.isdecimal():
        return DIGITS[int(character)]
    return "point" if character == "." else character.upper()


def pair(two: str) -> str:
    """Two digits as they are said in a telephone number: « zéro neuf », « soixante-douze »."""
    if not two.isdecimal() or len(two) == 1:
        return ", ".join(map(_character, two))
    return f"zéro {DIGITS[int(two)]}" if two[0] == "0" else number(int(two))


def number(value: int) -> str:
    """A number from 0 to 99 in French words."""
    if value < 10:
        return DIGITS[value]
    if value < 17:
        return _TEENS[value - 10]
    tens, units = divmod(value, 10)
    if tens in (1, 7, 9):
        units += 10
        if tens == 1:
            return f"dix-{DIGITS[units - 10]}"
    joint = " et " if tens < 8 and units in (1, 11) else "-"
    rest = number(units) if units else ""
    if not rest:
        return _TENS[tens] + ("s" if tens == 8 else "")
    return f"{_TENS[tens]}{joint}{rest}"
