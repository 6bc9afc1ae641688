"""The sender: takes what is due out of the outbox and gives it to who carries it, once at most.

It stands beside the rooms, as `ivr.calls` does: it joins the store to the carrier's REST and to the support team's
webhook, each through a port of its own; what has no port waits. A text or call is marked before it goes, so that a
process that dies leaves « unknown » behind, never a second one (facts/reliability.md F5). A handover may be posted
again: its receiver drops twins. No log of it holds a number or a text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from ivr.desk.handover import Delivered, NotDelivered
from ivr.store.outbox import Channel, Job, Outbox, State
from ivr.store.vault import Vault, VaultError
from ivr.telephony.outgoing import LookingError, NotSent, Outgoing, Placed, Sent, Sms, Unknown

Clock = Callable[[], float]

USEFUL_SECONDS: Mapping[Channel, float] = {"sms": 600.0, "call": 900.0, "handover": 86_400.0}
"""How long after it was due a thing may still leave.

A late text would only confuse: its call is over, its code expired. A late call rings where nobody waits for it.
"""

LASTING: Mapping[str, float] = {"pause": 1800.0, "succes": 86_400.0, "pas-encore": 86_400.0}
"""Texts that are of use for longer, by kind: what was promised for later is late better than never."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 3600.0
PART_OF_AGE = 1 / 8
"""What surely did not go is tried again as long as it is useful, after an eighth of the time that it has waited.

So a carrier that was away for half a minute has its texts within 5 s (facts/reliability.md B13), one that was away
for hours is not asked every few seconds. The pauses are never shorter or longer than these seconds.
"""

STRANDED_SECONDS = 60.0
"""What has been `sending` for longer is nobody's: one request takes a few seconds."""

LOOK_EVERY = 10.0
LOOK_FOR = 120.0
"""Seconds between two looks for what is of unknown outcome, and after which one that is not found never went."""

GIVE_UP_LOOKING = 24 * 3600.0
"""When the carrier cannot even be asked for this long, an operator must look: it counts as failed."""

log = logging.getLogger("ivr.sender")

Outcome = Sent | Placed | Delivered | NotSent | NotDelivered | Unknown


class Texts(Protocol):
    """Who carries texts; see `ivr.telephony.rest.Twilio`."""

    def send(self, sms: Sms) -> Sent | NotSent | Unknown: ...  # noqa: D102 - said there, as are the others
    def find(self, sms: Sms, since: float) -> str: ...  # noqa: D102


class Calls(Protocol):
    """Who places calls; see `ivr.telephony.rest.Twilio`."""

    def place(self, call: Outgoing) -> Placed | NotSent | Unknown: ...  # noqa: D102
    def find_call(self, to: str, since: float) -> str: ...  # noqa: D102


class Handovers(Protocol):
    """Who takes over from the line; see `ivr.desk.handover.Team`."""

    def deliver(self, key: str, body: bytes) -> Delivered | NotDelivered: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Errand:
    """What to do for one job: let it go, or look whether it went, which gives the carrier's name of it, or nothing."""

    go: Callable[[], Outcome]
    look: Callable[[], str]


Ports = Mapping[Channel, Callable[[Job, str], Errand]]
"""The channels that something can leave by, each with how a job and its opened payload become an errand."""


def sealed_sms(vault: Vault, call: str, kind: str, sms: Sms) -> bytes:
    """A text as the outbox keeps it: encrypted, and good for this call and kind alone."""
    return vault.sealed(json.dumps([sms.to, sms.body]), _place(call, kind))


def sealed_call(vault: Vault, call: str, kind: str, outgoing: Outgoing) -> bytes:
    """An outgoing call as the outbox keeps it; `call` is the one that it was promised in."""
    told = [outgoing.to, outgoing.url, outgoing.status_url, outgoing.timeout]
    return vault.sealed(json.dumps(told), _place(call, kind))


def sealed_handover(vault: Vault, call: str, kind: str, body: bytes) -> bytes:
    """A handover as the outbox keeps it: what `ivr.desk.handover.body` gives."""
    return vault.sealed(body.decode(), _place(call, kind))


def send_due(
    outbox: Outbox,
    texts: Texts | None,
    vault: Vault,
    clock: Clock,
    *,
    calls: Calls | None = None,
    handover: Handovers | None = None,
) -> int:
    """Send what is due, and look for what may have gone; how much that was.

    Raises what the database raises; then the rest stays for the next time.
    """
    ports = _ports(texts, calls, handover)
    stranded = outbox.strand(clock() - STRANDED_SECONDS, clock())
    if stranded:
        log.warning("stranded", extra={"jobs": stranded})
    handled = 0
    while job := outbox.claim(clock(), list(ports)):
        _send(outbox, ports, vault, clock, job)
        handled += 1
    for job in outbox.unknown(clock(), list(ports)):
        _look(outbox, ports, vault, clock, job)
        handled += 1
    return handled


def _send(outbox: Outbox, ports: Ports, vault: Vault, clock: Clock, job: Job) -> None:
    settled = partial(_settled, outbox, job)
    errand = _errand(ports, vault, job)
    if errand is None or clock() > job.due_at + LASTING.get(job.kind, USEFUL_SECONDS[job.channel]):
        settled("failed", "unreadable" if errand is None else "too late")
        return
    match errand.go():
        case Sent(sid=sid) | Placed(sid=sid):
            settled("sent", sid=sid)
        case Delivered():
            settled("sent")
        case NotSent(why=why, again=True) | NotDelivered(why=why, again=True):
            settled("queued", why, not_before=clock() + _pause(clock() - job.due_at))
        case NotSent(why=why) | NotDelivered(why=why):
            settled("failed", why)
        case Unknown(why=why):
            settled("unknown", why, not_before=clock() + LOOK_EVERY)


def _look(outbox: Outbox, ports: Ports, vault: Vault, clock: Clock, job: Job) -> None:
    """Settle what is of unknown outcome by what the carrier has: found, it went; not found for long, it did not."""
    errand, age = _errand(ports, vault, job), clock() - job.tried_at
    try:
        sid = errand.look() if errand else ""
        is_over = errand is None or age > LOOK_FOR
    except LookingError:
        sid, is_over = "", age > GIVE_UP_LOOKING
    if sid:
        _settled(outbox, job, "sent", "found", sid=sid)
    elif is_over:
        _settled(outbox, job, "failed", "not found")
    else:
        outbox.settle(job, "unknown", not_before=clock() + LOOK_EVERY)


def _ports(texts: Texts | None, calls: Calls | None, handover: Handovers | None) -> Ports:
    ports: dict[Channel, Callable[[Job, str], Errand]] = {}
    if texts:
        ports["sms"] = partial(_texting, texts)
    if calls:
        ports["call"] = partial(_calling, calls)
    if handover:
        ports["handover"] = partial(_handing_over, handover)
    return ports


def _errand(ports: Ports, vault: Vault, job: Job) -> Errand | None:
    """What to do for a job; None when its payload does not open, or is of another channel."""
    try:
        return ports[job.channel](job, vault.opened(job.payload, _place(job.call, job.kind)))
    except (VaultError, ValueError):
        return None


def _texting(texts: Texts, job: Job, payload: str) -> Errand:
    to, body = json.loads(payload)
    sms = Sms(to, body)
    return Errand(lambda: texts.send(sms), lambda: texts.find(sms, job.tried_at))


def _calling(calls: Calls, job: Job, payload: str) -> Errand:
    to, url, status_url, timeout = json.loads(payload)
    outgoing = Outgoing(to, url, status_url, timeout)
    return Errand(lambda: calls.place(outgoing), lambda: calls.find_call(to, job.tried_at))


def _handing_over(handover: Handovers, job: Job, payload: str) -> Errand:
    """The call is part of the key: a database that was begun anew counts its rows anew."""
    return Errand(lambda: handover.deliver(f"{job.call}.{job.id}", payload.encode()), lambda: "")


def _pause(age: float) -> float:
    """Seconds until a job is tried again that has been due for so many."""
    return min(max(FIRST_PAUSE, age * PART_OF_AGE), LONGEST_PAUSE)


def _place(call: str, kind: str) -> str:
    return f"outbox|payload|{call}|{kind}"


def _settled(outbox: Outbox, job: Job, state: State, why: str = "", *, not_before: float = 0.0, sid: str = "") -> None:
    """Settle a job, and log it."""
    outbox.settle(job, state, not_before=not_before, sid=sid, why=why)
    level = logging.WARNING if state in ("failed", "unknown") else logging.INFO
    about = {"call": job.call, "kind": job.kind, "channel": job.channel, "state": state, "why": why}
    log.log(level, "job", extra=about)
