"""The sound of messages: one sealed file each, in a folder that only the line may read. It must not know any table.

A file appears whole or not at all: it is written under another name, and renamed once it is on the disk.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from ivr.store.vault import LABEL_BYTES, Vault

FOLDER = "messages"
"""Where they are, under IVR_DATA_DIR."""

DRAFT = ".draft"


class Recordings:
    """The recordings of one line; `folder` is made when the first one comes."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder, self._vault = folder, vault

    def put(self, message: str, audio: bytes) -> None:
        """Keep the sound of a message; what was kept of it before is replaced. Raises OSError."""
        sealed = self._vault.sealed(base64.b64encode(audio).decode(), _place(message))
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f"{message}.{secrets.token_hex(4)}{DRAFT}"
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / message)
        finally:
            draft.unlink(missing_ok=True)

    def sound(self, message: str) -> bytes | None:
        """The sound as it came; None when there is none. Raises VaultError for one that was tampered with."""
        try:
            sealed = (self._folder / message).read_bytes()
        except FileNotFoundError:
            return None
        return base64.b64decode(self._vault.opened(sealed, _place(message)))

    def renew(self, message: str) -> bool:
        """Seal the sound again, when an older secret key had sealed it. Raises VaultError, OSError."""
        path = self._folder / message
        if not path.exists() or self._vault.is_current(path.read_bytes()[:LABEL_BYTES]):
            return False
        self.put(message, self.sound(message) or b"")
        return True

    def has(self, message: str) -> bool:
        """Whether there is a sound of this message."""
        return (self._folder / message).exists()

    def drop(self, message: str) -> None:
        """Delete the sound of a message, if there is one."""
        (self._folder / message).unlink(missing_ok=True)

    def names(self, before: float) -> Iterator[str]:
        """The files that were written before then (seconds since the epoch): of messages, or left behind half done."""
        for path in self._folder.glob("*"):
            if path.stat().st_mtime < before:
                yield path.name


def _place(message: str) -> str:
    return f"messages|sound|{message}"
