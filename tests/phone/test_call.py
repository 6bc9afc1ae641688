"""A call from dial to end: what is sent, what time does, how it ends, what is told when it fails."""

import re
import socket

import pytest
from twilio.request_validator import RequestValidator

from ivr.phone import CallError, Clock, Entry, Heard, Phone, TwimlError, UnreachableError
from ivr.phone.wire import request, send, signature

from .conftest import TOKEN
from .line import Line, Received


def heard_all(phone: Phone) -> list[str]:
    heard = []
    while utterance := phone.hear():
        heard.append(utterance.what)
    return heard


# twilio.com/docs/voice/twiml#request-parameters
def test_every_webhook_carries_what_twilio_always_sends(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Redirect>/next</Redirect>")
    line.says("/next", "<Hangup/>")
    phone.dial()
    heard_all(phone)
    first, second = (received.form for received in line.received)
    assert re.fullmatch("CA[0-9a-f]{32}", first["CallSid"])
    assert first["CallSid"] == second["CallSid"] == phone.call_sid
    assert (first["CallStatus"], second["CallStatus"]) == ("ringing", "in-progress")
    assert first["From"] == first["Caller"] == "+33639980001"
    assert first["To"] == first["Called"] == "+33199000000"
    assert (first["ApiVersion"], first["Direction"], first["AccountSid"]) == ("2010-04-01", "inbound", "AC" + "0" * 32)
    assert first["FromCity"] == first["CalledZip"] == ""
    assert line.received[0].headers["User-Agent"] == "TwilioProxy/1.1"


# twilio.com/docs/voice/twiml: a withheld number is a word
def test_a_withheld_caller_is_anonymous(line: Line) -> None:
    line.says("/voice", "<Hangup/>")
    Phone(f"{line.url}/voice", caller="anonymous").dial()
    assert line.received[0].form["From"] == "anonymous"


# twilio.com/docs/usage/security#validating-requests
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_twilios_validator_accepts_the_signature(phone: Phone, line: Line, method: str) -> None:
    line.says("/voice", f'<Redirect method="{method}">/a/%C3%A9?b=%2F&amp;a=1+2</Redirect>')
    line.says("/a/%C3%A9", "<Hangup/>")
    phone.dial()
    heard_all(phone)
    for received in line.received:
        assert _is_signed(line, received)


def _is_signed(line: Line, received: Received) -> bool:
    url = line.url + received.path + (f"?{received.query}" if received.query else "")
    form = received.form if received.method == "POST" else {}
    valid: bool = RequestValidator(TOKEN).validate(url, form, received.headers["X-Twilio-Signature"])
    return valid


# twilio.com/docs/usage/security: the worked example
def test_the_signature_is_that_of_twilios_example() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310"}
    signed = signature("https://example.com/myapp.php?foo=1&bar=2", form | {"To": "+18005551212"}, TOKEN)
    assert signed == "L/OH5YylLD5NRKLltdqwSvS0BnU="


# twilio.com/docs/usage/security: over HTTPS the port is left out, over HTTP it is kept; user and fragment never count
def test_ports_users_and_fragments_are_signed_as_twilio_does() -> None:
    assert signature("https://a.fr:8443/voice", {}, TOKEN) == signature("https://a.fr/voice", {}, TOKEN)
    assert signature("http://a.fr:8080/voice", {}, TOKEN) != signature("http://a.fr/voice", {}, TOKEN)
    assert request("GET", "http://me:you@a.fr/v#rc=2", {}, TOKEN) == request("GET", "http://a.fr/v", {}, TOKEN)


def test_without_a_token_nothing_is_signed(line: Line) -> None:
    line.says("/voice", "<Hangup/>")
    Phone(f"{line.url}/voice").dial()
    assert "X-Twilio-Signature" not in line.received[0].headers


# twilio.com/docs/usage/webhooks/webhooks-connection-overrides: delivered again, it is the same request
def test_again_sends_the_same_bytes_and_moves_nothing(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Gather numDigits="1"/>', "<Say>un</Say><Gather/>", "<Say>deux</Say>")
    phone.dial()
    phone.press("1")
    assert phone.again() == b"<Response><Say>deux</Say></Response>"
    assert phone.last_answer == b"<Response><Say>un</Say><Gather/></Response>"
    assert line.received[1] == line.received[2]
    assert line.received[1].headers["X-Twilio-Signature"]
    assert heard_all(phone) == ["un"]


# twilio.com/docs/voice/twiml: a document that ends without a verb hangs up
def test_a_document_that_runs_out_hangs_up(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Say>au revoir</Say>")
    phone.dial()
    assert heard_all(phone) == ["au revoir"]
    assert phone.ended == "hangup"


# twilio.com/docs/voice/twiml/hangup
def test_hangup_ends_the_call_at_once(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Hangup/><Say>jamais</Say>")
    phone.dial()
    assert heard_all(phone) == []
    assert (phone.ended, phone.seconds) == ("hangup", 0)


# twilio.com/docs/voice/twiml/reject#reason
@pytest.mark.parametrize(("reason", "status"), [("rejected", "no-answer"), ("busy", "busy")])
def test_reject_refuses_the_call(phone: Phone, line: Line, reason: str, status: str) -> None:
    line.says("/voice", f'<Reject reason="{reason}"/>')
    line.sends("/status", b"", 204, Content_Type="")
    phone.status_url = "/status"
    phone.dial()
    assert phone.hear() is None
    assert phone.ended == "reject"
    assert [form["CallStatus"] for form in line.forms("/status")] == [status]


# twilio.com/docs/voice/twiml/redirect: what is below is never reached; a relative address is resolved
def test_redirect_goes_on_elsewhere(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Say>un</Say><Redirect>b/c</Redirect><Say>jamais</Say>")
    line.says("/b/c", "<Say>deux</Say><Redirect>d</Redirect>")
    line.says("/b/d", "<Say>trois</Say>")
    phone.dial()
    assert heard_all(phone) == ["un", "deux", "trois"]
    assert line.paths() == ["/voice", "/b/c", "/b/d"]


# twilio.com/docs/api/twiml/pause: one second by default
def test_pause_is_silence(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Say>un</Say><Pause/><Say>deux</Say><Pause length="4"/><Say>trois</Say>')
    phone.dial()
    heard = [phone.hear(), phone.hear(), phone.hear()]
    assert [h.silence_before for h in heard if h] == [0, 1, 4]


def test_wait_lets_exactly_that_time_pass(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Say>un</Say><Pause length="10"/><Say>deux</Say><Say>trois</Say>')
    phone.dial()
    assert [heard.what for heard in phone.wait(10.8)] == ["un", "deux"]
    assert phone.seconds == 10.8
    assert phone.hear() == Heard("trois", round(10 + 120 / 165, 3), round(60 / 165, 3), 0.0)
    phone.wait(100)
    assert (phone.ended, phone.seconds) == ("hangup", round(10 + 180 / 165 + 100, 3))


def test_the_line_sees_the_phones_time(line: Line) -> None:
    clock = Clock(1000.0)
    line.says("/voice", '<Pause length="7"/>')
    phone = Phone(f"{line.url}/voice", clock=clock)
    phone.dial()
    assert phone.hear() is None
    assert clock.now() == 1007.0
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1)


# twilio.com/docs/voice/twiml#status-callbacks, twilio.com/docs/voice/api/call-resource#statuscallback
@pytest.mark.parametrize("cut", [True, False])
def test_the_end_is_told_to_the_status_callback(line: Line, cut: bool) -> None:
    line.says("/voice", '<Pause length="12"/>')
    line.sends("/status", b"", 204, Content_Type="")
    phone = Phone(f"{line.url}/voice", token=TOKEN, clock=Clock(0.0), status_url="/status")
    phone.dial()
    phone.wait(5 if cut else 20)
    if cut:
        phone.drop()
    (told,) = line.forms("/status")
    assert (told["CallStatus"], told["CallSid"]) == ("completed", phone.call_sid)
    assert told["CallDuration"] == ("5" if cut else "12")
    assert told["Timestamp"] == f"Thu, 01 Jan 1970 00:00:{told['CallDuration']:0>2} GMT"
    assert (told["SequenceNumber"], told["CallbackSource"]) == ("0", "call-progress-events")
    assert _is_signed(line, line.received[-1])


def test_a_dropped_call_asks_nothing_more(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Gather><Say>un deux trois</Say></Gather><Redirect>/next</Redirect>")
    phone.dial()
    phone.drop()
    assert phone.ended == "drop"
    assert (phone.hear(), phone.silence(), phone.wait(60)) == (None, [], [])
    assert line.paths() == ["/voice"]
    with pytest.raises(CallError, match="already ended"):
        phone.drop()


def test_a_phone_calls_again_as_a_new_call(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Say>un</Say>")
    phone.dial()
    with pytest.raises(CallError, match="a call is under way"):
        phone.dial()
    heard_all(phone)
    phone.dial("CA" + "1" * 32)
    assert [form["CallSid"] for form in line.forms("/voice")][1] == "CA" + "1" * 32
    assert heard_all(phone) == ["un"]


def test_nothing_happens_before_dialling(phone: Phone) -> None:
    for act in (phone.hear, phone.silence, phone.drop, phone.again, lambda: phone.wait(1), lambda: phone.press("1")):
        with pytest.raises(CallError, match="dial\\(\\) first"):
            act()


# No limit is documented for voice; the phone's own keeps a broken line from running for ever.
def test_redirects_without_end_are_a_loop(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Redirect>/a</Redirect>")
    line.says("/a", "<Redirect>/voice</Redirect>")
    phone.dial()
    with pytest.raises(CallError, match="11 documents within 0 s, without end: /a -> /voice"):
        phone.hear()
    assert phone.ended == "error"
    assert len(line.received) == 10


def test_a_loop_that_hardly_speaks_is_one_too(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Say>a<break time="10ms"/></Say><Redirect>/a</Redirect>')
    line.says("/a", '<Say><break time="10ms"/></Say><Redirect>/a</Redirect>')
    phone.dial()
    with pytest.raises(CallError, match="31 documents within 1 s"):
        heard_all(phone)


def test_polling_is_no_loop_but_has_an_end(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Pause length="2"/><Redirect>/voice</Redirect>')
    phone.dial()
    with pytest.raises(CallError, match="nothing was heard for 600 s"):
        phone.hear()
    assert phone.seconds == 600


def test_keys_are_no_loop(phone: Phone, line: Line) -> None:
    line.says("/voice", '<Gather numDigits="1"/>')
    phone.dial()
    for _ in range(40):
        phone.press("1")
    assert len(line.received) == 41


# twilio.com/docs/api/errors/11200: any 4xx or 5xx; twilio.com/docs/api/errors/12300, /12200
@pytest.mark.parametrize(
    ("told", "number", "body", "status", "headers"),
    [
        ("answered HTTP 500: the caller would hear an error", 11200, b"oops", 500, {"Content_Type": "text/html"}),
        ("HTTP 403: refused; is the signature's token", 11200, b"no", 403, {}),
        ("a redirect to /voice/; answer at the address itself", 11200, b"", 308, {"Location": "/voice/"}),
        ("HTTP 204", 11200, b"", 204, {}),
        ("no Content-Type", 11200, b"<Response/>", 200, {"Content_Type": ""}),
        ("'application/json'", 12300, b"{}", 200, {"Content_Type": "application/json"}),
        ("<say> is no verb", 12200, b"<Response><say>a</say></Response>", 200, {}),
    ],
)
def test_a_bad_answer_ends_the_call_and_tells_it(
    phone: Phone, line: Line, told: str, number: int, body: bytes, status: int, headers: dict[str, str]
) -> None:
    line.says("/voice", "<Say>bonjour</Say><Gather action='/bad'/>")
    line.sends("/bad", body, status, **headers)
    phone.dial()
    heard_all(phone)
    with pytest.raises(TwimlError, match=re.escape(told)) as caught:
        phone.press("1#")
    assert caught.value.number == number
    assert phone.ended == "error"
    assert f"{phone.seconds:7.1f} s  webhook  POST /bad Digits=1 -> {status}" in str(caught.value)
    assert "    0.0 s  heard    bonjour" in str(caught.value)


def test_numbers_are_masked_in_what_is_told(phone: Phone, line: Line) -> None:
    line.says("/voice", "<Say>le 0639980001 et le +33639980001, code 0042</Say>")
    phone.dial()
    heard_all(phone)
    told = phone.so_far()
    assert "+33•••••••01 calls +33•••••••00" in told
    assert "le 063•••••01 et le +33•••••••01, code 0042" in told


def test_a_listener_gets_every_entry(phone: Phone, line: Line) -> None:
    entries: list[Entry] = []
    phone.on_entry = entries.append
    line.says("/voice", "<Say>un</Say>")
    phone.dial()
    heard_all(phone)
    assert entries == phone.log
    assert [entry.kind for entry in entries] == ["dial", "webhook", "begins", "heard", "end"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_nobody_answers() -> None:
    phone = Phone(f"http://127.0.0.1:{_free_port()}/voice")
    with pytest.raises(UnreachableError, match=r"nobody answers .*is the line started"):
        phone.dial()
    assert phone.ended == "error"


# twilio.com/docs/usage/webhooks/webhooks-connection-overrides: 15 s, here less
def test_a_line_that_does_not_answer_in_time_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UnreachableError, match="no answer within 0 s"):
            send(request("POST", f"http://127.0.0.1:{port}/", {}, None), timeout=0.05)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(CallError, match="'voice' is not the address of a webhook"):
        Phone("voice").dial()
