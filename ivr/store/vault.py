"""Values encrypted at rest, and keyed hashes to look them up by. It must not know which values, nor any table.

AES-256-GCM, its additional data naming the table, column and row that the value belongs to: a cipher moved to another
row does not open (facts/reliability.md 1.6). Keys are derived from the secret keys by HKDF, one for each purpose.
Several secrets may be given while one is replaced: the first encrypts, all of them open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LABEL_BYTES, NONCE_BYTES = 4, 12
"""A cipher is: which key made it, a nonce, then what AES-GCM gives."""


class VaultError(Exception):
    """A cipher that none of our keys opens at this place: another secret key, or a row that was tampered with."""


class Vault:
    """What is kept secret in the database. `secret_keys`: the current one, then those that it replaced.

    `dice` gives that many random bytes. Raises ValueError without a secret key.
    """

    def __init__(self, secret_keys: Sequence[bytes], dice: Callable[[int], bytes] = secrets.token_bytes) -> None:
        if not all(secret_keys) or not secret_keys:
            raise ValueError("the vault has no secret key: set IVR_SECRET_KEY")
        self._dice = dice
        self._secrets = tuple(secret_keys)
        self._boxes = {_label(secret): AESGCM(derived(secret, "vault")) for secret in self._secrets}
        self._lookups = tuple(derived(secret, "look-up") for secret in self._secrets)
        self._newest = _label(self._secrets[0])

    def sealed(self, value: str, place: str) -> bytes:
        """The cipher of a value, for one place only: « table|column|row »."""
        nonce = self._dice(NONCE_BYTES)
        return self._newest + nonce + self._boxes[self._newest].encrypt(nonce, value.encode(), place.encode())

    def opened(self, cipher: bytes, place: str) -> str:
        """The value that was sealed for this place.

        Raises VaultError when it was sealed for another place, with another key, or has been changed.
        """
        label, rest = cipher[:LABEL_BYTES], cipher[LABEL_BYTES:]
        if label not in self._boxes:
            raise VaultError(f"{place}: sealed with a key we do not have; give the replaced IVR_SECRET_KEY beside")
        try:
            return self._boxes[label].decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise VaultError(f"{place}: does not open; the row was changed, or comes from elsewhere") from error

    def is_current(self, cipher: bytes) -> bool:
        """Whether the newest key sealed it: one that a rotation may leave as it is."""
        return cipher[:LABEL_BYTES] == self._newest

    def key(self, kind: str, value: str) -> str:
        """The keyed hash to store beside a value and find it by: 32 hex digits, of the newest key."""
        return _keyed(self._lookups[0], kind, value)

    def keys(self, kind: str, value: str) -> tuple[str, ...]:
        """Every keyed hash that may stand for the value: one for each secret key."""
        return tuple(_keyed(lookup, kind, value) for lookup in self._lookups)

    def pepper(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose outside this module, of the newest secret."""
        return derived(self._secrets[0], f"pepper of {purpose}")

    def peppers(self, purpose: str) -> tuple[bytes, ...]:
        """The same of every secret, the newest first."""
        return tuple(derived(secret, f"pepper of {purpose}") for secret in self._secrets)


def derived(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=f"ivr {purpose}".encode()).derive(secret)


def _label(secret: bytes) -> bytes:
    return derived(secret, "label")[:LABEL_BYTES]


def _keyed(lookup: bytes, kind: str, value: str) -> str:
    return hmac.digest(lookup, f"{kind} {value}".encode(), hashlib.sha256)[:16].hex()
