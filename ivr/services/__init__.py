"""What a script's commands ask of the desks, for one line: each command's name, and who carries it out.

It stands beside the rooms and joins the desk's rules to the store. Each module here holds the commands of one subject,
all of them stand on the same `Ground`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection

from ivr.calls import Desk
from ivr.desk.hours import Hours
from ivr.desk.lines import Lines
from ivr.flow.engine import State
from ivr.flow.model import Flow
from ivr.flow.summary import resumption
from ivr.recipe import opened_state
from ivr.services.again import AgainServices
from ivr.services.code import CodeServices
from ivr.services.ground import Ground, Leaving
from ivr.services.people import PeopleServices, Reached
from ivr.services.watching import WatchServices
from ivr.store.ends import CUT
from ivr.store.recordings import FOLDER, Recordings
from ivr.store.turns import disposition_of, end_as, state_of
from ivr.telephony.outgoing import Outgoing, is_mobile


@dataclass(frozen=True)
class Services:
    """The services of one line.

    `operator` is the API of who runs its telephone lines, where there is one; `agent` is who can be rung (E.164),
    `can_ring` that the line may place calls itself, `hands_over` that the support team has a webhook; `fetch` gives the
    sound of a recording.
    """

    ground: Ground
    flow: Flow
    hours: Hours
    data_dir: Path
    operator: Lines | None = None
    agent: str = ""
    can_ring: bool = False
    hands_over: bool = False
    fetch: Callable[[str], bytes] | None = None

    @cached_property
    def code(self) -> CodeServices:
        """The line, who calls, and the code."""
        return CodeServices(self.ground, self.operator)

    @cached_property
    def again(self) -> AgainServices:
        """The beginning of a call, and its resumption."""
        return AgainServices(self.ground, self.flow, self.hours)

    @cached_property
    def watching(self) -> WatchServices:
        """The five minutes after the code."""
        return WatchServices(self.ground, self.operator, self.can_ring)

    @cached_property
    def people(self) -> PeopleServices:
        """People, call-backs and messages."""
        recordings = Recordings(self.data_dir / FOLDER, self.ground.vault)
        reached = Reached(self.agent, self.can_ring, self.hands_over)
        return PeopleServices(self.ground, self.flow, self.hours, recordings, reached, self.mac, self.fetch)

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        found: dict[str, Desk] = {}
        for services in (self.code, self.again, self.watching, self.people):
            found |= services.desks()
        return found

    def ended(self, call: str, caller: str, at: float) -> None:
        """What is still to be done for a call that has ended: his message stands, and who was cut off is told so.

        `caller` is his number in E.164, empty when it is not known any more. Done twice, it does nothing more.
        """
        with self.ground.engine.begin() as connection:
            left = self.people.left(connection, call)
            if disposition_of(connection, call) != CUT:
                return
            if left:
                end_as(connection, call, "message")
                return
            if self.watching.hang_up_wish(connection, call):
                return
            state = self.state(connection, call)
            can_tell = is_mobile(caller) and self.ground.can_text and "pause" in self.ground.texts
            if state and resumption(self.flow, state) and can_tell:
                body = self.ground.texts["pause"].filled()
                self.ground.text(connection, call, Leaving("pause", caller, body, unproven=True), at)

    def ring(self, call: str, number: str) -> Outgoing:
        """The call that lets the repaired telephone ring, as it was promised in this call."""
        return self.ground.outgoing(number, f"suivi/{call}/{self.mac('ring', call)}")

    def mac(self, what: str, name: str) -> str:
        """What makes the address of a leg ours: of a call-back, say, and a booking (16 hex digits)."""
        return self.ground.vault.mac("legs", f"{what} {name}")

    def is_ours(self, what: str, name: str, mac: str) -> bool:
        """Whether we handed out this address."""
        return self.ground.vault.is_mac("legs", f"{what} {name}", mac)

    def state(self, connection: Connection, call: str) -> State | None:
        """Where the call stands; None when it is unknown."""
        return opened_state(self.ground.vault, call, state_of(connection, call))
