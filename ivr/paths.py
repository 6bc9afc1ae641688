"""`ivr paths`: how much of a script a call can come to, what none comes to, and the shortest call to each thing.

Beside the rooms, like `check`: it reads the folder, and tells in French what `ivr.flow.reach` has found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.flow.mistakes import Mistake
from ivr.flow.reach import KINDS, Goal, Route, findings, goals_of, kind, reach
from ivr.folder import read_script

KINDS_IN_FRENCH = dict(
    zip(
        KINDS,
        ("étapes", "touches", "silences", "fausses touches", "résultats", "autres suites", "conditions"),
        strict=True,
    )
)
IN_FRENCH = {"silence": "silence", "wrong key": "fausse touche", "next": "suite", "empty": "rien", "dial": "appel"}
WORDS_IN_FRENCH = {"key": "touche", "outcome": "résultat", "visit": "passage", "wait": "attente"}


@dataclass(frozen=True, slots=True)
class Paths:
    """The shortest call to each goal of a script, as lines; how many goals of each kind are met; what is not."""

    table: str
    calls: tuple[str, ...]
    findings: tuple[Mistake, ...]


def paths(folder: Path) -> Paths:
    """What calls can come to in the script of this folder. Raises ScriptError when it does not hold."""
    flow = read_script(folder)
    found = reach(flow)
    wanted, met = Counter(map(kind, goals_of(flow))), Counter(map(kind, found.routes))
    rows = (f"{KINDS_IN_FRENCH[what]:<16}{met[what]:>6} / {wanted[what]}" for what in KINDS if wanted[what])
    calls = (f"{_named(goal)} : {_by(route)}" for goal, route in found.routes.items() if goal.branch < 0)
    return Paths("\n".join(rows), tuple(calls), tuple(findings(flow, found)))


def _named(goal: Goal) -> str:
    return f"{goal.step}, {_in_french(goal.move)}" if goal.move else goal.step


def _by(route: Route) -> str:
    """What is done from the beginning of the call on: keys alone, everything else by its name."""
    return ", ".join(_done(route)) or "au début de l’appel"


def _done(route: Route) -> Iterator[str]:
    for leg in route[1:]:
        yield leg.move.name.removeprefix("key ") if leg.move.name.startswith("key ") else _in_french(leg.move.name)


def _in_french(move: str) -> str:
    word, _, which = move.partition(" ")
    return IN_FRENCH.get(move) or f"{WORDS_IN_FRENCH[word]} {which}"
