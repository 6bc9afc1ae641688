"""Whether the database is still the one that it was: one that came back from the past must not issue codes twice.

What was issued since that backup, the database does not know; so the codes that it believes free are set aside until
somebody confirms them (facts/reliability.md B18). The last row of the audit, kept on this machine, tells.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Engine

from ivr.store.audit import Audit
from ivr.store.codes import Codes
from ivr.store.mark import Mark, went_back
from ivr.store.vault import Vault

WENT_BACK = "database.went-back"
"""What is noted then."""

log = logging.getLogger("ivr.memory")


def remember(engine: Engine, vault: Vault, folder: Path, at: float) -> int | None:
    """Compare the database with this machine's mark, and move the mark on; `folder` is IVR_DATA_DIR.

    None when all is well, else how many codes were set aside. Raises OSError, or what the database raises.
    """
    mark = Mark(folder)
    seen, doubtful = mark.seen(), None
    with engine.begin() as connection:
        audit = Audit(connection, vault)
        if went_back(audit, seen):
            doubtful = Codes(connection, vault).doubt()
            audit.note(at, "line", WENT_BACK, f"{doubtful} codes")
        last = audit.last()
    if doubtful is not None:
        log.error("the database went back: its free codes are set aside", extra={"codes": doubtful})
    mark.keep(last, at)
    return doubtful
