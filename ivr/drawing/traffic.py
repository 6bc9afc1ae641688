"""The traffic of a line laid over its pictures: how many calls came by each step and arrow, and where they were lost.

A turn tells where a call was, what happened, and where it came to wait again. The announcements and services that it
passed on the way are found on the flow: the shortest way there. It must not know where calls are kept.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.drawing.dot import Shades
from ivr.flow.chart import Arrow, arrows, chapter_of
from ivr.flow.model import Entry, Flow, Menu, Run, Say, Step, Transfer

WIDEST = 5.0
"""What the arrow that most calls took is wider by, in points."""

LIGHT, DARK = (255, 255, 255), (244, 177, 96)
"""The ground of a box that no call came by, and of one that every call came by; black is read on both, in grey too."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted: calls, those that came by each step, took each arrow, and were lost at each step."""

    calls: int
    steps: Mapping[str, int]
    arrows: Mapping[Arrow, int]
    lost: Mapping[str, int]

    def shades(self) -> Shades:
        """The counts as the pictures show them."""
        return Shades(self._ground, self._foot, self._count, self._weight)

    def shades_of_chapters(self) -> Shades:
        """The same for whole chapters: each as its busiest step, with all that were lost in it."""
        steps: dict[str, int] = {}
        lost: Counter[str] = Counter()
        for step, count in self.steps.items():
            steps[chapter_of(step)] = max(count, steps.get(chapter_of(step), 0))
        for step, count in self.lost.items():
            lost[chapter_of(step)] += count
        return Shades(Counts(self.calls, steps, {}, {})._ground, lambda name: _lost(lost[name]))

    def _ground(self, step: str) -> str:
        share = min(1.0, self.steps.get(step, 0) / max(1, self.calls))
        return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(LIGHT, DARK, strict=True))

    def _foot(self, step: str) -> str:
        lost, came = self.lost.get(step, 0), self.steps.get(step, 0)
        return f"{_lost(lost)} ici sur {max(came, lost)}" if lost else ""

    def _count(self, arrow: Arrow) -> str:
        return f"({count})" if (count := self.arrows.get(arrow, 0)) else ""

    def _weight(self, arrow: Arrow) -> float:
        return WIDEST * self.arrows.get(arrow, 0) / max(1, *self.arrows.values(), self.calls)


def _lost(count: int) -> str:
    return f"× {count} perdu{'s' if count > 1 else ''}" if count else ""


def counts(
    flow: Flow,
    calls: int,
    visits: Mapping[str, int],
    moves: Mapping[tuple[str, str, str], int],
    lost: Mapping[str, int],
) -> Counts:
    """The counts of a flow. `moves` are (step, event, step) as turns tell them; the first step is empty at the start.

    A step that only passes on counts as often as it was passed; one that waits, as many calls as came to it.
    """
    leaving = {step.id: tuple(arrows(step)) for step in flow.steps.values()}
    taken: Counter[Arrow] = Counter()
    passed: Counter[str] = Counter()
    for (source, event, target), count in moves.items():
        for arrow in _way(flow, leaving, source, event, target):
            taken[arrow] += count
            passed[arrow.source] += count * (arrow.source not in visits)
    return Counts(calls, {**passed, **visits}, taken, lost)


def _way(
    flow: Flow, leaving: Mapping[str, tuple[Arrow, ...]], source: str, event: str, target: str
) -> tuple[Arrow, ...]:
    """The shortest way that the event opens, over steps that do not wait; empty when it moved nothing."""
    if source == target:
        return ()
    first = [a for a in leaving.get(source, ()) if _opens(flow.steps[source], event, a)]
    first = first if source else list(leaving[flow.start])
    ways: deque[tuple[Arrow, ...]] = deque((arrow,) for arrow in first)
    seen: set[str] = set()
    while ways:
        way = ways.popleft()
        at = way[-1].target
        if at == target:
            return way
        if at in flow.steps and at not in seen:
            seen.add(at)
            ways.extend((*way, arrow) for arrow in leaving[at] if _passes(flow.steps[at], arrow))
    return ()


def _passes(step: Step, arrow: Arrow) -> bool:
    """Whether a call may come by a step, and leave it by this arrow, within one turn: visited too often, any step."""
    beyond = any(reason.name.startswith("visit ") for reason in arrow.reasons)
    return beyond or isinstance(step, Say | Run | Transfer)


def _opens(step: Step, event: str, arrow: Arrow) -> bool:
    return any(_names(step, event, reason.name) for reason in arrow.reasons)


def _names(step: Step, event: str, name: str) -> bool:
    """Whether what happened at a step can be this way out of it."""
    what, _, of = event.partition(" ")
    match step:
        case Menu(keys=keys) if what == "key":
            return name == (f"key {of[0]}" if of[0] in keys else "wrong key" if of[0] not in "0*#" else "")
        case Entry() if what.isdigit():
            return name in ("next", "wrong key") or name.startswith("key ")
        case Menu() | Entry():
            return what == "silence" and name == "silence"
        case Run() if what == "key":
            return name == f"key {of[:1]}"
        case _:
            return True
