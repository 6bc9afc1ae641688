"""Taking a turn: read the call, advance it, carry out its commands, write it once.

The database row is the authority, the turn number in the address its key. A webhook delivered twice, at once or later,
finds its turn taken and gets the same answer; an older turn gets its own; a call that is unknown starts at the top.
This module must not know HTTP, TwiML or SQL.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

from ivr.flow.engine import (
    Action,
    Command,
    Connect,
    Dialled,
    Event,
    Outcome,
    Pending,
    State,
    Transferred,
    advance,
)
from ivr.flow.model import UNAVAILABLE, Flow, Transfer
from ivr.flow.retelling import CONNECT, PENDING, told
from ivr.flow.summary import act
from ivr.recipe import opened_state, opened_text, recipe_actions, recipe_text, sealed_state, sealed_text, to_json
from ivr.store.database import once_more
from ivr.store.jobs import Done
from ivr.store.numbers import number_keys, number_mask
from ivr.store.turn import INBOUND, PLACED, Call, Caller, Given, Turn, TwinError
from ivr.store.turns import Turns
from ivr.store.vault import Vault

log = logging.getLogger("ivr.calls")


class Work(NamedTuple):
    """What a desk may use: whose call it is, when, and the turn's own transaction (none in the background).

    `state` is where the call stands.
    """

    call: str
    caller: str
    at: float
    turn: Turn | None = None
    state: State | None = None

    @property
    def transaction(self) -> Any:
        """The connection to write on, with the turn or not at all. Raises RuntimeError in the background."""
        if self.turn is None:
            raise RuntimeError("work in the background has no turn: it opens transactions of its own")
        return self.turn.transaction


Run = Callable[[Command, Work], Outcome | Pending]
Beginning = Callable[[Work], Dialled]
"""What is known when a call begins."""


@dataclass(frozen=True, slots=True)
class Quick:
    """A desk that answers at once, inside the turn's transaction: what it writes stands or falls with the turn.

    « Pending » is an answer too: the caller hears that the line waits, and the desk is asked again.
    """

    run: Run


@dataclass(frozen=True, slots=True)
class Slow:
    """A desk that takes its time: started once the turn is written, in the background, with transactions of its own."""

    run: Run


Desk = Quick | Slow

NOBODY = Caller("", "")

Background = Callable[[Callable[[], None]], object]
"""Starts a piece of work and does not wait for it."""

Clock = Callable[[], float]
"""Seconds since the epoch."""

MOST_COMMANDS = 20
"""More commands than this in one turn is a defect of the script; the caller hears the apology."""


class Answer(NamedTuple):
    """What the caller gets, the turn that it was given in, and the revision of the script whose steps it names.

    `at` is when an answer of before was given (seconds since the epoch).
    """

    turn: int
    actions: tuple[Action, ...]
    revision: str
    at: float = 0.0


class Script(Protocol):
    """What calls on one revision of the script are walked with: its steps, its desks, what is known at the start."""

    @property
    def revision(self) -> str:
        """Which revision it is."""
        ...

    @property
    def flow(self) -> Flow:
        """Its steps."""
        ...

    @property
    def desks(self) -> Mapping[str, Desk]:
        """Who carries its commands out."""
        ...

    @property
    def beginning(self) -> Beginning:
        """What is known when a call begins on it."""
        ...


@dataclass(frozen=True, slots=True)
class _Taking:
    """A turn being taken: the script that it is walked with, its row, what is to be started once it is written.

    `said` is what the world has said in it, in order (`ivr.flow.retelling`).
    """

    script: Script
    turn: Turn
    started: list[Callable[[], None]]
    said: list[str] = field(default_factory=list)


class Scripts(Protocol):
    """The revisions that calls are on (`ivr.scripts`), looked up in the turn's own transaction."""

    def live(self, turn: Turn, /) -> Script:
        """What a call begins on now."""
        ...

    def of(self, turn: Turn, revision: str, /) -> Script:
        """What a call on this revision goes on with."""
        ...


@dataclass(frozen=True)
class Calls:
    """The calls of one line: its scripts, its memory, and the people who can be rung (names only)."""

    scripts: Scripts
    turns: Turns
    vault: Vault
    background: Background
    people: frozenset[str] = frozenset()

    def take_turn(
        self,
        call: str,
        number: int,
        caller: str,
        event: Event,
        *,
        placed: bool = False,
        carried: State | None = None,
    ) -> Answer:
        """The answer to this turn of the call: the one it was given already, else the one that is worked out now.

        `number` is the turn, from 0; `caller` the number in E.164 or nothing; `placed` when the line itself dialled.
        `carried` is where the call stands when it was walked without the database (`ivr.alone`).
        Raises what the database raises; then nothing has been written, or the answer that was written is lost.
        """
        started: list[Callable[[], None]] = []
        direction = PLACED if placed else INBOUND

        def taken() -> Answer:
            started.clear()
            return self._taken(call, number, caller, event, started, direction, carried)

        try:
            answer = once_more(taken)
        except TwinError:
            if said := self.last_answer(call, number + 1):
                return said
            answer = taken()  # it was not a twin of ours, but another turn of the call: ours comes after it
        for work in started:
            self.background(work)
        return answer

    def _taken(
        self,
        call: str,
        number: int,
        caller: str,
        event: Event,
        started: list[Callable[[], None]],
        direction: str,
        carried: State | None,
    ) -> Answer:
        """The turn in its one transaction; what is to go on in the background is left in `started`."""
        with self.turns.turn(call, number, event.at) as turn:
            if taken := turn.taken():
                return self._given(call, number, taken)
            before = turn.call()
            kept = before if before and before.turn == number and not isinstance(event, Dialled) else None
            prior = opened_state(self.vault, call, kept.state) if kept else carried
            script = self._script(turn, before if prior else None)
            known = NOBODY if before and number else self._caller(caller)  # who calls is kept at the beginning
            work = Work(call, caller, event.at, turn)
            begun = event if prior else _begun(script, work, direction)
            taking = _Taking(script, turn, started)
            state, actions = self._walked(prior, begun, taking, work)
            what, world = told(begun, script.flow.steps.get(prior.step) if prior else None, prior, taking.said)
            turn.write(
                known,
                event=what,
                step=state.step,
                state=sealed_state(self.vault, call, state, script.flow.secrets),
                recipe=sealed_text(self.vault, recipe_text(actions), f"turns|recipe|{call}/{number}"),
                disposition=state.disposition,
                remedy=act(script.flow, state) if state.disposition else "",
                direction=direction,
                revision=script.revision,
                outcomes=world.text(),
            )
            return Answer(number, actions, script.revision)

    def _script(self, turn: Turn, call: Call | None) -> Script:
        """The script of a call that goes on; of one that begins, or was begun without the database, the live one."""
        return self.scripts.of(turn, call.revision) if call else self.scripts.live(turn)

    def last_answer(self, call: str, number: int) -> Answer | None:
        """The answer of the turn before this one, when it was given: what to say again after a mishap."""
        taken = self.turns.given(call, number - 1)
        return self._given(call, number - 1, taken) if taken else None

    def _given(self, call: str, number: int, taken: Given) -> Answer:
        """The answer that a turn was given."""
        actions = recipe_actions(opened_text(self.vault, taken.recipe, f"turns|recipe|{call}/{number}"))
        return Answer(number, actions, taken.revision, taken.at)

    def mac(self, call: str, number: int) -> str:
        """What makes the address of a turn ours: the carrier's token alone walks nobody into a call (16 hex digits)."""
        return self.vault.mac("turns", f"turn {number} of {call}")

    def is_ours(self, call: str, number: int, mac: str) -> bool:
        """Whether we handed out this address for this turn of this call."""
        return self.vault.is_mac("turns", f"turn {number} of {call}", mac)

    def _walked(
        self, state: State | None, event: Event, taking: _Taking, work: Work
    ) -> tuple[State, tuple[Action, ...]]:
        """Advance until the caller has something to wait for; what desks say comes back as events."""
        said: tuple[Action, ...] = ()
        flow = taking.script.flow
        for _ in range(MOST_COMMANDS):
            state, actions = advance(flow, state, event)
            said += actions[:-1]
            match actions[-1]:
                case Command() as command:
                    event = self._carried_out(command, taking, work._replace(state=state))
                    taking.said.append(f"{command.name}:{event.name if isinstance(event, Outcome) else PENDING}")
                case Connect(step=step) if person(flow, step) not in self.people:
                    event = Transferred(event.at, "failed")
                    taking.said.append(f"{CONNECT}:{event.result}")
                case wait:
                    return state, (*said, wait)
        raise RuntimeError(f"more than {MOST_COMMANDS} commands in one turn at {state.step if state else 'the start'}")

    def _carried_out(self, command: Command, taking: _Taking, work: Work) -> Event:
        match taking.script.desks.get(command.name):
            case None:
                return Outcome(work.at, UNAVAILABLE)
            case Quick(run=run):
                return run(command, work)
            case Slow(run=run):
                if found := taking.turn.job(command.key):
                    return Outcome(work.at, found.outcome, self._slots(found, work.call, command.key))
                if taking.turn.ask(command.key):
                    taking.started.append(partial(self._in_background, run, command, work._replace(turn=None)))
                return Pending(work.at)

    def _in_background(self, run: Run, command: Command, work: Work) -> None:
        """Do the work and keep what became of it; whatever goes wrong, the caller hears that nobody is there."""
        try:
            outcome = run(command, work)
            if isinstance(outcome, Pending):
                raise TypeError(f"{command.name}: work in the background must come to an outcome")  # noqa: TRY301
        except Exception:
            log.exception("desk", extra={"command": command.name, "call": work.call})
            outcome = Outcome(work.at, UNAVAILABLE)
        slots = sealed_text(self.vault, to_json(outcome.slots), f"jobs|slots|{work.call}/{command.key}")
        try:
            self.turns.keep_job(work.call, command.key, Done(outcome.name, slots))
        except Exception:  # the caller hears at the step's deadline that it took too long
            log.exception("outcome", extra={"command": command.name, "call": work.call})

    def _slots(self, found: Done, call: str, key: str) -> tuple[tuple[str, str], ...]:
        pairs = json.loads(opened_text(self.vault, found.slots, f"jobs|slots|{call}/{key}"))
        return tuple((name, value) for name, value in pairs)

    def _caller(self, number: str) -> Caller:
        if not number:
            return NOBODY
        key, *before = number_keys(self.vault, number)
        return Caller(key, number_mask(number), tuple(before))


def _begun(script: Script, work: Work, direction: str) -> Dialled:
    """How a call begins: a call that the line placed itself where the script follows up, any other at its start."""
    if direction == PLACED:
        return Dialled(work.at, start=script.flow.follow_up)
    return script.beginning(work)


def person(flow: Flow, step_id: str) -> str:
    """Who is rung at a step (a name); empty when nobody is."""
    step = flow.steps[step_id]
    return step.to if isinstance(step, Transfer) else ""
