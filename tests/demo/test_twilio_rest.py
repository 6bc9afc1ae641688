"""The loopback Twilio takes texts from its own account alone, and shows what it took."""

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


def ask(fake: TwilioRest, login: str = f"{ACCOUNT}:{SECRET}", **form: str) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{fake.address}/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
        data=urlencode(form).encode() if form else None,
        headers={"Authorization": f"Basic {b64encode(login.encode()).decode()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - loopback
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


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
