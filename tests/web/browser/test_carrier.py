"""The carrier's part of the browser phone, without a browser: what it hands on, and that it is no relay."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

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


DIAL = '<Dial action="/voice/1/ab/dialled" callerId="+33199000000" timeout="9">'
DIAL += '<Number url="/voice/1/ab/agent">+33199000001</Number><Number>+33199000002</Number></Dial>'


def goes_on(web: FlaskClient, ticket: object, to: str = "/voice/1/ab/dialled", **about: object) -> int:
    return web.post("/telephone/suite", json={"ticket": ticket, "to": to, **about}).status_code


def test_a_dialled_telephone_has_a_leg_of_its_own(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", DIAL)
    first = begun(web)
    (dial,) = first["verbs"]
    assert (dial["to"], dial["whisper"], dial["timeout"]) == ("/voice/1/ab/dialled", "/voice/1/ab/agent", 9)
    assert goes_on(web, dial["leg"], dial["whisper"]) == 200
    assert goes_on(web, first["ticket"], dialled="completed", bridged=True, seconds=7, leg=dial["leg"]) == 200
    (_, caller), (_, whisper), (_, told) = line.forms
    assert (whisper["From"], whisper["To"]) == ("+33199000000", "+33199000001")
    assert (whisper["Direction"], whisper["ParentCallSid"]) == ("outbound-dial", caller["CallSid"])
    assert (told["DialCallSid"], told["DialCallDuration"]) == (whisper["CallSid"], "7")
    assert (told["DialCallStatus"], told["DialBridged"], told["CallSid"]) == ("completed", "true", caller["CallSid"])


def test_a_call_without_a_caller_id_shows_the_caller(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", "<Dial><Number>+33199000001</Number></Dial>")
    (dial,) = begun(web)["verbs"]
    assert (dial["to"], dial["whisper"]) == ("", "")
    goes_on(web, dial["leg"], "/voice")
    assert line.forms[1][1]["From"] == line.forms[0][1]["From"]


def test_only_what_becomes_of_one_s_own_dial_is_handed_on(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", DIAL)
    one, other = begun(web), begun(web)
    ours, theirs = one["verbs"][0]["leg"], other["verbs"][0]["leg"]
    for leg in (theirs, "", "x", None, one["ticket"]):
        assert goes_on(web, one["ticket"], dialled="completed", leg=leg) == 403
    assert goes_on(web, one["ticket"], dialled="busy", bridged=True, seconds=3, leg=ours) == 200
    told = line.forms[-1][1]
    assert (told["DialBridged"], told.get("DialCallDuration")) == ("false", None)


def test_a_dialled_leg_neither_dials_nor_ends_the_call(web: FlaskClient, line: HandLine) -> None:
    line.says("/voice", DIAL)
    line.says("/voice/1/ab/agent", DIAL)
    leg = begun(web)["verbs"][0]["leg"]
    answer = web.post("/telephone/suite", json={"ticket": leg, "to": "/voice/1/ab/agent"})
    assert (answer.status_code, "13201" in answer.get_json()["error"]) == (502, True)
    assert web.post("/telephone/fin", json={"ticket": leg}).status_code == 403


# Recordings.


@pytest.fixture
def keeping() -> Iterator[HandLine]:
    line = HandLine(keeps=True)
    line.says("/voice", '<Record action="/voice/1/ab/recorded" maxLength="90" timeout="4"/>')
    yield line
    line.stop()


def spoken(seconds: float, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    """A recording as the page sends it, unless told otherwise."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(channels)
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(bytes(round(seconds * rate) * channels * width))
    return file.getvalue()


def sent(web: FlaskClient, ticket: str, sound: bytes, kind: str = "audio/wav") -> TestResponse:
    return web.post("/telephone/enregistrement", data=sound, content_type=kind, headers={"X-Ticket": ticket})


def test_a_recording_is_kept_and_then_told_by_its_name_and_length(keeping: HandLine) -> None:
    web = keeping.app.test_client()
    first = begun(web)
    assert (first["verbs"][0]["most"], first["verbs"][0]["timeout"]) == (90, 4)
    seal = sent(web, first["ticket"], spoken(12.4)).get_json()["recorded"]
    assert goes_on(web, first["ticket"], "/voice/1/ab/recorded", recorded=seal, by="hangup") == 200
    told = keeping.forms[-1][1]
    assert keeping.recordings == {told["RecordingSid"]: spoken(12.4)}
    assert (told["RecordingDuration"], told["Digits"]) == ("12", "hangup")
    assert told["RecordingUrl"] == f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Recordings/" + str(
        told["RecordingSid"]
    )


def test_a_minute_and_a_half_is_kept_and_much_more_is_not(keeping: HandLine) -> None:
    web = keeping.app.test_client()
    ticket = begun(web)["ticket"]
    assert sent(web, ticket, spoken(90)).status_code == 200
    refused = sent(web, ticket, spoken(200))
    assert (refused.status_code, refused.get_json()["error"]) == (
        413,
        "Cet enregistrement est trop long pour la ligne.",
    )
    assert len(keeping.recordings) == 1


@pytest.mark.parametrize(
    ("sound", "kind"),
    [
        (spoken(1), "application/json"),
        (spoken(1), "application/octet-stream"),
        (b"", "audio/wav"),
        (b"RIFF", "audio/wav"),
        (spoken(1)[:30], "audio/wav"),
        (spoken(1, rate=44100), "audio/wav"),
        (spoken(1, channels=2), "audio/wav"),
        (spoken(1, width=1), "audio/wav"),
    ],
)
def test_what_is_no_recording_is_not_kept(keeping: HandLine, sound: bytes, kind: str) -> None:
    web = keeping.app.test_client()
    assert sent(web, begun(web)["ticket"], sound, kind).status_code == 403
    assert keeping.recordings == {}


@pytest.mark.parametrize("ticket", ["", "x"])
def test_only_a_call_that_was_begun_here_records(keeping: HandLine, ticket: str) -> None:
    assert sent(keeping.app.test_client(), ticket, spoken(1)).status_code == 403
    assert keeping.recordings == {}


def test_a_recording_belongs_to_its_call(keeping: HandLine) -> None:
    web = keeping.app.test_client()
    one, other = begun(web), begun(web)
    seal = sent(web, one["ticket"], spoken(1)).get_json()["recorded"]
    for recorded in (seal, "x", other["ticket"], 12):
        assert goes_on(web, other["ticket"], "/voice/1/ab/recorded", recorded=recorded) == 403


def test_where_none_are_kept_none_are_taken_and_the_page_does_not_listen(web: FlaskClient, line: HandLine) -> None:
    ticket = begun(web)["ticket"]
    assert sent(web, ticket, spoken(1)).status_code == 403
    assert 'data-keeps=""' in web.get("/telephone").text
    assert goes_on(web, ticket, "/voice/1/ab/recorded", recorded=12, by="A") == 200
    assert line.forms[-1][1]["RecordingDuration"] == "12"
    assert "Digits" not in line.forms[-1][1]


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
    assert heard[0] == "accueil.bonjour"
    assert sorted(heard) == sorted(said)


def test_numbers_and_lengths_are_written_as_in_france() -> None:
    assert in_pairs("+33639980001") == "06\u00a039\u00a098\u00a000\u00a001"
    assert in_pairs("+3225550100") == "+3225550100"
    assert duration(65) == "1\u00a0min\u00a005\u00a0s"
    assert duration(7.4) == "7\u00a0s"
