"""What the line does once the code has been entered: it watches for the telephone to come back, and tells the caller.

The watch is a row; whoever works in the background looks at it (`look`), any number of processes, and what it finds is
settled once. During the call the script asks the row. Without an operator's API nothing can be seen, and nothing is
promised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from ivr.calls import Desk, Quick, Work
from ivr.desk.lines import Lines, LinesError
from ivr.flow.engine import Command, Outcome, Pending
from ivr.flow.model import UNAVAILABLE
from ivr.sender import sealed_call
from ivr.services.ground import Ground, Leaving
from ivr.store.accounts import Accounts
from ivr.store.numbers import number_key
from ivr.store.outbox import queue
from ivr.store.turns import disposition_of
from ivr.store.watches import Watch, Watches
from ivr.telephony.outgoing import Outgoing

WATCH_SECONDS = 300.0
"""What the guide gives the telephone (F29: « dans un délai de 5 minutes »)."""

LOOK_EVERY = 5.0
"""Seconds between two looks at the operator's registrations (dialogue.md K6)."""

SOLVED = "solved"

log = logging.getLogger("ivr.watching")

Follow = Callable[[str, str], Outgoing]
"""The call that lets the repaired telephone ring: for the call in which it was promised, to this number (E.164)."""


@dataclass(frozen=True)
class WatchServices:
    """The watch over lines. `operator` sees registrations; `can_ring` says whether the line may place calls."""

    ground: Ground
    operator: Lines | None = None
    can_ring: bool = False
    remedy: str = "reconfigurer la ligne avec un code"

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        return {
            "start-watch": Quick(self.start),
            "watch-line": Quick(self.watched),
            "wish-text": Quick(self.wish_text),
            "wish-ring": Quick(self.wish_ring),
        }

    def start(self, _command: Command, work: Work) -> Outcome:
        """Watch the line that this call has proved itself for, from now on; « blind » when nobody can see it."""
        line = Accounts(work.transaction, self.ground.vault).proved_line(work.call)
        if self.operator is None or line is None:
            return Outcome(work.at, "blind")
        Watches(work.transaction, self.ground.vault).start(work.call, line.number, work.at, work.at + WATCH_SECONDS)
        return Outcome(work.at, "can-ring" if self.can_ring else "watched")

    def watched(self, _command: Command, work: Work) -> Outcome | Pending:
        """Whether the telephone is back by now."""
        watch = Watches(work.transaction, self.ground.vault).of(work.call)
        if watch is None:
            return Outcome(work.at, UNAVAILABLE)
        return Outcome(work.at, "back") if watch.seen_at is not None else Pending(work.at)

    def wish_text(self, _command: Command, work: Work) -> Outcome:
        """Promise a text to the mobile on file, whatever comes of it."""
        return self._wished(work, "sms")

    def wish_ring(self, _command: Command, work: Work) -> Outcome:
        """Promise that the repaired telephone itself will ring; a text tells when it does not come back."""
        return self._wished(work, "ring") if self.can_ring else Outcome(work.at, UNAVAILABLE)

    def _wished(self, work: Work, wish: str) -> Outcome:
        told = self.ground.can_text and self.hang_up_wish(work.transaction, work.call, wish)
        return Outcome(work.at, "promised" if told else UNAVAILABLE)

    def hang_up_wish(self, connection: Connection, call: str, wish: str = "sms") -> bool:
        """Have the owner of the call's line told, when it is watched and nothing was wished for yet."""
        watches = Watches(connection, self.ground.vault)
        watch, line = watches.of(call), Accounts(connection, self.ground.vault).proved_line(call)
        if watch is None or line is None or watch.settled or watch.wish:
            return False
        return watches.wish(call, "ring" if wish == "ring" else "sms", line.mobile)

    # In the background

    def look(self, at: float, follow: Follow) -> int:
        """Look at every line whose turn it is, and tell who wished to know; how many were looked at."""
        with self.ground.engine.begin() as connection:
            due = Watches(connection, self.ground.vault).open(at, LOOK_EVERY)
        for watch in due:
            is_back = watch.seen_at is not None or self._is_back(watch)
            with self.ground.engine.begin() as connection:
                self._found(connection, watch, at, follow, is_back=is_back)
        return len(due)

    def _is_back(self, watch: Watch) -> bool:
        """Whether the operator has seen the telephone since the code was entered; one that fails saw nothing."""
        if self.operator is None:
            return False
        try:
            line = self.operator.by_number(watch.line)
            last = self.operator.last_registration(line) if line else None
        except LinesError as error:
            log.warning("watch", extra={"call": watch.call, "why": error.trouble})
            return False
        return last is not None and last > watch.since

    def _found(self, connection: Connection, watch: Watch, at: float, follow: Follow, *, is_back: bool) -> None:
        """Note what was seen; once it is over, tell the caller, unless he is still there to hear it."""
        watches = Watches(connection, self.ground.vault)
        if not is_back:
            watches.checked(watch.call, at)
        elif watch.seen_at is None:
            watches.saw(watch.call, at)
        if (is_back and watch.wish) or at >= watch.until:
            disposition = disposition_of(connection, watch.call)
            if disposition == "":
                return  # he is on the telephone, and hears it
            if watches.settle(watch.call, "back" if is_back else "not-back") and disposition != SOLVED and watch.wish:
                self._tell(connection, watch, at, follow, is_back=is_back)

    def _tell(self, connection: Connection, watch: Watch, at: float, follow: Follow, *, is_back: bool) -> None:
        if is_back and watch.wish == "ring" and self.can_ring:
            ringing = follow(watch.call, watch.line)
            to_key = number_key(self.ground.vault, ringing.to)
            sealed = sealed_call(self.ground.vault, watch.call, "suivi", ringing)
            queue(connection, watch.call, "suivi", sealed, at, channel="call", to_key=to_key)
            return
        kind = "succes" if is_back else "pas-encore"
        self.ground.text(connection, watch.call, Leaving(kind, watch.number, self.ground.texts[kind].filled()), at)
