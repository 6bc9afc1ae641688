"""What goes out by the carrier and what becomes of it: texts, calls, recordings; and whom they may go to.

Apart from who carries them (`ivr.telephony.rest`), so that who only speaks of them is spared the carrier's client. It
must not know any partner.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

_MOBILE = re.compile(
    r"\+33[67]\d{8}"  # metropolitan France
    r"|\+590(690|691)\d{6}"  # Guadeloupe
    r"|\+594694\d{6}"  # Guyane
    r"|\+596(696|697)\d{6}"  # Martinique
    r"|\+262(639|692|693)\d{6}",  # Mayotte, La Réunion
    re.ASCII,
)
"""Numbers that a text may go to: mobiles of metropolitan France and of the overseas departments, nobody else's.

It keeps texts from being sold to premium numbers abroad (facts/reliability.md T10); `phonenumbers` calls some of these
ranges invalid (facts/ovh-and-gigaset.md 5), so the prefixes are written here.
"""

_TELEPHONE = re.compile(
    r"\+33[1-5679]\d{8}"  # metropolitan France: never 08, where a call may cost the called one's price
    r"|\+590(590|690|691)\d{6}"  # Guadeloupe
    r"|\+594(594|694)\d{6}"  # Guyane
    r"|\+596(596|696|697)\d{6}"  # Martinique
    r"|\+262(262|263|269|639|692|693)\d{6}",  # Mayotte, La Réunion
    re.ASCII,
)
"""Numbers that may be called: telephones of metropolitan France and of the overseas departments (T10)."""

Why = Literal["recipient", "opted-out", "sender", "credentials", "refused", "busy", "down", "late", "garbled"]
"""Why a text or call did not go, or may not have: a closed set for logs and desks."""

NoRecording = Literal["malformed", "not-ready", "credentials", "refused", "busy", "down", "late", "garbled", "too-long"]
"""Why there is no recording. `not-ready`: Twilio has none of that name, yet or any more."""


@dataclass(frozen=True, slots=True)
class Sms:
    """One text: to whom (E.164), and what. Neither is shown by its repr: the body may hold a code."""

    to: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call: to whom (E.164), where its TwiML is asked for, where its end is told, how many seconds it rings."""

    to: str = field(repr=False)
    url: str = field(repr=False)
    status_url: str = field(repr=False)
    timeout: int = 30


@dataclass(frozen=True, slots=True)
class Sent:
    """Twilio took the text; `sid` is its name there."""

    sid: str


@dataclass(frozen=True, slots=True)
class Placed:
    """Twilio took the call, and rings or will; `sid` is its name there, and on its webhooks."""

    sid: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """It surely did not go. `again` says that it may be tried again later."""

    why: Why
    again: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have gone: look for it, never send it again."""

    why: Why


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the account, in E.164, and what it asks when it is called: addresses, empty where there is none."""

    number: str = field(repr=False)
    voice_url: str
    voice_method: str
    fallback_url: str
    status_url: str


class LookingError(Exception):
    """Whether a text or call went cannot be told now; the message says why, and names nobody."""


class RecordingError(Exception):
    """A recording that is not to be had; `why` is of a closed set, `again` says that it may be asked for later."""

    def __init__(self, why: NoRecording) -> None:
        super().__init__(f"the recording is not to be had: {why}")
        self.why: NoRecording = why

    @property
    def again(self) -> bool:
        """Whether asking again later makes sense."""
        return self.why in ("not-ready", "busy", "down", "late")


def is_mobile(number: str) -> bool:
    """Whether a text may go to this number: a French mobile in E.164, overseas departments included."""
    return _MOBILE.fullmatch(number) is not None


def is_telephone(number: str) -> bool:
    """Whether we may call this number: a French telephone in E.164, overseas departments included, never an 08."""
    return _TELEPHONE.fullmatch(number) is not None
