"""Twilio's REST for text messages, on loopback: created, listed, kept to be seen, sent to nobody.

It must not know our sender: it speaks Twilio's dialect, right and wrong (`Loopback.faults`, by operation: « create »,
« list »). With `make run`, what it was given is what a customer would have read (`TwilioRest.messages`).
"""

from __future__ import annotations

import hmac
import itertools
import re
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from ivr.demo.loopback import Loopback, Reply, Request, reply

ACCOUNT = "AC" + "0" * 32
SECRET = "demo-auth-token"  # noqa: S105 - of nobody's account
_VERSION = "2010-04-01"
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


@dataclass(frozen=True)
class Message:
    """One text that Twilio took: its sid, from whom, to whom, what, and when (seconds since the epoch)."""

    sid: str
    sender: str
    to: str
    body: str
    at: float


class TwilioRest(Loopback):
    """The stand-in; its `address` is the base that a client is given, `messages` what was created, oldest first."""

    def __init__(
        self,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        key: str = ACCOUNT,
        told: Callable[[Message], None] = lambda _message: None,
    ) -> None:
        super().__init__(port)
        self._told = told
        self.messages: list[Message] = []
        self._clock, self._numbers = clock, itertools.count(1)
        self._login = f"Basic {b64encode(f'{key}:{SECRET}'.encode()).decode()}"

    def operation(self, request: Request) -> str:
        """« create » or « list »."""
        return "create" if request.method == "POST" else "list"

    def answer(self, request: Request) -> Reply:
        """What Twilio answers."""
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._login):
            return _error(401, 20003, "Authenticate")
        if request.path != f"/{_VERSION}/Accounts/{ACCOUNT}/Messages.json":
            return _error(404, 20404, "The requested resource was not found")
        return self._created(request.form) if request.method == "POST" else self._listed(request.query)

    def _created(self, form: dict[str, str]) -> Reply:
        to, body = form.get("To", ""), form.get("Body", "")
        sender = form.get("From") or form.get("MessagingServiceSid", "")
        if not _E164.fullmatch(to):
            return _error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not sender:
            return _error(400, 21603, "A 'From' phone number is required.")
        if not body or len(body) > 1600:
            return _error(400, 21617 if body else 21602, "The message body is wrong.")
        message = Message(f"SM{next(self._numbers):032x}", sender, to, body, self._clock())
        self.messages.append(message)
        self._told(message)
        return reply(_shown(message), 201)

    def _listed(self, query: dict[str, str]) -> Reply:
        found = [_shown(message) for message in reversed(self.messages) if query.get("To") in (None, message.to)]
        page = {"page": 0, "page_size": 50, "start": 0, "end": 49, "uri": "", "first_page_uri": ""}
        return reply({"messages": found[:50], **page, "next_page_uri": None, "previous_page_uri": None})


def _shown(message: Message) -> dict[str, object]:
    """A message as Twilio shows it (twilio.com/docs/messaging/api/message-resource)."""
    at = formatdate(message.at)
    return {
        "account_sid": ACCOUNT,
        "api_version": _VERSION,
        "body": message.body,
        "date_created": at,
        "date_sent": None,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": message.sid,
        "status": "queued",
        "subresource_uris": {},
        "to": message.to,
        "uri": f"/{_VERSION}/Accounts/{ACCOUNT}/Messages/{message.sid}.json",
    }


def _error(status: int, code: int, message: str) -> Reply:
    about = f"https://www.twilio.com/docs/errors/{code}"
    return reply({"code": code, "message": message, "more_info": about, "status": status}, status)
