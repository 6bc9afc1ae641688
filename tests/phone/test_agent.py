"""The other end of a Dial: who is rung, the whisper that he hears, and what the line is told of it."""

from typing import Literal

import pytest
from twilio.request_validator import RequestValidator

from ivr.phone import ACCEPTS, BUSY, NO_ANSWER, REFUSES, VOICEMAIL, Agent, Phone, TwimlError

from .conftest import TOKEN
from .line import Line

ASKS = '<Gather numDigits="1" timeout="5" action="/accepted"><Say>Bouton rouge. Tapez un.</Say></Gather><Hangup/>'
WHISPERED = 4 * 60 / 165  # seconds


def dialled(phone: Phone, line: Line, agent: Agent, number: str = 'url="/whisper"', dial: str = "") -> None:
    """Dial a line that dials an agent at once, with a whisper that key 1 accepts; nothing has been heard yet."""
    numbers = f"<Number {number}>+33199000001</Number>"
    line.says("/voice", f'<Dial action="/rung" callerId="+33199000000" timeout="20" {dial}>{numbers}</Dial>')
    line.says("/whisper", ASKS)
    line.says("/accepted", "")
    line.says("/rung", "<Say>Suite.</Say>")
    line.sends("/status", b"", 204, Content_Type="")
    line.sends("/leg", b"", 204, Content_Type="")
    phone.agent, phone.status_url = agent, "/status"
    phone.dial()


def outcome(line: Line) -> tuple[str, str, str | None]:
    (rung,) = line.forms("/rung")
    return rung["DialCallStatus"], rung["DialBridged"], rung.get("DialCallDuration")


# twilio.com/docs/voice/twiml/number#url: run on the called party's end, after he answers, before the two are connected
def test_the_whisper_is_asked_on_the_leg_of_whoever_answers(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS)
    assert [heard.what for heard in phone.wait(300)] == ["Suite."]
    asked, accepted = line.forms("/whisper") + line.forms("/accepted")
    for form in (asked, accepted):
        assert (form["Direction"], form["CallStatus"]) == ("outbound-dial", "in-progress")
        assert (form["From"], form["To"]) == ("+33199000000", "+33199000001")
        assert form["ParentCallSid"] == phone.call_sid != form["CallSid"]
    assert accepted["Digits"] == "1"
    assert asked["CallSid"] == accepted["CallSid"] == line.forms("/rung")[0]["DialCallSid"]
    assert "ParentCallSid" not in line.forms("/rung")[0]


def test_the_whisper_is_signed(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS)
    phone.wait(10)
    (whisper,) = (received for received in line.received if received.path == "/whisper")
    given = whisper.headers["X-Twilio-Signature"]
    assert RequestValidator(TOKEN).validate(f"{line.url}/whisper", whisper.form, given)


# twilio.com/docs/voice/twiml/number#method, twilio.com/docs/voice/twiml/dial: a relative address is resolved
def test_the_whisper_is_asked_by_its_method_at_an_address_beside_the_document(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS, 'url="whisper?a=1" method="GET"')
    phone.wait(10)
    (whisper,) = (received for received in line.received if received.path == "/whisper")
    assert (whisper.method, whisper.query[:12]) == ("GET", "a=1&CallSid=")


def test_the_agent_accepts_and_talks_and_it_is_he_who_hangs_up(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(presses=("1",), talks=60))
    phone.wait(3 + WHISPERED + 59.9)
    assert line.forms("/rung") == []
    phone.wait(0.1)
    assert outcome(line) == ("completed", "true", "61")  # the called leg's own, whisper and all


@pytest.mark.parametrize("unaccepted", ["completed", "no-answer"])
@pytest.mark.parametrize("agent", [VOICEMAIL, REFUSES, Agent(presses=("2",))], ids=["voicemail", "refuses", "key 2"])
def test_a_whisper_that_nobody_accepts_connects_nobody(
    phone: Phone, line: Line, agent: Agent, unaccepted: Literal["completed", "no-answer"]
) -> None:
    phone.unaccepted = unaccepted
    dialled(phone, line, agent)
    line._answers["/accepted"].clear()
    line.says("/accepted", "<Hangup/>")
    assert [heard.what for heard in phone.wait(60)] == ["Suite."]
    assert outcome(line)[:2] == (unaccepted, "false")


def test_silence_after_the_whisper_is_an_answering_machine(phone: Phone, line: Line) -> None:
    dialled(phone, line, VOICEMAIL)
    phone.wait(3 + WHISPERED + 4.9)
    assert line.forms("/rung") == []
    phone.wait(0.2)
    assert outcome(line) == ("completed", "false", "6")


def test_whoever_refuses_hangs_up_where_the_whisper_waits(phone: Phone, line: Line) -> None:
    dialled(phone, line, REFUSES)
    phone.wait(3 + WHISPERED + 0.01)
    assert outcome(line) == ("completed", "false", "1")
    assert line.forms("/accepted") == []


@pytest.mark.parametrize(("agent", "status", "rings"), [(BUSY, "busy", 1), (NO_ANSWER, "no-answer", 20)])
def test_nobody_hears_a_whisper_who_does_not_answer(
    phone: Phone, line: Line, agent: Agent, status: str, rings: int
) -> None:
    dialled(phone, line, agent)
    phone.wait(rings - 0.1)
    assert line.paths() == ["/voice"]
    phone.wait(0.1)
    assert line.forms("/whisper") == []
    assert outcome(line) == (status, "false", None)


def test_without_a_whisper_any_that_answers_is_connected(phone: Phone, line: Line) -> None:
    dialled(phone, line, VOICEMAIL, "")
    phone.wait(64)
    assert outcome(line) == ("completed", "true", "60")


# twilio.com/docs/voice/twiml/number#url: when the document runs out, the two are connected; verbs are as for any call
def test_a_whisper_goes_on_from_document_to_document_until_one_runs_out(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(talks=10))
    line._answers["/whisper"].clear()
    line.says("/whisper", "<Say>un</Say><Redirect>/more</Redirect>")
    line.says("/more", "<Pause length='2'/><Say>deux</Say>")
    phone.wait(60)
    assert [heard.what for heard in phone.agent_heard] == ["un", "deux"]
    assert outcome(line)[:2] == ("completed", "true")


def test_each_key_is_pressed_where_the_whisper_waits_for_it(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(presses=("2", "1")))
    line._answers["/accepted"].clear()
    line.says("/accepted", ASKS, "")
    phone.wait(300)
    assert [form["Digits"] for form in line.forms("/accepted")] == ["2", "1"]
    assert len(phone.agent_heard) == 2
    assert outcome(line)[:2] == ("completed", "true")


def test_what_the_agent_hears_is_told_apart(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(presses=("1",), talks=5))
    phone.wait(60)
    (heard,) = phone.agent_heard
    assert (heard.what, heard.at) == ("Bouton rouge. Tapez un.", 3.0)
    assert "    3.0 s  agent heard Bouton rouge. Tapez un.\n    4.5 s  agent key 1\n" in phone.so_far()
    assert [entry.text for entry in phone.log if entry.kind in {"heard", "bridged"}] == ["+33•••••••01", "Suite."]
    assert phone.dropped_keys == ""


def test_the_next_utterance_of_the_whisper_can_be_waited_for(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(talks=5))
    line._answers["/whisper"].clear()
    line.says("/whisper", "<Say>un<break time='500ms'/>deux</Say>")
    assert phone.coming_to_agent() is None
    heard = [phone.hear_agent()]
    assert phone.coming_to_agent() == "deux"
    heard.append(phone.hear_agent())
    assert [one.what for one in heard if one] == ["un", "deux"]
    assert phone.coming_to_agent() is None
    assert phone.hear_agent() is None
    assert outcome(line)[:2] == ("completed", "true")


def test_the_agent_is_not_waited_for_while_the_caller_is_spoken_to(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Pause/><Say>Un instant.</Say><Dial callerId="+33199000000">+33199000001</Dial>')
    phone.dial()
    assert phone.hear_agent() is None
    assert (phone.seconds, phone.coming()) == (1.0, "Un instant.")


# twilio.com/docs/voice/twiml/dial: a caller who hangs up ends the call; the action is not asked
@pytest.mark.parametrize(
    ("after", "leg"), [(2, "canceled"), (4, "completed"), (30, "completed")], ids=["ringing", "whisper", "talk"]
)
def test_a_caller_who_hangs_up_ends_the_other_leg_too(phone: Phone, line: Line, after: int, leg: str) -> None:
    dialled(phone, line, ACCEPTS, 'url="/whisper" statusCallback="/leg"')
    phone.wait(after)
    phone.drop()
    assert line.forms("/rung") == []
    assert [form["CallStatus"] for form in line.forms("/leg")] == [leg]
    assert [form["CallStatus"] for form in line.forms("/status")] == ["completed"]
    assert phone.wait(600) == []


# twilio.com/docs/voice/twiml/number#statuscallbackevent
@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (ACCEPTS, ["initiated", "ringing", "in-progress", "completed"]),
        (REFUSES, ["initiated", "ringing", "in-progress", "completed"]),
        (BUSY, ["initiated", "ringing", "busy"]),
        (NO_ANSWER, ["initiated", "ringing", "no-answer"]),
    ],
)
def test_a_dialled_leg_tells_how_it_goes(phone: Phone, line: Line, agent: Agent, told: list[str]) -> None:
    events = 'statusCallbackEvent="initiated ringing answered completed"'
    dialled(phone, line, agent, f'url="/whisper" statusCallback="/leg" {events}')
    phone.wait(300)
    forms = line.forms("/leg")
    assert [form["CallStatus"] for form in forms] == told
    assert [form["SequenceNumber"] for form in forms] == [str(number) for number in range(len(told))]
    assert {form["ParentCallSid"] for form in forms} == {phone.call_sid}
    assert {form["CallSid"] for form in forms} == {line.forms("/rung")[0]["DialCallSid"]}


def test_a_dialled_leg_tells_its_end_alone_unless_asked(phone: Phone, line: Line) -> None:
    dialled(phone, line, Agent(presses=("1",), talks=20), 'url="/whisper" statusCallback="/leg"')
    phone.wait(300)
    (told,) = line.forms("/leg")
    assert (told["CallStatus"], told["CallDuration"]) == ("completed", "21")


# twilio.com/docs/voice/api/call-resource#statuscallback: no guarantee of the order
def test_status_callbacks_can_come_in_any_order_twice_or_not_at_all(phone: Phone, line: Line) -> None:
    phone.order = ("completed", "ringing", "completed")
    dialled(phone, line, ACCEPTS, 'statusCallback="/leg" statusCallbackEvent="initiated ringing completed"')
    phone.wait(300)
    assert [(form["CallStatus"], form["SequenceNumber"]) for form in line.forms("/leg")] == [
        ("completed", "2"),
        ("ringing", "1"),
        ("completed", "2"),
    ]
    assert [form["CallStatus"] for form in line.forms("/status")] == ["completed", "completed"]


# twilio.com/docs/api/errors/13201
def test_a_whisper_cannot_dial(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS)
    line._answers["/whisper"].clear()
    line.says("/whisper", '<Dial callerId="+33199000000">+33199000001</Dial>')
    with pytest.raises(TwimlError, match="13201: a whisper has a <Dial>"):
        phone.wait(10)
    assert phone.ended == "error"


def test_a_broken_whisper_fails_the_call_and_tells_it(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS, 'url="/nowhere"')
    with pytest.raises(TwimlError, match=r"11200: POST .*/nowhere answered HTTP 404") as caught:
        phone.wait(10)
    assert "3.0 s  webhook  POST /nowhere CallStatus=in-progress -> 404" in str(caught.value)


# twilio.com/docs/voice/twiml/number: the first to pick up is connected
def test_of_several_numbers_the_one_that_answers_is_played(phone: Phone, line: Line) -> None:
    numbers = '<Number url="/a">+33199000001</Number><Number url="/b">+33199000002</Number>'
    line.says("/voice", f'<Dial callerId="+33199000000">{numbers}</Dial>')
    line.says("/b", "<Say>un</Say>")
    phone.answers["+33199000002"] = ACCEPTS
    phone.dial()
    phone.wait(10)
    assert line.paths() == ["/voice", "/b"]


def test_two_dials_in_a_call_are_two_legs(phone: Phone, line: Line) -> None:
    dial = '<Dial callerId="+33199000000"><Number url="/whisper">+33199000001</Number></Dial>'
    line.says("/voice", dial * 2)
    line.says("/whisper", "<Say>un</Say><Hangup/>", "<Say>deux</Say>")
    phone.agent = Agent(talks=1)
    phone.dial()
    phone.wait(60)
    assert [heard.what for heard in phone.agent_heard] == ["un", "deux"]
    assert len({form["CallSid"] for form in line.forms("/whisper")}) == 2


def test_again_delivers_the_whisper_when_it_came_last(phone: Phone, line: Line) -> None:
    dialled(phone, line, ACCEPTS)
    phone.wait(3.5)
    assert phone.again() == phone.last_answer == f"<Response>{ASKS}</Response>".encode()


def test_an_agent_does_what_an_agent_can() -> None:
    with pytest.raises(ValueError, match="'answered' is no DialCallStatus of an agent; write one of completed, "):
        Agent("answered")
