"""What an operator may do from the command line: lines and codes, calls, messages, call-backs, the audit, forgetting.

Beside the rooms, because it joins the desk's rules to the store. Each function gives back the French text to print and
the exit code; numbers are masked, and no code is ever shown. It must not know the command line itself.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from ivr.desk.codes import expire, revoke
from ivr.desk.dispositions import counted, told
from ivr.desk.identity import Identity
from ivr.desk.register import (
    FileError,
    NewCode,
    code_lengths,
    line_number,
    masked,
    mobile_number,
    read_codes,
    read_lines,
)
from ivr.settings import settings
from ivr.store.accounts import Accounts, accounts_of
from ivr.store.audit import Audit
from ivr.store.callbacks import Callback, Callbacks
from ivr.store.codes import Codes
from ivr.store.database import open_database
from ivr.store.lines import Lines, plan
from ivr.store.messages import Message, Messages
from ivr.store.recordings import FOLDER, Recordings
from ivr.store.retention import Purged, forget_number, purge
from ivr.store.turns import ShownCall, Turns
from ivr.store.vault import Vault, VaultError

DONE, DOES_NOT_HOLD, WRONG_USAGE = 0, 1, 2
"""Exit codes, as everywhere in `ivr`."""

MOST_FAULTS = 20
"""Faults of a file that are listed; the others are counted."""

Row = TypeVar("Row")

MOST_BYTES = 64 * 1024 * 1024
"""A larger file is not read: a million lines take half of it."""

PARIS = ZoneInfo("Europe/Paris")

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)

STATES = {"active": "attribué", "read": "lu", "expired": "expiré", "revoked": "révoqué", "doubtful": "en doute"}

PLURAL = {"doubtful": "en doute"}

MESSAGES = {"kept": "à traiter", "done": "traité"}
CALLBACKS = {"booked": "promis", "placed": "en cours", "missed": "MANQUÉ", "done": "fait", "withdrawn": "retiré"}

SHORT = 8
"""Characters of an id that are shown, and are enough to name it by."""

SHORT_CALL = 10
"""The same of a call, whose id begins with CA."""

COUNTED_SECONDS = 30 * 86_400
"""How far back calls are counted."""

GONE = {
    "answers": "réponses",
    "jobs": "travaux",
    "states": "états d'appels",
    "callers": "appelants",
    "calls": "appels anonymisés",
    "turns": "tours",
    "outbox": "envois",
    "links": "liens",
    "messages": "messages",
    "callbacks": "rappels",
    "watched lines": "lignes surveillées",
    "watches": "surveillances",
    "passwords": "mots de passe",
    "attempts": "comptes d'essais",
    "lines": "lignes du registre",
}
"""What `purge` and `forget` count, for people."""


@dataclass(frozen=True, slots=True)
class Report:
    """What to print, in French, and the exit code: 0 done, 1 refused, 2 wrong usage. `sound` goes out instead."""

    text: str
    code: int = DONE
    sound: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Operators:
    """The desk's back office, on one database. `who` acts, for the audit; `clock` in seconds since the epoch.

    `folder` is IVR_DATA_DIR, where the sounds of messages are.
    """

    engine: Engine
    vault: Vault
    who: str
    clock: Callable[[], float] = time.time
    draw: Callable[[int], int] = secrets.randbelow
    folder: Path = Path("var")

    def import_lines(self, path: Path, *, dry_run: bool = False) -> Report:
        """Import `lines.csv`, all of it or nothing. A dry run says what it would do, and does nothing."""
        rows = _rows(path, read_lines)
        if isinstance(rows, Report):
            return rows
        with self.engine.begin() as connection:
            kept = Lines(connection, self.vault).kept()
        planned = plan(self.vault, kept, rows, self.clock())
        with self._transaction(dry_run=dry_run) as connection:
            done = Lines(connection, self.vault).carry_out(planned)
            self._note(connection, "lines.imported", f"{done.new} new, {done.changed} changed, {done.same} same")
        counted = f"{_counted(done.new, 'nouvelle')}, {_counted(done.changed, 'modifiée')}, {done.same} à l'identique"
        return Report(f"{path.name} : {_counted(len(rows), 'ligne')} ({counted}){_tail(dry_run)}")

    def list_lines(self) -> Report:
        """Every line, masked."""
        with self.engine.begin() as connection:
            shown = [
                f"{line.number}  mobile {line.mobile}  {line.model}{'  PIN' if line.has_pin else ''}"
                for line in Lines(connection, self.vault).shown()
            ]
        return Report("\n".join([*shown, _counted(len(shown), "ligne") + "."]))

    def import_codes(self, path: Path, *, dry_run: bool = False) -> Report:
        """Add a file of codes to the pool, all of it or nothing."""
        rows = _rows(path, read_codes)
        if isinstance(rows, Report):
            return rows
        with self._transaction(dry_run=dry_run) as connection:
            codes = Codes(connection, self.vault)
            if known := codes.known(rows):
                places = ", ".join(str(place + 2) for place in known[:MOST_FAULTS])
                why = f"codes déjà importés, {len(known)} en tout : lignes {places} ; retirez-les du fichier"
                return Report(f"{path.name} refusé, rien n'a changé.\n{why}", DOES_NOT_HOLD)
            codes.take_in(rows, self.clock())
            self._note(connection, "codes.imported", f"{len(rows)} codes")
        return Report(f"{path.name} : {_counted(len(rows), 'code')} en réserve{_tail(dry_run)}{_doubt(rows)}")

    def confirm_codes(self, path: Path, *, dry_run: bool = False) -> Report:
        """Put codes of a file that are in doubt back into the pool: the operator knows that nobody has had them."""
        rows = _rows(path, read_codes)
        if isinstance(rows, Report):
            return rows
        with self._transaction(dry_run=dry_run) as connection:
            count = Codes(connection, self.vault).confirm(rows)
            self._note(connection, "codes.confirmed", f"{count} codes")
        return Report(f"{path.name} : {_counted(count, 'code')} en doute de retour dans la réserve{_tail(dry_run)}")

    def list_codes(self, limit: int = 20) -> Report:
        """How many codes are in each state, and the last ones issued: never the codes."""
        with self.engine.begin() as connection:
            codes = Codes(connection, self.vault)
            expire(codes, self.clock())
            tally, shown = codes.tally(), codes.shown(limit)
        counts = [f"{tally.get('pool', 0)} en réserve"]
        counts += [_counted(tally.get(state, 0), name, PLURAL.get(state, "")) for state, name in STATES.items()]
        issued = [
            f"{code.id[:8]}  {_when(code.issued_at)}  {code.status}  {code.call or ''}".rstrip() for code in shown
        ]
        return Report("\n".join([", ".join(counts) + ".", *issued]))

    def revoke_code(self, start: str) -> Report:
        """Take back the code whose id begins so."""
        with self.engine.begin() as connection:
            codes = Codes(connection, self.vault)
            match codes.like(start.strip().lower()) if start.strip() else []:
                case [code_id]:
                    revoke(codes, code_id, self.who, self.clock())
                    return Report(f"Code {code_id[:8]} révoqué.")
                case []:
                    return Report(f"Aucun code ne commence par « {start} » : voyez `ivr codes list`.", DOES_NOT_HOLD)
                case _:
                    return Report(f"Plusieurs codes commencent par « {start} » : donnez-en plus.", DOES_NOT_HOLD)

    def make_pin(self, number: str) -> Report:
        """Give a line a new support PIN, shown this once."""
        identity = Identity(accounts_of(self.engine, self.vault), self.vault.peppers("passwords"), self.draw)
        pin, kept = identity.new_pin()
        with self.engine.begin() as connection:
            lines = Lines(connection, self.vault)
            line = lines.by_number(line_number(number) or "")
            if line is None:
                return _no_line(number)
            lines.set_pin(line.id, kept)
            self._note(connection, "pin.made", line.id)
        return Report(f"Code d'assistance de {masked(line.number)} : {pin[:4]} {pin[4:]}\nIl ne sera plus affiché.")

    def unlock(self, number: str) -> Report:
        """Let a line's owner try again after the hard lock."""
        with self.engine.begin() as connection:
            line = Lines(connection, self.vault).by_number(line_number(number) or "")
            if line is None:
                return _no_line(number)
            before = Accounts(connection, self.vault).unlock(line.id, self.clock())
            self._note(connection, "account.unlocked", line.id)
        return Report(f"{masked(line.number)} débloquée ({_counted(before.failures, 'échec')} de suite effacés).")

    def audit(self, limit: int = 50) -> Report:
        """The last rows of the audit, and whether its chain holds."""
        with self.engine.begin() as connection:
            audit = Audit(connection, self.vault)
            notes, broken = audit.latest(limit), audit.broken_at()
        shown = [f"{n.seq:>6}  {_when(n.at)}  {n.who}  {n.what}  {n.subject}".rstrip() for n in notes]
        if broken is not None:
            shown.append(
                f"LA CHAÎNE EST ROMPUE à la ligne {broken} : comparez avec une sauvegarde avant toute autre chose."
            )
        return Report("\n".join(shown) or "Rien encore.", DOES_NOT_HOLD if broken is not None else DONE)

    def calls(self, limit: int = 20) -> Report:
        """The last calls, how each ended, and how many came again."""
        turns, now = Turns(self.engine), self.clock()
        shown = [_call_line(call) for call in turns.latest(limit)]
        tally = turns.tally(now - COUNTED_SECONDS)
        total = f"{_counted(tally.calls, 'appel')} en 30 jours"
        ended = f" : {counted(tally.dispositions)}" if tally.calls else ""
        day, week = tally.again_in_a_day, tally.again_in_a_week
        again = f"Ont rappelé du même numéro : {day} dans les 24 heures, {week} dans les 7 jours."
        return Report("\n".join([*shown, f"{total}{ended}.", again]))

    def list_messages(self) -> Report:
        """The messages that callers sent, the oldest first."""
        with self.engine.begin() as connection:
            messages = self._messages(connection)
            shown = [_message_line(message, messages.has_sound(message.id)) for message in messages.shown()]
        return Report("\n".join(shown) or "Aucun message.")

    def play_message(self, start: str, to: Path | None = None) -> Report:
        """The sound of a message, to a file that only this operator may read, or as it is; who listens is noted."""
        with self.engine.begin() as connection:
            messages = self._messages(connection)
            found = _named(messages.like, start, "message", "messages")
            if isinstance(found, Report):
                return found
            sound = _sound(messages, found)
            if isinstance(sound, Report):
                return sound
            if to is not None and (why := _written(to, sound)):
                return why
            self._note(connection, "message.played", found)
        if to is None:
            return Report("", sound=sound)
        return Report(f"Message {found[:SHORT]} écrit dans {to} : effacez-le après l'avoir écouté.")

    def done_message(self, start: str) -> Report:
        """A person has dealt with a message."""
        with self.engine.begin() as connection:
            messages = self._messages(connection)
            found = _named(messages.like, start, "message", "messages")
            if isinstance(found, Report):
                return found
            if not messages.done(found, self.clock()):
                return Report(f"Le message {found[:SHORT]} n'est pas à traiter.", DOES_NOT_HOLD)
            self._note(connection, "message.done", found)
        return Report(f"Message {found[:SHORT]} traité ; il sera effacé dans 30 jours.")

    def delete_message(self, start: str) -> Report:
        """A message goes at once, and its sound."""
        with self.engine.begin() as connection:
            messages = self._messages(connection)
            found = _named(messages.like, start, "message", "messages")
            if isinstance(found, Report):
                return found
            messages.delete(found)
            self._note(connection, "message.deleted", found)
        return Report(f"Message {found[:SHORT]} effacé, le son aussi.")

    def number_of_message(self, start: str) -> Report:
        """Whom to call back, in clear; who looks is noted."""
        with self.engine.begin() as connection:
            messages = self._messages(connection)
            return self._number(connection, messages.number, _named(messages.like, start, "message", "messages"))

    def list_callbacks(self) -> Report:
        """The call-backs that were promised, by the time of their slot."""
        with self.engine.begin() as connection:
            shown = [_callback_line(callback) for callback in Callbacks(connection, self.vault).shown()]
        return Report("\n".join(shown) or "Aucun rappel promis.")

    def done_callback(self, start: str) -> Report:
        """Somebody has called the customer."""
        with self.engine.begin() as connection:
            callbacks = Callbacks(connection, self.vault)
            found = _named(callbacks.like, start, "rappel", "callbacks")
            if isinstance(found, Report):
                return found
            if not callbacks.done(found, self.clock()):
                return Report(f"Le rappel {found[:SHORT]} n'est plus à faire.", DOES_NOT_HOLD)
            self._note(connection, "callback.done", found)
        return Report(f"Rappel {found[:SHORT]} fait.")

    def number_of_callback(self, start: str) -> Report:
        """Whom to call back, in clear; who looks is noted."""
        with self.engine.begin() as connection:
            callbacks = Callbacks(connection, self.vault)
            return self._number(connection, callbacks.number, _named(callbacks.like, start, "rappel", "callbacks"))

    def _number(self, connection: Connection, number: Callable[[str], str], found: str | Report) -> Report:
        if isinstance(found, Report):
            return found
        self._note(connection, "number.shown", found)
        return Report(number(found)) if number(found) else Report("Numéro masqué par l'appelant.", DOES_NOT_HOLD)

    def purge(self, *, dry_run: bool = False) -> Report:
        """Let go of what is over, as the line does every day by itself."""
        now = self.clock()
        if not dry_run:
            with self.engine.begin() as connection:
                expire(Codes(connection, self.vault), now)
        done = purge(self.engine, self.vault, now, folder=self.folder, who=self.who, anew=True, dry_run=dry_run)
        return Report(f"Arrivés à terme : {_gone(done)}{_tail(dry_run)}{self._left(done, dry_run=dry_run)}")

    def forget(self, number: str, *, dry_run: bool = False) -> Report:
        """Erase a number everywhere, the bytes on the disk included."""
        e164 = line_number(number) or mobile_number(number) or (number if _E164.fullmatch(number) else "")
        if not e164:
            return Report(f"{masked(number)} n'est pas un numéro : écrivez-le comme +33639980001.", WRONG_USAGE)
        now = self.clock()
        done = forget_number(self.engine, self.vault, e164, now, folder=self.folder, who=self.who, dry_run=dry_run)
        told = [f"{masked(e164)} oublié : {_gone(done)}{_tail(dry_run)}{self._left(done, dry_run=dry_run)}"]
        if lines := done.counts.get("lines", 0):
            told.append(f"{_counted(lines, 'ligne')} du registre avec lui : retirez-le aussi de votre fichier,")
            told.append("ou le prochain `ivr lines import` le ramènera.")
        return Report("\n".join(told))

    def _left(self, done: Purged, *, dry_run: bool) -> str:
        """What the operator must still do about the bytes on the disk."""
        if dry_run or done.on_disk:
            return ""
        if self.engine.dialect.name == "sqlite":
            return "\nLe fichier n'a pas pu être récrit (occupé, ou disque plein) : relancez la commande."
        return "" if not done.total else "\nPostgreSQL garde les lignes mortes jusqu'à son `VACUUM FULL` : lancez-le."

    def _messages(self, connection: Connection) -> Messages:
        return Messages(connection, self.vault, Recordings(self.folder / FOLDER, self.vault))

    def carried_out(self, asked: Namespace) -> Report:
        """What `ivr lines|codes|audit|calls|messages|callbacks|purge|forget …` asks for."""
        return self._acts(asked)[asked.command, asked.what]()

    def _acts(self, asked: Namespace) -> Mapping[tuple[str, str], Callable[[], Report]]:
        """Every act by its command and what of it, with what the command line says beside."""
        given, options = getattr(asked, "argument", ""), vars(asked)
        dry_run, limit, to = options.get("dry_run", False), options.get("limit", 0), options.get("to")
        return {
            ("lines", "import"): lambda: self.import_lines(Path(given), dry_run=dry_run),
            ("lines", "list"): self.list_lines,
            ("lines", "pin"): lambda: self.make_pin(given),
            ("lines", "unlock"): lambda: self.unlock(given),
            ("codes", "import"): lambda: self.import_codes(Path(given), dry_run=dry_run),
            ("codes", "confirm"): lambda: self.confirm_codes(Path(given), dry_run=dry_run),
            ("codes", "list"): self.list_codes,
            ("codes", "revoke"): lambda: self.revoke_code(given),
            ("audit", "audit"): lambda: self.audit(limit),
            ("calls", "calls"): lambda: self.calls(limit),
            ("messages", "list"): self.list_messages,
            ("messages", "play"): lambda: self.play_message(given, Path(to) if to else None),
            ("messages", "number"): lambda: self.number_of_message(given),
            ("messages", "done"): lambda: self.done_message(given),
            ("messages", "delete"): lambda: self.delete_message(given),
            ("callbacks", "list"): self.list_callbacks,
            ("callbacks", "number"): lambda: self.number_of_callback(given),
            ("callbacks", "done"): lambda: self.done_callback(given),
            ("keys", "renew"): self.renew,
            ("purge", "purge"): lambda: self.purge(dry_run=dry_run),
            ("forget", "forget"): lambda: self.forget(given, dry_run=dry_run),
        }

    def renew(self) -> Report:
        """Seal what is kept for long with the newest secret key (docs/deploy.md says what else the older ones open)."""
        with self.engine.begin() as connection:
            lines, codes = Lines(connection, self.vault).renew(), Codes(connection, self.vault).renew()
            sounds = self._messages(connection).renew()
            bookings = Callbacks(connection, self.vault).renew()
            told = f"{lines} lines, {codes} codes, {sounds} of messages, {bookings} call-backs"
            self._note(connection, "vault.renewed", told)
        counts = ((lines, "ligne"), (codes, "code"), (sounds, "message"), (bookings, "rappel"))
        return Report(f"Rechiffrés : {', '.join(_counted(number, what) for number, what in counts)}.")

    @contextmanager
    def _transaction(self, *, dry_run: bool) -> Iterator[Connection]:
        """A transaction, undone at its end when it is a dry run."""
        with self.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            if dry_run:
                transaction.rollback()

    def _note(self, connection: Connection, what: str, subject: str) -> None:
        Audit(connection, self.vault).note(self.clock(), self.who, what, subject)


def operators() -> Operators:
    """The back office of the line that the environment names; who acts is who is logged in.

    Raises SettingsError, or what the database raises.
    """
    found = settings()
    engine, vault = open_database(found.database_url), Vault(found.secret_keys)
    return Operators(engine, vault, f"operator {getpass.getuser()}", folder=found.data_dir)


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise OSError(f"plus de {MOST_BYTES // 2**20} Mio ; découpez le fichier")
    return path.read_bytes()


def _rows(path: Path, read: Callable[[bytes], list[Row]]) -> list[Row] | Report:
    """The rows of a file, or why there are none."""
    try:
        return read(_bytes(path))
    except FileError as error:
        return _refused(path, error)
    except OSError as error:
        return _unreadable(path, error)


def _refused(path: Path, error: FileError) -> Report:
    shown = [str(fault) for fault in error.faults[:MOST_FAULTS]]
    if rest := len(error.faults) - len(shown):
        shown.append(f"… et {_counted(rest, 'autre faute', 'autres fautes')}.")
    return Report("\n".join([f"{path.name} refusé, rien n'a changé.", *shown]), DOES_NOT_HOLD)


def _unreadable(path: Path, error: OSError) -> Report:
    return Report(f"{path} ne peut pas être lu : {error.strerror or error}", WRONG_USAGE)


def _no_line(number: str) -> Report:
    return Report(f"Aucune ligne {masked(number)} : vérifiez le numéro, ou importez-la.", DOES_NOT_HOLD)


def _tail(dry_run: bool) -> str:
    return ". Essai à blanc : rien n'a changé." if dry_run else "."


def _doubt(rows: Sequence[NewCode]) -> str:
    """A second look, when codes have several lengths."""
    lengths = code_lengths(rows)
    counts = ", ".join(f"{count} de {length} caractères" for length, count in lengths.items())
    return f"\nÀ vérifier : {counts}. Un tableur efface les zéros du début." if len(lengths) > 1 else ""


def _named(like: Callable[[str], list[str]], start: str, what: str, command: str) -> str | Report:
    """The id that begins so, or why there is none."""
    match like(start.strip().lower()) if start.strip() else []:
        case [found]:
            return found
        case []:
            return Report(f"Aucun {what} ne commence par « {start} » : voyez `ivr {command} list`.", DOES_NOT_HOLD)
        case _:
            return Report(f"Plusieurs {what}s commencent par « {start} » : donnez-en plus.", DOES_NOT_HOLD)


def _sound(messages: Messages, message: str) -> bytes | Report:
    try:
        sound = messages.sound(message)
    except VaultError:
        return Report(
            f"Le message {message[:SHORT]} ne s'ouvre pas : il a été altéré, ou la clé changée.", DOES_NOT_HOLD
        )
    if sound is None:
        return Report(f"Le son du message {message[:SHORT]} n'est pas encore là : réessayez.", DOES_NOT_HOLD)
    return sound


def _written(path: Path, sound: bytes) -> Report | None:
    """Write what only its owner may read; why not, when it cannot be done. What is there is not written over."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sound)
    except OSError as error:
        return Report(f"{path} ne peut pas être écrit : {error.strerror or error}", WRONG_USAGE)
    return None


def _call_line(call: ShownCall) -> str:
    who = call.mask or "masqué"
    shown = (who if call.direction == "inbound" else f"vers {who}").ljust(16)
    lasted = _lasting(call.ended_at - call.started_at) if call.ended_at is not None else ""
    again = f"  (rappelle après {_lasting(call.follows_after)})" if call.follows_after is not None else ""
    how = told(call.disposition, call.remedy, call.last_step)
    return f"{call.sid[:SHORT_CALL]}  {_when(call.started_at)}  {shown}  {lasted:>11}  {how}{again}"


def _message_line(message: Message, has_sound: bool) -> str:
    sound = "" if has_sound else "  (son attendu)"
    who, state = message.mask or "masqué", MESSAGES.get(message.state, message.state)
    return f"{message.id[:SHORT]}  {_when(message.at)}  {who:<11}  {message.seconds:>3.0f} s  {state}{sound}"


def _callback_line(callback: Callback) -> str:
    state = CALLBACKS.get(callback.state, callback.state)
    slot = f"{_when(callback.start)[:-3]} à {_when(callback.end)[11:16]}"
    return f"{callback.id[:SHORT]}  {slot}  {callback.mask}  {state}"


def _gone(done: Purged) -> str:
    """What went, in words: « 3 messages, 1 appelant »; or nothing."""
    return ", ".join(f"{GONE.get(name, name)} {count}" for name, count in done.counts.items() if count) or "rien"


def _lasting(seconds: float) -> str:
    """A length of time: « 4 min 12 s », « 3 h 05 », « 2 j »."""
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02}" if whole < 2 * 86_400 else f"{whole // 86_400} j"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number < 2 else many or one + 's'}"


def _when(at: float | None) -> str:
    return f"{datetime.fromtimestamp(at, PARIS):%Y-%m-%d %H:%M:%S}" if at is not None else ""
