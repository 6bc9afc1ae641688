"""Routes of a script (`ivr.flow.reach`) as transcripts, and the line that they are played on.

A transcript says what the desks answer before it presses what makes the line ask: `desk find-line says known`. The line
has no other desks than these, the real beginning of calls, the real engine, database and TwiML, and no clips: what is
heard is the words.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree

from ivr.calls import Quick, Work
from ivr.desk.commands import CUT, CUT_WAITING, KNOWN, OPEN
from ivr.flow.engine import Action, Before, Command, Dialled, Keys, Outcome, Pending, Speak, State
from ivr.flow.model import Entry, Flow, Hold, Menu, Piece, Record, Run, Slot, Step, Transfer, Words, resume_point
from ivr.flow.reach import KINDS, SLOT, Goal, Leg, Reach, Route, goals_of, kind, reach
from ivr.flow.summary import resumption
from ivr.folder import read_script
from ivr.phone import Phone
from ivr.phone.agent import Agent
from ivr.phone.audio import normal
from ivr.phone.transcript import Transcript, parse
from ivr.phone.wire import into
from ivr.speech.clips import is_said
from tests.line import ROOT, Line

SCRIPTS = {path.name: path for path in (ROOT / "prompts", *sorted((ROOT / "tests" / "scripts" / "good").iterdir()))}
NIGHT, DAY = "2026-11-23 21:40", "2026-11-23 10:00"
FAILS = Agent(status="failed")
AGENTS = {
    "answered": "agent answers and presses 1 and talks 60",
    "busy": "agent is busy",
    "no-answer": "agent does not answer",
    "failed": "nobody can be rung",
}


# The routes


class Routes:
    """Every route of a script, its calls beginning as the line itself can make them begin."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.cuts = _cuts(flow)
        known = ((), (KNOWN,), (OPEN,), (OPEN, KNOWN)) if flow.given else ((),)
        plain = [Dialled(0.0, frozenset(facts)) for facts in known]
        after = [_after_cut(flow, fact, route[-1].after) for fact, route in self.cuts.items()]
        placed = [Dialled(0.0, start=flow.follow_up)] if flow.follow_up else []
        self.reach: Reach = reach(flow, [*plain, *after, *placed])
        self._names = {goal: _name(route) for goal, route in self.reach.routes.items()}

    def played(self) -> dict[str, list[Route]]:
        """By the step of its last move, each route that no other one begins with: these played, all are."""
        begun = {name[:size] for name in self._names.values() for size in range(len(name))}
        named = {name: self.reach.routes[goal] for goal, name in self._names.items() if name not in begun}
        last: dict[str, list[Route]] = {}
        for route in named.values():
            last.setdefault(route[-1].move.step, []).append(route)
        return last

    def met_on(self, route: Route) -> list[Goal]:
        """The goals whose route this one is, or begins with."""
        begun = {_name(route[:size]) for size in range(1, len(route) + 1)}
        return [goal for goal, name in self._names.items() if name in begun]

    def transcript(self, route: Route, caller: str) -> Transcript:
        """The route as a call from this number (E.164)."""
        proves = sentence(route)
        turns = list(self._turns(route, caller))
        lines = _patient([line for turn in turns for line in turn.lines(self.flow)])
        last = route[-1].after
        over = [f"hung up, {last.disposition}"] if last.disposition else ["drop early"]
        return parse("\n".join([f"# {proves}", *lines, *over]), proves)

    def _turns(self, route: Route, caller: str) -> Iterator[Turn]:
        """What is done, turn by turn, after what brought it about that the call begins as it does."""
        first, *legs = route
        (begun,) = first.move.events
        assert isinstance(begun, Dialled)
        if fact := next((fact for fact in self.cuts if fact in begun.facts), ""):
            yield from self._turns(self.cuts[fact], caller)
        turn = Turn(_beginning(begun, caller), first.answers)
        for leg in legs:
            step = self.flow.steps[leg.move.step]
            turn.arranged.extend(_arranged(step, leg))
            done = list(_turns(self.flow, leg))
            if not done:
                turn.answers += leg.answers
            for next_turn in done:
                yield turn
                turn = next_turn
        last = self.flow.steps[route[-1].after.step]
        yield replace(turn, arranged=[*turn.arranged, *_left_open(last)])


MET = "met in "
"""The property of a test's report that holds what its path came to, with the name of the script."""


def met(script: str, goals: Iterable[Goal]) -> tuple[str, list[tuple[str, str, str, int]]]:
    """The property of a test whose path came to these goals."""
    return f"{MET}{script}", [(kind(goal), goal.step, goal.move, goal.branch) for goal in goals]


def coverage(properties: Iterable[tuple[str, object]]) -> Iterator[str]:
    """How much of each script the paths have come to, a line a script."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for name, value in properties:
        if name.startswith(MET) and isinstance(value, list):
            found.setdefault(name.removeprefix(MET), set()).update(map(tuple, value))
    for script, goals in found.items():
        all_goals = Counter(kind(goal) for goal in goals_of(read_script(SCRIPTS[script])))
        here = Counter(what for what, *_ in goals)
        counts = (f"{here[what]} of {all_goals[what]} {what}" for what in KINDS if all_goals[what])
        yield f"{script}: {', '.join(counts)}"


def _beginning(begun: Dialled, caller: str) -> list[str]:
    """What begins such a call."""
    if begun.start:
        return ["the repaired telephone rings"]
    if begun.before:
        return ["drop early", "later 60", f"dial from {caller}"]
    who, when = caller if KNOWN in begun.facts else "anonymous", DAY if OPEN in begun.facts else NIGHT
    return [f"dial from {who} at {when}"]


def _name(route: Route) -> tuple[object, ...]:
    return tuple((leg.move.step, leg.move.name, leg.move.events) for leg in route)


def sentence(route: Route) -> str:
    """What the route proves: where its last move leads, and by which moves one comes to it."""
    last = route[-1]
    at = f"{last.move.name} at {last.move.step}" if last.move.step else "a call"
    return f"{at} leads to {last.after.step}, after {by(route)}"


def by(route: Route) -> str:
    """How one comes to the last move, in short: « 3, 1, known »."""
    return ", ".join(leg.move.name.removeprefix("key ").removeprefix("outcome ") for leg in route[1:-1]) or "nothing"


def _cuts(flow: Flow) -> dict[str, Route]:
    """For each fact that tells that an earlier call was cut, a call that is cut so."""
    cuts: dict[str, Route] = {}
    for step in flow.steps.values():
        point = resume_point(step)
        fact = _tells(flow, point) if point else ""
        if fact in flow.given.keys() - cuts.keys() and (route := _shortest(flow, step)):
            cuts[fact] = route
    return cuts


def _shortest(flow: Flow, step: Step) -> Route:
    return reach(flow, [Dialled(0.0, frozenset({KNOWN}))], [Goal(step.id)]).routes.get(Goal(step.id), ())


def _tells(flow: Flow, point: str) -> str:
    return CUT if flow.steps[point].label else CUT_WAITING


def _after_cut(flow: Flow, fact: str, state: State) -> Dialled:
    """How the next call begins."""
    learnt = frozenset(state.facts - flow.given.keys())
    slots = tuple((slot, SLOT) for slot in flow.given[fact])
    before = Before("CA" + "0" * 32, resumption(flow, state), learnt, state.slots)
    return Dialled(0.0, frozenset({KNOWN, fact}), slots, before)


# As transcripts


def _patient(lines: list[str]) -> list[str]:
    """The lines; where words were quoted, what else is said before a silence ends is not asked about."""
    before = ["", *lines]
    loose = zip(before, lines, strict=False)
    return [f"{line} any" if line == "silence" and said.startswith('hear "') else line for said, line in loose]


@dataclass
class Turn:
    """Something that is done, in lines, with what is arranged before it, and what the caller gets for it."""

    act: list[str]
    answers: tuple[tuple[Action, ...], ...]
    arranged: list[str] = field(default_factory=list)

    def lines(self, flow: Flow) -> Iterator[str]:
        """The turn as lines of a transcript."""
        yield from (*self.arranged, *self.act)
        if heard := list(_heard(flow, (action for answer in self.answers for action in answer))):
            yield f"hear {', '.join(heard)}"


def _heard(flow: Flow, actions: Iterable[Action]) -> Iterator[str]:
    """What is heard, by its ids; in words where a slot is said: its value is none of the script's."""
    spoken = [(flow.steps[action.prompt], action) for action in actions if isinstance(action, Speak)]
    texts = [_pieces(step, action) for step, action in spoken]
    if any(isinstance(piece, Slot) for pieces in texts for piece in pieces):
        firsts = (next((p.text for p in pieces if isinstance(p, Words) and is_said(p.text)), "") for pieces in texts)
        yield from (f'"{normal(words)}"' for words in firsts if words)
        return
    for step, action in spoken:
        yield step.id + (f"@{action.cue:g}" if action.cue else "/options" if _options(step, action) else "")


def _pieces(step: Step, action: Speak) -> tuple[Piece, ...]:
    if action.cue and isinstance(step, Menu | Hold | Run):
        return next(cue.prompt for cue in step.cues if cue.at == action.cue).pieces()
    return step.prompt.pieces(action.part)


def _options(step: Step, action: Speak) -> bool:
    return action.part == "options" and bool(step.prompt.options)


def _turns(flow: Flow, leg: Leg) -> Iterator[Turn]:
    """What is done at the step, and what is heard for it; none where it is a desk that does something."""
    step = flow.steps[leg.move.step]
    name, key = leg.move.name, leg.move.name.removeprefix("key ")
    match step:
        case Menu() | Entry() if name == "silence":
            silence = "silence any" if isinstance(step, Menu) and step.cues else "silence"
            yield from (Turn([silence], (answer,)) for answer in leg.answers)
        case Menu() | Entry():
            for event, answer in zip(leg.move.events, leg.answers, strict=True):
                assert isinstance(event, Keys)
                yield Turn(_pressed(step, event.digits), (answer,))
        case Hold() if name == "next":
            yield Turn(["silence any"], leg.answers)
        case Hold():
            yield Turn(["wait 5 any", f"press {key[0]} early", "wait 1 any", f"press {key[0]} early"], leg.answers)
        case Run() if name.startswith("key "):
            yield Turn([f"press {key} early"], leg.answers[1:])
        case Run() if name.startswith("wait "):
            at = float(name.removeprefix("wait "))  # it is said some seconds after, when the desk is asked again
            yield Turn([f"wait {max(1.0, at - 30):g} any", f"wait {min(at + 4, 45):g}"], leg.answers)
        case Record() if name == "next":
            yield Turn(["wait 1 any", "speak 12", "press #"], leg.answers)
        case Record() | Transfer():
            yield Turn(["silence any"], leg.answers)


def _pressed(step: Menu | Entry, digits: str) -> list[str]:
    """How these keys are pressed: where more digits may come, the end is said, or waited for."""
    match step:
        case Entry(keys=keys) if digits in keys:
            return [f"press {digits}", "silence"]
        case Entry(most=most) if len(digits) < most:
            return [f"press {digits}#"]
        case _:
            return [f"press {digits}"]


def _arranged(step: Step, leg: Leg) -> list[str]:
    """What is to be arranged before the line comes to the step, so that there the move happens."""
    match step:
        case Run(command=command):
            outcome = leg.move.name.removeprefix("outcome ") if isinstance(leg.move.events[0], Outcome) else "nothing"
            return [f"desk {command} says {outcome}"]
        case Transfer():
            return [AGENTS[leg.move.name.removeprefix("outcome ")]]
        case _:
            return []


def _left_open(step: Step) -> list[str]:
    """What is to be arranged where the route ends, and the line asks for more."""
    return [f"desk {step.command} says nothing"] if isinstance(step, Run) else []


# The line


def _unhurried(prompts: Path, copy: Path) -> Path:
    """The script where no call is a long one: a route may go round more often than a caller's patience lasts."""
    copytree(prompts, copy)
    line = copy / "ligne.toml"
    line.write_text(re.sub(r"^(long_call *= *)\d+", r"\g<1>240", line.read_text(), flags=re.MULTILINE))
    return copy


class ScriptedLine(Line):
    """The line with desks that answer what a transcript says, asked in this process."""

    def __init__(self, folder: Path, prompts: Path) -> None:
        self.said: deque[tuple[str, str]] = deque()
        self._steps = read_script(prompts).steps
        desks = {step.command: Quick(self._answer) for step in self._steps.values() if isinstance(step, Run)}
        super().__init__(folder, _unhurried(prompts, folder.parent / "prompts"), desks, audio=folder / "no clips")

    def phone(self, caller: str = "+33639980001") -> Phone:
        """As that of every line, and without a network between."""
        phone = super().phone(caller)
        phone.send = into(self.app)
        return phone

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """`desk COMMAND says OUTCOME` (or `nothing`), `nobody can be rung`, `the repaired telephone rings`."""
        match name, args:
            case "desk", (command, "says", outcome):
                if self.said and self.said[0][1] == "nothing":
                    self.said.popleft()
                self.said.append((command, outcome))
            case "nobody", ("can", "be", "rung"):
                phone.agent = FAILS
            case "the", ("repaired", "telephone", "rings"):
                phone.answer_call(self.services.ring("CA" + "0" * 32, phone.caller).url)
            case _:
                super().verb(name, args, phone)

    def _answer(self, command: Command, work: Work) -> Outcome | Pending:
        """What was said that the desk answers; its slots are all the same digit."""
        name, outcome = self.said[0]
        assert name == command.name, f"{command.name} is asked, and {name} was expected"
        if outcome == "nothing":
            return Pending(work.at)
        self.said.popleft()
        step = self._steps[work.state.step] if work.state else None
        way = step.outcomes[outcome] if isinstance(step, Run) else ()
        return Outcome(work.at, outcome, tuple((slot, SLOT) for branch in way for slot in branch.fills))
