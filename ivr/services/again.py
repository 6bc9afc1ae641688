"""What is known when a call begins, and how a call that was cut goes on: the same mobile, within half an hour.

A number only says which call to offer to resume, and proves nothing: before a code is read on, whoever calls proves
himself again (facts/reliability.md B5: no release on caller id alone; stricter than design/dialogue.md C.8).
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.calls import Desk, Quick, Work
from ivr.desk import codes
from ivr.desk.commands import CUT, CUT_WAITING, KNOWN, OPEN
from ivr.desk.hours import Hours, spoken_minutes
from ivr.flow.engine import Before, Command, Dialled, Outcome, State
from ivr.flow.model import Flow
from ivr.flow.summary import resumption
from ivr.recipe import opened_state
from ivr.services.ground import Ground
from ivr.store.codes import Codes
from ivr.store.numbers import number_keys
from ivr.store.turn import CutCall

RESUME_SECONDS = 1800.0
"""For how long a call that was cut can be resumed (dialogue.md U17)."""


@dataclass(frozen=True)
class AgainServices:
    """The beginning of calls, and their resumption."""

    ground: Ground
    flow: Flow
    hours: Hours

    def desks(self) -> dict[str, Desk]:
        """Every command, with the desk that carries it out."""
        return {"resume-call": Quick(self.resume_call), "regain-code": Quick(self.regain_code)}

    def beginning(self, work: Work) -> Dialled:
        """What is known when the call begins: whether people are there, who calls, what was cut."""
        facts = {OPEN} if self.hours.is_open(work.at) else set[str]()
        if not work.caller:
            return self._given(work, facts)
        cut = self._cut(work)
        state = self._state(cut) if cut else None
        point = resumption(self.flow, state) if state else ""
        if not (cut and state and point):
            return self._given(work, facts | {KNOWN})
        learnt = state.facts - self.flow.given.keys()
        before = Before(cut.sid, point, learnt, state.slots)
        if not (label := self.flow.steps[point].label):
            return self._given(work, facts | {KNOWN, CUT_WAITING}, (), before)
        said = (("depuis", spoken_minutes(work.at - cut.updated_at)), ("etape", label))
        return self._given(work, facts | {KNOWN, CUT}, said, before)

    def _cut(self, work: Work) -> CutCall | None:
        """The caller's last call, when it was cut a short while ago."""
        keys = number_keys(self.ground.vault, work.caller) if work.caller else ()
        return work.turn.cut_call(keys, work.at - RESUME_SECONDS) if work.turn else None

    def _given(
        self, work: Work, facts: set[str], slots: tuple[tuple[str, str], ...] = (), before: Before | None = None
    ) -> Dialled:
        return Dialled(work.at, frozenset(facts).intersection(self.flow.given), slots, before)

    def _state(self, cut: CutCall) -> State | None:
        """Where the call that was cut stood; None when it does not open, or stands where the script has no step."""
        state = opened_state(self.ground.vault, cut.sid, cut.state)
        return state if state and state.step in self.flow.steps else None

    def resume_call(self, _command: Command, work: Work) -> Outcome:
        """Go on; nothing that was proven goes along: a number proves nobody, and the code asks for a proof anew."""
        return Outcome(work.at, "resumed")

    def regain_code(self, command: Command, work: Work) -> Outcome:
        """The code of the call that was cut, now that the caller has proved himself again."""
        line = self.ground.line(work.transaction, command)
        kept = Codes(work.transaction, self.ground.vault)
        found = codes.regain(kept, work.call, line.id, work.at) if line else None
        if found is None:
            return Outcome(work.at, "gone")
        return Outcome(work.at, "regained", (("code", found.id), ("nombre", str(found.length))))
