"""A simulated telephone: the carrier and the caller, for tests of any voice webhook, and for the terminal.

Imports nothing of the line: it is a client, which knows HTTP and TwiML.

    phone = Phone("http://127.0.0.1:5000/voice", token="…")
    phone.dial()
    while heard := phone.hear():
        print(heard.what)
    phone.press("1")

What becomes of a telephone that the line dials is told by an `Agent`. `transcript` plays calls written as files,
`caller` is a patient caller for tests, `plugin` brings both to pytest, `terminal` is a telephone for a person.
"""

from ivr.phone.agent import ACCEPTS, BUSY, NO_ANSWER, REFUSES, VOICEMAIL, Agent
from ivr.phone.clock import Clock
from ivr.phone.errors import CallError, TwimlError, UnreachableError
from ivr.phone.log import Entry, Heard
from ivr.phone.phone import Phone

__all__ = [
    "ACCEPTS",
    "BUSY",
    "NO_ANSWER",
    "REFUSES",
    "VOICEMAIL",
    "Agent",
    "CallError",
    "Clock",
    "Entry",
    "Heard",
    "Phone",
    "TwimlError",
    "UnreachableError",
]
