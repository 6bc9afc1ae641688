"""Twilio's REST through the real package against a little server: what goes, what does not, what nobody can tell."""

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
from ivr.telephony.outgoing import (
    LookingError,
    NoRecording,
    NotSent,
    Outgoing,
    Placed,
    RecordingError,
    Sent,
    Sms,
    Unknown,
    is_mobile,
    is_telephone,
)
from ivr.telephony.rest import MOST_RECORDED, Twilio

SENDER = "+33199000000"
SMS = Sms("+33639980001", "Votre code : 482913.")
RING = Outgoing("+33639980001", "https://ligne.example.com/rappel", "https://ligne.example.com/rappel/fin", 25)
RECORDING = "RE" + "0123456789abcdef" * 2
WAV = b"RIFF\x2c\0\0\0WAVEfmt " + bytes(range(256))
NOW = 1_700_000_000.0
LATEST = 1.0


@pytest.fixture
def fake() -> Iterator[TwilioRest]:
    with TwilioRest(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture
def twilio(fake: TwilioRest) -> Twilio:
    return Twilio(ACCOUNT, ACCOUNT, SECRET, SENDER, voice_from=SENDER, base=fake.address, seconds=0.3)


def test_no_address_that_is_asked_is_logged_at_any_level(fake: TwilioRest, caplog: pytest.LogCaptureFixture) -> None:
    """Twilio's list of texts takes the recipient in its address; so does OVH's search for a line."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.NOTSET, logger="urllib3.connectionpool")
    twilio = Twilio(ACCOUNT, ACCOUNT, SECRET, SENDER, voice_from=SENDER, base=fake.address)
    twilio.find(SMS, NOW)
    twilio.find_call(RING.to, NOW)
    assert any("To=%2B33639980001" in request.target for request in fake.asked)
    assert "639980001" not in " ".join(str(record.__dict__) for record in caplog.records)


def test_a_text_is_sent_as_it_is(fake: TwilioRest, twilio: Twilio) -> None:
    assert twilio.send(SMS) == Sent(fake.messages[0].sid)
    assert [(message.sender, message.to, message.body) for message in fake.messages] == [(SENDER, SMS.to, SMS.body)]


def test_a_messaging_service_may_be_the_sender(fake: TwilioRest) -> None:
    service = "MG" + "0" * 32
    Twilio(ACCOUNT, ACCOUNT, SECRET, service, base=fake.address).send(SMS)
    assert fake.asked[0].form["MessagingServiceSid"] == service
    assert "From" not in fake.asked[0].form


def test_an_api_key_signs_in_for_the_account() -> None:
    key = "SK" + "1" * 32
    with TwilioRest(key=key) as fake:
        assert isinstance(Twilio(ACCOUNT, key, SECRET, SENDER, base=fake.address).send(SMS), Sent)


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
def test_nobody_else_gets_a_text_and_twilio_is_not_even_asked(fake: TwilioRest, twilio: Twilio, number: str) -> None:
    assert not is_mobile(number)
    assert twilio.send(Sms(number, "x")) == NotSent("recipient", again=False)
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
    fake: TwilioRest, twilio: Twilio, fault: Fault, outcome: NotSent | Unknown
) -> None:
    fake.faults["create"] = fault
    begun = time.monotonic()
    assert twilio.send(SMS) == outcome
    assert time.monotonic() - begun < LATEST
    assert len(fake.asked) == 1


def test_without_a_connection_nothing_went(fake: TwilioRest, twilio: Twilio) -> None:
    twilio.send(SMS)
    fake.stop()
    assert twilio.send(SMS) == NotSent("down", again=True)


class _Plain(socketserver.BaseRequestHandler):
    """A server that speaks, but not TLS."""

    def handle(self) -> None:
        self.request.recv(1)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_without_encryption_nothing_went() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        twilio = Twilio(ACCOUNT, ACCOUNT, SECRET, SENDER, base=f"https://127.0.0.1:{server.server_address[1]}")
        assert twilio.send(SMS) == NotSent("down", again=True)
        server.shutdown()
        thread.join()


def test_a_wrong_token_is_told_as_such(fake: TwilioRest) -> None:
    wrong = Twilio(ACCOUNT, ACCOUNT, "other", SENDER, base=fake.address)
    assert wrong.send(SMS) == NotSent("credentials", again=False)


def test_a_text_that_went_is_found(fake: TwilioRest, twilio: Twilio) -> None:
    twilio.send(Sms(SMS.to, "another text"))
    twilio.send(Sms("+33639980002", SMS.body))
    assert twilio.find(SMS, NOW) == ""
    twilio.send(SMS)
    assert twilio.find(SMS, NOW) == fake.messages[2].sid
    assert twilio.find(SMS, NOW + 59) == fake.messages[2].sid
    assert twilio.find(SMS, NOW + 61) == ""


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
def test_when_twilio_cannot_say_nothing_is_concluded(fake: TwilioRest, twilio: Twilio, fault: Fault) -> None:
    twilio.send(SMS)
    fake.faults["list"] = fault
    begun = time.monotonic()
    with pytest.raises(LookingError):
        twilio.find(SMS, NOW)
    assert time.monotonic() - begun < LATEST


@pytest.mark.parametrize("fault", [None, loopback.HANG, loopback.RESET, answers({"message": SMS.to, "code": 1}, 400)])
def test_no_number_text_or_token_is_logged(
    fake: TwilioRest, twilio: Twilio, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    if fault:
        fake.faults["create"] = fault
    outcome = twilio.send(SMS)
    twilio.find(SMS, NOW)
    logged = " ".join(str(record.__dict__) for record in caplog.records) + repr(SMS) + repr(outcome)
    for secret in (SMS.to, "39980001", "482913", SECRET):
        assert secret not in logged


def test_without_a_sender_nothing_goes(fake: TwilioRest) -> None:
    bare = Twilio(ACCOUNT, ACCOUNT, SECRET, base=fake.address)
    assert bare.send(SMS) == NotSent("sender", again=False)
    assert bare.place(RING) == NotSent("sender", again=False)
    assert fake.asked == []


# Calls


def test_a_call_is_placed_as_it_is(fake: TwilioRest, twilio: Twilio) -> None:
    assert twilio.place(RING) == Placed(fake.calls[0].sid)
    placed = fake.calls[0]
    assert (placed.sender, placed.to, placed.url, placed.status_url, placed.timeout) == (
        SENDER,
        RING.to,
        RING.url,
        RING.status_url,
        25,
    )


@pytest.mark.parametrize(
    "number",
    [
        *(f"+33{first}99000007" for first in "12345679"),
        "+33639980001",
        "+590590000001",
        "+590690000001",
        "+594594000001",
        "+596596000001",
        "+596697000001",
        "+262262000001",
        "+262269000001",
        "+262692000001",
    ],
)
def test_a_french_telephone_may_be_called(number: str) -> None:
    assert is_telephone(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "0199000007",
        "+33899000000",
        "+33800000000",
        "+33099000000",
        "+331990000",
        "+331990000077",
        "+33199000007\n",
        "+590899000000",
        "+262899000000",
        "+44199000007",
        "+3310",
        "+883510000000",
        "client:x",
        "sip:x@example.com",
    ],
)
def test_nobody_else_is_called_and_twilio_is_not_even_asked(fake: TwilioRest, twilio: Twilio, number: str) -> None:
    assert not is_telephone(number)
    assert twilio.place(Outgoing(number, RING.url, RING.status_url)) == NotSent("recipient", again=False)
    assert fake.asked == []


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_every_failure_says_whether_it_rings_and_is_tried_once(
    fake: TwilioRest, twilio: Twilio, fault: Fault, outcome: NotSent | Unknown
) -> None:
    fake.faults["place"] = fault
    begun = time.monotonic()
    assert twilio.place(RING) == outcome
    assert time.monotonic() - begun < LATEST
    assert len(fake.asked) == 1


def test_a_call_that_was_placed_is_found(fake: TwilioRest, twilio: Twilio) -> None:
    twilio.place(Outgoing("+33639980002", RING.url, RING.status_url))
    other = Twilio(ACCOUNT, ACCOUNT, SECRET, voice_from="+33199000009", base=fake.address)
    other.place(RING)
    assert twilio.find_call(RING.to, NOW) == ""
    twilio.place(RING)
    assert twilio.find_call(RING.to, NOW + 59) == fake.calls[2].sid
    assert twilio.find_call(RING.to, NOW + 61) == ""


def test_a_call_that_we_did_not_create_is_not_ours(fake: TwilioRest, twilio: Twilio) -> None:
    shown = {"sid": "CA1", "direction": "outbound-dial", "date_created": "Tue, 14 Nov 2023 22:13:20 -0000"}
    page = {"next_page_uri": None, "page_size": 50}
    fake.faults["list-calls"] = answers({"calls": [shown], **page})
    assert twilio.find_call(RING.to, NOW) == ""
    fake.faults["list-calls"] = answers({"calls": [shown | {"direction": "outbound-api"}], **page})
    assert twilio.find_call(RING.to, NOW) == "CA1"


@pytest.mark.parametrize("fault", [loopback.HANG, loopback.RESET, loopback.GARBAGE, answers({}, 500), answers({})])
def test_when_twilio_cannot_say_who_was_rung_nothing_is_concluded(
    fake: TwilioRest, twilio: Twilio, fault: Fault
) -> None:
    twilio.place(RING)
    fake.faults["list-calls"] = fault
    with pytest.raises(LookingError):
        twilio.find_call(RING.to, NOW)


# Recordings


def refused(twilio: Twilio, sid: str = RECORDING) -> tuple[NoRecording, bool]:
    with pytest.raises(RecordingError) as refusal:
        twilio.recording(sid)
    return refusal.value.why, refusal.value.again


def test_a_recording_is_fetched_as_it_is(fake: TwilioRest, twilio: Twilio) -> None:
    fake.keep_recording(RECORDING, WAV)
    assert twilio.recording(RECORDING) == WAV
    assert fake.asked[0].target == f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}.wav"


@pytest.mark.parametrize(
    "sid",
    [
        "",
        "RE123",
        RECORDING.upper(),
        RECORDING + "\n",
        "CA" + RECORDING[2:],
        "RE" + "١" * 32,
        f"{RECORDING}/../../x",
        "https://example.com/" + RECORDING,
    ],
)
def test_only_a_recordings_name_is_ever_asked_for(fake: TwilioRest, twilio: Twilio, sid: str) -> None:
    assert refused(twilio, sid) == ("malformed", False)
    with pytest.raises(RecordingError, match="malformed"):
        twilio.delete_recording(sid)
    assert fake.asked == []


def test_a_recording_that_is_not_there_may_be_asked_for_again(twilio: Twilio) -> None:
    assert refused(twilio) == ("not-ready", True)


RECORDING_FAULTS: list[tuple[Fault, NoRecording, bool]] = [
    (loopback.HANG, "late", True),
    (loopback.DRIP, "late", True),
    (loopback.RESET, "down", True),
    (loopback.HALF, "down", True),
    (answers({}, 500), "down", True),
    (answers({}, 429), "busy", True),
    (answers({}, 401), "credentials", False),
    (answers({}, 400), "refused", False),
    (answers({}, 302), "refused", False),
    (loopback.GARBAGE, "garbled", False),
    (answers({}), "garbled", False),
    (loopback.HUGE, "too-long", False),
]


@pytest.mark.parametrize(("fault", "why", "again"), RECORDING_FAULTS)
def test_every_failure_says_why_there_is_no_recording(
    fake: TwilioRest, twilio: Twilio, fault: Fault, why: NoRecording, again: bool
) -> None:
    fake.keep_recording(RECORDING, WAV)
    fake.faults["recording"] = fault
    begun = time.monotonic()
    assert refused(twilio) == (why, again)
    assert time.monotonic() - begun < LATEST
    assert len(fake.asked) == 1


def test_without_a_connection_there_is_no_recording(fake: TwilioRest, twilio: Twilio) -> None:
    fake.stop()
    assert refused(twilio) == ("down", True)
    with pytest.raises(RecordingError, match="down"):
        twilio.delete_recording(RECORDING)


def test_a_recording_may_be_as_long_as_it_may_and_no_longer(fake: TwilioRest) -> None:
    patient = Twilio(ACCOUNT, ACCOUNT, SECRET, base=fake.address)
    longest = WAV.ljust(MOST_RECORDED, b"\0")
    fake.keep_recording(RECORDING, longest)
    assert patient.recording(RECORDING) == longest
    fake.keep_recording(RECORDING, longest + b"\0")
    assert refused(patient) == ("too-long", False)


def test_a_recording_that_leads_elsewhere_is_not_followed(fake: TwilioRest) -> None:
    class Moved(socketserver.StreamRequestHandler):
        """A server that sends everybody elsewhere."""

        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            there = f"Location: {fake.address}/x.wav\r\nContent-Length: 0\r\n\r\n"
            self.wfile.write(f"HTTP/1.1 302 Found\r\n{there}".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Moved) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        moved = Twilio(ACCOUNT, ACCOUNT, SECRET, base=f"http://127.0.0.1:{server.server_address[1]}")
        try:
            assert refused(moved) == ("refused", False)
        finally:
            server.shutdown()
            thread.join()
    assert fake.asked == []


def test_a_recording_is_deleted_once_for_all(fake: TwilioRest, twilio: Twilio) -> None:
    fake.keep_recording(RECORDING, WAV)
    twilio.delete_recording(RECORDING)
    assert fake.recordings == {}
    twilio.delete_recording(RECORDING)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (loopback.HANG, "late"),
        (loopback.RESET, "down"),
        (answers({}, 500), "down"),
        (answers({}, 429), "busy"),
        (answers({"code": 20003, "message": "x"}, 401), "credentials"),
    ],
)
def test_a_recording_that_may_be_there_still_is_told_as_such(
    fake: TwilioRest, twilio: Twilio, fault: Fault, why: NoRecording
) -> None:
    fake.faults["delete"] = fault
    with pytest.raises(RecordingError) as refusal:
        twilio.delete_recording(RECORDING)
    assert refusal.value.why == why


@pytest.mark.parametrize("fault", [loopback.HANG, loopback.RESET, answers({"message": RING.to, "code": 1}, 400)])
def test_no_number_address_or_token_of_a_call_is_logged(
    fake: TwilioRest, twilio: Twilio, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fake.faults["*"] = fault
    outcome = twilio.place(RING)
    with pytest.raises(RecordingError):
        twilio.recording(RECORDING)
    logged = " ".join(str(record.__dict__) for record in caplog.records) + repr(RING) + repr(outcome)
    for secret in (RING.to, "39980001", "/rappel", SECRET):
        assert secret not in logged
