"""A call whose database is away: walked all the same, its state sealed in the addresses instead of a row.

The guide needs no partner and no row: every step of it is heard as ever. What must be remembered or asked of somebody
is unavailable, and the script says so in its own words; so nothing is proved, promised or issued here, and no code is
given out that would not be known afterwards (facts/reliability.md F16, B13). It must not know HTTP, TwiML or SQL.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ivr.flow.engine import Action, Command, Connect, Dialled, Event, Outcome, State, Transferred, advance
from ivr.flow.model import UNAVAILABLE, Flow, Transfer
from ivr.recipe import state_read, state_text
from ivr.store.vault import Vault, VaultError

MOST_COMMANDS = 20
"""More commands than this in one turn is a defect of the script."""


@dataclass(frozen=True)
class Alone:
    """Walks calls of one flow without anybody's help.

    `people` are who can be rung. From the clock alone (seconds since the epoch), `beginning` gives what is known when a
    call begins, and `answers` the outcome of the commands that it can answer, by name.
    """

    flow: Flow
    vault: Vault
    people: frozenset[str]
    beginning: Callable[[float], Dialled]
    answers: Mapping[str, Callable[[float], Outcome]]

    def answer(self, state: State | None, event: Event) -> tuple[State, tuple[Action, ...]]:
        """The next state and what the caller gets; from the beginning without a state. Raises RuntimeError."""
        happened = event if state else self.beginning(event.at)
        said: tuple[Action, ...] = ()
        for _ in range(MOST_COMMANDS):
            state, actions = advance(self.flow, state, happened)
            said += actions[:-1]
            match actions[-1]:
                case Command(name=name):
                    happened = self.answers.get(name, _unavailable)(event.at)
                case Connect(step=step) if self._person(step) not in self.people:
                    happened = Transferred(event.at, "failed")
                case wait:
                    return state, (*said, wait)
        raise RuntimeError(f"more than {MOST_COMMANDS} commands in one turn at {state.step if state else 'the start'}")

    def sealed(self, call: str, number: int, state: State) -> str:
        """The state for an address: good for this turn of this call alone, and read by nobody else."""
        sealed = self.vault.sealed(state_text(state, self.flow.secrets), _place(call, number))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def opened(self, call: str, number: int, sealed: str) -> State | None:
        """The state that an address carries; None when it carries none of ours."""
        if not sealed:
            return None
        try:
            cipher = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
            state = state_read(self.vault.opened(cipher, _place(call, number)))
        except (VaultError, binascii.Error, ValueError, KeyError, TypeError):
            return None
        return state if state.step in self.flow.steps else None

    def _person(self, step_id: str) -> str:
        step = self.flow.steps[step_id]
        return step.to if isinstance(step, Transfer) else ""


def _unavailable(at: float) -> Outcome:
    return Outcome(at, UNAVAILABLE)


def _place(call: str, number: int) -> str:
    return f"address|state|{call}/{number}"
