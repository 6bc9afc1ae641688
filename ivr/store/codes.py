"""Codes at rest: the pool, and those issued to calls. Every code is sealed; once it may not be read, it is wiped.

The rules are the desk's (`ivr.desk.codes`); here is what is kept, within the transaction of a connection. Constraints
are the last line: one code a call, one active code a line, no code twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from ivr.store.audit import Audit
from ivr.store.statements import one_at_a_time
from ivr.store.tables import calls, codes, passwords
from ivr.store.vault import Vault

WAITING, ACTIVE, READ, DOUBTFUL = "pool", "active", "read", "doubtful"
"""`doubtful`: it may have been issued in a time that the database knows nothing of any more."""


class Pooled(Protocol):
    """A row to import: a code."""

    @property
    def code(self) -> str: ...  # noqa: D102 - said above


@dataclass(frozen=True, slots=True)
class Held:
    """A code that was issued to a call. Times in seconds since the epoch."""

    id: str
    line: str
    status: str
    expires_at: float
    call_lives: bool


@dataclass(frozen=True, slots=True)
class ShownCode:
    """A code as an operator may see it: everything but the code."""

    id: str
    status: str
    call: str | None
    issued_at: float | None


class Codes:
    """The codes, within one transaction."""

    def __init__(
        self, connection: Connection, vault: Vault, dice: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._connection, self._vault, self._dice = connection, vault, dice
        self._audit = Audit(connection, vault)

    def guard(self, line: str) -> None:
        """Let nobody else issue a code for this line until the transaction ends."""
        one_at_a_time(self._connection, f"code of {line}")

    def proved_at(self, call: str, line: str) -> float | None:
        """When this call proved itself for the line last; None when it did not."""
        query = select(func.max(passwords.c.used_at))
        mine = query.where(passwords.c.call_sid == call, passwords.c.account == line)
        proved: float | None = self._connection.execute(mine).scalar_one()
        return proved

    def held_by(self, call: str) -> Held | None:
        """The code that this call holds."""
        return self._held(codes.c.call_sid == call)

    def active_of(self, line: str) -> Held | None:
        """The code of this line that nobody has heard yet, whichever call holds it."""
        return self._held((codes.c.line == line) & (codes.c.status == ACTIVE))

    def heard_of(self, line: str) -> Held | None:
        """The last code of this line that was heard, while it is kept, whichever call holds it."""
        heard = (codes.c.line == line) & (codes.c.status == READ) & codes.c.cipher.is_not(None)
        last = select(codes.c.id).where(heard).order_by(codes.c.issued_at.desc(), codes.c.id).limit(1)
        return self._held(codes.c.id == last.scalar_subquery())

    def line_of(self, code_id: str, at: float) -> str | None:
        """The line that a code is for, while it is kept and its time is not over."""
        kept = (codes.c.id == code_id, codes.c.cipher.is_not(None), codes.c.expires_at > at)
        return self._connection.execute(select(codes.c.line).where(*kept)).scalar_one_or_none()

    def claim(self, call: str, line: str, *, at: float, expires_at: float) -> str | None:
        """Take the pool's next code for the call; its id, or None when the pool is empty.

        One statement decides and writes; on PostgreSQL, claimants pass by the rows that others are taking. The status
        is asked of the row itself too: an index that was damaged may say otherwise.
        """
        waiting = select(codes.c.id).where(codes.c.status == WAITING).order_by(codes.c.place).limit(1)
        next_one = waiting.with_for_update(skip_locked=True).scalar_subquery()
        claim = update(codes).where(codes.c.id == next_one, codes.c.status == WAITING).returning(codes.c.id)
        values = {"call_sid": call, "line": line, "status": ACTIVE, "issued_at": at, "expires_at": expires_at}
        return self._connection.execute(claim.values(values)).scalar_one_or_none()

    def put(self, call: str, line: str, code: str, *, at: float, expires_at: float) -> str:
        """Keep a code that the operator made for the call; its id. One that was kept before moves to the call."""
        found = select(codes.c.id).where(codes.c.code_key.in_(self._vault.keys("code", code)))
        code_id = self._connection.execute(found).scalar_one_or_none()
        if code_id is None:
            row = self._new(code, 0, at)
            self._connection.execute(insert(codes).values(row))
            code_id = str(row["id"])
        cipher = self._vault.sealed(code, _place(code_id))
        values = {"call_sid": call, "line": line, "status": ACTIVE, "issued_at": at, "expires_at": expires_at}
        self._change(code_id, **values, cipher=cipher)
        return code_id

    def hand_over(self, code_id: str, call: str, *, at: float, expires_at: float) -> None:
        """Give an active code to another call of the same line."""
        self._change(code_id, call_sid=call, issued_at=at, expires_at=expires_at)

    def retire(self, code_id: str, status: Literal["expired", "revoked"]) -> None:
        """End a code: it leaves its call, and its cipher is wiped. One that was heard and expires stays « read »."""
        kept = self._connection.execute(select(codes.c.status).where(codes.c.id == code_id)).scalar_one()
        status_after = READ if kept == READ and status == "expired" else status
        self._change(code_id, status=status_after, call_sid=None, cipher=None)

    def leave(self, code_id: str) -> None:
        """Part a code that was heard from its call, which may then be issued another."""
        self._change(code_id, call_sid=None, cipher=None)

    def opened(self, code_id: str) -> str:
        """The code itself. Raises VaultError when its row was tampered with."""
        cipher = self._connection.execute(select(codes.c.cipher).where(codes.c.id == code_id)).scalar_one()
        return self._vault.opened(cipher or b"", _place(code_id))

    def mark_read(self, code_id: str) -> bool:
        """The code leaves us, by voice or by SMS; False when it has left before."""
        first = update(codes).where(codes.c.id == code_id, codes.c.status == ACTIVE).values(status=READ)
        return self._connection.execute(first).rowcount == 1

    def overdue(self, at: float) -> list[str]:
        """The codes whose cipher may not be opened any more. Who else asks waits until this transaction ends."""
        one_at_a_time(self._connection, "codes overdue")
        over = select(codes.c.id).where(codes.c.cipher.is_not(None), codes.c.expires_at <= at)
        return list(self._connection.execute(over.order_by(codes.c.id)).scalars())

    def live_until(self, at: float) -> None:
        """Let no code be read after this moment."""
        longer = update(codes).where(codes.c.cipher.is_not(None), codes.c.expires_at > at)
        self._connection.execute(longer.values(expires_at=at))

    def note(self, at: float, who: str, what: str, subject: str) -> None:
        """Who did what, for the audit."""
        self._audit.note(at, who, what, subject)

    def known(self, rows: Sequence[Pooled]) -> list[int]:
        """Which of these codes we have had before, by their place among the rows: whatever became of them since."""
        kept = set(self._connection.execute(select(codes.c.code_key)).scalars())
        return [place for place, row in enumerate(rows) if not kept.isdisjoint(self._vault.keys("code", row.code))]

    def take_in(self, rows: Sequence[Pooled], at: float) -> None:
        """Add codes to the pool, in their order, behind those that wait. Raises IntegrityError for one it has had."""
        last = self._connection.execute(select(func.max(codes.c.place))).scalar_one() or 0
        new = [self._new(row.code, place, at) for place, row in enumerate(rows, start=last + 1)]
        self._connection.execute(insert(codes), new)

    def doubt(self) -> int:
        """Set the whole pool aside: the database went back, and any of it may have been issued since; how many."""
        waiting = update(codes).where(codes.c.status == WAITING).values(status=DOUBTFUL)
        return self._connection.execute(waiting).rowcount

    def confirm(self, rows: Sequence[Pooled]) -> int:
        """Put those of these codes that are doubtful back into the pool: whoever asks knows them unused; how many."""
        keys = {key for row in rows for key in self._vault.keys("code", row.code)}
        doubtful = self._connection.execute(select(codes.c.id, codes.c.code_key).where(codes.c.status == DOUBTFUL))
        confirmed = [row.id for row in doubtful if row.code_key in keys]
        for code_id in confirmed:
            self._change(code_id, status=WAITING)
        return len(confirmed)

    def tally(self) -> dict[str, int]:
        """How many codes are in each state."""
        counted = select(codes.c.status, func.count()).group_by(codes.c.status).order_by(codes.c.status)
        return {row[0]: row[1] for row in self._connection.execute(counted)}

    def shown(self, limit: int) -> list[ShownCode]:
        """The codes that were issued last, without the codes."""
        columns = (codes.c.id, codes.c.status, codes.c.call_sid, codes.c.issued_at)
        issued = select(*columns).where(codes.c.issued_at.is_not(None)).order_by(codes.c.issued_at.desc(), codes.c.id)
        return [ShownCode(*row) for row in self._connection.execute(issued.limit(limit))]

    def like(self, start: str) -> list[str]:
        """The ids that begin so: an operator types the first few characters."""
        begins = codes.c.id.startswith(start, autoescape=True)
        return list(self._connection.execute(select(codes.c.id).where(begins).order_by(codes.c.id).limit(2)).scalars())

    def open_all(self) -> None:
        """Open every code that is kept. Raises VaultError for one that does not open."""
        for row in self._connection.execute(select(codes.c.id, codes.c.cipher).where(codes.c.cipher.is_not(None))):
            self._vault.opened(row.cipher, _place(row.id))

    def renew(self) -> int:
        """Seal again what an older secret key had sealed; how many codes. Wiped ones keep the keyed hash they have."""
        rows = self._connection.execute(select(codes.c.id, codes.c.cipher).where(codes.c.cipher.is_not(None))).all()
        old = [row.id for row in rows if not self._vault.is_current(row.cipher)]
        for code_id in old:
            code = self.opened(code_id)
            cipher, key = self._vault.sealed(code, _place(code_id)), self._vault.key("code", code)
            self._change(code_id, cipher=cipher, code_key=key)
        return len(old)

    def _held(self, which: ColumnElement[bool]) -> Held | None:
        lives = calls.c.sid.is_not(None) & calls.c.ended_at.is_(None)
        columns = (codes.c.id, codes.c.line, codes.c.status, codes.c.expires_at, lives)
        query = select(*columns).select_from(codes.outerjoin(calls, calls.c.sid == codes.c.call_sid)).where(which)
        row = self._connection.execute(query).one_or_none()
        return Held(row.id, row.line, row.status, row.expires_at, bool(row[4])) if row else None

    def _new(self, code: str, place: int, at: float) -> dict[str, object]:
        code_id = self._dice(16).hex()
        cipher, key = self._vault.sealed(code, _place(code_id)), self._vault.key("code", code)
        return {
            "id": code_id, "place": place, "code_key": key, "cipher": cipher, "status": WAITING, "imported_at": at
        }  # fmt: skip

    def _change(self, code_id: str, **values: object) -> None:
        self._connection.execute(update(codes).where(codes.c.id == code_id).values(**values))


def _place(code_id: str) -> str:
    return f"codes|cipher|{code_id}"
