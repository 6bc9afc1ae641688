"""The browser phone: a page with a keypad, and the carrier's part of the call played by this process.

The page asks for one document after another; each is fetched from the line's own webhook, in this process, signed as
the carrier signs, checked as strictly as the simulated telephone does, and handed to the page as plain verbs. It is no
relay: only addresses of the line's own calls, only calls that were begun here (a ticket says so), only what a caller
can do. A colleague whom the line dials answers on the same page, on a leg of his own; what a caller records goes to
whoever stands in for the carrier, if somebody does.

This module must not know the script, the database, or how an answer was made; it is the only one of `ivr.web` that
imports `ivr.phone`.
"""

from __future__ import annotations

import io
import re
import uuid
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import Client

from ivr.phone.audio import Silence, Utterance, spoken, tones
from ivr.phone.errors import TwimlError
from ivr.phone.twiml import Dial, Gather, Hangup, Pause, Play, Record, Redirect, Reject, Say, Verb, parse
from ivr.settings import Settings
from ivr.telephony.signature import signature

CALLER = "+33639980001"
"""Who calls, unless the number is withheld: a number that France keeps for fiction."""

WITHHELD = "anonymous"
NUMBER = "+33199000000"
"""Whom they call when the line has no number of its own yet: likewise."""

ACCOUNT = "AC" + "0" * 32
LONGEST_CALL = 4 * 3600
"""Seconds after which a carrier ends any call (twilio.com/docs/voice/twiml/dial#timelimit)."""

MOST_LOOPS = 100

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'"
POLICY += "; form-action 'none'; frame-ancestors 'none'"

_ADDRESS = re.compile(r"/voice(/\d{1,6}/[0-9a-f]{1,64}/[a-z]{1,20})?", re.ASCII)
_KEYS = re.compile(r"[0-9*#]{1,32}", re.ASCII)
_RESULTS = frozenset({"completed", "busy", "no-answer"})

MOST_RECORDING = 3 * 1024 * 1024
"""Bytes of a recording: a minute and a half of 16 bits at 8 kHz is half of it."""

RATE = 8000

NOT_OURS = "Cet appel n’a pas été commencé ici, ou il a trop duré. Rappelez."

NO_TELEPHONE = "Un téléphone ne peut pas envoyer cela."

TOO_LONG = "Cet enregistrement est trop long pour la ligne."

CARRIER_REFUSES = "La ligne a répondu ce que l’opérateur refuserait, et l’appel est coupé."

Json = dict[str, Any]
ClipWords = Callable[[str], str]
"""The words of a clip by its file name, as they are displayed; empty when they are not known."""

Keep = Callable[[str, bytes], None]
"""Keeps a recording (its RecordingSid, a WAV) where the line fetches those of the carrier."""

Told = Callable[[str, int], tuple[str, str] | None]
"""What happened at a turn of a call and the step that it led to, as the store keeps them."""


class RefusedError(Exception):
    """What the page asks for is nothing that a caller of this line can do; the message is for them."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One leg of a call begun here: its id, who calls whom, and the leg that dialled it, if one did."""

    call: str
    caller: str
    called: str
    parent: str = ""


class Softphone:
    """The carrier of the browser phone's calls. `words` and `told` are for the eye only: the call goes on without.

    Without `keep` nobody's voice leaves the page: a recording is then a number of seconds.
    """

    def __init__(self, settings: Settings, words: ClipWords, told: Told, keep: Keep | None) -> None:
        self._settings, self._words, self._told, self._keep = settings, words, told, keep
        keys = settings.secret_keys[::-1]  # the last one signs
        self._tickets = URLSafeTimedSerializer(keys, salt="softphone")
        self._recordings = URLSafeTimedSerializer(keys, salt="softphone recording")
        self._number = min(settings.numbers, default=NUMBER)

    def page(self) -> Response:
        """The page of the telephone."""
        shown = {"number": in_pairs(self._number), "caller": in_pairs(CALLER), "keeps": self._keep is not None}
        return under_policy(render_template("telephone.html", **shown))

    def begin(self) -> Response:
        """A new call: its ticket, and the first document."""
        caller = WITHHELD if _asked().get("withheld") is True else CALLER
        ticket = Ticket("CA" + uuid.uuid4().hex, caller, self._number)
        return self._answered(ticket, "/voice", "ringing", {})

    def go_on(self) -> Response:
        """The document at `to`, for what the caller did there."""
        asked = _asked()
        ticket, to = self._ticket(asked), asked.get("to")
        if not isinstance(to, str) or not _ADDRESS.fullmatch(to):
            raise RefusedError("Cette adresse n’est pas celle d’un tour d’appel.")
        return self._answered(ticket, to, "in-progress", self._happened(ticket, asked))

    def record(self) -> Response:
        """What the caller has said, a telephone's WAV; its seal is what the line is told of it (`recorded`)."""
        request.max_content_length = MOST_RECORDING
        ticket = self._ticket({"ticket": request.headers.get("X-Ticket", "")})
        if self._keep is None or request.mimetype != "audio/wav":
            raise RefusedError("Ce téléphone ne garde pas d’enregistrement.")
        sound = request.get_data(cache=False)
        recording = "RE" + uuid.uuid4().hex
        seal = self._recordings.dumps([ticket.call, recording, _seconds(sound)])
        self._keep(recording, sound)
        return jsonify(recorded=seal)

    def end(self) -> Response:
        """The caller or the line has hung up: the line is told, as the carrier tells it."""
        ticket = self._ticket(_asked())
        if ticket.parent:
            raise RefusedError(NOT_OURS)
        self._posted("/voice/status", self._form(ticket, "completed"))
        return Response(status=204)

    def _ticket(self, asked: Json) -> Ticket:
        try:
            return Ticket(*self._tickets.loads(str(asked.get("ticket", "")), max_age=LONGEST_CALL))
        except BadSignature:
            raise RefusedError(NOT_OURS) from None

    def _sealed(self, ticket: Ticket) -> str:
        return self._tickets.dumps([ticket.call, ticket.caller, ticket.called, ticket.parent])

    def _happened(self, ticket: Ticket, asked: Json) -> dict[str, str]:
        """What the caller did, as the carrier tells it: keys, a message, what became of a colleague's telephone."""
        match asked:
            case {"digits": str(digits)} if _KEYS.fullmatch(digits):
                return {"Digits": digits}
            case {"recorded": str(seal), **rest}:
                return self._recorded(ticket, seal) | _ended_by(rest.get("by"))
            case {"recorded": int(seconds), **rest} if self._keep is None and 0 <= seconds <= LONGEST_CALL:
                return self._recording("RE" + uuid.uuid4().hex, seconds) | _ended_by(rest.get("by"))
            case {"dialled": str(result), **rest} if result in _RESULTS:
                return self._dialled(ticket, result, rest)
            case {"digits": _} | {"recorded": _} | {"dialled": _}:
                raise RefusedError(NO_TELEPHONE)
            case _:
                return {}

    def _recorded(self, ticket: Ticket, seal: str) -> dict[str, str]:
        try:
            call, recording, seconds = self._recordings.loads(seal, max_age=LONGEST_CALL)
        except BadSignature:
            raise RefusedError(NO_TELEPHONE) from None
        if call != ticket.call:
            raise RefusedError(NO_TELEPHONE)
        return self._recording(recording, seconds)

    def _recording(self, recording: str, seconds: int) -> dict[str, str]:
        """What the carrier tells of a recording (twilio.com/docs/voice/twiml/record#action)."""
        account = self._settings.account_sid or ACCOUNT
        url = f"https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{recording}"
        return {"RecordingSid": recording, "RecordingUrl": url, "RecordingDuration": str(seconds)}

    def _dialled(self, ticket: Ticket, result: str, about: Json) -> dict[str, str]:
        """What the carrier tells of a telephone that was dialled (twilio.com/docs/voice/twiml/dial#action)."""
        leg = self._ticket({"ticket": about.get("leg", "")})
        if leg.parent != ticket.call:
            raise RefusedError(NO_TELEPHONE)
        bridged = result == "completed" and about.get("bridged") is True
        told = {"DialCallStatus": result, "DialCallSid": leg.call, "DialBridged": str(bridged).lower()}
        match about:
            case {"seconds": int(seconds)} if result == "completed" and 0 <= seconds <= LONGEST_CALL:
                return told | {"DialCallDuration": str(seconds)}
            case _:
                return told

    def _answered(self, ticket: Ticket, path: str, status: str, about: Mapping[str, str]) -> Response:
        answer = self._posted(path, self._form(ticket, status) | dict(about))
        if answer.status_code != 200:
            raise TwimlError(11200, f"the line answered HTTP {answer.status_code}")
        verbs = parse(answer.data, answer.content_type)
        if ticket.parent and any(isinstance(verb, Dial) for verb in verbs):
            raise TwimlError(13201, "a dialled leg cannot dial")
        seen = {"ticket": self._sealed(ticket), "turn": self._turn(ticket.call, path)}
        return jsonify(seen | {"verbs": [self._verb(ticket, verb, path) for verb in verbs]})

    def _turn(self, call: str, path: str) -> Json:
        number = int(path.split("/")[2]) if path != "/voice" else 0
        event, step = self._told(call, number) or ("", "")
        return {"number": number, "event": event, "step": step}

    def _posted(self, path: str, form: Mapping[str, str]) -> Any:
        """The line's own answer to the form, signed when signatures are checked."""
        tokens = self._settings.auth_tokens
        url = self._settings.public_url + path
        headers = {"X-Twilio-Signature": signature(tokens[0], url, form.items())} if tokens else {}
        return Client(current_app, use_cookies=False).post(path, data=dict(form), headers=headers)

    def _form(self, ticket: Ticket, status: str) -> dict[str, str]:
        """What Twilio sends with every voice webhook (twilio.com/docs/voice/twiml#request-parameters)."""
        return {
            "CallSid": ticket.call,
            "AccountSid": self._settings.account_sid or ACCOUNT,
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
            "Direction": "outbound-dial" if ticket.parent else "inbound",
            "From": ticket.caller,
            "To": ticket.called,
            "Caller": ticket.caller,
            "Called": ticket.called,
            **({"ParentCallSid": ticket.parent} if ticket.parent else {}),
        }

    def _verb(self, ticket: Ticket, verb: Verb, document: str) -> Json:
        match verb:
            case Say() | Play() | Pause():
                return {"kind": "sound", "pieces": list(self._pieces([verb]))}
            case Gather():
                return {
                    "kind": "gather",
                    "pieces": list(self._pieces(verb.prompts)),
                    "digits": verb.num_digits,
                    "finish": verb.finish_on_key,
                    "timeout": verb.timeout,
                    "always": verb.action_on_empty_result,
                    "to": self._path(document, verb.action),
                }
            case Redirect(url=url):
                return {"kind": "redirect", "to": self._path(document, url)}
            case Record():
                finish, most, to = verb.finish_on_key, verb.max_length, self._path(document, verb.action)
                silence = {"beep": verb.beep, "timeout": verb.timeout}
                return {"kind": "record", "finish": finish, "most": most, "to": to, **silence}
            case Dial():
                return {"kind": "dial", "timeout": verb.timeout, **self._dial(ticket, verb, document)}
            case Hangup() | Reject():
                return {"kind": "hangup"}

    def _dial(self, ticket: Ticket, dial: Dial, document: str) -> Json:
        """Where a Dial leads, and the leg of the first telephone that it rings: its ticket, and its whisper."""
        number = dial.numbers[0]
        leg = Ticket("CA" + uuid.uuid4().hex, dial.caller_id or ticket.caller, number.number, ticket.call)
        return {
            "to": self._path(document, dial.action) if dial.action else "",
            "whisper": self._path(document, number.url) if number.url else "",
            "leg": self._sealed(leg),
        }

    def _pieces(self, prompts: Iterable[Say | Play | Pause]) -> Iterator[Json]:
        """What sounds, piece by piece: clips, words for the browser's voice, silences in seconds."""
        for prompt in prompts:
            match prompt:
                case Pause(length=length):
                    yield {"silence": length}
                case Play(digits=digits) if digits:
                    yield {"silence": tones(prompt).seconds}
                case Play(url=url, loop=loop):
                    yield from [self._clip(url)] * min(loop, MOST_LOOPS)
                case Say(loop=loop):
                    yield from [_piece(piece) for piece in spoken(prompt)] * min(loop, MOST_LOOPS)

    def _clip(self, url: str) -> Json:
        """A clip of ours by its address beside the page, so that it loads wherever the page was loaded from."""
        ours = f"{self._settings.public_url}/audio/"
        name = url.removeprefix(ours)
        if silent := re.fullmatch(r"silence-(\d+)\.wav", name):
            return {"silence": int(silent[1]) / 1000}
        return {"clip": f"audio/{name}" if url.startswith(ours) else url, "words": self._words(name.partition("?")[0])}

    def _path(self, document: str, url: str) -> str:
        """Where an address leads, as the line's own path; an empty one leads to the document itself."""
        base = self._settings.public_url
        return urljoin(base + document, url).removeprefix(base)


def softphone_routes(
    settings: Settings, *, words: ClipWords, told: Told, keep_recording: Keep | None = None
) -> Blueprint:
    """The page, what it is made of (which the listening page shares), and the call behind it.

    With `keep_recording` the page records with the microphone, and each recording is kept before the line knows of it.
    """
    phone = Softphone(settings, words, told, keep_recording)
    routes = Blueprint(
        "softphone", __name__, template_folder="templates", static_folder="static", static_url_path="/telephone"
    )
    routes.add_url_rule("/telephone", "page", phone.page)
    routes.add_url_rule("/telephone/appel", "begin", phone.begin, methods=["POST"])
    routes.add_url_rule("/telephone/suite", "go_on", phone.go_on, methods=["POST"])
    routes.add_url_rule("/telephone/enregistrement", "record", phone.record, methods=["POST"])
    routes.add_url_rule("/telephone/fin", "end", phone.end, methods=["POST"])
    routes.register_error_handler(RefusedError, lambda error: _refusal(str(error), 403))
    routes.register_error_handler(RequestEntityTooLarge, lambda _error: _refusal(TOO_LONG, 413))
    routes.register_error_handler(TwimlError, lambda error: _refusal(f"{CARRIER_REFUSES} {error}", 502))
    return routes


def under_policy(page: str) -> Response:
    """The page, which may load nothing but what lies beside it."""
    return Response(
        page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}, mimetype="text/html"
    )


def in_pairs(number: str) -> str:
    """A French number as it is written: « 06 39 98 00 01 »; another stays as it is."""
    if not re.fullmatch(r"\+33\d{9}", number):
        return number
    national = "0" + number[3:]
    return "\u00a0".join(national[i : i + 2] for i in range(0, 10, 2))


def _piece(piece: Utterance | Silence) -> Json:
    if isinstance(piece, Silence):
        return {"silence": piece.seconds}
    return {"words": piece.what, "seconds": round(piece.seconds, 3)}


def _asked() -> Json:
    """The page's question. JSON alone: another site's form cannot send it unasked."""
    asked = request.get_json(silent=True) if request.is_json else None
    if not isinstance(asked, dict):
        raise RefusedError("Cette demande n’est pas celle du téléphone.")
    return asked


def _ended_by(key: object) -> dict[str, str]:
    """What ended a recording: a key, or the caller who hung up; nothing when it was silence or its length."""
    return {"Digits": key} if isinstance(key, str) and re.fullmatch(r"[0-9*#]|hangup", key) else {}


def _seconds(sound: bytes) -> int:
    """How long a recording is, in whole seconds. Raises RefusedError unless it is a WAV of 16 bits at 8 kHz, mono."""
    try:
        with wave.open(io.BytesIO(sound), "rb") as read:
            shape = (read.getnchannels(), read.getsampwidth(), read.getframerate())
            frames = read.getnframes()
    except (wave.Error, EOFError):
        shape, frames = (0, 0, 0), 0
    if shape != (1, 2, RATE):
        raise RefusedError("Cet enregistrement n’est pas celui d’un téléphone.")
    return round(frames / RATE)


def _refusal(why: str, status: int) -> Response:
    answer = jsonify(error=why)
    answer.status_code = status
    return answer
