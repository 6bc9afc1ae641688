"""Requests on their way to a line: over HTTP, or straight into a WSGI app, which must not be able to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from ivr.phone import Phone, TwimlError, wire
from ivr.phone.wire import Answer, into, request
from tests.line import Line

Start = Callable[[str, list[tuple[str, str]]], object]


def test_a_call_goes_the_same_way_over_http_and_straight_into_the_app(line: Line) -> None:
    told: list[list[tuple[float, str]]] = []
    for send in (wire.send, into(line.app)):
        phone = line.phone()
        phone.send = send
        phone.dial("CA" + "7" * 32 if told else "CA" + "8" * 32)
        for key in "2", "1", "1":
            phone.hear_out()
            phone.press(key)
        phone.hear_out()
        assert phone.ended == "hangup"
        told.append([(entry.at, entry.kind) for entry in phone.log])
    assert told[0] == told[1]


def test_an_app_gets_what_came_over_the_wire() -> None:
    seen: dict[str, object] = {}

    def app(environ: dict[str, object], start_response: Start) -> Iterable[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())  # type: ignore[attr-defined]
        start_response("302 Found", [("location", "/there"), ("Content-Type", "text/xml")])
        return [b"<Resp", b"onse/>"]

    answer = into(app)(request("POST", "https://line.example.com/a%20b?c=d%20e", {"Digits": "1#"}, "token"))
    assert answer == Answer(302, "text/xml", b"<Response/>", "/there")
    assert (seen["PATH_INFO"], seen["QUERY_STRING"], seen["body"]) == ("/a b", "c=d%20e", b"Digits=1%23")
    assert (seen["CONTENT_LENGTH"], seen["wsgi.url_scheme"], seen["SERVER_PORT"]) == ("11", "https", "443")
    assert {"HTTP_X_TWILIO_SIGNATURE", "HTTP_USER_AGENT", "CONTENT_TYPE"} <= seen.keys()


def test_an_app_that_answers_with_an_error_ends_the_call() -> None:
    def app(_environ: dict[str, object], start_response: Start) -> Iterable[bytes]:
        start_response("500 Oh", [("Content-Type", "text/plain")])
        return [b"oh"]

    with pytest.raises(TwimlError, match="HTTP 500"):
        Phone("http://line.invalid/voice", send=into(app)).dial()
