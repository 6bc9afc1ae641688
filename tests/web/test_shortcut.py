"""The shortcut to a turn says what Flask's own way says: the same status, the same type, the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict
from werkzeug.test import Client, EnvironBuilder

from ivr.telephony.signature import signature
from ivr.web import shortcut
from ivr.web.voice import Place
from tests.line import ROOT, TOKEN, Line
from tests.web.test_voice import CALL

Answer = tuple[int, str | None, bytes]


class TwoWays:
    """One line, asked by the shortcut and by Flask's own way; `seen` are the turns that the shortcut knew."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.ways = (Client(line.app.wsgi_app), Client(Flask.wsgi_app.__get__(line.app)))

    def both(self, path: str, *, token: str = TOKEN, method: str = "POST", **form: str) -> tuple[Answer, Answer]:
        """The answer to one request, by either way."""
        params = {**CALL, **form}
        headers = {"X-Twilio-Signature": signature(token, f"{self.line.url}{path}", list(params.items()))}
        first, second = (self._asked(way, method, path, params, headers) for way in self.ways)
        return first, second

    def _asked(self, way: Client, method: str, path: str, params: dict[str, str], headers: dict[str, str]) -> Answer:
        response = way.open(
            EnvironBuilder(path, self.line.url, method=method, data=MultiDict(params), headers=[*headers.items()])
        )
        return response.status_code, response.content_type, response.data


@pytest.fixture
def ways(tmp_path: Path) -> Iterator[TwoWays]:
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    yield TwoWays(line)
    line.stop()


def test_a_call_is_led_by_either_way_in_the_same_bytes(ways: TwoWays) -> None:
    path, said = "/voice", dict[str, str]()
    for _ in range(4):
        first, second = ways.both(path, **said)
        assert first == second
        assert first[:2] == (200, "text/xml; charset=utf-8")
        path, said = re.findall(r'action="([^"]+)"', first[2].decode())[0], {"Digits": "2"}


def test_what_is_refused_is_refused_by_either_way(ways: TwoWays) -> None:
    for first, second in (
        ways.both("/voice", token="another token"),
        ways.both("/voice", SpeechResult="x" * 70_000),
        ways.both("/voice", CallSid="nobody's"),
        ways.both("/voice/1/0123456789abcdef/key", Digits="1"),
    ):
        assert first[0] == second[0]
        assert first[2] == second[2]


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("POST", "/voice", True),
        ("POST", "/voice/12/0123456789abcdef/key", True),
        ("POST", "/voice/12/0123456789abcdef/carried/again", True),
        ("POST", "/voice/12/0123456789abcdef/status", False),
        ("POST", "/voice/status", False),
        ("POST", "/voice/", False),
        ("POST", "/voice/1/a/key/", False),
        ("POST", "/voice/-1/a/key", False),
        ("POST", "/voice/١/a/key", False),
        ("GET", "/voice", False),
        ("HEAD", "/voice/1/a/key", False),
    ],
)
def test_it_takes_turns_alone_and_none_that_flask_would_not(ways: TwoWays, method: str, path: str, known: bool) -> None:
    environ: dict[str, Any] = EnvironBuilder(path, method=method).get_environ()
    assert (shortcut.place(environ) is not None) is known
    if known:
        assert ways.both(path, method=method)[1][0] == 200, "Flask takes it as well"


def test_turns_are_taken_one_after_the_other() -> None:
    inside, most = [0], [0]

    def answer(_environ: object, _place: object) -> bytes:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        sum(range(20_000))
        inside[0] -= 1
        return b""

    answered = shortcut.in_line(answer, 30)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: answered({}, Place()), range(200))) == [b""] * 200
    assert most == [1]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_turn_that_takes_long_holds_nobody_up(database: str) -> None:
    over = Event()

    def answer(_environ: object, place: Place) -> bytes:
        return str(place.number and over.wait(30)).encode()

    answered = shortcut.in_line(answer, shortcut.PATIENCE[database])
    with ThreadPoolExecutor(1) as thread:
        slow = thread.submit(answered, {}, Place(number=1))
        quick = answered({}, Place(number=0))
        over.set()
    assert (quick, slow.result()) == (b"0", b"True")
