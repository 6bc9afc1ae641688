"""A webhook's form, read strictly: parameters once each, every value that is used matched whole.

The signature is no unambiguous encoding: with one captured signature `Digits=1234`, `Digits1=234` and a repeated
parameter all validate (facts/reliability.md 0.1). So names that we read are a closed list, none may come twice, and
each must match its pattern. Unknown names are ignored: Twilio adds parameters without notice
(twilio.com/docs/voice/twiml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from ivr.flow.engine import Dialled, Event, Keys, Recorded, Silence, Transferred

MOST_BYTES = 64 * 1024
"""A form larger than this is no webhook of a call."""

MOST_PARAMETERS = 200

IDENTITY: Mapping[str, re.Pattern[str]] = {
    "AccountSid": re.compile(r"AC[0-9a-fA-F]{32}", re.ASCII),
    "CallSid": re.compile(r"CA[0-9a-fA-F]{32}", re.ASCII),
    "CallStatus": re.compile(r"[a-z-]{1,20}", re.ASCII),
    "Direction": re.compile(r"[a-z-]{0,20}", re.ASCII),
    "ParentCallSid": re.compile(r"CA[0-9a-fA-F]{32}", re.ASCII),
    "From": re.compile(r"[ -~]{0,64}", re.ASCII),
    "To": re.compile(r"[ -~]{0,64}", re.ASCII),
}
"""Whose call it is: a mismatch means that it is none of ours."""

HAPPENED: Mapping[str, re.Pattern[str]] = {
    "Digits": re.compile(r"[0-9*#A-D]{0,32}|hangup", re.ASCII),
    "RecordingSid": re.compile(r"RE[0-9a-fA-F]{32}", re.ASCII),
    "RecordingDuration": re.compile(r"\d{1,5}", re.ASCII),
    "DialCallStatus": re.compile(r"[a-z-]{1,20}", re.ASCII),
    "DialBridged": re.compile(r"true|false", re.ASCII),
}
"""What happened in it: a mismatch moves nothing."""
_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_WITHHELD = frozenset({"+266696687", "+7378742833", "+86282452253", "+8656696", "+2562533"})
"""ANONYMOUS, RESTRICTED, UNAVAILABLE, UNKNOWN and BLOCKED as letters on a keypad (facts/twilio.md 1)."""


class MalformedFormError(ValueError):
    """The body is no form that Twilio would send; its signature cannot be trusted to mean one thing."""


class HostileFormError(ValueError):
    """The form is signed and still no call of ours: a value that no carrier sends, another account or number."""


class Webhook(NamedTuple):
    """What a webhook says, checked. `caller` is empty when the number is withheld or is none."""

    call: str
    caller: str
    status: str
    form: Mapping[str, str]


def parameters(body: bytes) -> tuple[tuple[str, str], ...]:
    """The form's parameters in order, as they were signed: the same as `urllib.parse.parse_qsl`, in half the time.

    Raises MalformedFormError when the body is no form of a reasonable size in UTF-8.
    """
    if not body:
        return ()
    try:
        text = body.decode("ascii").replace("+", " ")
        if text.count("&") >= MOST_PARAMETERS:
            raise MalformedFormError(f"more than {MOST_PARAMETERS} parameters")
        pairs = [pair.partition("=") for pair in text.split("&") if pair]
        return tuple([(_plain(n) if "%" in n else n, _plain(v) if "%" in v else v) for n, _, v in pairs])
    except UnicodeError as error:
        raise MalformedFormError(str(error)) from error


def _plain(quoted: str) -> str:
    """The text behind percent signs. Raises UnicodeDecodeError when it is not UTF-8."""
    plus = quoted.replace("%2B", "+")  # the only sign that most of the others have
    return unquote(quoted, errors="strict") if "%" in plus else plus


def webhook(params: tuple[tuple[str, str], ...], account: str, numbers: frozenset[str]) -> Webhook:
    """The call that the parameters speak of; `account` and `numbers` are ours, empty when anything may call.

    Raises HostileFormError when a parameter comes twice, is missing, or does not match.
    """
    form = dict(params)
    if len(form) != len(params):
        raise HostileFormError("a parameter comes twice")
    if "CallSid" not in form:
        raise HostileFormError("CallSid is missing")
    whose = _matched(form, IDENTITY)
    if account and whose.get("AccountSid") != account:
        raise HostileFormError("the account is not ours")
    if numbers and whose.get("To") not in numbers:
        raise HostileFormError("the number called is not ours")
    return Webhook(whose["CallSid"], number(whose.get("From", "")), whose.get("CallStatus", ""), form)


def _matched(form: Mapping[str, str], patterns: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    """The values that we read of the form. Raises HostileFormError at one that does not match."""
    values = {}
    for name, pattern in patterns.items():
        if name in form:
            if not pattern.fullmatch(form[name]):
                raise HostileFormError(f"{name} is not what a carrier sends")
            values[name] = form[name]
    return values


def number(shown: str) -> str:
    """The caller's number in E.164, or nothing when it is withheld, a SIP address, or no number."""
    return shown if _NUMBER.fullmatch(shown) and shown not in _WITHHELD else ""


def event(kind: str, hook: Webhook, at: float) -> Event:
    """What happened, from the last part of the address (`key`, `silence`, `recorded`, `dialled`, else the call starts).

    Raises HostileFormError for a value that does not match, and for a key without digits: Twilio posts to a Gather's
    action only with some.
    """
    values = _matched(hook.form, HAPPENED)
    match kind:
        case "key" if values.get("Digits") and values["Digits"] != "hangup":
            return Keys(at, values["Digits"])
        case "key":
            raise HostileFormError("Digits is missing")
        case "silence":
            return Silence(at)
        case "recorded":
            return Recorded(at, values.get("RecordingSid", ""), float(values.get("RecordingDuration", 0)))
        case "dialled":
            return Transferred(at, _result(values.get("DialCallStatus", ""), values.get("DialBridged", "")))
        case _:
            return Dialled(at)


def _result(status: str, bridged: str) -> str:
    """What became of a Dial. Who picked up and did not take the call (a voicemail, say) did not answer."""
    return "no-answer" if bridged == "false" and status == "completed" else _RESULTS.get(status, "failed")


_RESULTS = {"completed": "answered", "answered": "answered", "busy": "busy", "no-answer": "no-answer"}
