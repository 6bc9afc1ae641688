"""The loopback Twilio takes texts and calls from its own account alone, shows what it took, and gives recordings."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest


@pytest.fixture
def fake() -> Iterator[TwilioRest]:
    with TwilioRest(clock=lambda: 1_700_000_000.0) as fake:
        yield fake


LOGIN = f"{ACCOUNT}:{SECRET}"
RECORDING = "RE" + "a" * 32


def send(fake: TwilioRest, method: str, what: str, login: str = LOGIN, **form: str) -> tuple[int, bytes]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{fake.address}/2010-04-01/Accounts/{ACCOUNT}/{what}",
        data=urlencode(form).encode() if form else None,
        headers={"Authorization": f"Basic {b64encode(login.encode()).decode()}"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(
    fake: TwilioRest, login: str = LOGIN, what: str = "Messages.json", **form: str
) -> tuple[int, dict[str, object]]:
    status, answer = send(fake, "POST" if form else "GET", what, login, **form)
    return status, json.loads(answer)


def test_a_text_is_taken_and_listed(fake: TwilioRest) -> None:
    status, created = ask(fake, To="+33639980001", From="+33199000000", Body="Bonjour")
    assert status == 201
    assert created["date_created"] == "Tue, 14 Nov 2023 22:13:20 -0000"
    assert ask(fake)[1]["messages"] == [created]
    assert [(message.to, message.body) for message in fake.messages] == [("+33639980001", "Bonjour")]


@pytest.mark.parametrize("login", ["", ":", f"{ACCOUNT}:other", f"other:{SECRET}"])
def test_others_are_refused(fake: TwilioRest, login: str) -> None:
    status, error = ask(fake, login, To="+33639980001", From="+33199000000", Body="Bonjour")
    assert (status, error["code"]) == (401, 20003)
    assert fake.messages == []


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": "0639980001", "From": "x", "Body": "x"}, 21211),
        ({"To": "+33639980001", "Body": "x"}, 21603),
        ({"To": "+33639980001", "From": "x"}, 21602),
        ({"To": "+33639980001", "From": "x", "Body": "x" * 1601}, 21617),
    ],
)
def test_what_is_no_text_is_refused(fake: TwilioRest, form: dict[str, str], code: int) -> None:
    assert ask(fake, **form)[1]["code"] == code


CALL = {"To": "+33639980001", "From": "+33199000000", "Url": "https://ligne.example.com/x", "Timeout": "25"}


def test_a_call_is_taken_and_listed(fake: TwilioRest) -> None:
    status, created = ask(fake, what="Calls.json", **CALL, StatusCallback="https://ligne.example.com/y")
    assert (status, created["direction"]) == (201, "outbound-api")
    assert ask(fake, what="Calls.json?To=%2B33639980001")[1]["calls"] == [created]
    assert ask(fake, what="Calls.json?To=%2B33639980002")[1]["calls"] == []
    assert ask(fake, what="Calls.json?From=%2B33199000009")[1]["calls"] == []
    placed = fake.calls[0]
    assert (placed.to, placed.sender, placed.timeout) == ("+33639980001", "+33199000000", 25)
    assert (placed.url, placed.status_url) == ("https://ligne.example.com/x", "https://ligne.example.com/y")


@pytest.mark.parametrize(
    ("change", "code"), [({"To": "0639980001"}, 21211), ({"From": "x"}, 21210), ({"Url": "ligne"}, 21205)]
)
def test_what_is_no_call_is_refused(fake: TwilioRest, change: dict[str, str], code: int) -> None:
    assert ask(fake, what="Calls.json", **CALL | change)[1]["code"] == code
    assert fake.calls == []


def test_a_recording_is_given_until_it_is_deleted(fake: TwilioRest) -> None:
    assert send(fake, "GET", f"Recordings/{RECORDING}.wav")[0] == 404
    fake.keep_recording(RECORDING, b"RIFF")
    assert send(fake, "GET", f"Recordings/{RECORDING}.wav", "other:x")[0] == 401
    assert send(fake, "GET", f"Recordings/{RECORDING}.wav") == (200, b"RIFF")
    assert send(fake, "DELETE", f"Recordings/{RECORDING}.json")[0] == 204
    assert send(fake, "DELETE", f"Recordings/{RECORDING}.json")[0] == 404
    assert send(fake, "GET", f"Recordings/{RECORDING}.wav")[0] == 404


def test_who_asks_to_be_told_is_told_of_each_text_and_call() -> None:
    told, rung = list[str](), list[str]()
    with TwilioRest(told=lambda text: told.append(text.to), rung=lambda call: rung.append(call.to)) as fake:
        ask(fake, To="+33639980001", From="+33199000000", Body="Bonjour")
        ask(fake, what="Calls.json", **CALL)
    assert (told, rung) == (["+33639980001"], ["+33639980001"])
