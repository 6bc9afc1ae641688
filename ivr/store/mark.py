"""The last row of the audit that this machine has seen, kept outside the database: a database that went back lacks it.

Nobody needs to tell us: a file that was copied over, a server that was set back, a log that was lost. It knows no code;
what a database that went back means is for others to say.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ivr.store.audit import Audit

FILE = "audit-mark.json"
"""Where it is, under IVR_DATA_DIR."""


RESTORING = 600.0
"""Seconds that restoring may take, and by which the clocks of two machines may differ."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A row of the audit: its number and seal, and when it was the last one (seconds since the epoch)."""

    seq: int
    seal: str
    at: float


class Mark:
    """The mark of one machine, in its folder (IVR_DATA_DIR). Its processes share it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def seen(self) -> Seen | None:
        """The last row seen; None when there is none yet, or the file does not hold one."""
        try:
            return Seen(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def keep(self, last: tuple[int, str] | None, at: float) -> None:
        """Remember the audit's last row, once its transaction has ended, on the disk. Raises OSError."""
        seen = self.seen()
        if last is None or (seen and (seen.seq, seen.seal) == last):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f"{FILE}.{os.getpid()}")
        with draft.open("w") as file:
            json.dump({"seq": last[0], "seal": last[1], "at": at}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)


def went_back(audit: Audit, seen: Seen | None) -> bool:
    """Whether the audit lacks what was seen, and no restoring since then says why. `seen` was read before it."""
    return seen is not None and not audit.has(seen.seq, seen.seal) and not audit.was_restored(seen.at - RESTORING)
