"""The flow as a picture has it: chapters, the steps of each, and the arrows between them. Positions are no part of it.

Arrows that lead the same way from the same step to the same one are one arrow with several names. Pure: flow in, charts
out. It must not know who draws them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ivr.flow.model import LATE, UNAVAILABLE, Branch, Flow, Step, phrases, ways

Line = Literal["way", "silence", "mistake"]
"""Why a call goes this way: something was pressed or done; nobody answered; too many wrong keys or visits."""

_SILENT = frozenset({"silence", "empty", f"outcome {LATE}", f"outcome {UNAVAILABLE}", "outcome no-answer"})


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason to go along an arrow: the name of the way (see `ways`), its branch, and whether others come before."""

    name: str
    branch: Branch
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one step to another (or to `RETURN`, `RESUME`), for these reasons."""

    source: str
    target: str
    line: Line
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter: its steps in the order of the call, the arrows that leave them, the chapters that lead to each."""

    name: str
    steps: tuple[Step, ...]
    arrows: tuple[Arrow, ...]
    entered_from: Mapping[str, tuple[str, ...]]

    def halves(self) -> tuple[Chapter, Chapter]:
        """The chapter on two sheets: its first steps, and the others."""
        middle = (len(self.steps) + 1) // 2
        return self._only(self.steps[:middle]), self._only(self.steps[middle:])

    def _only(self, steps: tuple[Step, ...]) -> Chapter:
        """Some of its steps; where the others lead to one of them, the chapter itself is among those that do."""
        kept = {step.id for step in steps}
        inward = {arrow.target for arrow in self.arrows if arrow.source not in kept}
        entered = {
            step.id: (*((self.name,) if step.id in inward else ()), *self.entered_from.get(step.id, ()))
            for step in steps
        }
        arrows = tuple(arrow for arrow in self.arrows if arrow.source in kept)
        return replace(self, steps=steps, arrows=arrows, entered_from=entered)


def chapter_of(step_id: str) -> str:
    """The chapter of a step: what stands before the first dot of its id."""
    return step_id.partition(".")[0]


def chapters(flow: Flow) -> tuple[Chapter, ...]:
    """Every chapter, the one that calls begin in first, then those that they lead to."""
    ordered = [flow.steps[step_id] for step_id in nearest_first(flow)]
    drawn = {step.id: tuple(arrows(step)) for step in ordered}
    entered = _entered(drawn)
    names = dict.fromkeys(chapter_of(step.id) for step in ordered)
    return tuple(_chapter(name, ordered, drawn, entered) for name in names)


def _chapter(
    name: str, ordered: list[Step], drawn: dict[str, tuple[Arrow, ...]], entered: dict[str, tuple[str, ...]]
) -> Chapter:
    steps = tuple(step for step in ordered if chapter_of(step.id) == name)
    leaving = tuple(arrow for step in steps for arrow in drawn[step.id])
    return Chapter(name, steps, leaving, {step.id: entered[step.id] for step in steps if step.id in entered})


def _entered(drawn: dict[str, tuple[Arrow, ...]]) -> dict[str, tuple[str, ...]]:
    """For each step the other chapters that lead to it, in the order of the call."""
    found: dict[str, dict[str, None]] = {}
    for source, leaving in drawn.items():
        for arrow in leaving:
            if chapter_of(source) != chapter_of(arrow.target):
                found.setdefault(arrow.target, {})[chapter_of(source)] = None
    return {target: tuple(sources) for target, sources in found.items()}


def arrows(step: Step) -> Iterator[Arrow]:
    """The arrows that leave a step, in the order in which it names its ways."""
    found: dict[tuple[str, Line], list[Reason]] = {}
    for name, way in ways(step):
        for place, branch in enumerate(way):
            reason = Reason(name, branch, otherwise=place > 0 and not branch.when and not branch.unless)
            found.setdefault((branch.to, line_of(name)), []).append(reason)
    for (target, line), reasons in found.items():
        yield Arrow(step.id, target, line, tuple(reasons))


def line_of(name: str) -> Line:
    """The line that a way is drawn in, by its name."""
    if name in _SILENT:
        return "silence"
    return "mistake" if name == "wrong key" or name.startswith("visit ") else "way"


def nearest_first(flow: Flow) -> Iterator[str]:
    """The id of every step, nearest to the start of the call first; a step's phrases follow it.

    What no way reaches (asides, reached by keys that are valid everywhere) comes last.
    """
    seen: set[str] = set()
    for first in (flow.start, flow.menu, flow.person, flow.warning, *flow.steps):
        queue = deque([first])
        while queue:
            step_id = queue.popleft()
            if step_id in seen or step_id not in flow.steps:
                continue
            seen.add(step_id)
            yield step_id
            step = flow.steps[step_id]
            queue.extendleft(reversed(tuple(phrases(step))))
            queue.extend(branch.to for _, way in ways(step) for branch in reversed(way))  # what usually follows first
