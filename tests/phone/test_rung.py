"""A telephone that the line rings, with a call that it has created: twilio.com/docs/voice/api/call-resource."""

import pytest
from twilio.request_validator import RequestValidator

from ivr.phone import VOICEMAIL, CallError, Clock, Phone, UnreachableError

from .conftest import TOKEN
from .line import Line

EVENTS = ("initiated", "ringing", "answered", "completed")


@pytest.fixture
def rung(line: Line) -> Phone:
    """A telephone whose owner the line has reason to ring."""
    line.sends("/status", b"", 204, Content_Type="")
    return Phone(f"{line.url}/voice", token=TOKEN, clock=Clock(0.0))


def statuses(line: Line) -> list[str]:
    return [form["CallStatus"] for form in line.forms("/status")]


def test_a_telephone_that_is_rung_answers_and_follows_the_document(rung: Phone, line: Line) -> None:
    line.says("/follow-up", '<Gather numDigits="1" action="/key"><Say>Votre téléphone sonne.</Say></Gather>')
    line.says("/key", "<Say>Merci.</Say>")
    rung.answer_call(f"{line.url}/follow-up", call_sid="CA" + "2" * 32)
    assert [heard.what for heard in rung.hear_out()] == ["Votre téléphone sonne."]
    rung.press("1")
    assert [heard.what for heard in rung.hear_out()] == ["Merci."]
    assert rung.ended == "hangup"
    asked, pressed = line.forms("/follow-up") + line.forms("/key")
    assert asked["CallSid"] == pressed["CallSid"] == "CA" + "2" * 32
    for form in (asked, pressed):
        assert (form["Direction"], form["CallStatus"]) == ("outbound-api", "in-progress")
        assert (form["From"], form["To"]) == ("+33199000000", "+33639980001")
    assert pressed["Digits"] == "1"
    given = line.received[0].headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(f"{line.url}/follow-up", asked, given)


def test_it_rings_before_it_is_answered_and_time_counts_from_the_answer(rung: Phone, line: Line) -> None:
    line.says("/follow-up", '<Pause length="12"/>')
    rung.answer_call(f"{line.url}/follow-up", "GET", status_url=f"{line.url}/status", events=EVENTS, rings=8)
    assert (rung.clock.now(), line.received[-1].method) == (8.0, "GET")
    rung.wait(20)
    forms = line.forms("/status")
    assert statuses(line) == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2", "3"]
    assert [form["Timestamp"][-12:] for form in forms] == [f"00:00:{at} GMT" for at in ("00", "00", "08", "20")]
    assert (forms[-1]["CallDuration"], forms[-1]["Direction"]) == ("12", "outbound-api")
    assert "CallDuration" not in forms[0]


# twilio.com/docs/voice/api/call-resource#statuscallbackevent: completed alone by default
@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_whoever_does_not_answer_is_told_and_asks_no_webhook(rung: Phone, line: Line, status: str) -> None:
    rung.leave_call(status, status_url=f"{line.url}/status", rings=25)  # type: ignore[arg-type]
    assert line.paths() == ["/status"]
    (told,) = line.forms("/status")
    assert (told["CallStatus"], told["CallDuration"]) == (status, "0")
    assert (rung.clock.now(), rung.ended) == (25.0, "drop")
    assert rung.hear() is None


def test_a_call_without_a_callback_tells_nobody(rung: Phone, line: Line) -> None:
    rung.leave_call("busy")
    assert line.received == []


def test_a_person_who_hangs_up_completes_the_call(rung: Phone, line: Line) -> None:
    line.says("/follow-up", '<Pause length="12"/>')
    rung.answer_call(f"{line.url}/follow-up", status_url=f"{line.url}/status")
    rung.wait(5)
    rung.drop()
    assert [(form["CallStatus"], form["CallDuration"]) for form in line.forms("/status")] == [("completed", "5")]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        (("completed", "answered", "initiated", "ringing"), ["completed", "in-progress", "initiated", "ringing"]),
        (("ringing", "ringing"), ["ringing", "ringing"]),
        ((), []),
    ],
)
def test_its_status_callbacks_come_in_any_order(
    rung: Phone, line: Line, order: tuple[str, ...], told: list[str]
) -> None:
    line.says("/follow-up", "<Hangup/>")
    rung.order = order
    rung.answer_call(f"{line.url}/follow-up", status_url=f"{line.url}/status", events=EVENTS)
    assert line.paths() == ["/follow-up"]
    rung.hear()
    assert statuses(line) == told


def test_it_can_be_connected_with_another(rung: Phone, line: Line) -> None:
    dial = '<Dial callerId="+33199000000"><Number url="/whisper">+33199000001</Number></Dial>'
    line.says("/follow-up", dial)
    line.says("/whisper", "<Hangup/>")
    rung.agent = VOICEMAIL
    rung.answer_call(f"{line.url}/follow-up")
    rung.wait(60)
    assert line.forms("/whisper")[0]["ParentCallSid"] == rung.call_sid


def test_a_telephone_takes_one_call_at_a_time(rung: Phone, line: Line) -> None:
    line.says("/voice", "<Gather/>")
    rung.dial()
    with pytest.raises(CallError, match="a call is under way"):
        rung.answer_call(f"{line.url}/follow-up")
    with pytest.raises(CallError, match="a call is under way"):
        rung.leave_call()
    rung.drop()
    line.says("/follow-up", "<Hangup/>")
    rung.answer_call(f"{line.url}/follow-up")
    assert "0.0 s  rung     +33•••••••00 calls +33•••••••01" in rung.so_far()


def test_nobody_answers_at_the_address(rung: Phone) -> None:
    with pytest.raises(UnreachableError):
        rung.answer_call("http://127.0.0.1:9/follow-up")
    assert rung.ended == "error"


# A recording exists at the carrier before the line is told of it.
def test_whoever_keeps_recordings_is_told_of_each_before_the_line(line: Line) -> None:
    kept: list[tuple[str, int, list[str]]] = []
    phone = Phone(f"{line.url}/voice", on_recording=lambda sid, seconds: kept.append((sid, seconds, line.paths())))
    line.says("/voice", '<Record action="/done" finishOnKey="#"/>')
    line.says("/done", '<Record action="/done" playBeep="false"/>', "")
    phone.dial()
    phone.hear()
    phone.speak(12)
    phone.press("#")
    phone.speak(4)
    phone.drop()
    first, second = line.forms("/done")
    assert kept == [
        (first["RecordingSid"], 12, ["/voice"]),
        (second["RecordingSid"], 4, ["/voice", "/done"]),
    ]
