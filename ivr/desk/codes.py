"""The auto-configuration code: issued to one call, read while that call lives, expired, revoked; and how to hear it.

A code is a bearer credential for somebody's telephone line, and text without meaning: 1 to 32 characters, zeros in
front that count, never a number. One active code a line, one code a call, and none for a call that has not proved
itself for the line: that gate is here, at the moment of issue, whatever the dialogue believes. Everything happens
inside the caller's turn: what the turn loses, was never issued. This module must not know SQL, ciphers, SMS or the
telephone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

NotIssued = Literal["unproved", "exhausted"]
"""Why there is no code. `unproved`: the call has not proved itself for this line. `exhausted`: the pool is empty."""

CODE_SECONDS = 900.0
"""How long a code may be read after it was issued (facts/reliability.md 1.3)."""

PROOF_SECONDS = 1800.0
"""How long a call that has proved itself may be issued a code (design/dialogue.md C.8)."""

CLOCKS_APART = 2.0
"""Seconds that the clocks of two machines may differ by; a proof from further ahead is of a clock that was set back."""

GROUP = 3
"""Characters read in one breath (design/dialogue.md C.4.7)."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A code that the call holds, without the code: what to say of it, and the reference to read it by later."""

    id: str
    length: int
    only_digits: bool


class Held(Protocol):
    """A code that was issued to a call. Times in seconds since the epoch; `call_lives` until the call has ended."""

    @property
    def id(self) -> str: ...  # noqa: D102 - said above, as are the others
    @property
    def line(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def expires_at(self) -> float: ...  # noqa: D102
    @property
    def call_lives(self) -> bool: ...  # noqa: D102


class CodeStore(Protocol):
    """Where codes are kept, within one transaction. A `line` is the line's id."""

    def guard(self, line: str) -> None:
        """Let nobody else issue a code for this line until the transaction ends."""

    def proved_at(self, call: str, line: str) -> float | None:
        """When this call proved itself for the line; None when it did not."""

    def held_by(self, call: str) -> Held | None:
        """The code that this call holds."""

    def active_of(self, line: str) -> Held | None:
        """The code of this line that nobody has heard yet, whichever call holds it."""

    def heard_of(self, line: str) -> Held | None:
        """The last code of this line that was heard, while it is kept, whichever call holds it."""

    def claim(self, call: str, line: str, *, at: float, expires_at: float) -> str | None:
        """Take the pool's next code for the call; its id, or None when the pool is empty."""

    def put(self, call: str, line: str, code: str, *, at: float, expires_at: float) -> str:
        """Keep a code that the operator made for the call; its id."""

    def hand_over(self, code_id: str, call: str, *, at: float, expires_at: float) -> None:
        """Give an active code to another call of the same line."""

    def retire(self, code_id: str, status: Literal["expired", "revoked"]) -> None:
        """End a code: it leaves its call, and its cipher is wiped."""

    def leave(self, code_id: str) -> None:
        """Part a code that was heard from its call, which may then be issued another."""

    def opened(self, code_id: str) -> str:
        """The code itself."""

    def mark_read(self, code_id: str) -> bool:
        """The code leaves us, by voice or by SMS; False when it has left before."""

    def overdue(self, at: float) -> list[str]:
        """The codes that hold a cipher and may not be read any more."""

    def note(self, at: float, who: str, what: str, subject: str) -> None:
        """Who did what, for the audit: never the code."""


def is_proved(store: CodeStore, call: str, line: str, at: float) -> bool:
    """Whether the call may have a code for this line. To be asked before an operator's API is asked to make one."""
    proved = store.proved_at(call, line)
    return proved is not None and -CLOCKS_APART <= at - proved < PROOF_SECONDS


def issue(store: CodeStore, call: str, line: str, at: float) -> Issued | NotIssued:
    """The pool's code for this call and line: the one it holds already, else the line's unheard one, else the next.

    Asked twice, it answers the same. A code that was issued to an earlier call of the line and never heard goes to this
    call: nobody else knows it, and the earlier call can read it no more.
    """
    if not is_proved(store, call, line, at):
        return "unproved"
    store.guard(line)
    if (found := _already(store, call, line, at)) is not None:
        return described(store, found)
    taken = store.claim(call, line, at=at, expires_at=at + CODE_SECONDS)
    if taken is None:
        return "exhausted"
    store.note(at, f"call {call}", "code.issued", taken)
    return described(store, taken)


def hold(store: CodeStore, call: str, line: str, code: str, at: float) -> Issued | NotIssued:
    """Keep a code that the operator's API has made for this call and line, in place of what either held before.

    Raises ValueError when it is no code: empty, or longer than 32 characters.
    """
    if not 1 <= len(code) <= 32:
        raise ValueError(f"call {call}: the operator's code has {len(code)} characters; 1 to 32 are a code")
    if not is_proved(store, call, line, at):
        return "unproved"
    store.guard(line)
    for before in (store.held_by(call), store.active_of(line)):
        if before is not None:
            _end(store, before, "revoked")
    kept = store.put(call, line, code, at=at, expires_at=at + CODE_SECONDS)
    store.note(at, f"call {call}", "code.issued", kept)
    return described(store, kept)


def regain(store: CodeStore, call: str, line: str, at: float) -> Issued | None:
    """The line's code that an earlier call had, heard or not, for a call that has proved itself anew; None when over.

    It lives no longer than it would have.
    """
    if not is_proved(store, call, line, at):
        return None
    store.guard(line)
    kept = store.active_of(line) or store.heard_of(line)
    if kept is None or at >= kept.expires_at:
        return None
    store.hand_over(kept.id, call, at=at, expires_at=kept.expires_at)
    store.note(at, f"call {call}", "code.handed-over", kept.id)
    return described(store, kept.id)


def read(store: CodeStore, call: str, code_id: str, at: float) -> str | None:
    """The code, to be spoken or texted now; None once the call has ended, or the code expired, moved or was revoked.

    As often as the caller likes; the audit notes the first time.
    """
    held = store.held_by(call)
    if held is None or held.id != code_id or not is_readable(held, at):
        return None
    if held.status == "active" and store.mark_read(code_id):
        store.note(at, f"call {call}", "code.read", code_id)
    return store.opened(code_id)


def is_readable(held: Held, at: float) -> bool:
    """Whether the code may still be decrypted for the call that holds it."""
    return held.call_lives and held.status in ("active", "read") and at < held.expires_at


def expire(store: CodeStore, at: float) -> int:
    """Retire every code whose time is over; how many. To be run now and then."""
    overdue = store.overdue(at)
    for code_id in overdue:
        store.retire(code_id, "expired")
        store.note(at, "line", "code.expired", code_id)
    return len(overdue)


def revoke(store: CodeStore, code_id: str, who: str, at: float) -> None:
    """An operator takes a code back, whatever its state."""
    store.retire(code_id, "revoked")
    store.note(at, who, "code.revoked", code_id)


def groups(code: str) -> tuple[str, ...]:
    """The code as it is read: three characters at a time."""
    return tuple(code[i : i + GROUP] for i in range(0, len(code), GROUP))


def wrong_groups(code: str, noted: str) -> tuple[int, ...]:
    """Which groups of the code were noted differently, from 0; what is too much counts against the last one."""
    last = len(groups(code)) - 1
    cut = (*groups(noted[: last * GROUP]), noted[last * GROUP :])
    return tuple(i for i, group in enumerate(groups(code)) if i >= len(cut) or cut[i] != group)


def _already(store: CodeStore, call: str, line: str, at: float) -> str | None:
    """The code that the call holds for the line, or that it takes over; what is over is ended on the way."""
    held = store.held_by(call)
    if held is not None:
        if held.line == line and is_readable(held, at):
            return held.id
        _end(store, held, "expired")
    active = store.active_of(line)
    if active is None:
        return None
    if at >= active.expires_at:
        store.retire(active.id, "expired")
        return None
    store.hand_over(active.id, call, at=at, expires_at=at + CODE_SECONDS)
    store.note(at, f"call {call}", "code.handed-over", active.id)
    return active.id


def _end(store: CodeStore, held: Held, status: Literal["expired", "revoked"]) -> None:
    """Part the code from its call: retired when nobody heard it, else kept as the one that was heard."""
    if held.status == "active":
        store.retire(held.id, status)
    else:
        store.leave(held.id)


def described(store: CodeStore, code_id: str) -> Issued:
    """What is said of a code that was issued, without the code."""
    code = store.opened(code_id)
    return Issued(code_id, len(code), code.isascii() and code.isdecimal())
