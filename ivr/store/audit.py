"""The audit: who did what when, appended only, each row sealed with the one before. Never a code, password or number.

The seal is keyed: who can write to the database but has no secret key cannot take a row out and mend the chain.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select

from ivr.store.statements import LEDGERS, one_at_a_time
from ivr.store.tables import audit
from ivr.store.vault import Vault

RESTORED = "database.restored"
"""What is noted of a backup that was put in place."""


@dataclass(frozen=True, slots=True)
class Note:
    """One row of the audit. `at` in seconds since the epoch; `subject` the id or the masked number it is about."""

    seq: int
    at: float
    who: str
    what: str
    subject: str


class Audit:
    """The audit, within one transaction."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection, self._vault = connection, vault

    def note(self, at: float, who: str, what: str, subject: str) -> None:
        """Append one row. Others who append wait until this transaction ends: call it last."""
        one_at_a_time(self._connection, LEDGERS)
        last = self._connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).mappings().one_or_none()
        note = Note(last["seq"] + 1 if last else 1, at, who[:60], what[:40], subject[:80])
        seal = _seal(self._vault.pepper("audit"), last["seal"] if last else "", note)
        self._connection.execute(insert(audit).values(**_values(note), seal=seal))

    def latest(self, limit: int) -> list[Note]:
        """The last rows, the oldest of them first."""
        rows = self._connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(limit)).mappings().all()
        return [_note(row) for row in reversed(rows)]

    def broken_at(self) -> int | None:
        """The number of the first row that was changed, or that follows one taken out; None when the chain holds.

        Rows cut off the end leave no trace in the chain itself: the last one is kept elsewhere (`ivr.store.mark`).
        """
        before, expected = "", 1
        for row in self._rows():
            note = _note(row)
            seals = {_seal(pepper, before, note) for pepper in self._vault.peppers("audit")}
            if row["seal"] not in seals:
                return expected
            before, expected = row["seal"], expected + 1
        return None

    def last(self) -> tuple[int, str] | None:
        """The number and the seal of the last row."""
        newest = select(audit.c.seq, audit.c.seal).order_by(audit.c.seq.desc()).limit(1)
        row = self._connection.execute(newest).one_or_none()
        return (row.seq, row.seal) if row else None

    def has(self, seq: int, seal: str) -> bool:
        """Whether a row is there as it was."""
        found = select(audit.c.seal).where(audit.c.seq == seq)
        return self._connection.execute(found).scalar_one_or_none() == seal

    def was_restored(self, since: float) -> bool:
        """Whether somebody put a backup in the place of the database after this time."""
        noted = select(audit.c.seq).where(audit.c.what == RESTORED, audit.c.at >= since).limit(1)
        return self._connection.execute(noted).first() is not None

    def _rows(self) -> Iterator[RowMapping]:
        yield from self._connection.execute(select(audit).order_by(audit.c.seq)).mappings()


@contextmanager
def unguarded(connection: Connection) -> Iterator[None]:
    """Within the block the audit may be replaced whole, by a backup. When it raises, the transaction must be undone."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        yield
        connection.exec_driver_sql("ALTER TABLE audit ENABLE TRIGGER USER")
        return
    guards = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
    kept = connection.exec_driver_sql(guards).all()
    for name, _ in kept:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, statement in kept:
        connection.exec_driver_sql(statement)


def _note(row: RowMapping) -> Note:
    return Note(row["seq"], row["at"], row["who"], row["what"], row["subject"])


def _values(note: Note) -> dict[str, object]:
    return {"seq": note.seq, "at": note.at, "who": note.who, "what": note.what, "subject": note.subject}


def _seal(pepper: bytes, before: str, note: Note) -> str:
    content = "\x00".join((before, str(note.seq), repr(note.at), note.who, note.what, note.subject))
    return hmac.digest(pepper, content.encode(), hashlib.sha256).hex()
