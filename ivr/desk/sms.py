"""The texts of SMS: data that is read once, checked to fit one message, and filled in.

A message of 160 characters of the GSM alphabet costs and arrives as one; one « ê » makes it three. So each text says
how long its slots may become, and one that would not fit is a mistake found at start-up, not on a bill. This module
must not know how a text is sent, nor who asks for it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter

MOST = 160
"""Characters of one message in the GSM alphabet (GSM 03.38, 3GPP TS 23.038)."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Characters that cost two."""

_KIND = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SmsError(Exception):
    """Texts that cannot be used; the message lists each mistake with its mend."""


@dataclass(frozen=True, slots=True)
class Text:
    """One kind of text: `words` with its slots in braces, and for each slot the longest value that it may get."""

    kind: str
    words: str
    longest: Mapping[str, str]

    def filled(self, **values: str) -> str:
        """The text as it is sent.

        Raises SmsError when a slot is missing, or when the whole does not fit one message.
        """
        if values.keys() != self.longest.keys():
            raise SmsError(f"{self.kind}: its slots are {sorted(self.longest)}, given were {sorted(values)}")
        body = self.words.format(**values)
        if misfits := list(_misfits(body)):
            raise SmsError(f"{self.kind}: {'; '.join(misfits)}")
        return body


def read_texts(toml: str, file: str = "sms.toml") -> Mapping[str, Text]:
    """The texts by kind.

    Raises SmsError with every mistake: what is no text, a slot without a longest value, a text that does not fit.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise SmsError(f"{file} is not TOML: {error}") from error
    mistakes = [f"{file} [{kind}]: {wrong}" for kind, table in tables.items() for wrong in _mistakes(kind, table)]
    if mistakes:
        raise SmsError("\n".join(mistakes))
    return {kind: Text(kind, table["text"], table.get("longest", {})) for kind, table in tables.items()}


def length(body: str) -> int | None:
    """How much of a message the body takes, in characters of the GSM alphabet; None when it does not fit in it."""
    if stray(body):
        return None
    return sum(2 if letter in EXTENDED else 1 for letter in body)


def stray(body: str) -> str:
    """The characters of the body that are none of the GSM alphabet, each once."""
    return "".join(dict.fromkeys(letter for letter in body if letter not in BASIC | EXTENDED))


def _mistakes(kind: str, table: object) -> Iterator[str]:
    match table:
        case {"text": str(words), **rest} if not rest or rest.keys() == {"longest"}:
            longest = rest.get("longest", {})
        case _:
            yield 'write text = "…", and longest = { slot = "…" } when it has slots; nothing else is read'
            return
    if not _KIND.fullmatch(kind) or len(kind) > 18:
        yield "the name must be at most 18 lower-case letters, digits and hyphens: the outbox keeps it"
    if not isinstance(longest, dict) or not all(isinstance(value, str) for value in longest.values()):
        yield 'longest must give each slot its longest value in quotes, like { code = "000000" }'
        return
    try:
        slots = {name for _, name, _, _ in Formatter().parse(words) if name is not None}
    except ValueError as error:
        yield f"the braces do not fit together: {error}"
        return
    if slots != longest.keys():
        yield f"the text has the slots {sorted(slots)}, longest gives {sorted(longest)}: both must be the same"
        return
    yield from _misfits(words.format(**longest))


def _misfits(body: str) -> Iterator[str]:
    if letters := stray(body):
        yield f"'{letters}' is not in the SMS alphabet: write it otherwise (', e, -, oe), or the text costs three"
    elif (taken := length(body) or 0) > MOST:
        yield f"it may take {taken} characters with its longest values: shorten it by {taken - MOST}"
