"""What hostile callers and carriers do next, thrown from a seed alone: lines of an attack (`ivr.hostile.attack`).

Much of the time a caller wants to get somewhere, a step drawn for the call, and does what leads there; else he does
not. This module must not know what is looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from ivr.flow.model import Entry, Flow, Hold, Menu, Record, Run, Way, silence, ways
from ivr.hostile.attack import Attack
from ivr.hostile.stand import CUSTOMERS, FAULTS
from ivr.phone.transcript import ZONE

KEYS, SILENT = "0123456789*#", "silence any"
FAR = 10_000
"""More steps than any script has."""

CALLERS = ("+33639980001", "+33639980002", "+33639980003", "anonymous")
ENTRIES = {
    "ligne": (*(f"press {number} early" for number in CUSTOMERS), "press 0199000009 early"),
    "recu": ("types the password",) * 3 + ("press 123456 early",),
    "pin": ("types the pin", "types the pin", "press 12345678 early"),
    "note": ("types the code", "types the code", "press 123456789012 early"),
    "adresse": ("press 203*0*113*7# early", "press 203*0*113*7# early", "press 10*0*0*1# early", "press 9*# early"),
    "rappel": ("press 0639980009 early", "press 0639980009 early", "press 12 early"),
}
"""What is typed into a slot: what a caller may know, and what he gets wrong. Other slots get any digits."""

AGENTS = ("agent answers and presses 1 and talks 30", "agent answers", "agent refuses", "agent is busy")
GAPS = (20, 300, 1500, 3600, 36_000, 90_000)
"""Seconds between two calls."""

SENSES = (20, 80, 300, 1200)
"""How much sense callers make, against sixty parts of nonsense."""

CARRIERS_SHARE = 0.25
"""How often the carrier, or somebody else, does something between two moves of a caller."""

FEWEST, MOST = 4, 50
"""Moves of a call."""

Moves = Sequence[tuple[Callable[[], str], int]]
"""What may be thrown next, and how often."""


@dataclass
class Dice:
    """Throws lines for one attack while it is played: each throw sees what became of the one before.

    `goals` are the steps that callers want to get to, by default all of the script's.
    """

    dice: Random
    attack: Attack
    flow: Flow
    goals: Sequence[str] = ()
    _sense: int = 0
    _goal: str = ""
    _far: dict[str, dict[str, int]] = field(default_factory=dict)

    def throws(self, calls: int, *, operator: bool) -> Iterator[str]:
        """The lines of so many calls, one after the other."""
        if operator:
            yield "operator is there"
        for _ in range(calls):
            yield from self._call()
            if self.dice.random() < 0.3:
                yield self._one_of(("the line works", "desks answer", "redeliver 9", "elsewhere"))

    def _call(self) -> Iterator[str]:
        self._sense, self._goal = self.dice.choice(SENSES), self._one_of(self.goals or sorted(self.flow.steps))
        yield f"dial from {self._one_of(CALLERS)} at {self._when()}"
        for _ in range(self.dice.randint(FEWEST, MOST)):
            if not self.attack.under_way():
                return
            if self.dice.random() < CARRIERS_SHARE:
                yield self._thrown(self._of_carrier)
            yield self._thrown(self._of_caller)
        if self.attack.under_way():
            yield self._one_of(("ends", "ends", "drop early"))

    def _when(self) -> str:
        """When the next call begins: a transcript tells it to the minute."""
        at = self.attack.stand.clock.now() + self.dice.choice(GAPS)
        return datetime.fromtimestamp(at - at % 60 + 60, ZoneInfo(ZONE)).strftime("%Y-%m-%d %H:%M")

    def _thrown(self, moves: Moves) -> str:
        return self.dice.choices([move for move, _ in moves], [weight for _, weight in moves])[0]()

    @property
    def _of_caller(self) -> Moves:
        """What the caller may do, and how often."""
        return (
            (self._sensible, self._sense),
            (lambda: f"press {self._one_of(KEYS)} early", 18),
            (self._key_storm, 8),
            (lambda: SILENT, 16),
            (lambda: f"wait {self._one_of((0.2, 1, 4, 15, 60, 200))} any", 16),
            (lambda: self._one_of(("speak 4 any", "drop early")), 2),
        )

    @property
    def _of_carrier(self) -> Moves:
        """What the carrier, desks, partners and people may do, and how often."""
        return (
            (lambda: f"twins at {self.dice.randint(1, 4)}", 12),
            (lambda: "again", 6),
            (lambda: f"redeliver {self.dice.randint(1, 12)}", 6),
            (lambda: f"stray {self._one_of((*KEYS, 'silence'))}", 6),
            (lambda: "elsewhere", 4),
            (lambda: f"desks {self._one_of(('work', 'work', 'answer', 'answer', 'hang', 'fail'))}", 4),
            (lambda: self._one_of(AGENTS), 3),
            (lambda: f"carrier {self._one_of(('works', 'works', *FAULTS))}", 1),
            (lambda: f"operator {self._one_of(('works', 'works', *FAULTS))}", 1),
            (lambda: "status completed", 1),
        )

    def _sensible(self) -> str:
        """What a caller would do where he is, to get where he wants."""
        match self.flow.steps.get(self.attack.place()):
            case Menu(keys=keys) if keys and self.dice.random() < 0.1:
                return f"press {self._one_of(sorted(keys))} early"
            case Menu() as menu:
                return self._towards(
                    {f"press {key} early": way for key, way in menu.keys.items()} | {SILENT: silence(menu)}
                )
            case Entry(slot=slot, most=most):
                digits = "".join(self._one_of("0123456789") for _ in range(most))
                typed = ENTRIES.get(slot, (f"press {digits}# early",))
                return typed[0] if self.dice.random() < 0.7 else self._one_of(typed)
            case Hold():
                return self._one_of((SILENT, SILENT, SILENT, "press 00 early", "press ** early"))
            case Run():
                return self._one_of(("wait 3 any", SILENT, "opens the link", "the line works"))
            case Record():
                return self._one_of(("speak 6 any", "press # early", SILENT))
            case _:
                return SILENT

    def _towards(self, moves: Mapping[str, Way]) -> str:
        """The move that leads towards the goal of the call; any of them, when none does."""
        far = self._distances(self._goal)
        steps = {move: min(far.get(branch.to, FAR) for branch in way) for move, way in moves.items()}
        nearest = min(steps.values())
        return self._one_of([move for move, count in steps.items() if count == nearest])

    def _distances(self, goal: str) -> dict[str, int]:
        """How many steps lie between each step and this one, at least."""
        if goal not in self._far:
            leads = {s.id: {b.to for _, way in ways(s) for b in way} for s in self.flow.steps.values()}
            far, reached = {goal: 0}, deque([goal])
            while reached:
                here = reached.popleft()
                before = [step for step, to in leads.items() if here in to and step not in far]
                far |= dict.fromkeys(before, far[here] + 1)
                reached += before
            self._far[goal] = far
        return self._far[goal]

    def _key_storm(self) -> str:
        """A cheek on the keypad, a key that sticks, a child."""
        keys = self._one_of(("*#", "*", "#", "0", "1", KEYS))
        return f"press {''.join(self._one_of(keys) for _ in range(self.dice.randint(2, 12)))} early"

    def _one_of(self, these: Sequence[str] | Sequence[int] | Sequence[float]) -> str:
        return str(self.dice.choice(these))
