"""Telephone numbers of people at rest: a keyed hash to find them by, a mask to show, in clear only sealed.

One kind of hash for all tables, so that whoever asks to be forgotten is found in each of them (`ivr.store.retention`).
It must not know any table.
"""

from __future__ import annotations

from ivr.store.vault import Vault

KIND = "caller"


def number_key(vault: Vault, number: str) -> str:
    """The keyed hash of a number in E.164 (32 hex digits); nothing for a number that was withheld."""
    return vault.key(KIND, number) if number else ""


def number_keys(vault: Vault, number: str) -> tuple[str, ...]:
    """Every keyed hash that may stand for the number: one for each secret key."""
    return vault.keys(KIND, number)


def number_mask(number: str) -> str:
    """The number as a screen may show it: « +336****01 »; nothing for a number that was withheld."""
    return f"{number[:4]}****{number[-2:]}" if number else ""


def sealed_number(vault: Vault, number: str, place: str) -> bytes | None:
    """The number to call back, for this place only; None for a number that was withheld."""
    return vault.sealed(number, place) if number else None


def opened_number(vault: Vault, cipher: bytes | None, place: str) -> str:
    """The number in E.164, or nothing. Raises VaultError when it does not open."""
    return vault.opened(cipher, place) if cipher else ""
