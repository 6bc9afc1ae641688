"""`ivr explain STEP`: how a caller gets to a step, what he hears there, what each key does, and how long it all takes.

Beside the rooms, like `draw`, whose words it shares. The way to a step is the shortest call that the engine itself
walks (`ivr.flow.reach`); a caller who knows his way presses as soon as he has heard the option that he wants.
"""

from __future__ import annotations

import textwrap
from argparse import Namespace
from collections.abc import Iterator
from difflib import get_close_matches

from ivr.check import script_settings, seconds_heard
from ivr.drawing.words import RETURNS, because, kind, rows, words_of
from ivr.flow.chart import Reason, arrows
from ivr.flow.engine import Count, Dialled, Keys, Speak
from ivr.flow.measures import Seconds, length, up_to
from ivr.flow.model import Entry, Flow, Hold, Menu, Piece, Prompt, Reprompt, Run, Step
from ivr.flow.reach import Goal, Leg, Move, Route, reach
from ivr.flow.text import in_marks
from ivr.folder import read_lexicon, read_script

COLUMNS = 100
"""Characters to a line."""

GLIMPSE = 48
"""Characters that are shown of what is heard where a key leads."""

PARTS = {"all": "redit", "options": "redit les choix", "nothing": "attend"}


class NoSuchStepError(ValueError):
    """The script has no step of that name; the message names those that are close, in French."""


def explain(chosen: Namespace) -> int:
    """Carry out the command; the exit code. Raises NoSuchStepError; ScriptError, SettingsError."""
    found = script_settings(chosen.script)
    flow = read_script(found.prompts_dir)
    seconds = seconds_heard(found, flow, read_lexicon(found.prompts_dir))
    print("\n".join(told(flow, step_named(flow, chosen.step), seconds)))
    return 0


def step_named(flow: Flow, name: str) -> Step:
    """The step of that id, or the only one that is called so in its chapter. Raises NoSuchStepError."""
    if name in flow.steps:
        return flow.steps[name]
    so_called = [step_id for step_id in flow.steps if step_id.partition(".")[2] == name]
    if len(so_called) == 1:
        return flow.steps[so_called[0]]
    near = so_called or get_close_matches(name, list(flow.steps), n=3, cutoff=0.5)
    known = f"\u00a0; voulez-vous dire {' ou '.join(near)}\u202f?" if near else "."
    raise NoSuchStepError(f"Il n'y a pas d'étape «\u00a0{name}\u00a0»{known}")


def told(flow: Flow, step: Step, seconds: Seconds) -> Iterator[str]:
    """The explanation, line by line."""
    yield f"{step.id}, {kind(step)} ({flow.files.get(step.id, '')})"
    yield ""
    yield from _way_there(flow, step, seconds)
    yield ""
    said = length(step.prompt.pieces(), seconds)
    yield f"On entend ({said:.0f} s)\u00a0:" if said else "On n’entend rien\u00a0:"
    for row in rows(step):
        for line in row.text.splitlines():
            yield from _wrapped(f"   {row.key:<3}" if row.key else "   ", line if row.said else f"({line})")
    yield from _ways_on(flow, step)
    yield from _facts(flow, step)


def _wrapped(lead: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )


# How one gets there


def _way_there(flow: Flow, step: Step, seconds: Seconds) -> Iterator[str]:
    route = shortest(flow, step)
    if not route:
        yield "Aucun appel n’y arrive."
        return
    presses = pressed(route)
    many = f"en {presses} touche{'s' if presses > 1 else ''}" if presses else "sans touche"
    yield f"On y arrive {many}, après {_until(flow, route, step, seconds):.0f} s de paroles{_given(route)}\u00a0:"
    for leg in route[1:]:
        yield f"   {leg.move.step:<32}{_done(leg.move)}"
    if len(route) == 1:
        yield "   dès le début de l’appel"


def shortest(flow: Flow, step: Step) -> Route:
    """The shortest call to a step, of a caller of whom nothing is known if there is one; empty when there is none."""
    for beginnings in ((Dialled(0.0),), ()):
        if route := reach(flow, beginnings).routes.get(Goal(step.id)):
            return route
    return ()


def pressed(route: Route) -> int:
    """How many keys are pressed on the way."""
    return sum(len(event.digits) for leg in route for event in leg.move.events if isinstance(event, Keys))


def _given(route: Route) -> str:
    """What must be known when the call begins."""
    match route[0].move.events[0]:
        case Dialled(start=start) if start:
            return ", quand la ligne appelle"
        case Dialled(facts=facts) if facts:
            return f", si {' et '.join(sorted(facts))}"
        case _:
            return ""


def _done(move: Move) -> str:
    """What somebody does at a step."""
    what, _, of = move.name.partition(" ")
    times = f" {len(move.events)} fois" if len(move.events) > 1 else ""
    match what:
        case "key":
            return f"taper {of}"
        case "silence":
            return f"ne rien taper{times}"
        case "wrong":
            return f"se tromper{times}"
        case "outcome":
            return f"réponse\u00a0: {of}"
        case "empty":
            return "ne rien dire"
        case _:
            typed = "".join(event.digits for event in move.events if isinstance(event, Keys))
            return f"taper {len(typed)} chiffres" if typed else "attendre la suite"


def _until(flow: Flow, route: Route, step: Step, seconds: Seconds) -> float:
    """Seconds of speech until the step begins, each question heard up to the option that is taken."""
    keys = [leg.move.name.removeprefix("key ") for leg in route[1:]]
    return sum(
        length(_heard(flow, leg, key, step), seconds) + _counted(flow, leg, step)
        for leg, key in zip(route, [*keys, ""], strict=True)
    )


def _heard(flow: Flow, leg: Leg, key: str, goal: Step) -> Iterator[Piece]:
    """What is said on a leg, but for the step that the route leads to."""
    for actions in leg.answers:
        for action in actions:
            if isinstance(action, Speak) and action.prompt == goal.id:
                return
            if isinstance(action, Speak):
                prompt = flow.steps[action.prompt].prompt
                yield from up_to(prompt, key) if action.prompt == leg.after.step else prompt.pieces(action.part)


def _counted(flow: Flow, leg: Leg, goal: Step) -> float:
    step = flow.steps[leg.after.step]
    waits = any(isinstance(action, Count) for actions in leg.answers for action in actions)
    return step.seconds if isinstance(step, Hold) and waits and step.id != goal.id else 0.0


# What each key does


def _ways_on(flow: Flow, step: Step) -> Iterator[str]:
    ways_on = [(reason, arrow.target) for arrow in arrows(step) for reason in arrow.reasons]
    if ways_on:
        yield ""
        yield "Ensuite\u00a0:"
    for reason, target in ways_on:
        yield from _wrapped(f"   {_cause(reason, step):<18}", _tried(reason, step) + _leads(flow, target))
    if everywhere := _everywhere(flow, step):
        yield from _wrapped("   ", everywhere)


def _cause(reason: Reason, step: Step) -> str:
    if _tries(reason, step):
        return "silences" if reason.name == "silence" else "fautes"
    return because(reason, step) or "la suite"


def _leads(flow: Flow, target: str) -> str:
    """Where a way leads, and the first words of what is heard there."""
    prompt = flow.steps[target].prompt if target in flow.steps else Prompt()
    said = textwrap.shorten(in_marks(words_of(prompt)), GLIMPSE, placeholder="…")
    return f"→ {RETURNS.get(target, target)}" + (f"  «\u00a0{said}\u00a0»" if said else "")


def _tries(reason: Reason, step: Step) -> tuple[Reprompt, ...]:
    """What a step says before it gives up, when this is how it gives up."""
    match step, reason.name:
        case Menu(then=then), "silence" if then:
            return ()
        case Menu(patience=patience) | Entry(patience=patience), "silence":
            return patience.no_input
        case Menu(patience=patience) | Entry(patience=patience), "wrong key":
            return patience.no_match
        case _:
            return ()


def _tried(reason: Reason, step: Step) -> str:
    """« 1) redit les choix, 2) redit, 3) », or nothing: what comes before the step gives up."""
    tries = [f"{place}) {_said_again(tried)}" for place, tried in enumerate(_tries(reason, step), 1)]
    return ", ".join([*tries, f"{len(tries) + 1}) "]) if tries else ""


def _said_again(tried: Reprompt) -> str:
    again = PARTS[tried.repeat] + (" lentement" if tried.slow else "")
    return f"{tried.say}, puis {again}" if tried.say else again


def _everywhere(flow: Flow, step: Step) -> str:
    """How long the step waits, and the keys that are valid everywhere, as far as it leaves them alone."""
    match step:
        case Menu(keys=keys, patience=patience):
            every = {"#": "# redit", "*": f"* revient, ** {flow.menu}", "0": f"0 {flow.person}"}
            free = [does for key, does in every.items() if key not in keys]
            return ", ".join([f"On attend {patience.wait:g} s", *free]) + "."
        case Entry(patience=patience):
            return f"On attend {patience.wait:g} s, * efface, # valide."
        case Hold():
            return f"Seuls l’arrêtent, tapés deux fois\u00a0: 0 ({flow.person}) et * (revient)."
        case Run(keys=keys) if "0" not in keys:
            return f"0 {flow.person}."
        case _:
            return ""


# What is known


def _facts(flow: Flow, step: Step) -> Iterator[str]:
    if step.sets:
        yield ""
        yield from (f"L’appel apprend\u00a0: {flow.facts.get(fact) or fact}." for fact in step.sets)
    if step.guide:
        yield ""
        yield "Faits du guide\u00a0:"
        for fact in step.guide:
            yield from _wrapped(f"   {fact:<6}", flow.guide.get(fact, ""))
