"""Twilio's REST: texts and calls out, a look for those that may have gone, recordings in. Only this module asks it.

Through the `twilio` package, whose client would wait for ever (facts/reliability.md 0.6) and logs recipients: both
stop here. A text or call is created once: Twilio's create is not idempotent, so what may have arrived is never sent
again. A recording is fetched by its name from Twilio's own host: no address that a webhook brings is ever asked (T9).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ivr.asking import bound, was_never_sent
from ivr.bounds import within
from ivr.telephony.outgoing import (
    LookingError,
    NoRecording,
    NotSent,
    Number,
    Outgoing,
    Placed,
    RecordingError,
    Sent,
    Sms,
    Unknown,
    Why,
    is_mobile,
    is_telephone,
)

BASE: Final = "https://api.twilio.com"
MOST_LISTED = 50
CLOCKS_APART = 60.0
"""Seconds by which Twilio's clock and ours may differ when a message or call is looked for."""

MOST_RECORDED = 3_000_000
"""Bytes of a recording at most: three minutes of 8,000 samples a second, each of two bytes."""

_RECORDING = re.compile(r"RE[0-9a-f]{32}", re.ASCII)

_BY_CODE: Mapping[int, Why] = {
    21210: "sender",
    21211: "recipient",
    21216: "recipient",
    21408: "recipient",
    21606: "sender",
    21610: "opted-out",
    21612: "recipient",
    21614: "recipient",
}
"""Twilio's error codes (facts/twilio.md 6); another code of a refusal is just « refused »."""

log = logging.getLogger("ivr.twilio")


class Twilio:
    """One Twilio account: texts, outgoing calls, recordings.

    `account` is its SID; `key` and `secret` an API key's, or the account's own SID and auth token. `sender`, of texts,
    is a number of ours in E.164, an alphanumeric name, or a messaging service (« MG… »); `voice_from`, of calls, a
    number of ours in E.164. What has no sender does not go. `base` is where the API is; `seconds` how long one request
    may take in all.
    """

    def __init__(
        self,
        account: str,
        key: str,
        secret: str,
        sender: str = "",
        *,
        voice_from: str = "",
        base: str = BASE,
        seconds: float = 5.0,
    ) -> None:
        self._client = Client(key, secret, account, http_client=_Http(base, seconds))
        self._sender = sender
        self._from = {"messaging_service_sid" if re.fullmatch("MG[0-9a-f]{32}", sender) else "from_": sender}
        self._voice_from = voice_from
        self._media = _Media(f"{base}/2010-04-01/Accounts/{account}/Recordings", (key, secret), seconds)

    def send(self, sms: Sms) -> Sent | NotSent | Unknown:
        """Send one text, once. Never raises."""
        if not is_mobile(sms.to):
            return NotSent("recipient", again=False)
        if not self._sender:
            return NotSent("sender", again=False)
        try:
            sid = self._client.messages.create(to=sms.to, body=sms.body, **self._from).sid
        except Exception as error:
            return _noted("sms", error)
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

    def numbers(self) -> list[Number]:
        """The account's numbers, the first thousand. Raises LookingError when Twilio cannot say."""
        try:
            listed = self._client.incoming_phone_numbers.list(limit=1000, page_size=1000)
            return [
                Number(
                    one.phone_number,
                    one.voice_url or "",
                    one.voice_method or "",
                    one.voice_fallback_url or "",
                    one.status_callback or "",
                )
                for one in listed
            ]
        except Exception as error:
            raise LookingError(f"the numbers of the account cannot be listed: {_failure(error).why}") from None

    def place(self, call: Outgoing) -> Placed | NotSent | Unknown:
        """Create one outgoing call, once. Never raises."""
        if not is_telephone(call.to):
            return NotSent("recipient", again=False)
        if not self._voice_from:
            return NotSent("sender", again=False)
        try:
            sid = self._client.calls.create(
                to=call.to,
                from_=self._voice_from,
                url=call.url,
                method="POST",
                status_callback=call.status_url,
                status_callback_method="POST",
                timeout=call.timeout,
            ).sid
        except Exception as error:
            return _noted("call", error)
        return Placed(sid) if sid else Unknown("garbled")

    def find_call(self, to: str, since: float) -> str:
        """The sid of a call that we created to this number since then (seconds since the epoch); else empty.

        A minute is allowed for clocks that differ. Raises LookingError when Twilio cannot say.
        """
        try:
            listed = self._client.calls.list(to=to, from_=self._voice_from, limit=MOST_LISTED, page_size=MOST_LISTED)
            ours = (call for call in listed if call.direction == "outbound-api")
            return next((call.sid for call in ours if _epoch(call) >= since - CLOCKS_APART), "")
        except Exception as error:
            raise LookingError(f"the calls that were placed cannot be listed: {_failure(error).why}") from None

    def recording(self, sid: str) -> bytes:
        """One recording, as a WAV file. Raises RecordingError."""
        return self._media.wav(_named(sid))

    def delete_recording(self, sid: str) -> None:
        """Delete one recording at Twilio; one that is gone already is fine. Raises RecordingError."""
        try:
            self._client.recordings(_named(sid)).delete()
        except Exception as error:
            if isinstance(error, RecordingError):
                raise
            if getattr(error, "status", 0) != HTTPStatus.NOT_FOUND:
                raise RecordingError(_missing(error)) from None


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


class _Media:
    """Recordings, from one place only: the package fetches none. Nothing leads elsewhere, nothing is endless."""

    def __init__(self, place: str, login: tuple[str, str], seconds: float) -> None:
        self._place, self._login, self._seconds = place, login, seconds

    def wav(self, sid: str) -> bytes:
        """The file. Raises RecordingError."""
        try:
            return within(self._seconds, lambda: self._read(f"{self._place}/{sid}.wav"))
        except RecordingError:
            raise
        except Exception as error:
            raise RecordingError(_missing(error)) from None

    def _read(self, url: str) -> bytes:
        """The file. Raises RecordingError, requests.RequestException."""
        ask = requests.get(url, auth=self._login, timeout=self._seconds, stream=True, allow_redirects=False)
        with ask as answer:
            if answer.status_code != HTTPStatus.OK:
                raise RecordingError(_refusal(answer.status_code))
            file = b""
            for part in answer.iter_content(65_536):
                file += part
                if len(file) > MOST_RECORDED:
                    raise RecordingError("too-long")
        if file[:4] != b"RIFF" or file[8:12] != b"WAVE":
            raise RecordingError("garbled")
        return file


def _named(sid: str) -> str:
    """The name, when it is a recording's. Raises RecordingError."""
    if not _RECORDING.fullmatch(sid):
        raise RecordingError("malformed")
    return sid


def _missing(error: Exception) -> NoRecording:
    """What an exception of the package, of the transport or of `within` means for a recording."""
    match error:
        case TwilioException(status=int(status)):
            return _refusal(status)
        case TimeoutError() | requests.Timeout():
            return "late"
        case requests.exceptions.ContentDecodingError():
            return "garbled"
        case requests.RequestException() | TwilioException():
            return "down"
        case _:
            return "garbled"


def _refusal(status: int) -> NoRecording:
    """What an HTTP status means for a recording."""
    match status:
        case 404:
            return "not-ready"
        case 401 | 403:
            return "credentials"
        case 429:
            return "busy"
        case _ if status >= 500:
            return "down"
        case _:
            return "refused"


def _noted(what: str, error: Exception) -> NotSent | Unknown:
    """What an exception means, logged without anybody's number."""
    outcome = _failure(error)
    log.warning(what, extra={"outcome": type(outcome).__name__, "why": outcome.why, "code": _code(error)})
    return outcome


def _failure(error: Exception) -> NotSent | Unknown:
    """What an exception of the package, of its transport or of `within` means for a text or call."""
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


def _epoch(created: Any) -> float:
    return created.date_created.timestamp() if isinstance(created.date_created, datetime) else 0.0
