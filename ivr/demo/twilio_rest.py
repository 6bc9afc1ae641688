"""Twilio's REST on loopback: texts and calls created, listed, kept to be seen; recordings given and deleted.

It must not know our sender: it speaks Twilio's dialect, right and wrong (`Loopback.faults`, by operation: « create »
and « list » for texts, « place » and « list-calls », « recording » and « delete »). With `make run`, what it was given
is what a customer would have read (`TwilioRest.messages`), and whom the line would ring (`TwilioRest.calls`).
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
from pathlib import Path

from ivr.demo import loopback
from ivr.demo.loopback import Loopback, Reply, Request, reply

ACCOUNT = "AC" + "0" * 32
SECRET = "demo-auth-token"  # noqa: S105 - of nobody's account
_VERSION = "2010-04-01"
_PLACE = f"/{_VERSION}/Accounts/{ACCOUNT}"
_RECORDING = re.compile(rf"{_PLACE}/Recordings/(RE[0-9a-f]{{32}})\.(wav|json)", re.ASCII)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


@dataclass(frozen=True)
class Message:
    """One text that Twilio took: its sid, from whom, to whom, what, and when (seconds since the epoch)."""

    sid: str
    sender: str
    to: str
    body: str
    at: float


@dataclass(frozen=True)
class Placed:
    """One call that Twilio took: as `Message`, where its TwiML is, where its end is told, how many seconds it rings."""

    sid: str
    sender: str
    to: str
    url: str
    status_url: str
    timeout: int
    at: float


class _Handler(loopback._Handler):
    def do_DELETE(self) -> None:  # noqa: N802 - the name that http.server wants
        """Answer, or go wrong."""
        self.do_GET()


class TwilioRest(Loopback):
    """The stand-in; its `address` is the base that a client is given.

    `messages` and `calls` are what was created, oldest first; `recordings` the WAV files by their names; `numbers` what
    each of ours asks (« voice_url », « voice_fallback_url », « status_callback »). `told` and
    `rung` hear of each text and call as it is created. Recordings that another process leaves in `folder` are taken up.
    """

    def __init__(
        self,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        key: str = ACCOUNT,
        told: Callable[[Message], None] = lambda _message: None,
        rung: Callable[[Placed], None] = lambda _call: None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(port)
        self._server.RequestHandlerClass = _Handler
        self._told, self._rung, self._folder = told, rung, folder
        self.messages: list[Message] = []
        self.calls: list[Placed] = []
        self.recordings: dict[str, bytes] = {}
        self.numbers: dict[str, dict[str, str]] = {}
        self._clock, self._numbers = clock, itertools.count(1)
        self._login = f"Basic {b64encode(f'{key}:{SECRET}'.encode()).decode()}"

    def keep_recording(self, sid: str, wav: bytes) -> None:
        """Keep what somebody said, to be fetched."""
        with self.lock:
            self.recordings[sid] = wav

    def operation(self, request: Request) -> str:
        """« create » or « list » a text, « place » or « list-calls », « numbers », « recording » or « delete »."""
        if "/Recordings/" in request.path:
            return "delete" if request.method == "DELETE" else "recording"
        if request.path.endswith("/IncomingPhoneNumbers.json"):
            return "numbers"
        if request.path.endswith("/Calls.json"):
            return "place" if request.method == "POST" else "list-calls"
        return "create" if request.method == "POST" else "list"

    def answer(self, request: Request) -> Reply:
        """What Twilio answers."""
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._login):
            return _error(401, 20003, "Authenticate")
        match request.method, request.path.removeprefix(_PLACE):
            case "POST", "/Messages.json":
                return self._created(request.form)
            case "GET", "/Messages.json":
                return self._listed(request.query)
            case "POST", "/Calls.json":
                return self._placed(request.form)
            case "GET", "/Calls.json":
                return self._listed_calls(request.query)
            case "GET", "/IncomingPhoneNumbers.json":
                return _page("incoming_phone_numbers", [_shown_number(*each) for each in self.numbers.items()])
        return self._recording(request)

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
        return _page("messages", found)

    def _placed(self, form: dict[str, str]) -> Reply:
        to, sender, url = form.get("To", ""), form.get("From", ""), form.get("Url", "")
        if not _E164.fullmatch(to):
            return _error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not _E164.fullmatch(sender):
            return _error(400, 21210, f"The source phone number provided, {sender}, is not yet verified.")
        if not url.startswith(("http://", "https://")):
            return _error(400, 21205, f"Url is not a valid URL: {url}")
        sid, timeout = f"CA{next(self._numbers):032x}", int(form.get("Timeout", "60"))
        call = Placed(sid, sender, to, url, form.get("StatusCallback", ""), timeout, self._clock())
        self.calls.append(call)
        self._rung(call)
        return reply(_shown_call(call), 201)

    def _listed_calls(self, query: dict[str, str]) -> Reply:
        to, sender = query.get("To"), query.get("From")
        ours = [call for call in reversed(self.calls) if to in (None, call.to) and sender in (None, call.sender)]
        return _page("calls", [_shown_call(call) for call in ours])

    def _take_up(self) -> None:
        for path in self._folder.glob("RE*.wav") if self._folder else ():
            self.recordings[path.stem] = path.read_bytes()
            path.unlink()

    def _recording(self, request: Request) -> Reply:
        found = _RECORDING.fullmatch(request.path)
        self._take_up()
        if not found or found[1] not in self.recordings:
            return _error(404, 20404, "The requested resource was not found")
        match request.method, found[2]:
            case "GET", "wav":
                return Reply(200, self.recordings[found[1]], "audio/x-wav")
            case "DELETE", "json":
                del self.recordings[found[1]]
                return Reply(204)
        return _error(405, 20004, "Method not allowed")


def _page(name: str, found: list[dict[str, object]]) -> Reply:
    page = {"page": 0, "page_size": 50, "start": 0, "end": 49, "uri": "", "first_page_uri": ""}
    return reply({name: found[:50], **page, "next_page_uri": None, "previous_page_uri": None})


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


def _shown_call(call: Placed) -> dict[str, object]:
    """A call as Twilio shows it (twilio.com/docs/voice/api/call-resource): its addresses are not shown."""
    at = formatdate(call.at)
    return {
        "account_sid": ACCOUNT,
        "api_version": _VERSION,
        "date_created": at,
        "date_updated": at,
        "direction": "outbound-api",
        "duration": None,
        "end_time": None,
        "from": call.sender,
        "parent_call_sid": None,
        "sid": call.sid,
        "start_time": None,
        "status": "queued",
        "subresource_uris": {},
        "to": call.to,
        "uri": f"/{_VERSION}/Accounts/{ACCOUNT}/Calls/{call.sid}.json",
    }


def _shown_number(number: str, asks: dict[str, str]) -> dict[str, object]:
    """A number as Twilio shows it (twilio.com/docs/phone-numbers/api/incomingphonenumber-resource)."""
    return {
        "account_sid": ACCOUNT,
        "api_version": _VERSION,
        "friendly_name": number,
        "phone_number": number,
        "sid": f"PN{number[1:]:0>32}",
        "status_callback": "",
        "status_callback_method": "POST",
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_url": "",
        **asks,
    }


def _error(status: int, code: int, message: str) -> Reply:
    about = f"https://www.twilio.com/docs/errors/{code}"
    return reply({"code": code, "message": message, "more_info": about, "status": status}, status)
