"""Is the caller entitled to the line? A one-time password by SMS to the mobile on file, or a support PIN.

The rules of facts/reliability.md 1.3. Every try is counted and committed before it is verified, on the account and
never on the caller's number, so that neither a crash, nor a hundred calls at once, gives one guess more. An unknown
line has an account too, made from its number: it is asked, counted, locked and refused like a real one, with the same
statements and the same work, and no SMS leaves.

This module must not know SQL, SMS or the telephone: it asks the ports below, and is given clock and dice.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

Kind = Literal["sms", "pin"]
"""How the caller is asked: a one-time password by SMS, or his support PIN."""

Refusal = Literal["expired", "exhausted", "locked", "closed"]
"""Why a try is not even verified.

`expired`: nothing was asked in this call, or it was used, or it is too late. `exhausted`: this call has had its tries.
`locked`: the account, for a while or until an operator acts. `closed`: the breaker is open, only people help now.
"""

Checked = Literal["verified", "wrong", "busy"] | Refusal
"""What became of a try. `busy`: too many PINs are being checked at this moment, and this one was not counted."""

Sending = Literal["sent", "too_many", "locked", "closed"]
"""What became of a wish for an SMS. `too_many`: this line has had its SMS of the day."""

Draw = Callable[[int], int]
"""A secret random number from 0 up to, not including, its argument: `secrets.randbelow`."""

Post = Callable[[str, str, str], None]
"""Puts an SMS into the outbox, in the transaction of the ledger: the call, the mobile in E.164, the password."""

PASSWORD_DIGITS, PIN_DIGITS = 6, 8


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of facts/reliability.md 1.3; times in seconds."""

    password_seconds: float = 600
    tries_a_call: int = 3
    passwords_a_day: int = 3
    failures_to_wait: int = 5
    wait_seconds: float = 900
    failures_to_lock: int = 10
    failures_an_hour: int = 20
    mobile_must_be_older: float = 7 * 86400
    pin_seconds: float = 1800


@dataclass(frozen=True, slots=True)
class Sent:
    """The outcome, and the last two digits of the mobile to announce: made up when there is no such line."""

    outcome: Sending
    ending: str = ""


class Person(Protocol):
    """Whom a line belongs to. `id` is the account; `mobile` in E.164; `pin` what his PIN is checked against."""

    @property
    def id(self) -> str: ...  # noqa: D102 - said above, as are the others
    @property
    def mobile(self) -> str: ...  # noqa: D102
    @property
    def mobile_changed_at(self) -> float | None: ...  # noqa: D102
    @property
    def pin(self) -> str | None: ...  # noqa: D102


class Challenge(Protocol):
    """What was asked last in a call: `digest` of the right answer, and how many tries it has had."""

    @property
    def account(self) -> str: ...  # noqa: D102 - said above, as are the others
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def digest(self) -> bytes: ...  # noqa: D102
    @property
    def expires_at(self) -> float: ...  # noqa: D102
    @property
    def tries(self) -> int: ...  # noqa: D102
    @property
    def used_at(self) -> float | None: ...  # noqa: D102


class Standing(Protocol):
    """An account's failures in a row, over its whole life, and its locks."""

    @property
    def failures(self) -> int: ...  # noqa: D102 - said above, as are the others
    @property
    def locked_until(self) -> float: ...  # noqa: D102
    @property
    def hard_locked(self) -> bool: ...  # noqa: D102


class Ledger(Protocol):
    """What is remembered of tries, within one transaction."""

    def person(self, number: str) -> Person | None:
        """Whose line it is, by its number in E.164; it takes as long to say nobody's."""

    def standing(self, account: str) -> Standing:
        """How the account stands. Others who ask wait until this transaction ends."""

    def keep_standing(self, account: str, at: float, *, failures: int, locked_until: float, hard_locked: bool) -> None:
        """How the account stands from now on."""

    def challenge(self, call: str) -> Challenge | None:
        """What was asked last in this call."""

    def ask(
        self, call: str, account: str, kind: Kind, digest: bytes, *, at: float, expires_at: float, tries: int
    ) -> None:
        """Remember what is asked; it takes the place of what was asked before in this call."""

    def count_try(self, call: str) -> None:
        """One try more at what was asked last."""

    def use(self, call: str, at: float) -> bool:
        """Use what was asked last; False when it was used already."""

    def asked_since(self, account: str, at: float) -> int:
        """How many SMS were sent for the account after this moment."""

    def failures_since(self, at: float) -> int:
        """How many tries failed, over all accounts, after this moment."""

    def failed(self, at: float) -> None:
        """One try more has failed."""

    def note(self, at: float, who: str, what: str, subject: str) -> None:
        """Who did what, for the audit: never a secret, never a number."""


class Seats:
    """How many PINs may be hashed at once in this process: each takes 0.1 s of a core (facts/reliability.md 1.6)."""

    def __init__(self, count: int = 2, patience: float = 2.0) -> None:
        self._free, self._patience = threading.BoundedSemaphore(count), patience

    def taken(self) -> bool:
        """Whether a seat came free within the patience (seconds); then it must be left."""
        return self._free.acquire(timeout=self._patience)

    def left(self) -> None:
        """Leave the seat."""
        self._free.release()


class Identity:
    """Asks, counts and verifies. What takes a `ledger` joins the caller's transaction; what does not opens its own.

    `ledger` opens one short transaction, committed when its block ends. `verify` and `check_pin` open two in a row:
    inside a turn's transaction they would wait for it in vain on SQLite. Start them from a turn that is written, once,
    and poll for their outcome; a webhook delivered twice must not count twice.
    `peppers` key the digests of one-time passwords, and the accounts of unknown lines: the first does, and a password
    that was sent under one of the others, before the secret key was replaced, is still right.
    """

    def __init__(
        self,
        ledger: Callable[[], AbstractContextManager[Ledger]],
        peppers: Sequence[bytes],
        draw: Draw,
        *,
        limits: Limits | None = None,
        hasher: PasswordHasher | None = None,
        seats: Seats | None = None,
    ) -> None:
        self._ledger, self._peppers, self._draw = ledger, tuple(peppers), draw
        self._pepper = self._peppers[0]
        self._limits, self._hasher, self._seats = limits or Limits(), hasher or PasswordHasher(), seats or Seats()

    def send(self, ledger: Ledger, post: Post, call: str, number: str, at: float) -> Sent:
        """Send a one-time password to the mobile on file of this line (E.164), in the caller's transaction.

        Never to who calls, nor to the line itself: no other number is known here. A new one replaces the one before it,
        and takes over its tries.
        """
        person = ledger.person(number)
        account = self._account_of(person, number)
        standing = ledger.standing(account)
        if locked(standing, at):
            return Sent("locked")
        if self._is_closed(ledger, at) or (person and changed_lately(person, at, self._limits)):
            return Sent("closed")
        tries = tries_so_far(ledger.challenge(call))
        if tries >= self._limits.tries_a_call or self._is_used_up(ledger, account, at):
            return Sent("too_many")
        password = f"{self._draw(10**PASSWORD_DIGITS):0{PASSWORD_DIGITS}}"
        expected = password if person else f"nobody {self._draw(2**256)}"  # no digits match it
        expires_at = at + self._limits.password_seconds
        digest = self.digest(call, expected)
        ledger.ask(call, account, "sms", digest, at=at, expires_at=expires_at, tries=tries)
        if person:
            post(call, person.mobile, password)
        ledger.note(at, f"call {call}", "password.sent", account)
        return Sent("sent", person.mobile[-2:] if person else self._made_up(number))

    def verify(self, call: str, typed: str, at: float) -> Checked:
        """Whether these digits are the one-time password that was sent for this call.

        The try is counted, and that committed, before they are compared.
        """
        digests = [_digest(pepper, call, typed) for pepper in self._peppers]
        with self._ledger() as ledger:
            admitted = self._admitted(ledger, call, "sms", at)
        if isinstance(admitted, str):
            return admitted
        right = sum(hmac.compare_digest(digest, admitted.digest) for digest in digests) > 0
        return self._settled(call, admitted, at, right=right)

    def check_pin(self, call: str, number: str, typed: str, at: float) -> Checked:
        """Whether these digits are the support PIN of this line (E.164).

        Throttled before it is hashed; the same hashing whether the line, or its PIN, exists or not.
        """
        if not self._seats.taken():
            return "busy"
        try:
            no_pin = self._no_pin
            with self._ledger() as ledger:
                person = ledger.person(number)
                account = self._account_of(person, number)
                self._ask_pin(ledger, call, account, at)
                admitted = self._admitted(ledger, call, "pin", at)
            if isinstance(admitted, str):
                return admitted
            known = person.pin if person else None
            right = pin_matches(self._hasher, known or no_pin, typed) and known is not None
        finally:
            self._seats.left()
        return self._settled(call, admitted, at, right=right)

    def account(self, ledger: Ledger, number: str) -> str:
        """The account that tries at this line (E.164) are counted on."""
        return self._account_of(ledger.person(number), number)

    def new_pin(self) -> tuple[str, str]:
        """A support PIN to give to a customer, and what to keep of it. Generated, because people choose birthdays."""
        pin = next(pin for pin in iter(self._drawn_pin, "") if not is_guessable(pin))
        return pin, self._hasher.hash(pin)

    @cached_property
    def _no_pin(self) -> str:
        """What is hashed against when there is nothing to be right about; hashed with the first PIN that comes."""
        return self._hasher.hash(self._drawn_pin())

    def _drawn_pin(self) -> str:
        return f"{self._draw(10**PIN_DIGITS):0{PIN_DIGITS}}"

    def _admitted(self, ledger: Ledger, call: str, kind: Kind, at: float) -> Challenge | Refusal:
        """The challenge, its try counted; or why there is no try."""
        asked = ledger.challenge(call)
        if asked is None or asked.kind != kind:
            return "expired"
        standing = ledger.standing(asked.account)
        challenge = ledger.challenge(call) or asked  # read again: it may have changed while we waited
        if refusal := refused(challenge, standing, at, self._limits):
            return refusal
        if self._is_closed(ledger, at):
            return "closed"
        ledger.count_try(call)
        self._count_failure(ledger, challenge.account, standing, at)
        return challenge

    def _count_failure(self, ledger: Ledger, account: str, standing: Standing, at: float) -> None:
        """Count the try as failed before it is verified: one that succeeds takes it back."""
        failures = standing.failures + 1
        waits, locks = failures == self._limits.failures_to_wait, failures >= self._limits.failures_to_lock
        locked_until = at + self._limits.wait_seconds if waits else standing.locked_until
        ledger.keep_standing(account, at, failures=failures, locked_until=locked_until, hard_locked=locks)
        if locks:
            ledger.note(at, "line", "account.locked", account)

    def _settled(self, call: str, challenge: Challenge, at: float, *, right: bool) -> Checked:
        with self._ledger() as ledger:
            ledger.standing(challenge.account)
            current = ledger.challenge(call)
            if right and current and is_same(current, challenge) and ledger.use(call, at):
                ledger.keep_standing(challenge.account, at, failures=0, locked_until=0, hard_locked=False)
                ledger.note(at, f"call {call}", "identity.proved", challenge.account)
                return "verified"
            ledger.failed(at)
            if ledger.failures_since(at - 3600) == self._limits.failures_an_hour + 1:
                ledger.note(at, "line", "breaker.opened", "")
            return "wrong"

    def _ask_pin(self, ledger: Ledger, call: str, account: str, at: float) -> None:
        """Open this call's tries at the PIN, once; those it had at another line, or by SMS, are taken over."""
        before = ledger.challenge(call)
        is_open = before is not None and before.used_at is None and at < before.expires_at
        if before is None or not is_open or (before.kind, before.account) != ("pin", account):
            expires_at = at + self._limits.pin_seconds
            ledger.ask(call, account, "pin", b"", at=at, expires_at=expires_at, tries=tries_so_far(before))

    def _is_used_up(self, ledger: Ledger, account: str, at: float) -> bool:
        return ledger.asked_since(account, at - 86400) >= self._limits.passwords_a_day

    def _is_closed(self, ledger: Ledger, at: float) -> bool:
        return ledger.failures_since(at - 3600) > self._limits.failures_an_hour

    def _account_of(self, person: Person | None, number: str) -> str:
        unknown = hmac.digest(self._pepper, f"account {number}".encode(), hashlib.sha256)[:16].hex()
        return person.id if person else unknown

    def digest(self, call: str, password: str) -> bytes:
        """What is kept of a password: worthless in another call, and without the pepper."""
        return _digest(self._pepper, call, password)

    def _made_up(self, number: str) -> str:
        """Two digits for a line that does not exist: always the same, like those of a real one."""
        drawn = hmac.digest(self._pepper, f"ending {number}".encode(), hashlib.sha256)
        return f"{int.from_bytes(drawn) % 100:02}"


def _digest(pepper: bytes, call: str, password: str) -> bytes:
    return hmac.digest(pepper, f"{call}|{password}".encode(), hashlib.sha256)


def refused(challenge: Challenge, standing: Standing, at: float, limits: Limits) -> Refusal | None:
    """Why this challenge may not be tried now; None when it may."""
    if challenge.used_at is not None or at >= challenge.expires_at:
        return "expired"
    if challenge.tries >= limits.tries_a_call:
        return "exhausted"
    return "locked" if locked(standing, at) else None


def locked(standing: Standing, at: float) -> bool:
    """Whether the account is locked, for a while or until an operator acts."""
    return standing.hard_locked or at < standing.locked_until


def changed_lately(person: Person, at: float, limits: Limits) -> bool:
    """Whether the mobile on file is too new to be trusted: thieves change it first."""
    return person.mobile_changed_at is not None and at - person.mobile_changed_at < limits.mobile_must_be_older


def is_same(current: Challenge, tried: Challenge) -> bool:
    """Whether what was tried is still what is asked: the call may have asked about another line meanwhile."""
    return (current.account, current.kind, current.digest) == (tried.account, tried.kind, tried.digest)


def tries_so_far(challenge: Challenge | None) -> int:
    """The tries that a new question in the same call takes over: none once the caller has proved himself."""
    return challenge.tries if challenge and challenge.used_at is None else 0


def is_guessable(pin: str) -> bool:
    """Whether a thief would try this PIN early: two different digits at most, or all of them in a run."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    return len(set(pin)) < 3 or steps in ({1}, {9})


def pin_matches(hasher: PasswordHasher, kept: str, typed: str) -> bool:
    """Whether this PIN was hashed to what is kept; as long to say no."""
    try:
        return hasher.verify(kept, typed)
    except (Argon2Error, InvalidHashError):
        return False
