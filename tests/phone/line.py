"""A line to call in tests: a real HTTP server on loopback that answers what it was told to, and remembers the rest."""

import struct
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

Headers = dict[str, str]


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    method: str
    path: str
    query: str
    form: dict[str, str]
    body: bytes
    headers: Headers


@dataclass
class Line:
    """A scripted line. `says` sets what a path answers: one after the other, the last one for ever."""

    server: HTTPServer
    received: list[Received] = field(default_factory=list)
    _answers: dict[str, list[tuple[int, Headers, bytes]]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def says(self, path: str, *twiml: str) -> None:
        """Answer with verbs, which this wraps in a Response."""
        for verbs in twiml:
            self.sends(path, f"<Response>{verbs}</Response>".encode())

    def sends(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        """Answer with these very bytes; headers as Content_Type=…; an empty one is left out."""
        named = {"Content-Type": "text/xml"} | {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.setdefault(path, []).append((status, {n: v for n, v in named.items() if v}, body))

    def answer(self, request: Received) -> tuple[int, Headers, bytes]:
        """Remember a request, and give status, headers and body for it."""
        self.received.append(request)
        answers = self._answers.get(request.path)
        if not answers:
            return 404, {"Content-Type": "text/plain"}, b"no such page"
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms that were posted to a path."""
        return [request.form for request in self.received if request.path == path]

    def paths(self) -> list[str]:
        """The paths asked, in order."""
        return [request.path for request in self.received]


class _Handler(BaseHTTPRequestHandler):
    line: Line

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        form = dict(parse_qsl((body.decode() or parts.query), keep_blank_values=True))
        request = Received(self.command, parts.path, parts.query, form, body, dict(self.headers))
        status, headers, answer = self.line.answer(request)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815  the standard library's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the standard library's name
        """Say nothing."""


def serving() -> tuple[HTTPServer, Thread, type[_Handler]]:
    """Start the server, on a port of its own."""
    handler = type("Handler", (_Handler,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    return server, thread, handler


def wav(seconds: float, *, tag: int = 7, title: str = "") -> bytes:
    """Make a telephone's WAV: 8 kHz, 8 bits, mu-law unless told otherwise."""
    samples = b"\x55" * round(seconds * 8000)
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, 8000, 8000, 1, 8)
    words = title.encode() + b"\0"
    named = struct.pack("<4sI4s4sI", b"LIST", 12 + len(words), b"INFO", b"INAM", len(words)) + words if title else b""
    named += b"\0" * (len(named) % 2)
    rest = b"WAVE" + shape + named + struct.pack("<4sI", b"data", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(rest)) + rest
