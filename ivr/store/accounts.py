"""Tries at proving who calls: what was asked in each call, how each account stands, and failures over all of them.

The rules are the desk's (`ivr.desk.identity`); here is only what is kept, within the transaction of a connection. A
password is kept as its keyed digest alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.sql.selectable import ScalarSelect

from ivr.store.audit import Audit
from ivr.store.lines import KeptLine, Lines
from ivr.store.statements import insert_or, one_at_a_time
from ivr.store.tables import attempts, breaker, passwords
from ivr.store.vault import Vault

REMEMBERED_SECONDS = 86400
"""How long failures and what was asked are kept; nothing counts further back."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked last in a call. Times in seconds since the epoch; `used_at` None until it is used."""

    account: str
    kind: str
    digest: bytes
    expires_at: float
    tries: int
    used_at: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's failures in a row, and its locks."""

    failures: int = 0
    locked_until: float = 0
    hard_locked: bool = False


class Accounts:
    """What is remembered of tries, within one transaction."""

    def __init__(
        self, connection: Connection, vault: Vault, dice: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self._connection = connection
        self._lines, self._audit = Lines(connection, vault, dice), Audit(connection, vault)

    def person(self, number: str) -> KeptLine | None:
        """Whose line it is, by its number in E.164."""
        return self._lines.by_number(number)

    def standing(self, account: str) -> Standing:
        """How the account stands. Others who ask wait until this transaction ends."""
        one_at_a_time(self._connection, f"account {account}")
        columns = (attempts.c.failures, attempts.c.locked_until, attempts.c.hard_locked)
        row = self._connection.execute(select(*columns).where(attempts.c.account == account)).one_or_none()
        return Standing(*row) if row else Standing()

    def keep_standing(self, account: str, at: float, *, failures: int, locked_until: float, hard_locked: bool) -> None:
        """How the account stands from now on."""
        row = {"failures": failures, "locked_until": locked_until, "hard_locked": hard_locked, "updated_at": at}
        statement = insert_or(self._connection, attempts).values(account=account, **row)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=row))

    def challenge(self, call: str) -> Challenge | None:
        """What was asked last in this call."""
        columns = (passwords.c[name] for name in Challenge.__dataclass_fields__)
        row = self._connection.execute(select(*columns).where(passwords.c.id == _last(call))).one_or_none()
        return Challenge(*row) if row else None

    def ask(
        self, call: str, account: str, kind: str, digest: bytes, *, at: float, expires_at: float, tries: int
    ) -> None:
        """Remember what is asked; it takes the place of what was asked before in this call."""
        row = {"call_sid": call, "account": account, "kind": kind, "digest": digest, "sent_at": at}
        self._connection.execute(insert(passwords).values(**row, expires_at=expires_at, tries=tries))

    def count_try(self, call: str) -> None:
        """One try more at what was asked last."""
        last = update(passwords).where(passwords.c.id == _last(call))
        self._connection.execute(last.values(tries=passwords.c.tries + 1))

    def use(self, call: str, at: float) -> bool:
        """Use what was asked last; False when it was used already."""
        unused = update(passwords).where(passwords.c.id == _last(call), passwords.c.used_at.is_(None))
        return self._connection.execute(unused.values(used_at=at)).rowcount == 1

    def end_open(self, sent_since: float) -> int:
        """End what was sent after this moment and has not been used; how many."""
        open_still = (passwords.c.used_at.is_(None), passwords.c.expires_at > 0, passwords.c.sent_at > sent_since)
        return self._connection.execute(update(passwords).where(*open_still).values(expires_at=0)).rowcount

    def asked_since(self, account: str, at: float) -> int:
        """How many SMS were sent for the account after this moment."""
        sent = (passwords.c.account == account, passwords.c.kind == "sms", passwords.c.sent_at > at)
        return self._connection.execute(select(func.count()).select_from(passwords).where(*sent)).scalar_one()

    def failures_since(self, at: float) -> int:
        """How many tries failed, over all accounts, after this moment."""
        failed = select(func.count()).select_from(breaker).where(breaker.c.failed_at > at)
        return self._connection.execute(failed).scalar_one()

    def failed(self, at: float) -> None:
        """One try more has failed. Others that fail wait until this transaction ends: each counts the one before."""
        one_at_a_time(self._connection, "breaker")
        self._connection.execute(insert(breaker).values(failed_at=at))

    def proved_line(self, call: str) -> KeptLine | None:
        """The line that this call proved itself for last."""
        mine = (passwords.c.call_sid == call, passwords.c.used_at.is_not(None))
        last = select(passwords.c.account).where(*mine).order_by(passwords.c.used_at.desc(), passwords.c.id.desc())
        line = self._connection.execute(last.limit(1)).scalar_one_or_none()
        return self._lines.by_id(line) if line else None

    def note(self, at: float, who: str, what: str, subject: str) -> None:
        """Who did what, for the audit."""
        self._audit.note(at, who, what, subject)

    def unlock(self, account: str, at: float) -> Standing:
        """An operator acts: the account starts anew; how it stood."""
        before = self.standing(account)
        self.keep_standing(account, at, failures=0, locked_until=0, hard_locked=False)
        return before

    def forget(self, at: float) -> None:
        """Take out what no rule looks back to any more; locks and failures in a row stay."""
        self._connection.execute(delete(breaker).where(breaker.c.failed_at < at - REMEMBERED_SECONDS))
        self._connection.execute(delete(passwords).where(passwords.c.sent_at < at - REMEMBERED_SECONDS))


def accounts_of(engine: Engine, vault: Vault) -> Callable[[], AbstractContextManager[Accounts]]:
    """What opens one short transaction of accounts, committed when its block ends."""

    @contextmanager
    def opened() -> Iterator[Accounts]:
        with engine.begin() as connection:
            yield Accounts(connection, vault)

    return opened


def _last(call: str) -> ScalarSelect[int | None]:
    """The row of what was asked last in this call."""
    return select(func.max(passwords.c.id)).where(passwords.c.call_sid == call).scalar_subquery()
