"""Twilio's REST: text messages out, and looking for one that may have gone. The only module that calls it.

Through the `twilio` package, whose client would wait for ever (facts/reliability.md 0.6) and logs recipients: both
stop here. A message is created once: Twilio's create is not idempotent, so what may have arrived is never sent again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ivr.bounds import bound, was_never_sent, within

BASE: Final = "https://api.twilio.com"
MOST_LISTED = 50
CLOCKS_APART = 60.0
"""Seconds by which Twilio's clock and ours may differ when a message is looked for."""

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

Why = Literal["recipient", "opted-out", "sender", "credentials", "refused", "busy", "down", "late", "garbled"]
"""Why a text did not go, or may not have: a closed set for logs and desks."""

_BY_CODE: Mapping[int, Why] = {
    21211: "recipient",
    21408: "recipient",
    21606: "sender",
    21610: "opted-out",
    21612: "recipient",
    21614: "recipient",
}
"""Twilio's error codes (facts/twilio.md 6); another code of a refusal is just « refused »."""

log = logging.getLogger("ivr.sms")


@dataclass(frozen=True, slots=True)
class Sms:
    """One text: to whom (E.164), and what. Neither is shown by its repr: the body may hold a code."""

    to: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """Twilio took it; `sid` is its name there."""

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


class LookingError(Exception):
    """Whether a text went cannot be told now; the message says why, and names nobody."""


class Texts:
    """Texts through one Twilio account.

    `account` is its SID; `key` and `secret` an API key's, or the account's own SID and auth token. `sender` is a number
    of ours in E.164, an alphanumeric name, or a messaging service (« MG… »). `base` is where the API is; `seconds` how
    long one request may take in all.
    """

    def __init__(
        self, account: str, key: str, secret: str, sender: str, *, base: str = BASE, seconds: float = 10.0
    ) -> None:
        self._client = Client(key, secret, account, http_client=_Http(base, seconds))
        self._from = {"messaging_service_sid" if re.fullmatch("MG[0-9a-f]{32}", sender) else "from_": sender}

    def send(self, sms: Sms) -> Sent | NotSent | Unknown:
        """Send one text, once. Never raises."""
        if not is_mobile(sms.to):
            return NotSent("recipient", again=False)
        try:
            sid = self._client.messages.create(to=sms.to, body=sms.body, **self._from).sid
        except Exception as error:
            outcome = _failure(error)
            log.warning("sms", extra={"outcome": type(outcome).__name__, "why": outcome.why, "code": _code(error)})
            return outcome
        return Sent(sid) if sid else Unknown("garbled")

    def find(self, sms: Sms, since: float) -> str:
        """The sid of a text with this recipient and body, created since then (seconds since the epoch); else empty.

        A minute is allowed for clocks that differ. Raises LookingError when Twilio cannot say.
        """
        try:
            listed = self._client.messages.list(to=sms.to, limit=MOST_LISTED, page_size=MOST_LISTED)
            return next((m.sid for m in listed if sms.body in m.body and _epoch(m) >= since - CLOCKS_APART), "")
        except Exception as error:
            raise LookingError(f"the texts that were sent cannot be listed: {_failure(error).why}") from None


def is_mobile(number: str) -> bool:
    """Whether a text may go to this number: a French mobile in E.164, overseas departments included."""
    return _MOBILE.fullmatch(number) is not None


class _Http(TwilioHttpClient):  # type: ignore[misc]
    """The package's client: at another address when asked, within a time limit, and silent."""

    def __init__(self, base: str, seconds: float) -> None:
        super().__init__(timeout=seconds)
        bound(self.session)
        self.session.headers["Connection"] = "close"  # a stale connection would make an outcome unknown
        self._base, self._seconds = urlsplit(base), seconds

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """The answer to one request. Raises TimeoutError, requests.RequestException."""
        there = urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        ask = super().request
        return within(self._seconds, lambda: ask(method, there, *args, **kwargs))

    def log_request(self, kwargs: Mapping[str, Any]) -> None:
        """Nothing: the package would log whom a text goes to."""

    def log_response(self, status_code: int, response: requests.Response) -> None:
        """Nothing, as above."""


def _failure(error: Exception) -> NotSent | Unknown:
    """What an exception of the package, of its transport or of `within` means for a text."""
    match error:
        case TwilioException(status=429):
            return NotSent("busy", again=True)
        case TwilioException(status=401 | 403):
            return NotSent("credentials", again=False)
        case TwilioException(status=status) if 400 <= status < 500:
            return NotSent(_BY_CODE.get(_code(error), "refused"), again=False)
        case TwilioException():
            return Unknown("down")
        case requests.exceptions.ContentDecodingError():
            return Unknown("garbled")
        case requests.RequestException() if was_never_sent(error):
            return NotSent("late" if isinstance(error, requests.Timeout) else "down", again=True)
        case TimeoutError() | requests.Timeout():
            return Unknown("late")
        case requests.RequestException():
            return Unknown("down")
        case _:
            return Unknown("garbled")


def _code(error: Exception) -> int:
    """Twilio's number for what went wrong; 0 when there is none."""
    code = getattr(error, "code", 0)
    return code if isinstance(code, int) else 0


def _epoch(message: Any) -> float:
    return message.date_created.timestamp() if isinstance(message.date_created, datetime) else 0.0
