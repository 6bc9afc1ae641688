"""Webhooks as the carrier would send them, signed and ready before the clock starts. It must not know any server.

A call follows S1 of the guide: the menu, « Pas de base », and a registration that succeeds; its turns are known
beforehand, so that nobody has to read an answer to send what comes next.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ivr.store.vault import Vault

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

TOKEN = "the token of nobody's account"
ACCOUNT = "AC" + "0" * 32
SECRET_KEY = "a key for measuring that is of no use to anybody"
PUBLIC_URL = "https://ligne.example.com"
KEYS = "1111111"
TURNS = 1 + len(KEYS)
"""Webhooks of one call: it begins, then a key each."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One signed webhook."""

    path: str
    body: bytes
    signature: str

    def environ(self) -> dict[str, Any]:
        """The request as a WSGI server hands it over."""
        return {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "SERVER_NAME": "ligne.example.com",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "ligne.example.com",
            "HTTP_USER_AGENT": "TwilioProxy/1.1",
            "HTTP_ACCEPT": "*/*",
            "HTTP_X_TWILIO_SIGNATURE": self.signature,
            "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=UTF-8",
            "CONTENT_LENGTH": str(len(self.body)),
            "REMOTE_ADDR": "203.0.113.7",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }


def call(number: int) -> Iterator[Hook]:
    """The webhooks of one call, in order. `number` names it, and the mobile it comes from."""
    sid = f"CA{hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()}"  # as random as the carrier's
    vault = Vault([SECRET_KEY.encode()])
    yield _hook(sid, number, "/voice", {})
    for turn, key in enumerate(KEYS, 1):
        mac = vault.mac("turns", f"turn {turn} of {sid}")
        said = {"Digits": key, "FinishedOnKey": "", "msg": "Gather End"}
        yield _hook(sid, number, f"/voice/{turn}/{mac}/key", said)


def _hook(sid: str, number: int, path: str, said: dict[str, str]) -> Hook:
    mobile = f"+336399800{number % 100:02}"
    form = {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": sid,
        "CallStatus": "in-progress",
        "Called": "+33199000000",
        "CalledCity": "",
        "CalledCountry": "FR",
        "CalledState": "",
        "CalledZip": "",
        "Caller": mobile,
        "CallerCity": "",
        "CallerCountry": "FR",
        "CallerState": "",
        "CallerZip": "",
        "Direction": "inbound",
        "From": mobile,
        "To": "+33199000000",
    } | said
    signed = PUBLIC_URL + path + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), signed.encode(), hashlib.sha1)).decode()
    return Hook(path, urlencode(form).encode(), signature)


def served(app: WSGIApplication, environ: dict[str, Any]) -> bytes:
    """The body of a 200 answer. Raises RuntimeError at another one."""
    status: list[str] = []

    def start(line: str, _headers: Any, _problem: Any = None) -> Any:
        status.append(line)

    parts = app(environ, start)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    if not status[0].startswith("200"):
        raise RuntimeError(f"{environ['PATH_INFO']}: {status[0]}")
    return body
