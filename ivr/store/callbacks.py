"""Call-backs that callers were promised: one a call, booked once, the number sealed because somebody must dial it.

`booked`, then `placed` when the line dials by itself, then `done`; `missed` when its slot went by, `withdrawn` when the
caller or the team took it back. What is written here stands or falls with the transaction of the connection.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, select, update

from ivr.store.numbers import number_key, number_mask, opened_number
from ivr.store.statements import insert_or
from ivr.store.tables import callbacks
from ivr.store.vault import Vault

State = Literal["booked", "placed", "done", "missed", "withdrawn"]
OPEN: tuple[State, ...] = ("booked", "placed", "missed")
"""States in which somebody still has to call."""


@dataclass(frozen=True, slots=True)
class Callback:
    """A call-back as an operator may see it: its slot, from `start` to `end`. Times in seconds since the epoch."""

    id: str
    call: str
    mask: str
    start: float
    end: float
    state: State
    at: float
    done_at: float | None


class Callbacks:
    """The call-backs, within one transaction."""

    def __init__(
        self, connection: Connection, vault: Vault, dice: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._connection, self._vault, self._dice = connection, vault, dice

    def book(self, call: str, number: str, start: float, end: float, at: float) -> bool:
        """Promise to call this number (E.164) in this slot; False when the call has booked one already: that stands.

        One that was withdrawn makes room for another. Raises ValueError without a number, or for a slot that is none.
        """
        if not number or not start < end:
            raise ValueError(f"call {call}: a call-back needs a number, and a slot that ends after it starts")
        booking = self._dice(16).hex()
        row = {
            "id": booking,
            "number_key": number_key(self._vault, number),
            "number_mask": number_mask(number),
            "number_cipher": self._vault.sealed(number, _place(booking)),
            "slot_start": start,
            "slot_end": end,
            "state": "booked",
            "at": at,
            "done_at": None,
        }
        new = insert_or(self._connection, callbacks).values(call_sid=call, **row)
        was_withdrawn = callbacks.c.state == "withdrawn"
        new = new.on_conflict_do_update(index_elements=["call_sid"], set_=row, where=was_withdrawn)
        return self._connection.execute(new.returning(callbacks.c.id)).first() is not None

    def due(self, at: float) -> list[Callback]:
        """Those whose slot it is now and that nobody has placed, the one that has waited longest first."""
        now = (callbacks.c.state == "booked", callbacks.c.slot_start <= at, callbacks.c.slot_end > at)
        return self._found(_shown().where(*now))

    def placed(self, booking: str) -> bool:
        """The line dials now: True for exactly one process."""
        return self._move(booking, ("booked",), "placed")

    def unplaced(self, booking: str) -> bool:
        """Nobody answered: it is due again, as long as its slot lasts."""
        return self._move(booking, ("placed",), "booked")

    def done(self, booking: str, at: float) -> bool:
        """Somebody has talked to the customer; False when it is done, or was withdrawn."""
        return self._move(booking, OPEN, "done", done_at=at)

    def withdraw(self, booking: str, at: float) -> bool:
        """It is wanted no more; False when it is done or withdrawn already."""
        return self._move(booking, OPEN, "withdrawn", done_at=at)

    def miss(self, at: float) -> list[str]:
        """Those whose slot went by: they are `missed`, and stay to be called by hand; their ids."""
        late = update(callbacks).where(callbacks.c.state == "booked", callbacks.c.slot_end <= at)
        return sorted(self._connection.execute(late.values(state="missed").returning(callbacks.c.id)).scalars())

    def renew(self) -> int:
        """Seal again what an older secret key had sealed; how many bookings."""
        rows = self._connection.execute(select(callbacks.c.id, callbacks.c.number_cipher)).all()
        old = [row.id for row in rows if row.number_cipher and not self._vault.is_current(row.number_cipher)]
        for booking in old:
            number = self.number(booking)
            values = {
                "number_key": number_key(self._vault, number),
                "number_cipher": self._vault.sealed(number, _place(booking)),
            }
            self._connection.execute(update(callbacks).where(callbacks.c.id == booking).values(values))
        return len(old)

    def number(self, booking: str) -> str:
        """The number to dial, in E.164; empty when there is no such booking."""
        cipher = self._connection.execute(select(callbacks.c.number_cipher).where(callbacks.c.id == booking))
        return opened_number(self._vault, cipher.scalar_one_or_none(), _place(booking))

    def one(self, booking: str) -> Callback | None:
        """The booking with this id."""
        found = self._found(_shown().where(callbacks.c.id == booking))
        return found[0] if found else None

    def of_call(self, call: str) -> Callback | None:
        """What was booked in this call."""
        found = self._found(_shown().where(callbacks.c.call_sid == call))
        return found[0] if found else None

    def shown(self, *states: State) -> list[Callback]:
        """Those in these states by the time of their slot; all but the withdrawn ones when none is named."""
        return self._found(_shown().where(callbacks.c.state.in_(states or (*OPEN, "done"))))

    def like(self, start: str) -> list[str]:
        """The ids that begin so, two at most: an operator types the first few characters."""
        begins = callbacks.c.id.startswith(start, autoescape=True)
        ids = select(callbacks.c.id).where(begins).order_by(callbacks.c.id).limit(2)
        return list(self._connection.execute(ids).scalars())

    def _found(self, query: Select[Any]) -> list[Callback]:
        return [
            Callback(*row) for row in self._connection.execute(query.order_by(callbacks.c.slot_start, callbacks.c.at))
        ]

    def _move(self, booking: str, before: tuple[State, ...], after: State, **also: object) -> bool:
        mine = update(callbacks).where(callbacks.c.id == booking, callbacks.c.state.in_(before))
        return self._connection.execute(mine.values(state=after, **also).returning(callbacks.c.id)).first() is not None


def _shown() -> Select[Any]:
    names = ("id", "call_sid", "number_mask", "slot_start", "slot_end", "state", "at", "done_at")
    return select(*(callbacks.c[name] for name in names))


def _place(booking: str) -> str:
    return f"callbacks|number_cipher|{booking}"
