"""Google Translate's speech as gTTS meets it, on loopback: a proxy that answers in Google's place.

gTTS calls https://translate.google.com and checks no certificate (facts/speech.md section 2), and takes its proxy from
the environment: with `HTTPS_PROXY` set to `GoogleTts.address`, every request ends here, and what was asked is kept in
`asked`. This module must not know our engine: it speaks Google's dialect, right and wrong.
"""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Reply:
    """One answer: status and body; `sent` is how much of the body really comes, `hang` that nothing ever does."""

    status: int = 200
    body: bytes = b""
    sent: int | None = None
    hang: bool = False


@dataclass(frozen=True)
class Asked:
    """What one request wanted said."""

    text: str
    lang: str
    slow: bool


def sound(mp3: bytes) -> Reply:
    """The answer that holds a recording, wrapped as Google wraps it."""
    inner = json.dumps([b64encode(mp3).decode()])
    line = json.dumps([["wrb.fr", "jQ1olc", inner, None, None, None, "generic"]], separators=(",", ":"))
    return Reply(body=f")]}}'\n\n{line}\n".encode())


def half(mp3: bytes) -> Reply:
    """The same, but the connection is lost in the middle of the body."""
    whole = sound(mp3)
    return Reply(body=whole.body, sent=len(whole.body) // 2)


_HANG = 10.0
"""How long a hanging answer hangs at most, in seconds: longer than any test waits."""

EMPTY = Reply(body=b")]}'\n\n[]\n")
"""200, and no sound."""

GARBAGE = sound(b"this is no MP3 at all" * 20)
"""200, and bytes that are no sound."""

HANG = Reply(hang=True)
"""A connection that is taken and never answered."""


class GoogleTts:
    """The stand-in, from `with` to its end: gives `replies` in turn, then the last one for ever."""

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.asked: list[Asked] = []
        self.over = Event()
        self._replies = _endless(replies)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.google = self

    @property
    def address(self) -> str:
        """The value for `HTTPS_PROXY`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reply(self, body: bytes) -> Reply:
        """The answer to one request; what was asked is noted."""
        rpc = json.loads(parse_qs(body.decode())["f.req"][0])
        text, lang, speed, _ = json.loads(rpc[0][0][1])
        self.asked.append(Asked(text, lang, bool(speed)))
        return next(self._replies)

    def __enter__(self) -> GoogleTts:
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _endless(replies: Iterable[Reply]) -> Iterator[Reply]:
    last = EMPTY
    for last in replies:
        yield last
    while True:
        yield last


class _Server(ThreadingHTTPServer):
    google: GoogleTts

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_CONNECT(self) -> None:
        """Open the tunnel, be Google at its other end, and take the request that comes through."""
        self.send_response(200, "Connection established")
        self.end_headers()
        with _encrypted().wrap_socket(self.connection, server_side=True) as tunnel:
            self.rfile.close()
            self.rfile, self.wfile = tunnel.makefile("rb"), tunnel.makefile("wb")
            self.handle_one_request()

    def do_POST(self) -> None:
        """One request to speak."""
        reply = self.server.google.reply(self.rfile.read(int(self.headers["Content-Length"])))
        if reply.hang:
            self.server.google.over.wait(_HANG)
            return
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.sent])
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server wants
        """Nothing is printed."""


def _encrypted() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        pem = Path(folder, "fake.pem")
        pem.write_text(_FAKE_KEY + _FAKE_CERTIFICATE, encoding="ascii")
        context.load_cert_chain(pem)
    return context


# Made up for this stand-in, valid nowhere, protecting nothing: no secret.
_FAKE_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzHNZjXdbyLEmrfuE
s26LjI3bh89mEPxzLCGDH5MvaHOhRANCAATHr/QtlEVk4PYPZWdzWJWCpWBfbgcn
29UcuW9GHyk/FBTos02zUP/gfL0ObDYsc8AptJa3LKFvoE1ZL/uNg7CX
-----END PRIVATE KEY-----
"""
_FAKE_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIB2zCCAYCgAwIBAgIUBoq5QgDdFdOPPJW8vqv7v87wVeUwCgYIKoZIzj0EAwIw
MTEvMC0GA1UEAwwmdHJhbnNsYXRlLmdvb2dsZS5jb20gZmFrZSBvZiB0aGUgdGVz
dHMwIBcNMjYxMTI0MTYyNDEwWhgPMjEyNjEwMzExNjI0MTBaMDExLzAtBgNVBAMM
JnRyYW5zbGF0ZS5nb29nbGUuY29tIGZha2Ugb2YgdGhlIHRlc3RzMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEx6/0LZRFZOD2D2Vnc1iVgqVgX24HJ9vVHLlvRh8p
PxQU6LNNs1D/4Hy9Dmw2LHPAKbSWtyyhb6BNWS/7jYOwl6N0MHIwHQYDVR0OBBYE
FJTmuzDJQ5xWqR8/GNri4h0hJ/5+MB8GA1UdIwQYMBaAFJTmuzDJQ5xWqR8/GNri
4h0hJ/5+MA8GA1UdEwEB/wQFMAMBAf8wHwYDVR0RBBgwFoIUdHJhbnNsYXRlLmdv
b2dsZS5jb20wCgYIKoZIzj0EAwIDSQAwRgIhAKEPu/SdNhs+vJTEv8DAToLEFXUo
nFE5aysFrpO+YbO4AiEAsGP4+Uk9wE+ly1YXrFxpW1b09DTJ9IgrcHr/6/zrkqw=
-----END CERTIFICATE-----
"""
