"""The carrier's side of the wire: a form, signed, over real HTTP, and what came back.

Signs with twilio's own RequestValidator, so with an implementation that is not the line's. Never follows a redirect:
a webhook must answer at its own address. A line that is a WSGI app can be asked without a wire (`into`). Knows nothing
of TwiML nor of the call.
"""

import io
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, unquote_to_bytes, urlencode, urlsplit, urlunsplit

from ivr.phone.errors import CallError, UnreachableError

TIMEOUT = 15.0  # seconds: twilio.com/docs/usage/webhooks/webhooks-connection-overrides
AGENT = "TwilioProxy/1.1"


@dataclass(frozen=True)
class Request:
    """One request, complete: sending it twice sends the same bytes twice."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What came back. `location` is where a redirect points, which nobody follows."""

    status: int
    content_type: str | None
    body: bytes
    location: str | None = None


Send = Callable[[Request], Answer]
"""Delivers one request, and gives what came back. Raises UnreachableError."""


def request(method: str, url: str, form: Mapping[str, str], token: str | None) -> Request:
    """Write a webhook's request; a GET carries the form in its query. Without a token it is not signed.

    Source: twilio.com/docs/usage/security#validating-requests. Raises CallError if the address is not http(s).
    """
    parts = _sent(url)
    if method == "GET" and form:
        parts = parts._replace(query="&".join(filter(None, (parts.query, urlencode(form)))))
    headers = {"User-Agent": AGENT, "Accept": "*/*"}
    if method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
    if token is not None:
        headers["X-Twilio-Signature"] = signature(parts.geturl(), form if method == "POST" else {}, token)
    return Request(method, parts.geturl(), urlencode(form).encode() if method == "POST" else b"", headers)


def signature(url: str, form: Mapping[str, str], token: str) -> str:
    """Sign as Twilio does: over HTTPS the port is left out. twilio.com/docs/usage/security."""
    from twilio.request_validator import RequestValidator  # late: twilio is slow to import

    parts = urlsplit(url)
    if parts.scheme == "https":
        parts = parts._replace(netloc=parts.hostname or "")
    signed: str = RequestValidator(token).compute_signature(urlunsplit(parts), dict(form))
    return signed


def send(wanted: Request, timeout: float = TIMEOUT) -> Answer:
    """Send one request and read the answer whole.

    Raises UnreachableError: connection refused, cut, or no answer within `timeout` seconds.
    """
    parts = urlsplit(wanted.url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=timeout)) as connection:
        try:
            target = urlunsplit(("", "", parts.path, parts.query, ""))
            connection.request(wanted.method, target, wanted.body or None, dict(wanted.headers))
            with connection.getresponse() as response:
                kinds = response.headers.get("Content-Type")
                return Answer(response.status, kinds, response.read(), response.headers.get("Location"))
        except TimeoutError:
            raise UnreachableError(wanted.url, f"no answer within {timeout:.0f} s") from None
        except (OSError, HTTPException) as error:
            raise UnreachableError(wanted.url, f"nobody answers ({error or type(error).__name__})") from error


def into(app: Callable[..., Iterable[bytes]]) -> Send:
    """Deliver to a WSGI app in this process (PEP 3333), as fast as it answers. Whatever the app raises goes through."""

    def send_into(wanted: Request) -> Answer:
        began: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[..., None]:
            began.append((status, headers))
            return lambda _data: None

        chunks = app(_environ(wanted), start_response)
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        status, headers = began[-1]
        named = {name.lower(): value for name, value in headers}
        return Answer(int(status[:3]), named.get("content-type"), body, named.get("location"))

    return send_into


def _environ(wanted: Request) -> dict[str, Any]:
    parts = urlsplit(wanted.url)
    headers = {name.upper().replace("-", "_"): value for name, value in wanted.headers.items()}
    return {
        **{f"HTTP_{name}": value for name, value in headers.items() if name != "CONTENT_TYPE"},
        "CONTENT_LENGTH": str(len(wanted.body)),
        "CONTENT_TYPE": headers.get("CONTENT_TYPE", ""),
        "HTTP_HOST": parts.netloc,
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": wanted.method,
        "SCRIPT_NAME": "",
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port or {"https": 443}.get(parts.scheme, 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(wanted.body),
        "wsgi.multiprocess": False,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.url_scheme": parts.scheme,
        "wsgi.version": (1, 0),
    }


def _sent(url: str) -> SplitResult:
    """Give the address as it goes over the wire: no fragment (it holds Twilio's overrides), no user, a path."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CallError(f"{url!r} is not the address of a webhook; write http://… or https://…")
    return parts._replace(fragment="", netloc=parts.netloc.rpartition("@")[2], path=parts.path or "/")
