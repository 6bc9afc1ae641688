"""What a script asks about people: whether somebody is there, a call-back, a message.

It joins the opening hours and the store. A recording is known by the carrier's id of it alone; its sound is fetched
from the carrier's API, never from an address that a webhook names.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from ivr.calls import Desk, Quick, Slow, Work
from ivr.desk import handover
from ivr.desk.handover import Done, Handover
from ivr.desk.hours import Hours, spoken_day, spoken_slot, spoken_time
from ivr.desk.lines import e164
from ivr.flow.engine import Command, Outcome, State
from ivr.flow.model import UNAVAILABLE, Flow
from ivr.flow.summary import summary
from ivr.recipe import opened_state
from ivr.sender import sealed_call, sealed_handover
from ivr.services.ground import Ground, slot
from ivr.store.callbacks import Callback, Callbacks
from ivr.store.messages import Message, Messages
from ivr.store.numbers import number_mask
from ivr.store.outbox import queue
from ivr.store.recordings import Recordings
from ivr.store.turns import state_of
from ivr.telephony.outgoing import RecordingError

FETCH_FOR = 86_400.0
"""Seconds for which the sound of a message is asked for again."""

TO_TAKE, TO_CALL = "Pour prendre l’appel, tapez 1.", "Pour l’appeler, tapez 1."

Fetch = Callable[[str], bytes]
"""The sound of a recording, by the carrier's id of it (WAV). Raises RecordingError."""


class Carrier(Protocol):
    """Who recorded messages; see `ivr.telephony.rest.Twilio`."""

    def delete_recording(self, sid: str) -> None:
        """Take a recording out there. Raises RecordingError."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Who is reached: the person's telephone (E.164); whether the line calls back by itself, and tells a webhook."""

    agent: str = ""
    calls_back: bool = False
    hands_over: bool = False


@dataclass(frozen=True)
class PeopleServices:
    """The people behind the line. `mac` seals the addresses of call-backs; without `fetch` no sound can be had."""

    ground: Ground
    flow: Flow
    hours: Hours
    recordings: Recordings
    reached: Reached
    mac: Callable[[str, str], str]
    fetch: Fetch | None = None

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        return {
            "agents": Quick(self.agents),
            "caller-number": Quick(self.caller_number),
            "book-callback": Quick(self.book_callback),
            "keep-message": Quick(self.keep_message),
            "fetch-message": Slow(self.fetch_message),
            "discard-message": Quick(self.discard_message),
            "send-message": Quick(self.send_message),
        }

    # Is somebody there?

    def agents(self, _command: Command, work: Work) -> Outcome:
        """Whether the caller can be passed on now; else when somebody is there again."""
        there = self.there(work.at)
        if there.name == "open":
            self._hand_over(work)
        return there

    def there(self, at: float) -> Outcome:
        """The same, from the clock alone (seconds since the epoch)."""
        if self.hours.is_open(at):
            return Outcome(at, "open" if self.reached.agent else "absent")
        opening = self.hours.next_opening(at)
        if opening is None:
            return Outcome(at, "absent")
        said = f"{spoken_day(opening, at)}|{spoken_time(opening)}"
        return Outcome(at, "holiday" if self.hours.is_holiday(at) else "closed", (("prochaine", said),))

    def _hand_over(self, work: Work) -> None:
        """Tell the support team's own system what was done, once each time that its people are rung."""
        if not self.reached.hands_over or work.state is None:
            return
        kind = f"handover.{round(work.at) % 1_000_000}"
        body = handover.body(self.told(work.state, work.call, work.caller, work.at))
        sealed = sealed_handover(self.ground.vault, work.call, kind, body)
        queue(work.transaction, work.call, kind, sealed, work.at, channel="handover")

    def told(self, state: State, call: str, caller: str, at: float) -> Handover:
        """What was learnt and done in a call, for a person or a program."""
        known = summary(self.flow, state)
        line = e164(dict(state.slots).get("ligne", ""))
        symptom, *steps = known.done or ("",)
        done = tuple(Done(step, "") for step in (*steps, *filter(None, [known.act])))
        return Handover(call, at, caller, symptom, done, number_mask(line) if line else "")

    def presented(self, call: str, at: float, *, back: bool = False) -> str:
        """The sentence that a person hears before taking a call: what was learnt and done, which line, which key."""
        with self.ground.engine.begin() as connection:
            state = opened_state(self.ground.vault, call, state_of(connection, call))
        return self.described(state, call, at, back=back) if state else self.unpresented(back=back)

    def described(self, state: State, call: str, at: float, *, back: bool = False) -> str:
        """The same of a call that stands there."""
        told = self.told(state, call, "", at)
        done = [step.step for step in told.steps]
        said = [
            f"{'Rappel d’un' if back else 'Un'} client du {self.flow.name}.",
            f"Son problème : {told.symptom}." if told.symptom else "",
            f"Déjà fait : {', '.join(done)}." if done else "",
            f"Sa ligne se termine par {' '.join(told.line[-2:])}." if told.line else "",
            TO_CALL if back else TO_TAKE,
        ]
        return " ".join(filter(None, said))

    def unpresented(self, *, back: bool = False) -> str:
        """The same when nothing is known of the call."""
        return f"Un client du {self.flow.name}. {TO_CALL if back else TO_TAKE}"

    # Call-backs

    def caller_number(self, _command: Command, work: Work) -> Outcome:
        """Whether the number that calls can be called back."""
        return Outcome(work.at, "known" if work.caller else "withheld")

    def book_callback(self, command: Command, work: Work) -> Outcome:
        """Promise to call in the next slot of the opening hours: the number typed, else the one that calls."""
        number, window = e164(slot(command, "rappel")) or work.caller, self.hours.next_slot(work.at)
        if not number or window is None:
            return Outcome(work.at, "no-slot")
        callbacks = Callbacks(work.transaction, self.ground.vault)
        callbacks.book(work.call, number, *window, work.at)
        booked = callbacks.of_call(work.call)
        if booked is None:
            return Outcome(work.at, UNAVAILABLE)
        said = f"{spoken_day(booked.start, work.at)}|{spoken_slot(booked.start, booked.end)}"
        return Outcome(work.at, "booked", (("creneau", said),))

    # Messages

    def keep_message(self, command: Command, work: Work) -> Outcome:
        """Keep what was just recorded as a draft: it counts as left when the caller hangs up."""
        seconds = float(dict(work.state.slots).get("message-seconds", "0")) if work.state else 0.0
        self.messages(work.transaction).add(work.call, slot(command, "message"), work.caller, seconds, work.at)
        return Outcome(work.at, "kept")

    def fetch_message(self, command: Command, work: Work) -> Outcome:
        """Have the sound of the recording, so that the caller can hear it."""
        with self.ground.engine.begin() as connection:
            message = self._of(connection, work.call, slot(command, "message"))
        if message is None or self.fetch is None:
            return Outcome(work.at, UNAVAILABLE)
        return Outcome(work.at, "ready" if self.fetched(message, slot(command, "message")) else UNAVAILABLE)

    def fetched(self, message: str, recording: str) -> bool:
        """Whether the message has its sound, fetched now if need be."""
        kept = self.recordings
        if not kept.has(message) and self.fetch:
            try:
                kept.put(message, self.fetch(recording))
            except (RecordingError, OSError):
                return False
        return kept.has(message)

    def discard_message(self, command: Command, work: Work) -> Outcome:
        """The caller starts again."""
        if message := self._of(work.transaction, work.call, slot(command, "message")):
            self.messages(work.transaction).discard(message, work.at)
        return Outcome(work.at, "discarded")

    def send_message(self, command: Command, work: Work) -> Outcome:
        """The caller sends it."""
        if message := self._of(work.transaction, work.call, slot(command, "message")):
            self.messages(work.transaction).keep(message)
        return Outcome(work.at, "sent")

    def left(self, connection: Connection, call: str) -> list[Message]:
        """Keep the drafts of a call that has ended: who hangs up has left his message. What it left."""
        messages = self.messages(connection)
        for message in messages.of_call(call):
            messages.keep(message.id)
        return [message for message in messages.of_call(call) if message.state != "discarded"]

    def sound_of(self, call: str, recording: str) -> bytes | None:
        """The sound of a recording that this call made; None while it has not come."""
        with self.ground.engine.begin() as connection:
            message = self._of(connection, call, recording)
        return self.recordings.sound(message) if message else None

    def messages(self, connection: Connection) -> Messages:
        """The messages, within this transaction."""
        return Messages(connection, self.ground.vault, self.recordings)

    # In the background

    def place_callbacks(self, at: float) -> int:
        """Place the call-backs whose slot it is: the person first; how many. Those whose slot went by are missed."""
        with self.ground.engine.begin() as connection:
            callbacks = Callbacks(connection, self.ground.vault)
            due = callbacks.due(at) if self.reached.calls_back and self.reached.agent else []
            for booking in due:
                if callbacks.placed(booking.id):
                    self._ring_agent(connection, booking, at)
            callbacks.miss(at)
        return len(due)

    def _ring_agent(self, connection: Connection, booking: Callback, at: float) -> None:
        ringing = self.ground.outgoing(self.reached.agent, f"rappel/{booking.id}/{self.mac('callback', booking.id)}")
        sealed = sealed_call(self.ground.vault, booking.call, "rappel", ringing)
        queue(connection, booking.call, "rappel", sealed, at, channel="call")

    def fetch_recordings(self, at: float, carrier: Carrier) -> int:
        """Fetch the sound of messages that have none yet, and take it out at the carrier's; how many came."""
        with self.ground.engine.begin() as connection:
            wanted = self.messages(connection).soundless(at - FETCH_FOR)
        come = [recording for message, recording in wanted if self.fetched(message, recording)]
        for recording in come:
            with suppress(RecordingError):
                carrier.delete_recording(recording)
        return len(come)

    def _of(self, connection: Connection, call: str, recording: str) -> str | None:
        return self.messages(connection).of_recording(call, recording)
