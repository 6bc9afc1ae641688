"""What an operator may do from the command line: import lines and codes, list them, revoke, unlock, read the audit.

Beside the rooms, because it joins the desk's rules to the store. Each function gives back the French text to print and
the exit code; numbers are masked, and no code is ever shown. It must not know the command line itself.
"""

from __future__ import annotations

import getpass
import secrets
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from ivr.desk.codes import expire, revoke
from ivr.desk.identity import Identity
from ivr.desk.register import FileError, NewCode, code_lengths, line_number, masked, read_codes, read_lines
from ivr.settings import settings
from ivr.store.accounts import Accounts, accounts_of
from ivr.store.audit import Audit
from ivr.store.codes import Codes
from ivr.store.database import open_database
from ivr.store.lines import Lines, plan
from ivr.store.vault import Vault

DONE, DOES_NOT_HOLD, WRONG_USAGE = 0, 1, 2
"""Exit codes, as everywhere in `ivr`."""

MOST_FAULTS = 20
"""Faults of a file that are listed; the others are counted."""

MOST_BYTES = 64 * 1024 * 1024
"""A larger file is not read: a million lines take half of it."""

PARIS = ZoneInfo("Europe/Paris")

STATES = {"active": "attribué", "read": "lu", "expired": "expiré", "revoked": "révoqué"}


@dataclass(frozen=True, slots=True)
class Report:
    """What to print, in French, and the exit code: 0 done, 1 refused, 2 wrong usage."""

    text: str
    code: int = DONE


@dataclass(frozen=True)
class Operators:
    """The desk's back office, on one database. `who` acts, for the audit; `clock` in seconds since the epoch."""

    engine: Engine
    vault: Vault
    who: str
    clock: Callable[[], float] = time.time
    draw: Callable[[int], int] = secrets.randbelow

    def import_lines(self, path: Path, *, dry_run: bool = False) -> Report:
        """Import `lines.csv`, all of it or nothing. A dry run says what it would do, and does nothing."""
        try:
            rows = read_lines(_bytes(path))
        except FileError as error:
            return _refused(path, error)
        except OSError as error:
            return _unreadable(path, error)
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
        try:
            rows = read_codes(_bytes(path))
        except FileError as error:
            return _refused(path, error)
        except OSError as error:
            return _unreadable(path, error)
        with self._transaction(dry_run=dry_run) as connection:
            codes = Codes(connection, self.vault)
            if known := codes.known(rows):
                places = ", ".join(str(place + 2) for place in known[:MOST_FAULTS])
                why = f"codes déjà importés, {len(known)} en tout : lignes {places} ; retirez-les du fichier"
                return Report(f"{path.name} refusé, rien n'a changé.\n{why}", DOES_NOT_HOLD)
            codes.take_in(rows, self.clock())
            self._note(connection, "codes.imported", f"{len(rows)} codes")
        return Report(f"{path.name} : {_counted(len(rows), 'code')} en réserve{_tail(dry_run)}{_doubt(rows)}")

    def list_codes(self, limit: int = 20) -> Report:
        """How many codes are in each state, and the last ones issued: never the codes."""
        with self.engine.begin() as connection:
            codes = Codes(connection, self.vault)
            expire(codes, self.clock())
            tally, shown = codes.tally(), codes.shown(limit)
        counts = [f"{tally.get('pool', 0)} en réserve"]
        counts += [_counted(tally.get(state, 0), name) for state, name in STATES.items()]
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
        identity = Identity(accounts_of(self.engine, self.vault), self.vault.pepper("passwords"), self.draw)
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

    def carried_out(self, asked: Namespace) -> Report:
        """What `ivr lines|codes|audit …` asks for."""
        match asked.command, asked.what:
            case "lines", "import":
                return self.import_lines(Path(asked.argument), dry_run=asked.dry_run)
            case "lines", "list":
                return self.list_lines()
            case "lines", "pin":
                return self.make_pin(asked.argument)
            case "lines", "unlock":
                return self.unlock(asked.argument)
            case "codes", "import":
                return self.import_codes(Path(asked.argument), dry_run=asked.dry_run)
            case "codes", "list":
                return self.list_codes()
            case "codes", "revoke":
                return self.revoke_code(asked.argument)
            case _:
                return self.audit(asked.limit)

    def renew(self) -> Report:
        """Seal everything with the newest secret key: then the older ones may be taken out of the settings."""
        with self.engine.begin() as connection:
            lines, codes = Lines(connection, self.vault).renew(), Codes(connection, self.vault).renew()
            self._note(connection, "vault.renewed", f"{lines} lines, {codes} codes")
        return Report(f"Rechiffrés : {_counted(lines, 'ligne')}, {_counted(codes, 'code')}.")

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
    return Operators(open_database(found.database_url), Vault([found.secret_key]), f"operator {getpass.getuser()}")


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise OSError(f"plus de {MOST_BYTES // 2**20} Mio ; découpez le fichier")
    return path.read_bytes()


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


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number < 2 else many or one + 's'}"


def _when(at: float | None) -> str:
    return f"{datetime.fromtimestamp(at, PARIS):%Y-%m-%d %H:%M:%S}" if at is not None else ""
