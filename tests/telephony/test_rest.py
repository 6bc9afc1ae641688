"""Texts through the real package against a real little server: what goes, what does not, and what nobody can tell."""

from __future__ import annotations

import logging
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from ivr.demo import loopback
from ivr.demo.loopback import Fault, answers
from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.telephony.rest import LookingError, NotSent, Sent, Sms, Texts, Unknown, is_mobile

SENDER = "+33199000000"
SMS = Sms("+33639980001", "Votre code : 482913.")
NOW = 1_700_000_000.0
LATEST = 1.0


@pytest.fixture
def fake() -> Iterator[TwilioRest]:
    with TwilioRest(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture
def texts(fake: TwilioRest) -> Texts:
    return Texts(ACCOUNT, ACCOUNT, SECRET, SENDER, base=fake.address, seconds=0.3)


def test_a_text_is_sent_as_it_is(fake: TwilioRest, texts: Texts) -> None:
    assert texts.send(SMS) == Sent(fake.messages[0].sid)
    assert [(message.sender, message.to, message.body) for message in fake.messages] == [(SENDER, SMS.to, SMS.body)]


def test_a_messaging_service_may_be_the_sender(fake: TwilioRest) -> None:
    service = "MG" + "0" * 32
    Texts(ACCOUNT, ACCOUNT, SECRET, service, base=fake.address).send(SMS)
    assert fake.asked[0].form["MessagingServiceSid"] == service
    assert "From" not in fake.asked[0].form


def test_an_api_key_signs_in_for_the_account() -> None:
    key = "SK" + "1" * 32
    with TwilioRest(key=key) as fake:
        assert isinstance(Texts(ACCOUNT, key, SECRET, SENDER, base=fake.address).send(SMS), Sent)


@pytest.mark.parametrize(
    "number",
    [
        "+33639980001",
        "+33739980001",
        "+262692000001",
        "+262693000001",
        "+262639000001",
        "+590690000001",
        "+590691000001",
        "+594694000001",
        "+596696000001",
        "+596697000001",
    ],
)
def test_a_french_mobile_may_get_a_text(number: str) -> None:
    assert is_mobile(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0639980001",
        "+33199000007",
        "+33899000000",
        "+3363998000",
        "+336399800011",
        "+33700000000000",
        "+33639980001\n",
        "+44639980001",
        "+262262000001",
        "+590590000001",
        "+8818000000",
        "client:x",
    ],
)
def test_nobody_else_gets_a_text_and_twilio_is_not_even_asked(fake: TwilioRest, texts: Texts, number: str) -> None:
    assert not is_mobile(number)
    assert texts.send(Sms(number, "x")) == NotSent("recipient", again=False)
    assert fake.asked == []


FAULTS: list[tuple[Fault, NotSent | Unknown]] = [
    (loopback.HANG, Unknown("late")),
    (Fault("hang", done=True), Unknown("late")),
    (loopback.DRIP, Unknown("late")),
    (loopback.RESET, Unknown("down")),
    (Fault("reset", done=True), Unknown("down")),
    (loopback.HALF, Unknown("down")),
    (loopback.GARBAGE, Unknown("garbled")),
    (loopback.HUGE, Unknown("garbled")),
    (answers([1], 201), Unknown("garbled")),
    (answers({"message": "no sid"}, 201), Unknown("garbled")),
    (answers({"code": 20500, "message": "Internal"}, 500), Unknown("down")),
    (answers(["no object"], 503), Unknown("down")),
    (answers({"code": 20429, "message": "Too Many Requests"}, 429), NotSent("busy", again=True)),
    (answers({"code": 20003, "message": "Authenticate"}, 401), NotSent("credentials", again=False)),
    (answers({"code": 21211, "message": "To"}, 400), NotSent("recipient", again=False)),
    (answers({"code": 21610, "message": "stop"}, 400), NotSent("opted-out", again=False)),
    (answers({"code": 21606, "message": "From"}, 400), NotSent("sender", again=False)),
    (answers({"code": 99999, "message": "?"}, 400), NotSent("refused", again=False)),
    (answers({"type": "t", "title": "t", "status": 429, "code": 1}, 429), NotSent("busy", again=True)),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_every_failure_says_whether_it_went_and_is_tried_once(
    fake: TwilioRest, texts: Texts, fault: Fault, outcome: NotSent | Unknown
) -> None:
    fake.faults["create"] = fault
    begun = time.monotonic()
    assert texts.send(SMS) == outcome
    assert time.monotonic() - begun < LATEST
    assert len(fake.asked) == 1


def test_without_a_connection_nothing_went(fake: TwilioRest, texts: Texts) -> None:
    texts.send(SMS)
    fake.stop()
    assert texts.send(SMS) == NotSent("down", again=True)


class _Plain(socketserver.BaseRequestHandler):
    """A server that speaks, but not TLS."""

    def handle(self) -> None:
        self.request.recv(1)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_without_encryption_nothing_went() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        texts = Texts(ACCOUNT, ACCOUNT, SECRET, SENDER, base=f"https://127.0.0.1:{server.server_address[1]}")
        assert texts.send(SMS) == NotSent("down", again=True)
        server.shutdown()
        thread.join()


def test_a_wrong_token_is_told_as_such(fake: TwilioRest) -> None:
    wrong = Texts(ACCOUNT, ACCOUNT, "other", SENDER, base=fake.address)
    assert wrong.send(SMS) == NotSent("credentials", again=False)


def test_a_text_that_went_is_found(fake: TwilioRest, texts: Texts) -> None:
    texts.send(Sms(SMS.to, "another text"))
    texts.send(Sms("+33639980002", SMS.body))
    assert texts.find(SMS, NOW) == ""
    texts.send(SMS)
    assert texts.find(SMS, NOW) == fake.messages[2].sid
    assert texts.find(SMS, NOW + 59) == fake.messages[2].sid
    assert texts.find(SMS, NOW + 61) == ""


@pytest.mark.parametrize(
    "fault",
    [
        loopback.HANG,
        loopback.RESET,
        loopback.HALF,
        loopback.GARBAGE,
        answers({}, 500),
        answers({"message": "x"}, 429),
        answers({"messages": [1]}),
        answers({}),
        answers([]),
    ],
)
def test_when_twilio_cannot_say_nothing_is_concluded(fake: TwilioRest, texts: Texts, fault: Fault) -> None:
    texts.send(SMS)
    fake.faults["list"] = fault
    begun = time.monotonic()
    with pytest.raises(LookingError):
        texts.find(SMS, NOW)
    assert time.monotonic() - begun < LATEST


@pytest.mark.parametrize("fault", [None, loopback.HANG, loopback.RESET, answers({"message": SMS.to, "code": 1}, 400)])
def test_no_number_text_or_token_is_logged(
    fake: TwilioRest, texts: Texts, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if fault:
        fake.faults["create"] = fault
    outcome = texts.send(SMS)
    texts.find(SMS, NOW)
    logged = " ".join(str(record.__dict__) for record in caplog.records) + repr(SMS) + repr(outcome)
    for secret in (SMS.to, "39980001", "482913", SECRET):
        assert secret not in logged
