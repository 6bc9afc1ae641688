"""What a script's commands ask of the desks, for one line: each command's name, and who carries it out.

It stands beside the rooms and joins the desk's rules to the store, within the turn's own transaction wherever nothing
has to wait. What it gives back are outcomes and slots that hold references: a code's id, never a code.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection, Engine

from ivr.calls import Desk, Quick, Slow, Work
from ivr.desk import codes
from ivr.desk.address import Links, Refused, public_ipv4
from ivr.desk.identity import Identity
from ivr.desk.lines import Line, e164
from ivr.desk.register import Register, calls_from_itself
from ivr.desk.sms import Text
from ivr.flow.engine import Command, Outcome
from ivr.flow.model import UNAVAILABLE
from ivr.sender import sealed_sms
from ivr.speech.clips import group_name
from ivr.store.accounts import Accounts, accounts_of
from ivr.store.codes import Codes
from ivr.store.lines import KeptLine
from ivr.store.lines import Lines as Kept
from ivr.store.links import StoredLinks
from ivr.store.outbox import Outbox, queue
from ivr.store.vault import Vault
from ivr.telephony.rest import Sms


@dataclass(frozen=True)
class Services:
    """The services of one database. `texts` are the SMS by kind; `public_url` is where links lead.

    `can_text` says whether texts can leave at all: without them nobody can be recognised, and no code is offered.
    `fiction` accepts the addresses reserved for examples, which tests and demonstrations use.
    """

    engine: Engine
    vault: Vault
    texts: Mapping[str, Text]
    public_url: str
    can_text: bool = False
    fiction: bool = False
    draw: Callable[[int], int] = secrets.randbelow

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        return {
            "find-line": Quick(self.find_line),
            "send-password": Quick(self.send_password),
            "verify-password": Slow(self.verify_password),
            "check-address": Quick(self.check_address),
            "send-link": Slow(self.send_link),
            "link-address": Slow(self.link_address),
            "make-code": Quick(self.make_code),
            "text-code": Quick(self.text_code),
            "compare-code": Quick(self.compare_code),
        }

    def links(self) -> Links:
        """The links that catch an address; each use of the store is a transaction of its own."""
        return Links(StoredLinks(self.engine, self.vault), fiction=self.fiction)

    # Which line, and who calls

    def find_line(self, _command: Command, work: Work) -> Outcome:
        """The line that the caller's number lets us guess: a guess chooses a question, and proves nothing."""
        if not self.can_text or not Kept(work.transaction, self.vault).count():
            return Outcome(work.at, UNAVAILABLE)
        line = self._register(work.transaction).by_caller(work.caller)
        if line is None or calls_from_itself(line, work.caller):
            return Outcome(work.at, "unknown")
        number = _national(line)
        return Outcome(work.at, "known", (("ligne", number), ("fin", number[-4:])))

    def send_password(self, command: Command, work: Work) -> Outcome:
        """Queue a one-time password for the mobile on file; the same words and turns when there is no such line."""
        number = e164(_slot(command, "ligne"))
        sent = self.identity.send(self._accounts(work.transaction), self._post(work), work.call, number, work.at)
        if sent.outcome != "sent":
            return Outcome(work.at, "refused")
        return Outcome(work.at, "sent", (("fin-mobile", sent.ending),))

    def verify_password(self, command: Command, work: Work) -> Outcome:
        """Whether the digits typed are the password: counted first, then compared, each in a transaction of its own."""
        checked = self.identity.verify(work.call, _slot(command, "recu"), work.at)
        return Outcome(work.at, checked if checked in ("verified", "wrong") else "refused")

    # Where the telephone is

    def check_address(self, command: Command, work: Work) -> Outcome:
        """Whether what was keyed is a public address."""
        match public_ipv4(_slot(command, "adresse"), fiction=self.fiction):
            case Refused(reason="malformed" | "leading-zero"):
                return Outcome(work.at, "malformed")
            case Refused():
                return Outcome(work.at, "not-public")
            case address:
                return Outcome(work.at, "public", (("adresse", address),))

    def send_link(self, command: Command, work: Work) -> Outcome:
        """Text the link that catches the address to the mobile on file."""
        with self.engine.begin() as connection:
            line = self._line(connection, command)
        if line is None:
            return Outcome(work.at, UNAVAILABLE)
        token = self.links().offer(work.call, work.at)
        body = self.texts["adresse"].filled(lien=f"{self.public_url}/i/{token}")
        kind = f"adresse.{token[:4]}"
        Outbox(self.engine).queue(work.call, kind, self._sealed(work.call, kind, line.mobile, body), work.at)
        return Outcome(work.at, "sent")

    def link_address(self, _command: Command, work: Work) -> Outcome:
        """The address that the link has caught by now."""
        address = self.links().address_of(work.call, work.at)
        return Outcome(work.at, "received", (("adresse", address),)) if address else Outcome(work.at, "not-yet")

    # The code

    def make_code(self, command: Command, work: Work) -> Outcome:
        """Issue the call's code in the turn's transaction: the pool's next, or the one that it holds already."""
        line = self._line(work.transaction, command)
        if line is None:
            return Outcome(work.at, "refused")
        match codes.issue(Codes(work.transaction, self.vault), work.call, line.id, work.at):
            case codes.Issued(id=code_id, length=length):
                return Outcome(work.at, "made", (("code", code_id), ("nombre", str(length))))
            case "unproved":
                return Outcome(work.at, "refused")
            case _:
                return Outcome(work.at, "failed")

    def text_code(self, command: Command, work: Work) -> Outcome:
        """Queue the code for the mobile on file, in the turn's transaction."""
        line, code = self._line(work.transaction, command), self.code(work.transaction, command, work)
        if line is None or code is None:
            return Outcome(work.at, UNAVAILABLE)
        body = self.texts["code"].filled(code=" ".join(codes.groups(code)))
        queue(work.transaction, work.call, "code", self._sealed(work.call, "code", line.mobile, body), work.at)
        return Outcome(work.at, "sent")

    def compare_code(self, command: Command, work: Work) -> Outcome:
        """Whether the caller noted the code right; else the first group that differs."""
        code = self.code(work.transaction, command, work)
        if code is None:
            return Outcome(work.at, UNAVAILABLE)
        wrong = codes.wrong_groups(code, _slot(command, "note"))
        if not wrong:
            return Outcome(work.at, "same")
        group = f"{_slot(command, 'code')}/{wrong[0]}"
        return Outcome(work.at, "different", (("groupe", group), ("rang", group_name(wrong[0]))))

    def code(self, connection: Connection, command: Command, work: Work) -> str | None:
        """The code itself, to be used now and kept nowhere."""
        return codes.read(Codes(connection, self.vault), work.call, _slot(command, "code"), work.at)

    def code_of(self, call: str, reference: str, at: float) -> str | None:
        """The code, or the group of it, that a reference in a slot means, for this call."""
        code_id, _, group = reference.partition("/")
        with self.engine.begin() as connection:
            code = codes.read(Codes(connection, self.vault), call, code_id, at)
        if code is None or not group:
            return code
        return codes.groups(code)[int(group)]

    # What they stand on

    def _register(self, connection: Connection) -> Register:
        return Register(Kept(connection, self.vault))

    def _accounts(self, connection: Connection) -> Accounts:
        return Accounts(connection, self.vault)

    @cached_property
    def identity(self) -> Identity:
        """Made once: it hashes a PIN to be compared with when there is none."""
        return Identity(accounts_of(self.engine, self.vault), self.vault.pepper("passwords"), self.draw)

    def _line(self, connection: Connection, command: Command) -> KeptLine | None:
        return Kept(connection, self.vault).by_number(e164(_slot(command, "ligne")))

    def _post(self, work: Work) -> Callable[[str, str, str], None]:
        def post(call: str, mobile: str, password: str) -> None:
            kind = f"verification.{round(work.at) % 1_000_000}"
            body = self.texts["verification"].filled(code=password)
            queue(work.transaction, call, kind, self._sealed(call, kind, mobile, body), work.at)

        return post

    def _sealed(self, call: str, kind: str, mobile: str, body: str) -> bytes:
        return sealed_sms(self.vault, call, kind, Sms(mobile, body))


def _slot(command: Command, name: str) -> str:
    return dict(command.slots).get(name, "")


def _national(line: Line) -> str:
    """A French number as it is typed: « 0199000007 »."""
    return f"0{line.number.removeprefix('+33')}"
