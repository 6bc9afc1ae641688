"""The carrier of one call: asks webhooks, fetches clips, tells how a call goes, and writes it all in the call's log.

Knows HTTP and Twilio's parameters; what a document means, and what a caller does, it does not.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal, Protocol
from urllib.parse import urlsplit

from ivr.phone import wire
from ivr.phone.audio import Piece, clip
from ivr.phone.clock import Clock
from ivr.phone.errors import TwimlError
from ivr.phone.twiml import Verb, parse

PLACES = ("City", "State", "Zip", "Country")
STATUSES = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}  # CallStatus of an event


Unaccepted = Literal["completed", "no-answer"]
"""The DialCallStatus of a call that was answered and, after its whisper, not connected.

Twilio's documentation does not say which it is. `completed` is what the documented meaning of the words comes to (the
called party answered), and what public code expects; DialBridged=false tells it from a talk. A line must not depend on
either: rely on DialBridged.
"""


class Log(Protocol):
    """The call's log."""

    def __call__(self, kind: str, text: str, at: float | None = None) -> None:
        """Write an entry; `at` is in seconds since the call began, by default now."""


@dataclass(frozen=True)
class Ends:
    """Who speaks with whom on one leg of a call; `parent` is the CallSid of the leg that dialled this one."""

    call_sid: str
    account: str
    caller: str
    called: str
    direction: str = "inbound"
    parent: str = ""

    def form(self, status: str) -> dict[str, str]:
        """Give what Twilio sends with every voice webhook: twilio.com/docs/voice/twiml#request-parameters."""
        ends = {"From": self.caller, "To": self.called, "Caller": self.caller, "Called": self.called}
        return {
            "CallSid": self.call_sid,
            "AccountSid": self.account,
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
            "Direction": self.direction,
            **({"ParentCallSid": self.parent} if self.parent else {}),
            **ends,
            **{end + place: "" for end in ends for place in PLACES},
        }


@dataclass
class Carrier:
    """Carries one call's requests, signed with `token`, or unsigned if that is None; `send` delivers them.

    `clips` were fetched before, since Twilio caches too; `on_recording` is told each recording's RecordingSid and
    seconds; `order` is that of status callbacks (see Progress). `began` is when the call began; `recordings` are
    lengths in seconds by address; `last` and `last_answer` are the last webhook and the body of its answer.
    """

    clock: Clock
    token: str | None
    log: Log
    clips: dict[str, Piece]
    on_recording: Callable[[str, int], None]
    order: Sequence[str] | None = None
    unaccepted: Unaccepted = "completed"
    send: wire.Send = wire.send
    began: float = field(init=False)
    recordings: dict[str, int] = field(default_factory=dict)
    last: wire.Request | None = None
    last_answer: bytes = b""

    def __post_init__(self) -> None:
        self.began = self.clock.now()

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return round(self.clock.now() - self.began, 3)

    def document(self, method: str, url: str, form: Mapping[str, str], shown: Mapping[str, str]) -> tuple[Verb, ...]:
        """Ask a webhook for a document; the log tells what is `shown` of the form."""
        self.last = wire.request(method, url, form, self.token)
        answer = self.send(self.last)
        self.log("webhook", f"{_told(self.last, shown)} -> {answer.status}")
        _check_status(self.last, answer)
        self.last_answer = answer.body
        return parse(answer.body, answer.content_type)

    def again(self) -> bytes:
        """Deliver the last webhook a second time, and give the body of the answer."""
        assert self.last is not None  # noqa: S101  every call begins with a webhook
        answer = self.send(self.last)
        self.log("again", f"{_told(self.last)} -> {answer.status}")
        _check_status(self.last, answer)
        return answer.body

    def clip(self, url: str) -> Piece:
        """Fetch a clip, once a phone. twilio.com/docs/voice/twiml/play."""
        if url not in self.clips:
            asked = wire.request("GET", url, {}, self.token)
            answer = self.send(asked)
            self.log("clip", f"{_told(asked)} -> {answer.status}")
            _check_status(asked, answer)
            self.clips[url] = clip(url, answer.content_type, answer.body)
        return self.clips[url]

    def tell(self, method: str, url: str, form: Mapping[str, str], shown: Mapping[str, str]) -> None:
        """Tell the line something; its answer's body is not used. twilio.com/docs/api/errors/11750."""
        asked = wire.request(method, url, form, self.token)
        answer = self.send(asked)
        self.log("callback", f"{_told(asked, shown)} -> {answer.status}")
        if not 200 <= answer.status < 300:
            raise _bad_status(asked, answer)


@dataclass
class Progress:
    """Tells how one leg goes, by status callbacks: the `events` that were asked for, to `url` if there is one.

    If the carrier has an `order`, nothing is told until the leg is over, and then these events in this order: Twilio
    promises none. One may be named twice, or not at all. twilio.com/docs/voice/api/call-resource#statuscallback.
    """

    carrier: Carrier
    ends: Ends
    url: str
    method: str = "POST"
    events: Sequence[str] = ("completed",)
    answered: float | None = None
    _forms: dict[str, dict[str, str]] = field(default_factory=dict)

    def happens(self, event: str) -> None:
        """Tell that the leg is `initiated`, `ringing` or `answered`."""
        if event == "answered":
            self.answered = self.carrier.clock.now()
        self._tell(event, {"CallStatus": STATUSES[event]})

    def over(self, status: str) -> None:
        """Tell the end: completed, busy, no-answer, failed or canceled."""
        self._tell("completed", {"CallStatus": status, "CallDuration": str(self.duration())})
        for event in self.carrier.order or ():
            if event in self._forms:
                self._send(self._forms[event])

    def duration(self) -> int:
        """How long the leg has lasted since somebody answered, in seconds as Twilio tells them."""
        return 0 if self.answered is None else round(self.carrier.clock.now() - self.answered)

    def _tell(self, event: str, about: dict[str, str]) -> None:
        if not self.url or event not in self.events:
            return
        more = {
            "Timestamp": formatdate(self.carrier.clock.now(), usegmt=True),
            "SequenceNumber": str(len(self._forms)),
            "CallbackSource": "call-progress-events",
        }
        self._forms[event] = about | more
        if self.carrier.order is None:
            self._send(self._forms[event])

    def _send(self, about: dict[str, str]) -> None:
        self.carrier.tell(self.method, self.url, self.ends.form("") | about, about)


def sid(kind: str) -> str:
    """Make an id like Twilio's: two letters and 32 hexadecimal digits."""
    return kind + uuid.uuid4().hex


def _told(request: wire.Request, about: Mapping[str, str] | None = None) -> str:
    """Write a request for the log: its path, and what is particular to it."""
    told = " ".join(f"{name}={value}" for name, value in (about or {}).items() if not name.endswith(("Sid", "Url")))
    return f"{request.method} {urlsplit(request.url).path} {told}".rstrip()


def _check_status(request: wire.Request, answer: wire.Answer) -> None:
    if answer.status != 200:
        raise _bad_status(request, answer)


def _bad_status(request: wire.Request, answer: wire.Answer) -> TwimlError:
    if answer.location:
        why = f"a redirect to {answer.location}; answer at the address itself (mind the trailing slash)"
    elif answer.status == 403:
        why = "refused; is the signature's token the line's, and the address the one it signs for?"
    else:
        why = "the caller would hear an error; the line's log says more"
    return TwimlError(11200, f"{request.method} {request.url} answered HTTP {answer.status}: {why}", answer.status)
