"""Forms, read strictly: what no carrier sends is no call.

Rule: https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

import pytest

from ivr.flow.engine import Dialled, Keys, Recorded, Silence, Transferred
from ivr.telephony.webhook import HostileFormError, MalformedFormError, event, number, parameters, webhook

CALL = (
    ("AccountSid", "AC" + "0" * 32),
    ("CallSid", "CA" + "1" * 32),
    ("From", "+33639980001"),
    ("To", "+33199000000"),
    ("CallStatus", "in-progress"),
)
OURS = ("AC" + "0" * 32, frozenset({"+33199000000"}))


def test_a_call_of_ours_is_read() -> None:
    hook = webhook((*CALL, ("FromCity", ""), ("SomethingNew", "x")), *OURS)
    assert (hook.call, hook.caller, hook.status) == ("CA" + "1" * 32, "+33639980001", "in-progress")


@pytest.mark.parametrize(
    "params",
    [
        (*CALL, ("CallSid", "CA" + "1" * 32)),
        (*CALL, ("Digits", "1"), ("Digits", "1")),
        tuple(pair for pair in CALL if pair[0] != "CallSid"),
        tuple((n, v + "From+331") if n == "CallSid" else (n, v) for n, v in CALL),
        tuple((n, "AC" + "9" * 32) if n == "AccountSid" else (n, v) for n, v in CALL),
        tuple((n, "+33199000099") if n == "To" else (n, v) for n, v in CALL),
        tuple((n, v + "\n") if n == "CallSid" else (n, v) for n, v in CALL),
        tuple((n, "x\x00y") if n == "From" else (n, v) for n, v in CALL),
    ],
    ids=["call twice", "digits twice", "no call", "shifted", "other account", "other number", "newline", "control"],
)
def test_what_is_no_call_of_ours_is_refused(params: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(HostileFormError):
        webhook(params, *OURS)


@pytest.mark.parametrize("body", [b"a=%ff", "a=é".encode(), b"a=1&" * 500, b"\x00\xff"])
def test_a_body_that_is_no_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedFormError):
        parameters(body)


@pytest.mark.parametrize(
    ("kind", "said", "happened"),
    [
        ("key", {"Digits": "2"}, Keys(9.0, "2")),
        ("silence", {}, Silence(9.0)),
        ("silence", {"Digits": ""}, Silence(9.0)),
        (
            "recorded",
            {"RecordingSid": "RE" + "a" * 32, "RecordingDuration": "12"},
            Recorded(9.0, "RE" + "a" * 32, 12.0),
        ),
        ("recorded", {"Digits": "hangup"}, Recorded(9.0, "", 0.0)),
        ("dialled", {"DialCallStatus": "completed"}, Transferred(9.0, "answered")),
        ("dialled", {"DialCallStatus": "canceled"}, Transferred(9.0, "failed")),
        ("", {}, Dialled(9.0)),
    ],
)
def test_what_happened(kind: str, said: dict[str, str], happened: object) -> None:
    assert event(kind, webhook((*CALL, *said.items()), *OURS), 9.0) == happened


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("key", {}),
        ("key", {"Digits": ""}),
        ("key", {"Digits": "hangup"}),
        ("key", {"Digits": "1 OR 1=1"}),
        ("key", {"Digits": "</Say><Dial>"}),
        ("key", {"Digits": "1" * 33}),
        ("key", {"Digits": "١"}),
        ("recorded", {"RecordingSid": "https://example.com/evil"}),
        ("recorded", {"RecordingDuration": "-1"}),
    ],
)
def test_what_no_carrier_sends_did_not_happen(kind: str, said: dict[str, str]) -> None:
    with pytest.raises(HostileFormError):
        event(kind, webhook((*CALL, *said.items()), *OURS), 9.0)


# Withheld numbers, as words and as letters on a keypad: facts/twilio.md, "Anonymous callers".
@pytest.mark.parametrize(
    "shown",
    [
        "anonymous",
        "",
        "unknown",
        "+266696687",
        "+7378742833",
        "+86282452253",
        "+8656696",
        "+2562533",
        "sip:a@example.com",
        "+331",
    ],
)
def test_a_withheld_caller_has_no_number(shown: str) -> None:
    assert number(shown) == ""
