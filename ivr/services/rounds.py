"""The rounds of one line: what the worker does, how often, and through whom it leaves.

It joins the services to the sender. A partner that is not there leaves its round out: nothing is promised in its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from ivr.desk.codes import expire
from ivr.desk.handover import Team
from ivr.sender import send_due
from ivr.services import Services
from ivr.services.memory import remember
from ivr.services.timekeeping import Timekeeper
from ivr.store.codes import Codes
from ivr.store.database import checkpoint
from ivr.store.outbox import Outbox
from ivr.store.retention import purge
from ivr.store.turns import Turns
from ivr.worker import Round

if TYPE_CHECKING:
    from ivr.telephony.rest import Twilio

Clock = Callable[[], float]

SILENT_SECONDS = 4 * 3600.0 + 600.0
"""A call without a turn for so long has ended, whatever the carrier forgot to say: a talk with a person lasts four
hours at most (twilio.com/docs/voice/twiml/dial, timeLimit), no wait of ours so long."""


@dataclass(frozen=True)
class Partners:
    """Through whom things leave; each may be missing."""

    twilio: Twilio | None = None
    team: Team | None = None


class Edition(Protocol):
    """What is made of a revision of the script."""

    @property
    def services(self) -> Services:
        """Its services."""
        ...


class Scripts(Protocol):
    """The revisions that calls are on (`ivr.scripts`)."""

    def now(self) -> Edition:
        """The live one."""
        ...

    def of_call(self, call: str, /) -> Edition:
        """The one that a call is on."""
        ...


def rounds(
    services: Services, turns: Turns, partners: Partners, clock: Clock, scripts: Scripts, steady: Clock
) -> tuple[Round, ...]:
    """Everything that the line does between calls. `clock` gives seconds since the epoch, `steady` is never set back.

    `services` are of any revision: what they say (texts, the words of steps) is asked of `scripts`.
    """
    ground, twilio = services.ground, partners.twilio
    outbox, calls = Outbox(ground.engine), twilio if services.can_ring else None
    texts = twilio if ground.can_text else None
    send = partial(send_due, outbox, texts, ground.vault, clock, calls=calls, handover=partners.team)
    found = [
        Round("watch", 5.0, lambda: scripts.now().services.watching.look(clock(), services.ring)),
        Round("sweep", 60.0, lambda: sweep(scripts, turns, clock())),
        Round("clock", 1.0, Timekeeper(ground.engine, ground.vault, clock, steady).look),
        Round("memory", 1.0, lambda: remember(ground.engine, ground.vault, services.data_dir, clock())),
        Round("checkpoint", 1.0, lambda: checkpoint(ground.engine)),
        Round("callbacks", 15.0, lambda: services.people.place_callbacks(clock())),
    ]
    if twilio:
        found.append(Round("recordings", 10.0, lambda: services.people.fetch_recordings(clock(), twilio)))
    return (*found, Round("send", 0.5, send))  # last, so that what the others queue leaves at once


def slow_rounds(services: Services, clock: Clock) -> tuple[Round, ...]:
    """What may take minutes, and keeps no text waiting: a worker of its own runs it."""
    return (Round("purge", 86_400.0, lambda: tidied(services, clock()), first=600.0),)


def tidied(services: Services, at: float) -> None:
    """Let go of what is over: codes that may not be read any more, and what nobody needs."""
    ground = services.ground
    with ground.engine.begin() as connection:
        expire(Codes(connection, ground.vault), at)
    purge(ground.engine, ground.vault, at, folder=services.data_dir)


def sweep(scripts: Scripts, turns: Turns, at: float) -> int:
    """End the calls whose end was never told; how many."""
    ended = turns.sweep(at - SILENT_SECONDS)
    for call in ended:
        scripts.of_call(call).services.ended(call, "", at)
    return len(ended)
