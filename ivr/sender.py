"""The sender: takes what is due out of the outbox and gives it to the carrier, once at most.

It stands beside the rooms, as `ivr.calls` does: it joins the store to the carrier's REST. A text is marked before it is
sent, so that a process that dies leaves « unknown » behind, never a second text (facts/reliability.md F5). No log of it
holds a number or a text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from threading import Event, Thread

from ivr.store.outbox import Job, Outbox
from ivr.store.vault import Vault, VaultError
from ivr.telephony.rest import LookingError, NotSent, Sent, Sms, Texts, Unknown

Clock = Callable[[], float]

USEFUL_SECONDS = 600.0
"""A text that could not leave for this long would only confuse: its call is over, its code expired."""

MOST_ATTEMPTS = 5
FIRST_PAUSE = 2.0
"""Seconds before a text that surely did not go is tried again; doubled each time."""

STRANDED_SECONDS = 60.0
"""A text that has been `sending` for longer is nobody's: one request takes 10 s at most."""

LOOK_EVERY = 10.0
LOOK_FOR = 120.0
"""Seconds between two looks for a text of unknown outcome, and after which one that is not found never went."""

GIVE_UP_LOOKING = 24 * 3600.0
"""When the carrier cannot even be asked for this long, an operator must look: the text counts as failed."""

log = logging.getLogger("ivr.sender")


def sealed_sms(vault: Vault, call: str, kind: str, sms: Sms) -> bytes:
    """A text as the outbox keeps it: encrypted, and good for this call and kind alone."""
    return vault.sealed(json.dumps([sms.to, sms.body]), _place(call, kind))


def send_due(outbox: Outbox, texts: Texts, vault: Vault, clock: Clock) -> int:
    """Send what is due, and look for what may have gone; how many texts that were.

    Raises what the database raises; then the rest stays for the next time.
    """
    stranded = outbox.strand(clock() - STRANDED_SECONDS, clock())
    if stranded:
        log.warning("stranded", extra={"texts": stranded})
    handled = 0
    while job := outbox.claim(clock()):
        _send(outbox, texts, vault, clock, job)
        handled += 1
    for job in outbox.unknown(clock()):
        _look(outbox, texts, vault, clock, job)
        handled += 1
    return handled


class Sender:
    """Sends in the background, in a thread of this process, until it is stopped. `every` is in seconds."""

    def __init__(self, outbox: Outbox, texts: Texts, vault: Vault, clock: Clock, every: float = 0.5) -> None:
        self._send: Callable[[], int] = partial(send_due, outbox, texts, vault, clock)
        self._every = every
        self._wake, self._over = Event(), Event()
        self._thread = Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """Look into the outbox now: something was queued."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the text that is being sent, and end."""
        self._over.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._send()
            except Exception as error:  # the database is away: it is tried again
                log.warning("mishap", extra={"why": type(error).__name__})
            self._wake.wait(self._every)
            self._wake.clear()


def _send(outbox: Outbox, texts: Texts, vault: Vault, clock: Clock, job: Job) -> None:
    sms = _opened(vault, job)
    if sms is None or clock() > job.queued_at + USEFUL_SECONDS:
        outbox.settle(job, "failed")
        _noted(job, "failed", "unreadable" if sms is None else "too late")
        return
    match texts.send(sms):
        case Sent(sid=sid):
            outbox.settle(job, "sent", sid=sid)
            _noted(job, "sent")
        case NotSent(why=why, again=True) if job.attempts < MOST_ATTEMPTS:
            outbox.settle(job, "queued", not_before=clock() + FIRST_PAUSE * 2 ** (job.attempts - 1))
            _noted(job, "queued", why)
        case NotSent(why=why):
            outbox.settle(job, "failed")
            _noted(job, "failed", why)
        case Unknown(why=why):
            outbox.settle(job, "unknown", not_before=clock() + LOOK_EVERY)
            _noted(job, "unknown", why)


def _look(outbox: Outbox, texts: Texts, vault: Vault, clock: Clock, job: Job) -> None:
    """Settle a text of unknown outcome by what the carrier has: found, it went; not found for long, it did not."""
    sms, age = _opened(vault, job), clock() - job.tried_at
    try:
        sid = texts.find(sms, job.tried_at) if sms else ""
        is_over = sms is None or age > LOOK_FOR
    except LookingError:
        sid, is_over = "", age > GIVE_UP_LOOKING
    if sid:
        outbox.settle(job, "sent", sid=sid)
        _noted(job, "sent", "found")
    elif is_over:
        outbox.settle(job, "failed")
        _noted(job, "failed", "not found")
    else:
        outbox.settle(job, "unknown", not_before=clock() + LOOK_EVERY)


def _opened(vault: Vault, job: Job) -> Sms | None:
    try:
        to, body = json.loads(vault.opened(job.payload, _place(job.call, job.kind)))
    except (VaultError, ValueError):
        return None
    return Sms(to, body)


def _place(call: str, kind: str) -> str:
    return f"outbox|payload|{call}|{kind}"


def _noted(job: Job, state: str, why: str = "") -> None:
    level = logging.WARNING if state in ("failed", "unknown") else logging.INFO
    log.log(level, "text", extra={"call": job.call, "kind": job.kind, "state": state, "why": why})
