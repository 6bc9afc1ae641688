"""Values encrypted at rest, and keyed hashes to look them up by. It must not know which values, nor any table.

AES-256-GCM, its additional data naming the table, column and row that the value belongs to: a cipher moved to another
row does not open (facts/reliability.md 1.6). Keys are derived from the secret keys by HKDF, one for each purpose.
Several secrets may be given while one is replaced: the first encrypts and signs, all of them open and are accepted.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LABEL_BYTES, NONCE_BYTES = 4, 12
"""A cipher is: which key made it, a nonce, then what AES-GCM gives."""

MAC_BYTES = 8
"""Of a MAC in an address, written as twice as many hex digits: guessed online, one try a request."""


class VaultError(Exception):
    """A cipher that none of our keys opens at this place: another secret key, or a row that was tampered with."""


class Vault:
    """What is kept secret in the database. `secret_keys`: the current one, then those that it replaced.

    `dice` gives that many random bytes. Raises ValueError without a secret key.
    """

    def __init__(self, secret_keys: Sequence[bytes], dice: Callable[[int], bytes] = os.urandom) -> None:
        if not all(secret_keys) or not secret_keys:
            raise ValueError("the vault has no secret key: set IVR_SECRET_KEY")
        self._dice = dice
        self._secrets = tuple(secret_keys)
        self._boxes = {_label(secret): AESGCM(derived(secret, "vault")) for secret in self._secrets}
        self._lookups = tuple(derived(secret, "look-up") for secret in self._secrets)
        self._newest = _label(self._secrets[0])
        self._peppers: dict[str, tuple[bytes, ...]] = {}
        self._keyed: dict[str, tuple[hmac.HMAC, ...]] = {}

    def sealed(self, value: str, place: str) -> bytes:
        """The cipher of a value, for one place only: « table|column|row »."""
        return self._sealed(value, place, self._dice(NONCE_BYTES))

    def sealed_alike(self, value: str, place: str) -> bytes:
        """The same, but the same cipher each time: for an address that is handed out twice, in the same bytes.

        Its nonce is a MAC of what is sealed, so that no nonce serves two values.
        """
        nonce = hmac.digest(self.pepper("nonces"), f"{place}\x00{value}".encode(), "sha256")
        return self._sealed(value, place, nonce[:NONCE_BYTES])

    def _sealed(self, value: str, place: str, nonce: bytes) -> bytes:
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
        return self.peppers(purpose)[0]

    def peppers(self, purpose: str) -> tuple[bytes, ...]:
        """The same of every secret, the newest first."""
        if purpose not in self._peppers:
            self._peppers[purpose] = tuple(derived(secret, f"pepper of {purpose}") for secret in self._secrets)
        return self._peppers[purpose]

    def mac(self, purpose: str, said: str) -> str:
        """What makes an address ours that says this: 16 hex digits, of the newest secret."""
        return _mac(self._signers(purpose)[0], said)

    def is_mac(self, purpose: str, said: str, mac: str) -> bool:
        """Whether one of our secrets made it; as long to say no, whichever fits."""
        given, candidates = mac.encode("utf-8", "replace"), [_mac(keyed, said) for keyed in self._signers(purpose)]
        return sum(hmac.compare_digest(given, candidate.encode()) for candidate in candidates) > 0

    def _signers(self, purpose: str) -> tuple[hmac.HMAC, ...]:
        """One for each secret, its key set up once: that is half of what a MAC costs."""
        if purpose not in self._keyed:
            self._keyed[purpose] = tuple(hmac.new(key, digestmod="sha256") for key in self.peppers(purpose))
        return self._keyed[purpose]


def derived(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(SHA256(), length=32, salt=None, info=f"ivr {purpose}".encode()).derive(secret)


def _label(secret: bytes) -> bytes:
    return derived(secret, "label")[:LABEL_BYTES]


def _mac(keyed: hmac.HMAC, said: str) -> str:
    signed = keyed.copy()
    signed.update(said.encode())
    return signed.digest()[:MAC_BYTES].hex()


def _keyed(lookup: bytes, kind: str, value: str) -> str:
    return hmac.digest(lookup, f"{kind} {value}".encode(), "sha256")[:16].hex()
