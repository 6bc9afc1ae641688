"""Many attacks: calls by the thousand from one seed, in as many processes as the machine has cores.

Each attack has a seed of its own, made of the storm's and its number: what it does depends on nothing else, so that it
can be played again alone. What was seen is added up; what broke is shrunk to the shortest attack that shows it.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection
from pathlib import Path
from random import Random

from ivr.flow.model import Flow, Hold, Menu, Run, Say
from ivr.hostile.attack import Attack, step_of, wants_operator
from ivr.hostile.dice import Dice
from ivr.hostile.rules import Broken, Rule
from ivr.hostile.shrink import shrunk
from ivr.hostile.stand import Stand
from ivr.phone.transcript import Press

CALLS_AN_ATTACK = 20
"""Calls one after the other on the same database: what one leaves behind, the next ones meet."""

_MOVES = """
SELECT DISTINCT before.step, turns.event, turns.step FROM turns
LEFT JOIN turns AS before ON before.call_sid = turns.call_sid AND before.turn = turns.turn - 1
"""


@dataclass(frozen=True, slots=True)
class Where:
    """What is attacked: the folders of a script and of its clips."""

    prompts: Path
    audio: Path


@dataclass(frozen=True, slots=True)
class Found:
    """A rule that broke: which, where, in which attack of the storm, and the shortest attack that shows it."""

    rule: Rule
    detail: str
    attack: int
    lines: tuple[str, ...]


@dataclass
class Seen:
    """What attacks have seen: how much of each kind, the steps where calls stood, the ways out of them; what broke."""

    counts: Counter[str] = field(default_factory=Counter)
    steps: set[str] = field(default_factory=set)
    ways: set[tuple[str, str]] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Add what another attack has seen."""
        self.counts += other.counts
        self.steps |= other.steps
        self.ways |= other.ways
        self.found += other.found


class Ground:
    """Where attacks are played in this process: a stand without and one with an operator's API, made when needed."""

    def __init__(self, where: Where, folder: Path) -> None:
        self._where, self.folder = where, folder
        self._stands: dict[bool, Stand] = {}

    def stand(self, *, operator: bool = False) -> Stand:
        """The stand; the next attack puts it back to its beginning."""
        if operator not in self._stands:
            folder = self.folder / ("operator" if operator else "register")
            folder.mkdir()
            self._stands[operator] = Stand(folder, self._where.prompts, self._where.audio, operator=operator)
        return self._stands[operator]

    def stop(self) -> None:
        """Let go of everything."""
        for stand in self._stands.values():
            stand.stop()

    def replayed(self, lines: Sequence[str]) -> Broken | None:
        """Play an attack; the rule that breaks, if one does."""
        return Attack(self.stand(operator=wants_operator(lines))).play_all(lines)

    def attacked(self, seed: int, number: int, calls: int, goals: Sequence[str] = ()) -> Seen:
        """Throw and play one attack of a storm, whose callers want to get to one of these steps."""
        operator = number % 3 == 2
        attack = Attack(self.stand(operator=operator))
        random = Random(f"{seed} {number}")  # noqa: S311 - the same every time
        dice = Dice(random, attack, attack.stand.flow, goals)
        broken = attack.play_all(dice.throws(calls, operator=operator))
        seen = _seen(attack)
        if broken:
            seen.found.append(Found(broken.rule, broken.detail, number, tuple(attack.played)))
        return seen

    def shortest(self, found: Found) -> Found:
        """The same finding, in as few lines as show it."""

        def fails(lines: Sequence[str]) -> bool:
            broken = self.replayed(lines)
            return broken is not None and broken.rule == found.rule

        lines = _plainer(shrunk(_last_call(found.lines, fails), fails), fails)
        broken = self.replayed(lines)
        return Found(found.rule, broken.detail if broken else found.detail, found.attack, tuple(lines))


@contextmanager
def ground(where: Where) -> Iterator[Ground]:
    """A ground for attacks, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ivr-hostile-") as folder:
        made = Ground(where, Path(folder))
        try:
            yield made
        finally:
            made.stop()


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a storm is, from which seed, in how many processes; `goals` are where callers want to get."""

    seed: int
    calls: int
    processes: int = 1
    goals: tuple[str, ...] = ()

    def attacks(self) -> Iterator[tuple[int, int]]:
        """Each attack's number, and how many calls it has."""
        for number, begun in enumerate(range(0, self.calls, CALLS_AN_ATTACK)):
            yield number, min(CALLS_AN_ATTACK, self.calls - begun)


def storm(where: Where, plan: Plan, told: Callable[[Seen], None] = lambda _seen: None) -> Seen:
    """Attack as planned; `told` hears what has been seen by now, after each attack.

    The first thing that breaks ends the storm, and comes back shrunk.
    """
    total = Seen()
    with ground(where) as alone:
        for seen in _here(alone, plan) if plan.processes == 1 else _in_processes(alone, where, plan):
            total.add(seen)
            told(total)
            if total.found:
                break
        if total.found:
            total.found = [alone.shortest(total.found[0])]
    return total


def _here(alone: Ground, plan: Plan) -> Iterator[Seen]:
    for number, calls in plan.attacks():
        yield alone.attacked(plan.seed, number, calls, plan.goals)


def _in_processes(alone: Ground, where: Where, plan: Plan) -> Iterator[Seen]:
    """The attacks in so many processes; what each has seen, in their order, so that the first is the first."""
    context = multiprocessing.get_context("spawn")
    begin = partial(_begin, where, alone.folder)
    with ProcessPoolExecutor(plan.processes, mp_context=context, initializer=begin) as pool:
        asked = [pool.submit(_attacked, plan.seed, *attack, plan.goals) for attack in plan.attacks()]
        try:
            yield from (done.result() for done in asked)
        finally:
            pool.shutdown(cancel_futures=True)


_grounds: list[Ground] = []
"""The ground of a process that does nothing else."""


def _begin(where: Where, folder: Path) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _grounds.append(Ground(where, Path(tempfile.mkdtemp(dir=folder))))


def _end_with_parent() -> None:
    """Whoever is killed leaves nobody waiting for him."""
    parent = multiprocessing.parent_process()
    connection.wait([parent.sentinel] if parent else [])
    os._exit(1)


def _attacked(seed: int, number: int, calls: int, goals: tuple[str, ...]) -> Seen:
    return _grounds[0].attacked(seed, number, calls, goals)


def _seen(attack: Attack) -> Seen:
    """What one attack has seen."""
    moves = attack.stand.database.execute(_MOVES).fetchall()
    counts = attack.post.counts + Counter(calls=sum(line.startswith("dial ") for line in attack.played), attacks=1)
    ways = {(before, event.removeprefix("key ")) for before, event, _ in moves if before}
    return Seen(counts, {step for _, _, step in moves}, ways)


def _last_call(lines: Sequence[str], fails: Callable[[Sequence[str]], bool]) -> list[str]:
    """The last call alone, when that still shows it: most of what breaks needs no call before."""
    last = max((at for at, line in enumerate(lines) if line.startswith("dial ")), default=0)
    setting = [line for line in lines[:last] if line.startswith("operator ")]
    alone = [*setting[:1], *lines[last:]]
    return alone if fails(alone) else list(lines)


def _plainer(lines: list[str], fails: Callable[[Sequence[str]], bool]) -> list[str]:
    """The same attack with fewer keys, and without the hour where it does not matter."""
    for at, line in enumerate(lines):

        def still(instead: str, at: int = at) -> bool:
            return fails([*lines[:at], instead, *lines[at + 1 :]])

        if line.startswith("dial ") and still(line.partition(" at ")[0]):
            lines[at] = line.partition(" at ")[0]
        match step_of(line):
            case Press(keys=keys, early=early):
                rest = " early" if early else ""
                fewer = shrunk(keys, lambda left: bool(left) and still(f"press {''.join(left)}{rest}"), most=8)  # noqa: B023
                lines[at] = f"press {''.join(fewer)}{rest}"
    return lines


def to_be_seen(flow: Flow) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The steps at which every call stands that gets there (a desk may answer at once), and the keys that lead on."""
    steps = frozenset(step.id for step in flow.steps.values() if not isinstance(step, Say | Run))
    keys = {(s.id, key) for s in flow.steps.values() if isinstance(s, Menu | Run) for key in s.keys}
    both = {(s.id, key) for s in flow.steps.values() if isinstance(s, Hold) for key in "0*"}
    return steps, frozenset(keys | both)
