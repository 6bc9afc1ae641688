"""The public IPv4 address that a telephone will fetch its configuration from: keyed in, or caught by a link.

What is not public is refused with a named reason, because the caller is told why. A link is sent by SMS and opened on
the home's Wi-Fi: single use, ten minutes, unguessable, of one call alone, and known to us only by its hash. This module
must not know the web, SMS or a database: tokens are kept behind the port `LinkStore`.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

Reason = Literal[
    "malformed",
    "leading-zero",
    "reserved",
    "private",
    "shared",
    "loopback",
    "link-local",
    "documentation",
    "multicast",
    "broadcast",
]
"""Why an address is of no use.

`malformed`: not four numbers from 0 to 255. `leading-zero`: « 010 » is ten to one reader and eight to another.
`shared`: of an operator that puts many customers behind one address (100.64.0.0/10, RFC 6598). The rest as in IANA's
registry of special-purpose addresses (RFC 6890).
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """An address of no use, and why."""

    reason: Reason


_SPECIAL: tuple[tuple[Reason, tuple[str, ...]], ...] = (
    ("broadcast", ("255.255.255.255/32",)),
    ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")),
    ("shared", ("100.64.0.0/10",)),
    ("loopback", ("127.0.0.0/8",)),
    ("link-local", ("169.254.0.0/16",)),
    ("documentation", ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")),
    ("multicast", ("224.0.0.0/4",)),
    ("reserved", ("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4")),
)
_NETWORKS = tuple((IPv4Network(net), reason) for reason, nets in _SPECIAL for net in nets)
_FICTION = IPv4Network("203.0.113.0/24")
_FOUR_NUMBERS = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)


def public_ipv4(keyed: str, *, fiction: bool = False) -> str | Refused:
    """The public address that was keyed (digits and dots), or why it is none.

    With `fiction`, 203.0.113.0/24 counts as public: the range kept for examples (RFC 5737), which demo data and tests
    use.
    """
    if not _FOUR_NUMBERS.fullmatch(keyed):
        return Refused("malformed")
    numbers = keyed.split(".")
    if any(int(number) > 255 for number in numbers):
        return Refused("malformed")
    if any(number != str(int(number)) for number in numbers):
        return Refused("leading-zero")
    address = IPv4Address(keyed)
    if fiction and address in _FICTION:
        return keyed
    return next((Refused(reason) for network, reason in _NETWORKS if address in network), keyed)


# When it was seen

DAYS_AGO = (
    "aujourd’hui",
    "hier",
    "il y a deux jours",
    "il y a trois jours",
    "il y a quatre jours",
    "il y a cinq jours",
    "il y a six jours",
)
"""How long ago an address was seen, as it is spoken; an older one is not believed (dialogue.md E8)."""

PARIS = ZoneInfo("Europe/Paris")


def days_ago(seen: float, now: float) -> str | None:
    """How many calendar days ago that was in Paris, in words; None after six. Seconds since the epoch."""
    days = (datetime.fromtimestamp(now, PARIS).date() - datetime.fromtimestamp(seen, PARIS).date()).days
    return DAYS_AGO[max(days, 0)] if days < len(DAYS_AGO) else None


# Links

LINK_SECONDS = 600.0
"""How long a link opens, and how long an address that it caught is believed (facts/reliability.md 1.3)."""

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that no messenger takes for the end of a sentence, none like another."""

TOKEN_LETTERS = 14
"""69 bits: above the 64 from which guessing needs no limit (NIST 800-63B 5.1.3.2), short enough for an SMS."""

_TOKEN = re.compile(f"[{LETTERS}]{{{TOKEN_LETTERS}}}", re.ASCII)


class LinkStore(Protocol):
    """Where links are kept, by the hash of their token (64 hex digits). Times are seconds since the epoch."""

    def keep(self, digest: str, call: str, expires: float) -> None:
        """Keep a new link of a call, and until when it opens."""

    def link(self, digest: str) -> tuple[float, bool] | None:
        """Until when the link opens, and whether it was used; None when there is no such link."""

    def use(self, digest: str, address: str, at: float) -> bool:
        """Note the address, unless there is one already: True for the first alone, however many come at once."""

    def caught(self, call: str) -> tuple[str, float] | None:
        """The address that a link of the call caught last, and when; None when none did."""


Standing = Literal["fresh", "used", "expired", "unknown"]
"""What a link is worth. `unknown` is also said of a token that never was one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The link was opened and the address noted; shown to whoever opened it, and to no log."""

    address: str = field(repr=False)


Opened = Taken | Refused | Literal["used", "expired", "unknown"]


class Links:
    """The links of all calls. `dice` picks one character of a text; `fiction` as in `public_ipv4`."""

    def __init__(self, store: LinkStore, *, dice: Callable[[str], str] = secrets.choice, fiction: bool = False) -> None:
        self._store, self._dice, self._fiction = store, dice, fiction

    def offer(self, call: str, at: float) -> str:
        """A new token for this call, to be sent as the last part of a link. It is kept by its hash alone."""
        token = "".join(self._dice(LETTERS) for _ in range(TOKEN_LETTERS))
        self._store.keep(_digest(token), call, at + LINK_SECONDS)
        return token

    def standing(self, token: str, at: float) -> Standing:
        """What opening the link would find. Asking changes nothing: messengers look at links before people do."""
        link = self._store.link(_digest(token)) if _TOKEN.fullmatch(token) else None
        if link is None:
            return "unknown"
        expires, used = link
        if used:
            return "used"
        return "fresh" if at < expires else "expired"

    def opened(self, token: str, ip: str, at: float) -> Opened:
        """The address is taken from whoever opens the link, once.

        An address of no use leaves the link as it was: switched to the Wi-Fi, it can be opened again.
        """
        standing = self.standing(token, at)
        if standing != "fresh":
            return standing
        address = public_ipv4(ip, fiction=self._fiction)
        if isinstance(address, Refused):
            return address
        return Taken(address) if self._store.use(_digest(token), address, at) else "used"

    def address_of(self, call: str, at: float) -> str | None:
        """The address that a link of this call caught in the last ten minutes, if one did."""
        caught = self._store.caught(call)
        return caught[0] if caught and at < caught[1] + LINK_SECONDS else None


def _digest(token: str) -> str:
    """The hash that a token is kept by: with 69 random bits it needs neither salt nor stretching."""
    return hashlib.sha256(token.encode()).hexdigest()
