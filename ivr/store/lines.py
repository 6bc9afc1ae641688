"""The lines of the embedded register: found by a number, imported by the thousand, every number sealed.

A line's `id` is its account wherever failures are counted or codes are held: random, and the same for ever.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from ivr.store.tables import lines
from ivr.store.vault import Vault

DECOY = "0" * 32
"""The id of the line that is opened when there is none, so that both take the same work."""


class Imported(Protocol):
    """A row to import: two numbers in E.164, and the telephone."""

    @property
    def number(self) -> str: ...  # noqa: D102 - said above, as are the others
    @property
    def mobile(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line as it is kept. Numbers in E.164; `mobile_changed_at` in seconds since the epoch, None for the first one.

    `pin` is what the support PIN is checked against, None when it has none.
    """

    id: str
    number: str = field(repr=False)
    mobile: str = field(repr=False)
    model: str
    mobile_changed_at: float | None
    pin: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line as an operator may see it."""

    id: str
    number: str
    mobile: str
    model: str
    has_pin: bool


@dataclass(frozen=True, slots=True)
class Import:
    """What an import did: lines that are new, changed (mobile or telephone), and as they were."""

    new: int
    changed: int
    same: int


CHANGEABLE = ("model", "mobile_key", "mobile_cipher", "mobile_mask", "mobile_changed_at")
"""What an import may change of a line that is there."""

Known = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """An import that is worked out and not yet written: sealing 100,000 lines takes seconds, and calls cannot wait."""

    new: list[dict[str, object]]
    changed: list[dict[str, object]]
    same: int


class Lines:
    """The lines, within one transaction."""

    def __init__(
        self, connection: Connection, vault: Vault, dice: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._connection, self._vault, self._dice = connection, vault, dice

    def by_number(self, number: str) -> KeptLine | None:
        """The line with this number in E.164; it takes as long to say that there is none."""
        wanted = lines.c.number_key.in_(self._vault.keys("line", number))
        row = self._connection.execute(select(lines).where(wanted)).one_or_none()
        opened = self._opened(row or _decoy(self._vault))
        return opened if row else None

    def by_id(self, line: str) -> KeptLine | None:
        """The line with this id."""
        row = self._connection.execute(select(lines).where(lines.c.id == line)).one_or_none()
        return self._opened(row) if row else None

    def by_mobile(self, mobile: str) -> list[KeptLine]:
        """The lines whose mobile on file this is, in E.164."""
        wanted = lines.c.mobile_key.in_(self._vault.keys("mobile", mobile))
        rows = self._connection.execute(select(lines).where(wanted).order_by(lines.c.id))
        return [self._opened(row) for row in rows]

    def count(self) -> int:
        """How many lines there are."""
        return self._connection.execute(select(func.count()).select_from(lines)).scalar_one()

    def every(self) -> Iterator[KeptLine]:
        """Every line, opened. Raises VaultError at one that none of our keys opens."""
        for row in self._connection.execute(select(lines).order_by(lines.c.id)):
            yield self._opened(row)

    def shown(self) -> Iterator[ShownLine]:
        """Every line, masked."""
        for row in self._connection.execute(select(lines).order_by(lines.c.number_mask, lines.c.id)):
            yield ShownLine(row.id, row.number_mask, row.mobile_mask, row.model, row.pin_cipher is not None)

    def open_all(self) -> None:
        """Open every value that is sealed. Raises VaultError for one that does not open."""
        for row in self._connection.execute(select(lines)):
            self._opened(row)

    def set_pin(self, line: str, pin: str) -> None:
        """Keep what the line's support PIN is to be checked against."""
        cipher = self._vault.sealed(pin, _place("pin_cipher", line))
        self._connection.execute(update(lines).where(lines.c.id == line).values(pin_cipher=cipher))

    def take_in(self, rows: Sequence[Imported], at: float) -> Import:
        """Import lines: those that are there already get the new mobile and telephone. Lines left out stay."""
        return self.carry_out(plan(self._vault, self.kept(), rows, at, self._dice))

    def kept(self) -> Known:
        """What a plan needs to know of the lines that are there, by the keyed hash of their number."""
        columns = (lines.c.number_key, lines.c.id, *(lines.c[name] for name in CHANGEABLE))
        return {row["number_key"]: dict(row) for row in self._connection.execute(select(*columns)).mappings()}

    def carry_out(self, plan: Plan) -> Import:
        """Write what was planned. Raises IntegrityError when another import added one of the lines meanwhile."""
        if plan.new:
            self._connection.execute(insert(lines), plan.new)
        if plan.changed:
            changes: dict[str, Any] = {name: bindparam(name) for name in CHANGEABLE}
            self._connection.execute(update(lines).where(lines.c.id == bindparam("row")).values(changes), plan.changed)
        return Import(len(plan.new), len(plan.changed), plan.same)

    def renew(self) -> int:
        """Seal again what an older secret key had sealed; how many lines."""
        old = [row for row in self._connection.execute(select(lines)) if not self._is_current(row)]
        for row in old:
            line = self._opened(row)
            values = _number(self._vault, row.id, line.number) | _mobile(self._vault, row.id, line.mobile)
            self._connection.execute(update(lines).where(lines.c.id == row.id).values(values))
            if line.pin is not None:
                self.set_pin(row.id, line.pin)
        return len(old)

    def _is_current(self, row: Row[tuple[object, ...]]) -> bool:
        ciphers = (row.number_cipher, row.mobile_cipher, row.pin_cipher)
        return all(self._vault.is_current(cipher) for cipher in ciphers if cipher is not None)

    def _opened(self, row: Row[tuple[object, ...]] | _Decoy) -> KeptLine:
        return KeptLine(
            row.id,
            self._vault.opened(row.number_cipher, _place("number_cipher", row.id)),
            self._vault.opened(row.mobile_cipher, _place("mobile_cipher", row.id)),
            row.model,
            row.mobile_changed_at,
            self._vault.opened(row.pin_cipher, _place("pin_cipher", row.id)) if row.pin_cipher else None,
        )


def plan(
    vault: Vault,
    known: Known,
    rows: Sequence[Imported],
    at: float,
    dice: Callable[[int], bytes] = secrets.token_bytes,
) -> Plan:
    """What is to be written for these rows, sealed. It needs no transaction."""
    new: list[dict[str, object]] = []
    changed: list[dict[str, object]] = []
    for row in rows:
        old = next((known[key] for key in vault.keys("line", row.number) if key in known), None)
        if old is None:
            new.append(_new(vault, dice(16).hex(), row, at))
        elif change := _change(vault, old, row, at):
            changed.append(change)
    return Plan(new, changed, len(rows) - len(new) - len(changed))


def _new(vault: Vault, line: str, row: Imported, at: float) -> dict[str, object]:
    numbers = _number(vault, line, row.number) | _mobile(vault, line, row.mobile)
    return {"id": line, **numbers, "model": row.model, "imported_at": at}


def _change(vault: Vault, old: Mapping[str, Any], row: Imported, at: float) -> dict[str, object] | None:
    """What changes of the line; None when nothing does."""
    is_same = old["mobile_key"] in vault.keys("mobile", row.mobile)
    if is_same and old["model"] == row.model:
        return None
    kept = {name: old[name] for name in CHANGEABLE} | {"row": old["id"], "model": row.model}
    return kept if is_same else kept | _mobile(vault, old["id"], row.mobile) | {"mobile_changed_at": at}


def _number(vault: Vault, line: str, number: str) -> dict[str, object]:
    return {
        "number_key": vault.key("line", number),
        "number_cipher": vault.sealed(number, _place("number_cipher", line)),
        "number_mask": masked(number),
    }


def _mobile(vault: Vault, line: str, mobile: str) -> dict[str, object]:
    return {
        "mobile_key": vault.key("mobile", mobile),
        "mobile_cipher": vault.sealed(mobile, _place("mobile_cipher", line)),
        "mobile_mask": masked(mobile),
    }


@dataclass(frozen=True, slots=True)
class _Decoy:
    id: str
    number_cipher: bytes
    mobile_cipher: bytes
    pin_cipher: bytes
    model: str = ""
    mobile_changed_at: float | None = None


@lru_cache(maxsize=8)
def _decoy(vault: Vault) -> _Decoy:
    """The line to open when there is none."""

    def sealed(column: str) -> bytes:
        return vault.sealed("+33199000000", _place(column, DECOY))

    return _Decoy(DECOY, sealed("number_cipher"), sealed("mobile_cipher"), sealed("pin_cipher"))


def _place(column: str, line: str) -> str:
    return f"lines|{column}|{line}"


def masked(number: str) -> str:
    """A number as a screen may show it: « +331****07 »."""
    return f"{number[:4]}****{number[-2:]}"
