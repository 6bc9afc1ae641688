"""What the desk may ask about a customer's line, whoever keeps it: the operator's API or the embedded register.

The one interface that both providers (`ivr.desk.ovh`, `ivr.desk.register`) satisfy, and its values. Reads raise
`LinesError`; asking for a code never raises, because « nobody knows whether it was made » is an answer of its own.
This module must not know any provider, nor how a call is walked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, Protocol

Trouble = Literal["refused", "busy", "late", "down", "garbled", "resting"]
"""Why a provider could not answer, a closed set:

- `refused`: our credential or our question was turned down; retrying changes nothing, an operator must look;
- `busy`: too many questions (429); later it may do;
- `late`: no answer within the time-out;
- `down`: no connection, or an answer that says « my fault » (5xx);
- `garbled`: an answer that is not what the provider's own description promises;
- `resting`: not even asked, after too many failures in a row.
"""


class LinesError(Exception):
    """The provider could not answer; `trouble` says how, the message where. It holds no number, address or secret."""

    def __init__(self, trouble: Trouble, where: str) -> None:
        super().__init__(f"{where}: {trouble}")
        self.trouble: Trouble = trouble


@dataclass(frozen=True, slots=True)
class Line:
    """A customer's line: `id` is the provider's own and opaque, `number` is in E.164."""

    id: str
    number: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A public IPv4 address that the line's telephone came from, and when (seconds since the epoch)."""

    address: str
    at: float


@dataclass(frozen=True, slots=True)
class Made:
    """A code was made. It is text, 1 to 32 characters with leading zeros that count, and stays out of every log."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotNeeded:
    """The telephone fetches its configuration by itself: it only has to be restarted."""


@dataclass(frozen=True, slots=True)
class NotMade:
    """Nothing was done, surely: asking again is safe."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class Unknown:
    """The question went out and no good answer came back: a code may exist. Never ask again by itself."""

    trouble: Trouble


Requested = Made | NotNeeded | NotMade | Unknown


class Lines(Protocol):
    """The lines of one provider. Every method may take seconds: call it in the background, never in a webhook."""

    def by_number(self, typed: str) -> Line | None:
        """The line with this number, as ten French digits were typed or in E.164; None when there is none.

        Raises LinesError.
        """

    def by_caller(self, caller: str) -> Line | None:
        """The one line that this caller (E.164) most likely calls about: a question to ask, never a proof.

        None when there is none or more than one. Raises LinesError.
        """

    def has_our_phone(self, line: Line) -> bool:
        """Whether the line's telephone is one that this hotline repairs (Gigaset C590IP or C610IP).

        Raises LinesError.
        """

    def last_address(self, line: Line) -> Seen | None:
        """The newest IPv4 address that the telephone registered from, unchecked; None when none is known.

        Raises LinesError.
        """

    def last_registration(self, line: Line) -> float | None:
        """When the telephone last registered (seconds since the epoch); None when that is not known.

        A value later than the moment the code was entered says that the telephone is back. Raises LinesError.
        """

    def request_code(self, line: Line, address: str) -> Requested:
        """Reset the telephone's configuration, for the public IPv4 that it will fetch it from.

        It is not idempotent: one call a wish of the caller, and its answer is kept. Never raises.
        """


_FRENCH = re.compile(r"0[1-9]\d{8}", re.ASCII)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


def e164(typed: str) -> str:
    """A number in E.164, from ten French digits (« 0972101010 ») or from itself; empty when it is neither."""
    if _FRENCH.fullmatch(typed):
        return f"+33{typed[1:]}"
    return typed if _E164.fullmatch(typed) else ""
