"""What must hold of a whole script, proven on its graph before any call is walked on it.

A caller can reach every step; every way leads to a step that exists; every silence leads on, never round in a circle,
and ends with the warning before the line hangs up; nothing is read back that was never filled in. Conditions on facts
are taken as always possible: what is proven holds whatever the call has learnt. Pure: flow in, mistakes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from ivr.flow.mistakes import Mistake, did_you_mean
from ivr.flow.model import (
    RESUME,
    RETURN,
    Branch,
    Entry,
    Flow,
    HangUp,
    Hold,
    Menu,
    Record,
    Run,
    Say,
    Slot,
    Step,
    Transfer,
    phrases,
    resume_point,
    silence,
    ways,
)


def findings(flow: Flow) -> list[Mistake]:
    """Everything that does not hold, in the order of the files; empty when the script is sound."""
    return sorted(
        {
            *_unknown_steps(flow),
            *_unknown_words(flow),
            *_misplaced(flow),
            *_unreached(flow),
            *_silent_loops(flow),
            *_abrupt_ends(flow),
            *_unfilled(flow),
        }
    )


def _mistake(flow: Flow, step_id: str, problem: str) -> Mistake:
    return Mistake(flow.files.get(step_id, "prompts/ligne.toml"), step_id.partition(".")[2] or step_id, problem)


def _branches(step: Step) -> Iterator[tuple[str, Branch]]:
    return ((name, branch) for name, way in ways(step) for branch in way)


def _globals(flow: Flow) -> dict[str, str]:
    named = {"start": flow.start, "menu": flow.menu, "person": flow.person, "warning": flow.warning}
    return named | ({"follow_up": flow.follow_up} if flow.follow_up else {})


# References


def _unknown_steps(flow: Flow) -> Iterator[Mistake]:
    for name, target in _globals(flow).items():
        if target not in flow.steps:
            yield _mistake(flow, "line", f"{name} is '{target}', which is not a step{did_you_mean(target, flow.steps)}")
    for step in flow.steps.values():
        for name, branch in _branches(step):
            if branch.to not in (RETURN, RESUME) and branch.to not in flow.steps:
                yield _mistake(flow, step.id, _leads_nowhere(flow, step, name, branch.to))
        for phrase in phrases(step):
            yield from _not_a_phrase(flow, step, phrase)
        if step.resume and step.resume not in flow.steps:
            near = did_you_mean(step.resume, flow.steps) or ": name the step where a cut call goes on"
            yield _mistake(flow, step.id, f"resume is '{step.resume}', which is not a step{near}")


def _leads_nowhere(flow: Flow, step: Step, name: str, target: str) -> str:
    chapter, short = step.id.partition(".")[0] + ".", target
    near = [known.removeprefix(chapter) for known in flow.steps]
    if target.startswith(chapter):
        short = target.removeprefix(chapter)
    mend = did_you_mean(short, near) or ": write that step, or lead elsewhere"
    return f"{name} leads to '{short}', which is not a step{mend}"


def _not_a_phrase(flow: Flow, step: Step, phrase: str) -> Iterator[Mistake]:
    said = flow.steps.get(phrase)
    if said is None:
        yield _mistake(flow, step.id, f"the phrase '{phrase}' is not a step{did_you_mean(phrase, flow.steps)}")
    elif not isinstance(said, Say) or said.next:
        yield _mistake(flow, step.id, f"'{phrase}' is inserted as a phrase, so it must be a 'say' without 'next'")


def _unknown_words(flow: Flow) -> Iterator[Mistake]:
    """Facts that ligne.toml does not declare; guide facts that guide.toml does not list."""
    for step in flow.steps.values():
        used = {*step.sets, *(f for _, b in _branches(step) for f in (*b.when, *b.unless, *b.sets))}
        for fact in (one for one in used if one not in flow.facts):
            known = did_you_mean(fact, flow.facts)
            yield _mistake(flow, step.id, f"the fact '{fact}' is not declared in ligne.toml [facts]{known}")
        for fact in (one for one in step.guide if flow.guide and one not in flow.guide):
            yield _mistake(flow, step.id, f"guide fact '{fact}' is not in guide.toml{did_you_mean(fact, flow.guide)}")
    for fact in flow.given.keys() - flow.facts.keys():
        known = did_you_mean(fact, flow.facts)
        yield _mistake(flow, "given", f"the fact '{fact}' is not declared in ligne.toml [facts]{known}")


def _misplaced(flow: Flow) -> Iterator[Mistake]:
    """A return with nothing to return to; a dead end; a global step that forgets what it interrupted."""
    inserted = {phrase for step in flow.steps.values() for phrase in phrases(step)}
    for step in flow.steps.values():
        returns = any(branch.to == RETURN for _, branch in _branches(step))
        if returns and not step.aside and not isinstance(step, Say):
            yield _mistake(flow, step.id, f"'{RETURN}' needs aside = true: only an interruption can be returned from")
        if isinstance(step, Say) and not step.next and step.id not in inserted:
            yield _mistake(flow, step.id, "leads nowhere: give it a 'next', or let another step insert it")
    for name in ("person", "warning"):
        step_id = _globals(flow)[name]
        if step_id in flow.steps and not flow.steps[step_id].aside:
            yield _mistake(
                flow, step_id, f"is the line's {name}: it needs aside = true, so that the call can go on after"
            )


# Reachability


def _targets(flow: Flow, step: Step) -> Iterator[str]:
    yield from (branch.to for _, branch in _branches(step) if branch.to in flow.steps)
    yield from (phrase for phrase in phrases(step) if phrase in flow.steps)
    if step.resume in flow.steps:
        yield step.resume


def _unreached(flow: Flow) -> Iterator[Mistake]:
    reached = set(_closure(flow, (t for t in (flow.start, flow.menu, flow.person, flow.follow_up) if t in flow.steps)))
    for step_id in flow.steps.keys() - reached:
        yield _mistake(flow, step_id, f"no caller can reach {step_id}: let a key or a next lead to it, or take it off")


def _closure(flow: Flow, roots: Iterable[str]) -> Iterator[str]:
    waiting = deque(roots)
    seen = set(waiting)
    while waiting:
        step_id = waiting.popleft()
        yield step_id
        for target in _targets(flow, flow.steps[step_id]):
            if target not in seen:
                seen.add(target)
                waiting.append(target)


# Silence


def _silent(flow: Flow, step: Step) -> list[str]:
    """Where the call can go from here with nobody pressing anything (a visit beyond the limit included)."""
    match step:
        case Say(next=way) | Hold(next=way):
            found = [way]
        case Menu() | Entry():
            found = [silence(step)]
        case Run(outcomes=outcomes):
            found = list(outcomes.values())
        case Transfer(outcomes=outcomes):  # who has spoken with a person was not silent
            found = [way for result, way in outcomes.items() if result != "answered"]
        case Record():
            found = [step.next, step.empty]
        case _:
            found = []
    if step.limit:
        found.append(step.beyond)
    return [target for way in found for branch in way for target in _resolved(flow, branch)]


def _resolved(flow: Flow, branch: Branch) -> list[str]:
    """A return may lead to any step that can be interrupted, a resumption to any that a cut call goes on at."""
    if branch.to == RETURN:
        return [s.id for s in flow.steps.values() if isinstance(s, Menu | Entry | Hold | Run) and not s.aside]
    if branch.to == RESUME:
        return sorted({point for step in flow.steps.values() if (point := resume_point(step))} & flow.steps.keys())
    return [branch.to] if branch.to in flow.steps else []


def _silent_loops(flow: Flow) -> Iterator[Mistake]:
    """Circles that a call could walk for ever with nobody there. A limited step is passed only so often."""
    graph = {step.id: _lasting(flow, step) for step in flow.steps.values()}
    for circle in _circles(graph):
        way = " → ".join((*circle, circle[0]))
        yield _mistake(flow, circle[0], f"silence goes round for ever: {way}; give one of them a limit and beyond")


def _lasting(flow: Flow, step: Step) -> list[str]:
    if step.limit:
        return [target for branch in step.beyond for target in _resolved(flow, branch)]
    return _silent(flow, step)


def _circles(graph: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """One circle for each place where a depth-first walk comes back upon itself."""
    done: set[str] = set()
    for root in graph:
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(root, iter(graph[root]))] if root not in done else []
        while stack:
            node, targets = stack[-1]
            if node not in on_path:
                path.append(node)
                on_path.add(node)
            target = next(targets, None)
            if target is None:
                stack.pop()
                done.add(path.pop())
                on_path.discard(node)
            elif target in on_path:
                yield tuple(path[path.index(target) :])
            elif target not in done:
                stack.append((target, iter(graph[target])))


def _abrupt_ends(flow: Flow) -> Iterator[Mistake]:
    """Steps that wait for a key, and where saying nothing hangs up without the warning (WCAG 2.2.1; C.4.12 PAU2)."""
    before: dict[str, list[str]] = {}
    for step in flow.steps.values():
        for target in _silent(flow, step) if step.id != flow.warning else ():
            before.setdefault(target, []).append(step.id)
    waiting = deque(step.id for step in flow.steps.values() if isinstance(step, HangUp))
    seen = set(waiting)
    while waiting:
        for step_id in before.get(waiting.popleft(), ()):
            if step_id not in seen:
                seen.add(step_id)
                waiting.append(step_id)
    for step_id in seen:
        if isinstance(flow.steps[step_id], Menu | Entry):
            yield _mistake(
                flow, step_id, f"silence here hangs up without the warning of {flow.warning}: lead it there first"
            )


# Slots


def _unfilled(flow: Flow) -> Iterator[Mistake]:
    """Slots that are spoken or handed to a desk, though on some way nothing has filled them."""
    filled = _filled_on_every_way(flow)
    for step in flow.steps.values():
        if step.id not in filled:
            continue
        known, came_from = filled[step.id]
        for slot in sorted(_used_slots(step) - known):
            origin = came_from.get(slot, came_from[""])
            problem = f"{{{slot}}} is spoken, but no earlier step on the way from '{origin}' fills it"
            yield _mistake(flow, step.id, f"{problem}: fill it there, or say it later")


def _used_slots(step: Step) -> set[str]:
    spoken = {piece.name for piece in step.prompt.pieces() if isinstance(piece, Slot)}
    return spoken.union(step.needs) if isinstance(step, Run) else spoken


def _filled_on_every_way(flow: Flow) -> dict[str, tuple[frozenset[str], dict[str, str]]]:
    """For each reached step: the slots filled on every way to it; which step came without one ("": without any)."""
    filled: dict[str, tuple[frozenset[str], dict[str, str]]] = {}
    waiting: deque[str] = deque()

    def arrive(target: str, slots: frozenset[str], origin: str) -> None:
        if target not in flow.steps:
            return
        known, lost = filled.get(target, (None, {"": origin}))
        still = slots if known is None else known & slots
        if known is None or still != known:
            without = dict.fromkeys((known or frozenset()) - slots, origin)
            filled[target] = (still, {**lost, **without})
            waiting.append(target)

    for root in (flow.start, flow.menu, flow.person, flow.follow_up):
        arrive(root, frozenset(), root)
    implied = _implied(flow)
    while waiting:
        step = flow.steps[waiting.popleft()]
        for name, branch in _branches(step):
            known = frozenset().union(*(implied.get(fact, frozenset()) for fact in branch.when))
            arrive(branch.to, filled[step.id][0] | known | _brought(step, name, branch), step.id)
    return filled


def _implied(flow: Flow) -> dict[str, frozenset[str]]:
    """For each fact the slots that are surely filled where it is known: whatever teaches it fills them as well."""
    implied: dict[str, frozenset[str]] = {fact: frozenset(slots) for fact, slots in flow.given.items()}
    for step in flow.steps.values():
        taught = [(fact, frozenset(branch.fills)) for _, branch in _branches(step) for fact in branch.sets]
        taught += [(fact, frozenset[str]()) for fact in step.sets]
        for fact, slots in taught:
            implied[fact] = implied.get(fact, slots) & slots
    return implied


def _brought(step: Step, name: str, branch: Branch) -> frozenset[str]:
    match step:
        case Entry(slot=slot) | Record(slot=slot) if name == "next":
            return frozenset({slot, *branch.fills})
        case _:
            return frozenset(branch.fills)
