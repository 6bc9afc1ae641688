"""A desk with its real store, for tests: a database on disk, a clock to set, dice that are the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from sqlalchemy import Connection, insert, text

from ivr.desk import codes as rules
from ivr.desk.identity import Checked, Draw, Identity, Limits, Seats, Sent
from ivr.desk.register import NewCode, NewLine
from ivr.store.accounts import Accounts, Standing, accounts_of
from ivr.store.codes import Codes
from ivr.store.database import open_database
from ivr.store.lines import Lines
from ivr.store.tables import calls
from ivr.store.vault import Vault

KEY = b"a secret key of nobody of thirty-two bytes or more"
LINE, MOBILE = "+33199000107", "+33639980034"
UNKNOWN = "+33199000999"
NOON = 1_800_000_000.0


def call_id(number: int) -> str:
    """A call's id."""
    return f"CA{number:032x}"


def unguard_audit(connection: Connection) -> None:
    """Take away what keeps the audit from being changed, as a thief with all rights would."""
    on_table = " ON audit" if connection.dialect.name == "postgresql" else ""
    for name in ("change",) if on_table else ("update", "delete"):
        connection.execute(text(f"DROP TRIGGER audit_no_{name}{on_table}"))


def quick_hasher() -> PasswordHasher:
    """Argon2id as cheap as it gets."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class House:
    """Everything that a desk needs. `posted` holds the last SMS of each call: the mobile and the password.

    `database` is an address; empty, it is a file in the folder.
    """

    folder: Path
    limits: Limits = field(default_factory=Limits)
    seats: Seats = field(default_factory=Seats)
    draw: Draw | None = None
    database: str = ""

    def __post_init__(self) -> None:
        self.engine = open_database(self.database or f"sqlite:///{self.folder}/ligne.sqlite")
        self.vault = Vault([KEY])
        self.dice = random.Random(20261124)  # noqa: S311 - the same every time
        self.posted: dict[str, tuple[str, str]] = {}
        self.identity = Identity(
            accounts_of(self.engine, self.vault),
            self.vault.peppers("passwords"),
            self.draw or self.dice.randrange,
            limits=self.limits,
            hasher=quick_hasher(),
            seats=self.seats,
        )

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """The lines, in a transaction."""
        with self.engine.begin() as connection:
            yield Lines(connection, self.vault)

    @contextmanager
    def codes(self) -> Iterator[Codes]:
        """The codes, in a transaction."""
        with self.engine.begin() as connection:
            yield Codes(connection, self.vault)

    @contextmanager
    def accounts(self) -> Iterator[Accounts]:
        """The accounts, in a transaction."""
        with self.engine.begin() as connection:
            yield Accounts(connection, self.vault)

    def add_lines(self, mobiles: Mapping[str, str], at: float = NOON) -> None:
        """Import lines, each with its mobile."""
        with self.lines() as lines:
            lines.take_in([NewLine(number, mobile, "C590IP") for number, mobile in mobiles.items()], at)

    def add_codes(self, *pool: str) -> None:
        """Import a pool."""
        with self.codes() as codes:
            codes.take_in([NewCode(code) for code in pool], NOON)

    def account(self, number: str = LINE) -> str:
        """The id of a line."""
        with self.lines() as lines:
            line = lines.by_number(number)
        assert line is not None
        return line.id

    def standing(self, number: str = LINE) -> Standing:
        """How the line's account stands."""
        with self.accounts() as accounts:
            return accounts.standing(self.account_or_decoy(accounts, number))

    def account_or_decoy(self, accounts: Accounts, number: str) -> str:
        """The account that failures at this number are counted on."""
        return self.identity.account(accounts, number)

    def send(self, call: str, number: str = LINE, at: float = NOON) -> Sent:
        """Ask for an SMS; what it would have said is in `posted`."""
        with self.accounts() as accounts:
            return self.identity.send(accounts, self._post, call, number, at)

    def _post(self, call: str, mobile: str, password: str) -> None:
        self.posted[call] = (mobile, password)

    def wrong(self, call: str) -> str:
        """Six digits that are not the password of this call."""
        right = self.posted.get(call, ("", "000000"))[1]
        return f"{(int(right) + 1) % 10**6:06}"

    def verify_wrong(self, call: str, at: float = NOON) -> Checked:
        """Try a wrong password."""
        return self.identity.verify(call, self.wrong(call), at)

    def begin_call(self, call: str, at: float = NOON) -> None:
        """A call that is going on."""
        row = {"sid": call, "turn": 1, "state": "{}", "caller_key": "", "caller_mask": "", "started_at": at}
        with self.engine.begin() as connection:
            connection.execute(insert(calls).values(**row, updated_at=at, status="in-progress", disposition=""))

    def prove(self, call: str, number: str = LINE, at: float = NOON) -> str:
        """A call that has proved itself for a line; the line's id."""
        self.begin_call(call, at)
        assert self.send(call, number, at).outcome == "sent"
        assert self.identity.verify(call, self.posted[call][1], at) == "verified"
        return self.account(number)

    def issue(self, call: str, line: str, at: float = NOON) -> rules.Issued | rules.NotIssued:
        """Issue a code."""
        with self.codes() as codes:
            return rules.issue(codes, call, line, at)

    def read(self, call: str, code_id: str, at: float = NOON) -> str | None:
        """Read a code."""
        with self.codes() as codes:
            return rules.read(codes, call, code_id, at)

    def raw_bytes(self) -> bytes:
        """All that SQLite has on the disk."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("ligne.sqlite*")))

    def statements(self) -> _Statements:
        """Counts what is asked of the database."""
        return _Statements(self)


class _Statements:
    def __init__(self, house: House) -> None:
        self._house = house
        self.seen: list[str] = []

    def __enter__(self) -> list[str]:
        from sqlalchemy import event

        event.listen(self._house.engine, "before_cursor_execute", self._note)
        return self.seen

    def __exit__(self, *_: object) -> None:
        from sqlalchemy import event

        event.remove(self._house.engine, "before_cursor_execute", self._note)

    def _note(self, _c: Connection, _cursor: object, statement: str, *_: object) -> None:
        self.seen.append(statement)
