"""All behaviour of a call: `advance(flow, state, event)` gives the next state and what the caller gets.

Pure: the same arguments give the same answer. The clock comes in with the event, work for the world goes out as a
`Command` and its `Outcome` comes back as the next event. This module must not know what carries the words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ivr.flow.model import (
    LATE,
    RESUME,
    RETURN,
    UNAVAILABLE,
    Branch,
    Entry,
    Flow,
    HangUp,
    Hold,
    Menu,
    Part,
    Patience,
    Record,
    Reprompt,
    Run,
    Say,
    Slot,
    Step,
    Transfer,
    Way,
)

DOUBLE_STAR = 2.0
"""Two `*` within this many seconds mean the main menu: one second between the presses, one for the network."""

SECOND_PRESS = 3.0
"""In a hold, 0 and `*` count when pressed again within this many seconds (dialogue.md C.6)."""

LONG_CALL = "@long-call"
"""The fact that a call which ran long has already been offered a person."""

FIRST_POLL = 1.0
"""Seconds until a command is asked the first time whether it is done: most are."""

LONGEST_CHAIN = 200
"""More steps than this without a wait is a defect of the script that the proof should have found."""


# What happens in a call. `at` is the time in seconds since the epoch.


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier call that was cut: which, the step to go on at, what it had learnt, and what its slots hold."""

    call: str
    step: str
    facts: frozenset[str] = frozenset()
    slots: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dialled:
    """The call begins; `facts` and `slots` are what the desks know already, `before` is the call that it may resume.

    `start` is the step to start at, when it is not the script's own start: the line itself has placed the call.
    """

    at: float
    facts: frozenset[str] = frozenset()
    slots: tuple[tuple[str, str], ...] = ()
    before: Before | None = None
    start: str = ""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys were pressed: one in a menu, several in an entry."""

    at: float
    digits: str


@dataclass(frozen=True, slots=True)
class Silence:
    """The wait ended and nothing was pressed: no input, the end of a hold, or time to ask a command again."""

    at: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A command's named result, with the slots that it fills."""

    at: float
    name: str
    slots: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Pending:
    """A command has been started and has no outcome yet."""

    at: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording ended; `reference` is the carrier's id of it, `seconds` its length (0: nothing was said)."""

    at: float
    reference: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Transferred:
    """A transfer ended: answered, busy, no-answer or failed."""

    at: float
    result: str


Event = Dialled | Keys | Silence | Outcome | Pending | Recorded | Transferred


# What the caller gets. Each names steps of the flow; none holds a word.


@dataclass(frozen=True, slots=True)
class Speak:
    """Say a step's prompt, or its options alone, with these slots; with `cue`, what it says at that second."""

    prompt: str
    part: Part = "all"
    slow: bool = False
    slots: tuple[tuple[str, str], ...] = ()
    cue: float = 0.0


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for keys as the step says; `keys` is how many may still come."""

    step: str
    keys: int = 1
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """Say the hold's opening words and count, from this second of all that on."""

    step: str
    start: float = 0.0


@dataclass(frozen=True, slots=True)
class Poll:
    """The command runs: fill so many seconds, then ask again."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Tape:
    """Record the caller as the step says."""

    step: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Ring the person that the step names."""

    step: str


@dataclass(frozen=True, slots=True)
class End:
    """Hang up; how the call ended."""

    disposition: str


@dataclass(frozen=True, slots=True)
class Command:
    """Work for a desk: carried out by the shell, answered by an `Outcome` or `Pending`, never rendered.

    `key` is the same each time that a step asks again for what it asked when the call came to it.
    """

    name: str
    slots: tuple[tuple[str, str], ...]
    key: str = ""


Action = Speak | Listen | Count | Poll | Tape | Connect | End | Command
Next = tuple["State", tuple[Action, ...]]


@dataclass(frozen=True)
class State:
    """Where a call is. Everything in it is plain, so that it can be stored and read back (`as_dict`)."""

    step: str
    started: float
    facts: frozenset[str] = frozenset()
    slots: tuple[tuple[str, str], ...] = ()
    trail: tuple[str, ...] = ()
    visits: tuple[tuple[str, int], ...] = ()
    interrupted: str = ""
    silent: int = 0
    wrong: int = 0
    repeats: int = 0
    slow: bool = False
    typed: str = ""
    since: float = 0.0
    asked: float = 0.0
    pressed: str = ""
    pressed_at: float = 0.0
    disposition: str = ""
    before: Before | None = None

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON can hold it, what is at its default left out."""
        plain = {name: value for name, value in self.__dict__.items() if value}
        if self.facts:
            plain["facts"] = sorted(self.facts)
        if there := self.before:
            plain["before"] = {
                "call": there.call,
                "step": there.step,
                "facts": sorted(there.facts),
                "slots": there.slots,
            }
        return plain


def _with(state: State, **changes: Any) -> State:
    """The state with these values changed: the same as `dataclasses.replace`, without asking for all the others."""
    changed = object.__new__(State)
    changed.__dict__.update(state.__dict__, **changes)
    return changed


_BLANK = State(step="", started=0.0)


def state_from(plain: Mapping[str, Any]) -> State:
    """The state that `State.as_dict` wrote, before or after JSON. Raises TypeError for what is none."""
    values: dict[str, Any] = {**plain}
    if strangers := values.keys() - _BLANK.__dict__.keys():
        raise TypeError(f"no state has {', '.join(sorted(strangers))}")
    for name in values.keys() & _KEPT_AS.keys():
        values[name] = _KEPT_AS[name](values[name])
    return _with(_BLANK, **values)


def _pairs(kept: Any) -> tuple[tuple[str, Any], ...]:
    """Pairs, from a list of them or from a dictionary, as they were kept until November 2026."""
    return tuple(kept.items()) if isinstance(kept, dict) else tuple(map(tuple, kept))


def _before(there: Any) -> Before | None:
    return Before(there["call"], there["step"], frozenset(there["facts"]), _pairs(there["slots"])) if there else None


_KEPT_AS: Mapping[str, Callable[[Any], Any]] = {
    "facts": frozenset,
    "trail": tuple,
    "slots": _pairs,
    "visits": _pairs,
    "before": _before,
}
"""What JSON holds otherwise."""


def advance(flow: Flow, state: State | None, event: Event) -> Next:
    """The next state, and what the caller gets. No state means that the call starts.

    An event that makes no sense where the call is (a recording while a menu waits) moves nothing: the caller hears
    the step again.
    """
    if state is None or isinstance(event, Dialled):
        return _start(flow, event)
    if state.disposition:
        return state, (End(state.disposition),)
    step = flow.steps.get(state.step)
    if step is None:  # the script changed under the call
        return _enter(flow, _fresh(state), flow.menu, event.at)
    return _react(flow, state, step, event)


def _react(flow: Flow, state: State, step: Step, event: Event) -> Next:  # noqa: C901 - one table, an arm a case
    match step, event:
        case Menu(), Keys(digits=digits) if digits:
            return _key_in_menu(flow, state, step, digits[0], event.at)
        case Entry(), Keys(digits=digits):
            return _keys_in_entry(flow, state, step, digits, event.at)
        case Hold(), Keys(digits=digits) if digits:
            return _key_in_hold(flow, state, step, digits[0], event.at)
        case Run(keys=keys), Keys(digits=digits) if digits[:1] in keys:
            return _follow(flow, _noted(state, digits[0], event.at), keys[digits[0]], event.at)
        case Run(keys=keys), Keys(digits=digits) if keys and digits[:1] in ("#", "*"):
            return _key_while_waiting(flow, state, step, digits[0], event.at)
        case Run(), Keys(digits=digits) if digits[:1] == "0":
            return _interrupt(flow, state, _to(flow.person), event.at)
        case Menu() | Entry(), Silence():
            return _no_input(flow, state, step, event.at)
        case Hold(next=way), Silence():
            return _follow(flow, state, way, event.at)
        case Run(), Keys() | Silence():
            return state, (_command(state, step),)
        case Run(), Outcome(name=name, slots=slots):
            return _outcome(flow, _filled(state, slots), step, name, event.at)
        case Run(), Pending():
            return _pending(flow, state, step, event.at)
        case Record(), Recorded():
            return _recorded(flow, state, step, event)
        case Transfer(), Transferred(result=result):
            return _follow(flow, state, step.outcomes.get(result) or step.outcomes["failed"], event.at)
        case _:
            return state, (*_again(state, step), _wait(state, step, event.at))


# Moving from step to step


def _start(flow: Flow, event: Event) -> Next:
    known = event if isinstance(event, Dialled) else Dialled(event.at)
    state = State(step="", started=event.at, facts=known.facts, slots=known.slots, before=known.before)
    return _enter(flow, state, known.start or flow.start, event.at)


def _to(step: str) -> Way:
    return (Branch(step),)


def _fresh(state: State) -> State:
    """The state as it is when a step begins: nothing wrong, nothing typed, nothing repeated yet."""
    return _with(state, silent=0, wrong=0, repeats=0, typed="", since=0.0, asked=0.0)


def _follow(flow: Flow, state: State, way: Way, at: float) -> Next:
    """Take the first branch of the way that applies."""
    branch = _taken(way, state)
    if branch.sets:
        state = _with(state, facts=state.facts.union(branch.sets))
    if branch.to == RESUME:
        return _resume(flow, state, at)
    return _enter(flow, state, _target(flow, state, branch), at, forward=branch.to != RETURN)


def _resume(flow: Flow, state: State, at: float) -> Next:
    """Go on where the earlier call was cut, with what it had learnt; what this call has learnt since stands."""
    there = state.before
    if there is None or there.step not in flow.steps:
        return _enter(flow, state, flow.menu, at)
    state = _with(_filled(_with(state, slots=there.slots), state.slots), facts=state.facts | there.facts)
    return _enter(flow, _with(state, trail=(flow.menu,), before=None), there.step, at, forward=False)


def _taken(way: Way, state: State) -> Branch:
    return next(b for b in way if state.facts.issuperset(b.when) and state.facts.isdisjoint(b.unless))


def _target(flow: Flow, state: State, branch: Branch) -> str:
    return state.interrupted or flow.menu if branch.to == RETURN else branch.to


def _interrupt(flow: Flow, state: State, way: Way, at: float) -> Next:
    """Leave the step for a while: it is remembered, so that the caller can come back to it."""
    if not flow.steps[state.step].aside:
        state = _with(state, interrupted=state.step)
    return _follow(flow, state, way, at)


def _enter(flow: Flow, state: State, target: str, at: float, *, forward: bool = True) -> Next:
    """Walk from the target to the first step that waits, gathering what is said on the way."""
    said: list[Action] = []
    for _ in range(LONGEST_CHAIN):
        step = flow.steps[target]
        state, way = _visited(state, step)
        if way:
            branch = _taken(way, state)
            state = _with(state, facts=state.facts.union(branch.sets))
            target = _target(flow, state, branch)
            continue
        if step.once and f"@{step.once}" not in state.facts:
            state = _with(state, facts=state.facts | {f"@{step.once}"})
            said.append(Speak(step.once, slow=state.slow))
        if (step.prompt.body or step.prompt.options) and not isinstance(step, Hold):
            said.append(Speak(step.id, slow=state.slow, slots=_spoken_slots(state, step)))
        if not (isinstance(step, Say) and step.next):
            state = _arrived(flow, state, step, at, forward=forward)
            return state, (*said, _wait(state, step, at))
        branch = _taken(step.next, state)
        state = _with(state, facts=state.facts.union(step.sets, branch.sets))
        target = _target(flow, state, branch)
    raise RuntimeError(f"no step waits after {target}: run 'ivr check' on this script")


def _visited(state: State, step: Step) -> tuple[State, Way]:
    """Count the visit of a limited step; once it has been visited too often, the way beyond it."""
    if not step.limit:
        return state, ()
    visits = dict(state.visits)
    if visits.get(step.id, 0) >= step.limit:
        return state, step.beyond
    visits[step.id] = visits.get(step.id, 0) + 1
    return _with(state, visits=tuple(visits.items())), ()


def _arrived(flow: Flow, state: State, step: Step, at: float, *, forward: bool) -> State:
    """The state at a step that waits: the trail behind it, the facts that it teaches, all counters at zero."""
    return _with(
        state,
        step=step.id,
        facts=state.facts.union(step.sets),
        trail=_trail(flow, state, step) if forward else state.trail,
        interrupted=state.interrupted if step.aside else "",
        disposition=step.disposition if isinstance(step, HangUp) else "",
        silent=0,
        wrong=0,
        repeats=0,
        typed="",
        since=at,
        asked=0.0,
    )


def _trail(flow: Flow, state: State, step: Step) -> tuple[str, ...]:
    """The steps behind this one, without circles: what `*` goes back through. Asides leave no trace.

    Nor does what must not be done again by going back: work of a desk, a password that was typed and is used up.
    """
    if step.aside or not state.step:
        return state.trail
    left = state.interrupted or state.step
    trail = (*state.trail, left) if _can_be_asked_again(flow.steps.get(left)) else state.trail
    return trail[: trail.index(step.id)] if step.id in trail else trail


def _can_be_asked_again(step: Step | None) -> bool:
    match step:
        case Menu() | Hold() | Entry(secret=False):
            return True
        case _:
            return False


def _wait(state: State, step: Step, at: float) -> Action:
    """What follows the words of a step."""
    match step:
        case Menu():
            return Listen(step.id, slow=state.slow)
        case Entry():
            return Listen(step.id, keys=step.most - len(state.typed), slow=state.slow)
        case Hold():
            return Count(step.id, start=at - state.since)
        case Run():
            return _command(state, step)
        case Record():
            return Tape(step.id)
        case Transfer():
            return Connect(step.id)
        case HangUp(disposition=disposition):
            return End(disposition)
        case Say():
            raise RuntimeError(f"the phrase {step.id} leads nowhere: run 'ivr check' on this script")


# Keys


def _key_in_menu(flow: Flow, state: State, step: Menu, key: str, at: float) -> Next:
    if way := step.keys.get(key):
        return _follow(flow, _noted(state, key, at), way, at)
    if key in "#*0":
        return _global_key(flow, state, step, key, at)
    return _no_match(flow, state, step, at)


def _noted(state: State, key: str, at: float) -> State:
    return _with(state, pressed=key, pressed_at=at)


def _global_key(flow: Flow, state: State, step: Menu, key: str, at: float) -> Next:
    """`#` says it again, slower the second time; `*` goes back, twice to the main menu; 0 is for a person."""
    twice = state.pressed == key and at - state.pressed_at <= DOUBLE_STAR
    state = _noted(state, key, at)
    match key:
        case "#":
            state = _with(state, repeats=state.repeats + 1, slow=state.slow or state.repeats > 0)
            return state, (*_again(state, step), _wait(state, step, at))
        case "*" if twice:
            return _enter(flow, _with(_fresh(state), trail=(), interrupted=""), flow.menu, at, forward=False)
        case "*":
            return _back(flow, state, step, at)
        case _:
            return _interrupt(flow, state, _to(flow.person), at)


def _back(flow: Flow, state: State, step: Step, at: float) -> Next:
    """One step back; out of an aside, back to what it interrupted; at the beginning, the same step again."""
    if step.aside and state.interrupted:
        return _enter(flow, _with(state, interrupted=""), state.interrupted, at, forward=False)
    *before, last = state.trail or (step.id,)
    return _enter(flow, _with(state, trail=tuple(before)), last, at, forward=False)


def _key_in_hold(flow: Flow, state: State, step: Hold, key: str, at: float) -> Next:
    """0 and `*` count when pressed twice; any other key changes nothing and the count goes on where it was."""
    twice = key in "0*" and state.pressed == key and at - state.pressed_at <= SECOND_PRESS
    if not twice:
        state = _noted(state, key, at)
        return state, (Count(step.id, start=at - state.since),)
    if key == "0":
        return _interrupt(flow, state, _to(flow.person), at)
    return _back(flow, state, step, at)


@dataclass(frozen=True, slots=True)
class Taken:
    """What an entry makes of the keys pressed at it, and the digits that it has then.

    A single `key` that leads elsewhere; all `erased`, to begin again; `nothing`; `refused`, with the phrase that gives
    the reason (empty: the usual one); or `accepted`.
    """

    kind: Literal["key", "erased", "nothing", "refused", "accepted"]
    digits: str
    reason: str = ""


def taken_as(step: Entry, state: State, digits: str) -> Taken:
    """What the entry makes of these keys."""
    if not state.typed and digits in step.keys:
        return Taken("key", digits)
    typed = _edited(state.typed + digits, dot=step.dot)
    erased = "*" in digits and not step.dot
    if erased and len(typed) < step.least and len(state.typed) + len(digits) >= step.most:
        return Taken("erased", typed)
    if not typed:
        return Taken("nothing", typed)
    if not step.least <= len(typed) <= step.most:
        return Taken("refused", typed)
    for check in step.checks:
        if not re.fullmatch(check.match, typed):
            return Taken("refused", typed, check.say)
    return Taken("accepted", typed)


def _keys_in_entry(flow: Flow, state: State, step: Entry, digits: str, at: float) -> Next:
    taken = taken_as(step, state, digits)
    match taken.kind:
        case "key":
            return _follow(flow, state, step.keys[taken.digits], at)
        case "erased":
            state = _with(state, typed=taken.digits)
            return state, (_wait(state, step, at),)
        case "nothing":
            return _no_input(flow, _with(state, typed=""), step, at)
        case "refused":
            return _no_match(flow, _with(state, typed=""), step, at, taken.reason)
        case "accepted":
            state = _filled(_with(state, typed=""), ((step.slot, taken.digits),))
            return _follow(flow, state, step.next, at)


def _edited(typed: str, *, dot: bool) -> str:
    """What is left after erasing: behind the last `*`; with `dot`, behind the last `**`, each `*` a dot."""
    typed = typed.split("#")[0]
    if dot:
        return typed.rpartition("**")[2].replace("*", ".")
    return typed.rpartition("*")[2]


def _filled(state: State, slots: tuple[tuple[str, str], ...]) -> State:
    return _with(state, slots=tuple({**dict(state.slots), **dict(slots)}.items())) if slots else state


# Silence and mistakes


def _no_input(flow: Flow, state: State, step: Menu | Entry, at: float) -> Next:
    if isinstance(step, Menu) and step.then:
        return _follow(flow, state, step.then, at)
    patience = step.patience
    if state.silent >= len(patience.no_input):
        return _interrupt(flow, state, patience.no_input_give_up, at)
    if _is_long(flow, state, step, at):
        return _long_call(flow, state, at)
    tried = patience.no_input[state.silent]
    return _try_again(_with(state, silent=state.silent + 1, typed=""), step, tried, at)


def _no_match(flow: Flow, state: State, step: Menu | Entry, at: float, reason: str = "") -> Next:
    patience: Patience = step.patience
    if state.wrong >= len(patience.no_match):
        return _interrupt(flow, state, patience.no_match_give_up, at)
    if _is_long(flow, state, step, at):
        return _long_call(flow, state, at)
    tried = patience.no_match[state.wrong]
    tried = replace(tried, say=reason) if reason else tried
    return _try_again(_with(state, wrong=state.wrong + 1, typed=""), step, tried, at)


def _is_long(flow: Flow, state: State, step: Step, at: float) -> bool:
    return at - state.started > flow.long_call and LONG_CALL not in state.facts and not step.aside


def _long_call(flow: Flow, state: State, at: float) -> Next:
    """A call that runs long and stumbles is offered a person, once (dialogue.md C.2, loop guard)."""
    return _interrupt(flow, _with(state, facts=state.facts | {LONG_CALL}), _to(flow.person), at)


def _try_again(state: State, step: Step, tried: Reprompt, at: float) -> Next:
    slow = state.slow or tried.slow
    said: list[Action] = [Speak(tried.say, slow=slow)] if tried.say else []
    if tried.repeat != "nothing":
        said.append(Speak(step.id, part=tried.repeat, slow=slow, slots=_spoken_slots(state, step)))
    return state, (*said, _wait(state, step, at))


def _again(state: State, step: Step) -> tuple[Speak, ...]:
    if isinstance(step, Hold) or not (step.prompt.body or step.prompt.options):
        return ()
    return (Speak(step.id, slow=state.slow, slots=_spoken_slots(state, step)),)


def _spoken_slots(state: State, step: Step) -> tuple[tuple[str, str], ...]:
    """The slots that the step's prompt speaks, with their values."""
    names = {piece.name for piece in step.prompt.pieces() if isinstance(piece, Slot)}
    return tuple(pair for pair in state.slots if pair[0] in names) if names else ()


# Desks, recordings


def _command(state: State, step: Run) -> Command:
    slots = tuple(pair for pair in state.slots if pair[0] in step.needs)
    return Command(step.command, slots, f"{step.id}@{state.since:.3f}")


def _key_while_waiting(flow: Flow, state: State, step: Run, key: str, at: float) -> Next:
    """A wait that offers keys is heard again with `#`, and left backwards with `*`."""
    if key == "*":
        return _back(flow, state, step, at)
    return state, (*_again(state, step), _command(state, step))


def _outcome(flow: Flow, state: State, step: Run, name: str, at: float) -> Next:
    """Follow the outcome; one that the script does not name is treated as nobody being there."""
    return _follow(flow, state, step.outcomes.get(name) or step.outcomes[UNAVAILABLE], at)


def _pending(flow: Flow, state: State, step: Run, at: float) -> Next:
    """Fill the time until the command is asked again; past its deadline it is late."""
    waited = at - state.since
    if waited >= step.deadline:
        return _outcome(flow, state, step, LATE, at)
    said: tuple[Action, ...] = ()
    if step.waiting and waited - state.asked >= step.every:
        state = _with(state, asked=waited)
        said = (Speak(step.waiting, slow=state.slow),)
    elif due := [cue.at for cue in step.cues if state.asked < cue.at <= waited]:
        state = _with(state, asked=waited)
        said = (Speak(step.id, slow=state.slow, cue=due[-1]),)
    return state, (*said, Poll(step.id, seconds=step.poll if waited else FIRST_POLL))


def _recorded(flow: Flow, state: State, step: Record, event: Recorded) -> Next:
    if not event.seconds:
        return _follow(flow, state, step.empty, event.at)
    said = ((step.slot, event.reference), (f"{step.slot}-seconds", f"{event.seconds:g}"))
    return _follow(flow, _filled(state, said), step.next, event.at)
