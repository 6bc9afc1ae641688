"""A line to try: one customer, some codes, and a carrier whose texts are shown on the terminal. For `make run` alone.

The customer's mobile is the one that the browser phone and `ivr call` call from; all numbers are reserved for fiction.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from sqlalchemy import Engine

from ivr.demo.twilio_rest import ACCOUNT, SECRET, Message, Placed, TwilioRest
from ivr.desk.register import read_codes, read_lines
from ivr.store.codes import Codes
from ivr.store.lines import Lines
from ivr.store.vault import Vault

LINE, MOBILE = "0199000007", "0639980001"
CODES, DIGITS = 20, 12
LONG_AGO = 90 * 86_400
"""Seconds: a mobile that was put on file lately gets no password."""


def carrier(recordings: Path) -> TwilioRest:
    """A carrier that prints texts and calls instead of sending them, and gives what the browser phone has recorded."""
    return TwilioRest(told=_shown, rung=_rung, folder=recordings).start()


def texts_through(fake: TwilioRest) -> dict[str, str]:
    """The settings that send texts through it."""
    return {
        "IVR_SMS_FROM": "+33199000000",
        "IVR_NUMBERS": "+33199000000",
        "IVR_AGENT": "+33199000001",
        "TWILIO_API_KEY": ACCOUNT,
        "TWILIO_API_SECRET": SECRET,
        "TWILIO_API_URL": fake.address,
    }


def give_demo_data(engine: Engine, vault: Vault) -> None:
    """Put the customer into an empty register, and codes into an empty pool."""
    with engine.begin() as connection:
        lines, codes = Lines(connection, vault), Codes(connection, vault)
        if not lines.count():
            rows = read_lines(f"ligne,mobile,modele\n{LINE},{MOBILE},C610IP\n".encode())
            lines.take_in(rows, time.time() - LONG_AGO)
        if not codes.tally().get("pool"):
            made = [f"{secrets.randbelow(10**DIGITS):0{DIGITS}}" for _ in range(CODES)]
            codes.take_in(read_codes("\n".join(["code", *made, ""]).encode()), time.time())


def _shown(message: Message) -> None:
    print(f"SMS au {message.to[:4]}****{message.to[-2:]} : {message.body}", flush=True)


def _rung(call: Placed) -> None:
    print(f"Appel vers le {call.to[:4]}****{call.to[-2:]}", flush=True)
