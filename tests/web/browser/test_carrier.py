"""The carrier's part of the browser phone, without a browser: what it hands on, and that it is no relay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ivr.flow.model import Flow
from ivr.settings import settings
from ivr.web.listening import duration, in_call_order
from ivr.web.softphone import in_pairs, softphone_routes
from tests.web.browser.lines import KEY, HandLine


@pytest.fixture
def line() -> Iterator[HandLine]:
    line = HandLine()
    line.says("/voice", '<Gather action="/voice/1/ab/key" timeout="5"/><Hangup/>')
    yield line
    line.stop()


@pytest.fixture
def web(line: HandLine) -> FlaskClient:
    return line.app.test_client()


def begun(web: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = web.post("/telephone/appel", json={}).get_json()
    return answer


def test_a_call_is_signed_and_posted_as_the_carrier_does(web: FlaskClient, line: HandLine) -> None:
    first = begun(web)
    gather, hang_up = first["verbs"]
    assert gather["to"] == "/voice/1/ab/key"
    assert hang_up == {"kind": "hangup"}
    web.post("/telephone/suite", json={"ticket": first["ticket"], "to": "/voice/1/ab/key", "digits": "1"})
    (_, ringing), (path, form) = line.forms
    assert (ringing["CallStatus"], form["CallStatus"]) == ("ringing", "in-progress")
    assert (path, form["Digits"], form["CallSid"]) == ("/voice/1/ab/key", "1", ringing["CallSid"])


@pytest.mark.parametrize(
    "to",
    [
        "",
        "/voice/status",
        "/healthz",
        "/telephone/appel",
        "/voice/../telephone",
        "/voice/1/ab/key?Digits=1",
        "/voice/1/ab/key\n",
        "http://elsewhere.example/voice",
        "//elsewhere.example/voice/1/ab/key",
        7,
        None,
    ],
)
def test_only_turns_of_a_call_can_be_asked_for(to: object, web: FlaskClient, line: HandLine) -> None:
    answer = web.post("/telephone/suite", json={"ticket": begun(web)["ticket"], "to": to})
    assert answer.status_code == 403
    assert len(line.forms) == 1


@pytest.mark.parametrize("ticket", ["", "x", "WyJDQSIsIiJd.x.y", None, 7, ["CA", ""]])
def test_only_calls_that_were_begun_here_go_on(ticket: object, web: FlaskClient, line: HandLine) -> None:
    for path in ("/telephone/suite", "/telephone/fin"):
        answer = web.post(path, json={"ticket": ticket, "to": "/voice"})
        assert answer.status_code == 403
        assert "Rappelez" in answer.get_json()["error"]
    assert line.forms == []


@pytest.mark.parametrize(
    "about", [{"digits": "A"}, {"digits": "hangup"}, {"digits": "1" * 33}, {"recorded": -1}, {"dialled": "failed"}]
)
def test_only_what_a_telephone_can_do_is_handed_on(about: dict[str, object], web: FlaskClient, line: HandLine) -> None:
    answer = web.post("/telephone/suite", json={"ticket": begun(web)["ticket"], "to": "/voice", **about})
    assert answer.status_code == 403
    assert len(line.forms) == 1


def test_another_site_s_form_begins_no_call(web: FlaskClient, line: HandLine) -> None:
    assert web.post("/telephone/appel", data='{"a": 1}', content_type="text/plain").status_code == 403
    assert web.post("/telephone/appel", data={"a": "1"}).status_code == 403
    assert line.forms == []


def test_a_clip_of_ours_is_told_by_its_place_beside_the_page(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", "<Play>{audio}a.wav</Play><Play>https://elsewhere.example/b.wav</Play>")
    ours, theirs = (verb["pieces"][0]["clip"] for verb in begun(web)["verbs"])
    assert (ours, theirs) == ("audio/a.wav", "https://elsewhere.example/b.wav")


def test_words_come_with_their_silences_and_the_seconds_that_they_take(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", '<Say language="fr-FR">Un deux trois.<break time="500ms"/>Quatre.</Say><Pause length="3"/>')
    said, pause = begun(web)["verbs"]
    assert said["pieces"] == [
        {"words": "Un deux trois.", "seconds": 1.091},
        {"silence": 0.5},
        {"words": "Quatre.", "seconds": 0.364},
    ]
    assert pause["pieces"] == [{"silence": 3}]


def test_addresses_below_a_path_are_the_line_s_own() -> None:
    app = Flask("below", static_folder=None)
    chosen = settings({"IVR_PUBLIC_URL": "https://example.com/ligne", "IVR_SECRET_KEY": KEY})
    app.register_blueprint(softphone_routes(chosen, words=str, told=lambda call, turn: None))
    verbs = '<Response><Redirect method="POST">/ligne/voice/1/ab/silence</Redirect></Response>'
    app.add_url_rule("/voice", "voice", lambda: (verbs, {"Content-Type": "text/xml"}), methods=["POST"])
    assert begun(app.test_client())["verbs"] == [{"kind": "redirect", "to": "/voice/1/ab/silence"}]


def test_every_prompt_is_listened_to_once_and_the_call_begins_where_it_begins(flow: Flow) -> None:
    heard = [name for name, _ in in_call_order(flow)]
    said = [name for name, prompt in flow.texts() if prompt.pieces()]
    assert heard[0] == flow.start
    assert sorted(heard) == sorted(said)


def test_numbers_and_lengths_are_written_as_in_france() -> None:
    assert in_pairs("+33639980001") == "06\u00a039\u00a098\u00a000\u00a001"
    assert in_pairs("+3225550100") == "+3225550100"
    assert duration(65) == "1\u00a0min\u00a005\u00a0s"
    assert duration(7.4) == "7\u00a0s"
