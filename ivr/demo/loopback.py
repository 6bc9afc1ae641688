"""A little web server on loopback that can go wrong in every way a network knows: what the stand-ins are made of.

Who derives from `Loopback` says how a request is answered; who uses it says which operation fails, how, and whether
its work was done first. This module must not know what is stood in for.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

Self = TypeVar("Self", bound="Loopback")
_HANG = 10.0
"""How long a hanging answer hangs at most, in seconds: longer than any test waits."""


@dataclass(frozen=True)
class Request:
    """One request, as it came: `target` is path and query, `headers` have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def form(self) -> dict[str, str]:
        """The body's parameters, when it is a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"


def reply(value: object, status: int = 200) -> Reply:
    """An answer that holds a value as JSON."""
    return Reply(status, json.dumps(value).encode())


@dataclass(frozen=True)
class Fault:
    """What goes wrong: nothing ever comes, the connection is reset, half the body comes, bytes drip, or another answer.

    `done` says whether the work was done before: the difference that an unknown outcome is about.
    """

    how: Literal["hang", "reset", "half", "drip", "reply"]
    reply: Reply = Reply()
    done: bool = False


HANG = Fault("hang")
RESET = Fault("reset")
HALF = Fault("half", done=True)
DRIP = Fault("drip", done=True)
GARBAGE = Fault("reply", Reply(200, b"\xff\xfe<html>this is no JSON"))
HUGE = Fault("reply", Reply(200, b"[" + b" " * 10_000_000 + b"]"))


def answers(value: object, status: int = 200) -> Fault:
    """The fault of answering this instead."""
    return Fault("reply", reply(value, status))


class Loopback:
    """A server from `with` to its end. `faults` are by operation; the one named « * » is everybody's."""

    def __init__(self, port: int = 0) -> None:
        self.faults: dict[str, Fault] = {}
        self.asked: list[Request] = []
        self.over = Event()
        self.lock = Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.loopback = self
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def address(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def operation(self, request: Request) -> str:
        """The name of what is asked, by which faults are told apart."""
        raise NotImplementedError

    def answer(self, request: Request) -> Reply:
        """The right answer; called under `lock`."""
        raise NotImplementedError

    def reached(self, request: Request) -> tuple[Fault | None, Reply]:
        """What is to go wrong with this request, and the right answer where its work was done."""
        with self.lock:
            self.asked.append(request)
            operation = self.operation(request)
            fault = self.faults.get(operation) or self.faults.get("*")
            right = Reply() if fault and not fault.done else self.answer(request)
        return fault, right

    def start(self: Self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Let go of whoever still waits, and stop."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self: Self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    loopback: Loopback
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _HANG

    def do_GET(self) -> None:
        """Answer, or go wrong."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        fault, right = self.server.loopback.reached(Request(self.command, self.path, headers, body))
        if fault is None:
            self._send(right, right.body)
        else:
            self.close_connection = True
            self._go_wrong(fault, right)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def _go_wrong(self, fault: Fault, right: Reply) -> None:
        match fault.how:
            case "hang":
                self.server.loopback.over.wait(_HANG)
            case "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            case "half":
                self._send(right, right.body[: len(right.body) // 2])
            case "drip":
                self._drip(right)
            case "reply":
                self._send(fault.reply, fault.reply.body)

    def _drip(self, right: Reply) -> None:
        """A byte every 20 ms: no single read is ever late."""
        self._send(right, b"")
        for byte in right.body:
            if self.server.loopback.over.wait(0.02):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def _send(self, reply: Reply, body: bytes) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server wants
        """Nothing is printed."""
