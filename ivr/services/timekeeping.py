"""When the machine's clock is set back: what was sent or issued before must not live longer for it (reliability B16).

Whether a password has expired is read off the clock, by any process, on any machine; that the clock has jumped, only a
clock that cannot be set tells. Set forward, everything merely expires early.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Engine

from ivr.desk.codes import CODE_SECONDS
from ivr.store.accounts import Accounts
from ivr.store.codes import Codes
from ivr.store.vault import Vault

TOLERANCE = 2.0
"""Seconds that the clocks of two machines may differ by, and that one may be set back by unnoticed (facts F15)."""

log = logging.getLogger("ivr.timekeeping")


class Timekeeper:
    """Compares the clock that everything is read off with one that nobody sets (`steady`), both in seconds."""

    def __init__(self, engine: Engine, vault: Vault, clock: Callable[[], float], steady: Callable[[], float]) -> None:
        self._engine, self._vault, self._clock, self._steady = engine, vault, clock, steady
        self._ahead = clock() - steady()

    def look(self) -> None:
        """End every password that is open when the clock was set back, and any that seems to come from the future."""
        now, ahead = self._clock(), self._clock() - self._steady()
        back, self._ahead = self._ahead - ahead, ahead
        since = now + TOLERANCE if back <= TOLERANCE else float("-inf")
        with self._engine.begin() as connection:
            ended = Accounts(connection, self._vault).end_open(since)
            Codes(connection, self._vault).live_until(now + CODE_SECONDS + TOLERANCE)
        if back > TOLERANCE or ended:
            log.warning("the clock was set back", extra={"seconds": round(back), "passwords": ended})
