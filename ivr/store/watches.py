"""Lines watched for their telephone to come back, after the caller was told that he may hang up: one a call.

Any number of processes may look; what became of it is settled once. The line is an id of the provider's that means
nothing here; it is sealed, as is the number that is to be told. What is written here stands or falls with the
transaction of the connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, Row, or_, select, update

from ivr.store.numbers import number_key, opened_number, sealed_number
from ivr.store.statements import insert_or
from ivr.store.tables import watches
from ivr.store.vault import Vault, VaultError

Wish = Literal["", "sms", "ring"]
"""How the caller wants to know: not at all, by text, or by his telephone ringing."""

Outcome = Literal["", "back", "not-back"]
"""What became of it; empty while it is watched."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A line that is watched from `since` until `until`. Times in seconds since the epoch.

    `number` is who is to be told, in E.164; `seen_at` when the telephone was first seen back, `checked_at` when
    somebody looked last. Line and number are empty once they were forgotten, or when no secret key of ours opens them.
    """

    call: str
    line: str = field(repr=False)
    since: float
    until: float
    wish: Wish
    number: str = field(repr=False)
    checked_at: float | None
    seen_at: float | None
    settled: Outcome


class Watches:
    """The watches, within one transaction."""

    def __init__(self, connection: Connection, vault: Vault) -> None:
        self._connection, self._vault = connection, vault

    def start(self, call: str, line: str, since: float, until: float) -> bool:
        """Watch this call's line; False when it is watched already."""
        row = {
            "call_sid": call,
            "line_cipher": self._vault.sealed(line, _place("line_cipher", call)),
            "since": since,
            "until": until,
            "wish": "",
            "number_key": "",
            "settled": "",
        }
        new = insert_or(self._connection, watches).values(row).on_conflict_do_nothing().returning(watches.c.call_sid)
        return self._connection.execute(new).first() is not None

    def wish(self, call: str, wish: Wish, number: str = "") -> bool:
        """How the caller wants to know, and at which number (E.164); the last wish counts. False when it is settled."""
        values = {
            "wish": wish,
            "number_key": number_key(self._vault, number),
            "number_cipher": sealed_number(self._vault, number, _place("number_cipher", call)),
        }
        return self._changed(call, **values)

    def open(self, at: float, every: float = 0.0) -> list[Watch]:
        """Those to look at now: begun, not settled, and not looked at for `every` seconds; oldest first.

        One whose `until` has gone by is among them, until somebody settles it.
        """
        rested = or_(watches.c.checked_at.is_(None), watches.c.checked_at <= at - every)
        due = select(watches).where(watches.c.settled == "", watches.c.since <= at, rested)
        return [self._watch(row) for row in self._connection.execute(due.order_by(watches.c.since, watches.c.call_sid))]

    def checked(self, call: str, at: float) -> bool:
        """Somebody looked, and the telephone was not there; False when it is settled."""
        return self._changed(call, checked_at=at)

    def saw(self, call: str, at: float) -> bool:
        """The telephone is there; the first sight is kept. False when it was seen before, or it is settled."""
        self._changed(call, checked_at=at)
        return self._changed(call, watches.c.seen_at.is_(None), seen_at=at)

    def settle(self, call: str, outcome: Literal["back", "not-back"]) -> bool:
        """Say what became of it: True for exactly one process, which then tells the caller in this transaction."""
        return self._changed(call, settled=outcome)

    def of(self, call: str) -> Watch | None:
        """The watch of this call."""
        row = self._connection.execute(select(watches).where(watches.c.call_sid == call)).one_or_none()
        return self._watch(row) if row else None

    def _changed(self, call: str, *also: Any, **values: object) -> bool:
        mine = update(watches).where(watches.c.call_sid == call, watches.c.settled == "", *also)
        return self._connection.execute(mine.values(**values).returning(watches.c.call_sid)).first() is not None

    def _watch(self, row: Row[Any]) -> Watch:
        line = self._opened(row.line_cipher, _place("line_cipher", row.call_sid))
        number = self._opened(row.number_cipher, _place("number_cipher", row.call_sid))
        return Watch(
            row.call_sid, line, row.since, row.until, row.wish, number, row.checked_at, row.seen_at, row.settled
        )

    def _opened(self, cipher: bytes | None, place: str) -> str:
        """What was sealed, or nothing: one row that does not open must not keep the others from being looked at."""
        try:
            return opened_number(self._vault, cipher, place)
        except VaultError:
            return ""


def _place(column: str, call: str) -> str:
    return f"watches|{column}|{call}"
