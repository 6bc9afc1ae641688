"""What a script asks about the code: which line, who calls, where its telephone is, and the code itself.

It joins the desk's rules to the store, within the turn's own transaction wherever nothing has to wait. What it gives
back are outcomes and slots that hold references: a code's id, never a code. The register says whose a line is; where an
operator's API is there, it says from where the telephone came last, and makes the codes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from ivr.calls import Desk, Quick, Slow, Work
from ivr.desk import codes
from ivr.desk.address import Links, Refused, days_ago, public_ipv4
from ivr.desk.identity import Identity
from ivr.desk.lines import Line, Lines, LinesError, Made, NotNeeded, Requested, Unknown, e164
from ivr.desk.register import Register, calls_from_itself
from ivr.flow.engine import Command, Outcome
from ivr.flow.model import UNAVAILABLE
from ivr.services.ground import Ground, Leaving, national, slot
from ivr.speech.clips import group_name
from ivr.store import jobs
from ivr.store.accounts import Accounts, accounts_of
from ivr.store.audit import Audit
from ivr.store.codes import Codes
from ivr.store.lines import KeptLine
from ivr.store.lines import Lines as Kept
from ivr.store.links import StoredLinks

SHORT = 12
"""Characters of a code that is still read out to be noted; a longer one goes by SMS first (dialogue.md C.7)."""


@dataclass(frozen=True)
class CodeServices:
    """The commands of the code. `operator` is the API of who runs the lines, where there is one."""

    ground: Ground
    operator: Lines | None = None

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        return {
            "find-line": Quick(self.find_line),
            "send-password": Quick(self.send_password),
            "verify-password": Slow(self.verify_password),
            "check-pin": Slow(self.check_pin),
            "known-address": Slow(self.known_address) if self.operator else Quick(self.no_address),
            "check-address": Quick(self.check_address),
            "send-link": Slow(self.send_link),
            "link-address": Slow(self.link_address),
            "make-code": Slow(self.make_code) if self.operator else Quick(self.issue_code),
            "text-code": Quick(self.text_code),
            "code-ready": Quick(self.code_ready),
            "compare-code": Quick(self.compare_code),
        }

    def links(self) -> Links:
        """The links that catch an address; each use of the store is a transaction of its own."""
        return Links(StoredLinks(self.ground.engine, self.ground.vault), fiction=self.ground.fiction)

    # Which line, and who calls

    def find_line(self, _command: Command, work: Work) -> Outcome:
        """The line that the caller's number lets us guess: a guess chooses a question, and proves nothing."""
        kept = Kept(work.transaction, self.ground.vault)
        if not self.ground.can_text or not kept.count():
            return Outcome(work.at, UNAVAILABLE)
        line = Register(kept).by_caller(work.caller)
        if line is None or calls_from_itself(line, work.caller):
            return Outcome(work.at, "unknown")
        number = national(line.number)
        return Outcome(work.at, "known", (("ligne", number), ("fin", number[-4:])))

    def send_password(self, command: Command, work: Work) -> Outcome:
        """Queue a one-time password for the mobile on file; the same words and turns when there is no such line.

        A call that has proved itself for this line is not asked again.
        """
        number, accounts = e164(slot(command, "ligne")), Accounts(work.transaction, self.ground.vault)
        account = self.identity.account(accounts, number)
        if codes.is_proved(Codes(work.transaction, self.ground.vault), work.call, account, work.at):
            return Outcome(work.at, "proved")
        sent = self.identity.send(accounts, self._post(work), work.call, number, work.at)
        if sent.outcome != "sent":
            return Outcome(work.at, "refused")
        return Outcome(work.at, "sent", (("fin-mobile", sent.ending),))

    def verify_password(self, command: Command, work: Work) -> Outcome:
        """Whether the digits typed are the password: counted first, then compared, each in a transaction of its own."""
        checked = self.identity.verify(work.call, slot(command, "recu"), work.at)
        return Outcome(work.at, checked if checked in ("verified", "wrong") else "refused")

    def check_pin(self, command: Command, work: Work) -> Outcome:
        """Whether the digits typed are the line's support PIN, counted and compared as a password is."""
        checked = self.identity.check_pin(work.call, e164(slot(command, "ligne")), slot(command, "pin"), work.at)
        return Outcome(work.at, checked if checked in ("verified", "wrong", "busy") else "refused")

    # Where the telephone is

    def no_address(self, _command: Command, work: Work) -> Outcome:
        """The register does not see telephones connect."""
        return Outcome(work.at, "unknown")

    def known_address(self, command: Command, work: Work) -> Outcome:
        """The public address that the telephone last came from, when that is less than a week ago."""
        try:
            line = self._at_operator(command)
            seen = self.operator.last_address(line) if self.operator and line else None
        except LinesError:
            return Outcome(work.at, UNAVAILABLE)
        when = days_ago(seen.at, work.at) if seen else None
        address = public_ipv4(seen.address, fiction=self.ground.fiction) if seen else None
        if when is None or not isinstance(address, str):
            return Outcome(work.at, "unknown")
        return Outcome(work.at, "known", (("adresse", address), ("jour", when)))

    def check_address(self, command: Command, work: Work) -> Outcome:
        """Whether what was keyed is a public address."""
        match public_ipv4(slot(command, "adresse"), fiction=self.ground.fiction):
            case Refused(reason="malformed" | "leading-zero"):
                return Outcome(work.at, "malformed")
            case Refused():
                return Outcome(work.at, "not-public")
            case address:
                return Outcome(work.at, "public", (("adresse", address),))

    def send_link(self, command: Command, work: Work) -> Outcome:
        """Text the link that catches the address to the mobile on file."""
        token = self.links().offer(work.call, work.at)
        body = self.ground.texts["adresse"].filled(lien=f"{self.ground.public_url}/i/{token}")
        with self.ground.engine.begin() as connection:
            line = self.ground.line(connection, command)
            kind = f"adresse.{token[:4]}"
            if line is None or not self.ground.text(connection, work.call, Leaving(kind, line.mobile, body), work.at):
                return Outcome(work.at, UNAVAILABLE)
        return Outcome(work.at, "sent")

    def link_address(self, _command: Command, work: Work) -> Outcome:
        """The address that the link has caught by now."""
        address = self.links().address_of(work.call, work.at)
        return Outcome(work.at, "received", (("adresse", address),)) if address else Outcome(work.at, "not-yet")

    # The code

    def issue_code(self, command: Command, work: Work) -> Outcome:
        """Issue the call's code in the turn's transaction: the pool's next, or the one that it holds already."""
        line = self.ground.line(work.transaction, command)
        if line is None:
            return Outcome(work.at, "refused")
        kept = Codes(work.transaction, self.ground.vault)
        return _issued(codes.issue(kept, work.call, line.id, work.at), work.at)

    def make_code(self, command: Command, work: Work) -> Outcome:
        """Have the operator make the call's code, once for one address: a reset is not to be asked for twice."""
        with self.ground.engine.begin() as connection:
            line, kept = self.ground.line(connection, command), Codes(connection, self.ground.vault)
            if line is None or not codes.is_proved(kept, work.call, line.id, work.at):
                return Outcome(work.at, "refused")
            if made := self._made_before(connection, kept, command, work):
                return made
        try:
            at_operator = self._at_operator(command)
            if at_operator is None or self.operator is None:
                return Outcome(work.at, "failed")
            if not self.operator.has_our_phone(at_operator):
                return Outcome(work.at, "other-phone")
        except LinesError:
            return Outcome(work.at, "failed")
        requested = self.operator.request_code(at_operator, slot(command, "adresse"))
        with self.ground.engine.begin() as connection:
            return self._requested(connection, requested, line, command, work)

    def _requested(
        self, connection: Connection, requested: Requested, line: KeptLine, command: Command, work: Work
    ) -> Outcome:
        """What became of the operator's reset; a code that may exist and that nobody knows is noted for a person."""
        match requested:
            case Made(code=code):
                kept = Codes(connection, self.ground.vault)
                outcome = _issued(codes.hold(kept, work.call, line.id, code, work.at), work.at)
            case NotNeeded():
                outcome = Outcome(work.at, "not-needed")
            case Unknown(trouble=trouble):
                audit = Audit(connection, self.ground.vault)
                audit.note(work.at, f"call {work.call}", f"reset.unknown.{trouble}", line.id)
                return Outcome(work.at, "failed")
            case _:
                return Outcome(work.at, "failed")
        key = self._reset_keys(command)[0]
        if jobs.ask(connection, work.call, key, work.at):
            jobs.keep_in(connection, work.call, key, jobs.Done(outcome.name, ""))
        return outcome

    def _made_before(self, connection: Connection, kept: Codes, command: Command, work: Work) -> Outcome | None:
        """What a reset for the same line and address gave this call before, while that can still be used."""
        asked = (jobs.done(connection, work.call, key) for key in self._reset_keys(command))
        done = next(filter(None, asked), None)
        if done is None or done.outcome == "not-needed":
            return Outcome(work.at, "not-needed") if done else None
        held = kept.held_by(work.call)
        if held is None or not codes.is_readable(held, work.at):
            return None
        return _issued(codes.described(kept, held.id), work.at)

    def _reset_keys(self, command: Command) -> tuple[str, ...]:
        """What a reset for this line and address may be noted under: one for each secret key, the newest first."""
        what = f"{slot(command, 'ligne')} {slot(command, 'adresse')}".encode()
        peppers = self.ground.vault.peppers("resets")
        return tuple(f"reset {hmac.digest(pepper, what, hashlib.sha256)[:16].hex()}" for pepper in peppers)

    def text_code(self, command: Command, work: Work) -> Outcome:
        """Queue the code for the mobile on file, in the turn's transaction."""
        line, code = self.ground.line(work.transaction, command), self.code(work.transaction, command, work)
        if line is None or code is None or not self.ground.can_text:
            return Outcome(work.at, UNAVAILABLE)
        body = self.ground.texts["code"].filled(code=" ".join(codes.groups(code)))
        sent = self.ground.text(work.transaction, work.call, Leaving("code", line.mobile, body), work.at)
        return Outcome(work.at, "sent" if sent else UNAVAILABLE)

    def code_ready(self, command: Command, work: Work) -> Outcome:
        """Whether the code may be read out; « unproved » when it is of a call that was cut: who calls must prove it."""
        kept, code = Codes(work.transaction, self.ground.vault), slot(command, "code")
        held = kept.held_by(work.call)
        if held is not None and held.id == code and codes.is_readable(held, work.at):
            return Outcome(work.at, "ready")
        of_line = kept.line_of(code, work.at)
        line = Kept(work.transaction, self.ground.vault).by_id(of_line) if of_line else None
        if line is None:
            return Outcome(work.at, "gone")
        if codes.regain(kept, work.call, line.id, work.at):
            return Outcome(work.at, "ready")
        return Outcome(work.at, "unproved", (("ligne", national(line.number)),))

    def compare_code(self, command: Command, work: Work) -> Outcome:
        """Whether the caller noted the code right; else the first group that differs."""
        code = self.code(work.transaction, command, work)
        if code is None:
            return Outcome(work.at, UNAVAILABLE)
        wrong = codes.wrong_groups(code, slot(command, "note"))
        if not wrong:
            return Outcome(work.at, "same")
        group = f"{slot(command, 'code')}/{wrong[0]}"
        return Outcome(work.at, "different", (("groupe", group), ("rang", group_name(wrong[0]))))

    def code(self, connection: Connection, command: Command, work: Work) -> str | None:
        """The code itself, to be used now and kept nowhere."""
        return codes.read(Codes(connection, self.ground.vault), work.call, slot(command, "code"), work.at)

    def code_of(self, call: str, reference: str, at: float) -> str | None:
        """The code, or the group of it, that a reference in a slot means, for this call."""
        code_id, _, group = reference.partition("/")
        with self.ground.engine.begin() as connection:
            code = codes.read(Codes(connection, self.ground.vault), call, code_id, at)
        if code is None or not group:
            return code
        return codes.groups(code)[int(group)]

    # What they stand on

    @cached_property
    def identity(self) -> Identity:
        """Made once: it keeps a PIN to be compared with when there is none."""
        vault = self.ground.vault
        return Identity(accounts_of(self.ground.engine, vault), vault.peppers("passwords"), self.ground.draw)

    def _at_operator(self, command: Command) -> Line | None:
        """The line as the operator knows it. Raises LinesError."""
        return self.operator.by_number(slot(command, "ligne")) if self.operator else None

    def _post(self, work: Work) -> Callable[[str, str, str], None]:
        def post(call: str, mobile: str, password: str) -> None:
            kind = f"verification.{round(work.at) % 1_000_000}"
            body = self.ground.texts["verification"].filled(code=password)
            self.ground.text(work.transaction, call, Leaving(kind, mobile, body, unproven=True), work.at)

        return post


def _issued(result: codes.Issued | codes.NotIssued, at: float) -> Outcome:
    """The outcome of issuing: a code that is long, or has letters, goes by SMS first."""
    match result:
        case codes.Issued(id=code_id, length=length, only_digits=only_digits):
            name = "made" if only_digits and length <= SHORT else "made-long"
            return Outcome(at, name, (("code", code_id), ("nombre", str(length))))
        case "unproved":
            return Outcome(at, "refused")
        case _:
            return Outcome(at, "failed")
