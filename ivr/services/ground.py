"""What every service stands on: one database, its vault, the SMS, and what the line may do at all.

It must not know any command: those are next door.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine

from ivr.desk.lines import e164
from ivr.desk.sms import Text
from ivr.flow.engine import Command
from ivr.sender import sealed_sms
from ivr.store.lines import KeptLine
from ivr.store.lines import Lines as Kept
from ivr.store.numbers import number_key
from ivr.store.outbox import CAPS, Caps, queue
from ivr.store.vault import Vault
from ivr.telephony.outgoing import Outgoing, Sms

RING_SECONDS = 30
"""How long a telephone rings that the line calls."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A text on its way: its kind, to whom (E.164), and what; `unproven` when nobody has proved a right to it."""

    kind: str
    to: str = field(repr=False)
    body: str = field(repr=False)
    unproven: bool = False


@dataclass(frozen=True)
class Ground:
    """One database and its vault. `texts` are the SMS by kind; `public_url` is where links lead.

    `can_text` says whether texts can leave at all: without them nobody can be recognised by SMS. `fiction` accepts the
    addresses reserved for examples, which tests and demonstrations use.
    """

    engine: Engine
    vault: Vault
    texts: Mapping[str, Text]
    public_url: str
    can_text: bool = False
    fiction: bool = False
    draw: Callable[[int], int] = secrets.randbelow
    caps: Caps = CAPS

    def line(self, connection: Connection, command: Command) -> KeptLine | None:
        """The line that the command's slot names, when the register has it."""
        return Kept(connection, self.vault).by_number(e164(slot(command, "ligne")))

    def outgoing(self, to: str, path: str) -> Outgoing:
        """A call that the line places: its TwiML is asked for at this path below /voice."""
        return Outgoing(to, f"{self.public_url}/voice/{path}", f"{self.public_url}/voice/status", RING_SECONDS)

    def text(self, connection: Connection, call: str, text: Leaving, at: float) -> bool:
        """Queue one text for a call, within the transaction; False when it will not leave."""
        sealed = sealed_sms(self.vault, call, text.kind, Sms(text.to, text.body))
        key, unproven = number_key(self.vault, text.to), text.unproven
        return queue(connection, call, text.kind, sealed, at, to_key=key, unproven=unproven, caps=self.caps) != "capped"


def slot(command: Command, name: str) -> str:
    """The value of one of the slots that the command was given; empty when it has none."""
    return dict(command.slots).get(name, "")


def national(number: str) -> str:
    """A French number as it is typed: « 0199000007 »."""
    return f"0{number.removeprefix('+33')}"
