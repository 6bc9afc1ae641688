"""What of a script exceeds its limits: every breach, with file, step and the mend; and what was measured.

The limits are `limits`, what is measured `measures`, `paths` and `wording`; this module compares, and leaves out what
`limites.toml` excuses with a reason. It needs no flow that `proof` has passed. Pure: flow and limits in, mistakes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ivr.flow import wording
from ivr.flow.engine import Action, Speak
from ivr.flow.limits import BARS, Limits
from ivr.flow.measures import (
    Seconds,
    estimated,
    first_option,
    length,
    silent_call,
    size,
    stretch,
    until_a_person,
)
from ivr.flow.mistakes import Mistake, did_you_mean
from ivr.flow.model import (
    RESUME,
    RETURN,
    Entry,
    Flow,
    Hold,
    Menu,
    Option,
    Run,
    Say,
    Step,
    Way,
    Words,
    phrases,
    ways,
)
from ivr.flow.paths import begun, walked
from ivr.flow.script import GUIDE, LINE, Tables

OFFERING = (Menu, Entry)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that was taken of a step (of the whole script, where it names none), and its limit."""

    rule: str
    value: float
    step: str = ""
    limit: float | None = None
    least: bool = False

    def holds(self) -> bool:
        """Whether it keeps to its limit; where there is none, yes."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit


def findings(
    flow: Flow, limits: Limits, taken: Iterable[Measure], seconds: Seconds = estimated, tables: Tables | None = None
) -> list[Mistake]:
    """Everything that breaks a limit or a rule, in the order of the files; `taken` is what `measured` gave."""
    broken = [
        (each.rule, each.step, BARS[each.rule].broken.format(value=each.value, limit=each.limit))
        for each in taken
        if each.rule in BARS and not each.holds()
    ]
    broken += [*_wording(flow, limits), *_keys(flow), *_give_ups(flow), *_waits(flow, limits, tables or {})]
    kept = [fault for fault in broken if fault[0] not in limits.exceptions.get(fault[1].partition("@")[0], {})]
    return sorted(
        {
            *(_mistake(flow, step, problem) for _, step, problem in kept),
            *_idle_exceptions(flow, limits, {(step.partition("@")[0], rule) for rule, step, _ in broken}),
            *_profiles(flow, limits, tables or {}),
            *_guide(flow, limits),
            *_promises(flow, limits),
            *_paths(flow, limits, seconds),
        }
    )


def _folder(flow: Flow) -> str:
    return next(iter(flow.files.values()), "prompts/").rpartition("/")[0]


def _mistake(flow: Flow, step_id: str, problem: str) -> Mistake:
    """A mistake of a step, of one of its cues (`step@second`), or of the whole script."""
    name = step_id.partition("@")[0]
    if name not in flow.files:
        return Mistake(f"{_folder(flow)}/*.toml", "", problem)
    return Mistake(flow.files[name], step_id.partition(".")[2], problem)


# Numbers


def measured(flow: Flow, limits: Limits, seconds: Seconds = estimated) -> list[Measure]:
    """Every number of every step, each with its limit; those of the paths are called `path NAME`."""
    taken = [
        *_prompts(flow, seconds),
        *_first_keys(flow, seconds),
        *_patience(flow),
        *_holds(flow),
        Measure("person", until_a_person(flow, seconds), flow.person),
        *_longest(flow, seconds),
    ]
    bounded = [Measure(m.rule, m.value, m.step, limits.value(m.rule), BARS[m.rule].least) for m in taken]
    for path in limits.paths:
        speech = walked(flow, path, seconds).heard.speech
        bounded.append(Measure(f"path {path.name}", speech, "", path.most or None))
    return bounded


def worst(measures: list[Measure]) -> list[Measure]:
    """Of each thing that is measured the number that is nearest to its limit, or beyond it, in the order taken."""
    found: dict[str, Measure] = {}
    for each in measures:
        known = found.get(each.rule)
        if known is None or (each.value < known.value if each.least else each.value > known.value):
            found[each.rule] = each
    return list(found.values())


def _prompts(flow: Flow, seconds: Seconds) -> Iterator[Measure]:
    questions = []
    for name, prompt in flow.texts():
        found = size(prompt.pieces(), seconds)
        yield Measure("words", found.words, name)
        yield Measure("seconds", found.speech, name)
        step = flow.steps.get(name)
        if isinstance(step, OFFERING):
            questions.append(found.words)
        if isinstance(step, Menu):
            offered = {key for key in step.keys if key in "123456789"}
            yield Measure("choices", len(offered), name)
    yield Measure("median_words", median(questions) if questions else 0)


def _first_keys(flow: Flow, seconds: Seconds) -> Iterator[Measure]:
    """Seconds to the first option of a plain call, and of one of which the line knows a fact when it begins."""
    for fact in ("", *flow.given):
        state, actions = begun(flow, (fact,) if fact else ()) or (None, ())
        step = flow.steps[state.step] if state else None
        if isinstance(step, OFFERING):
            soon = _until_first_option(flow, actions, step, seconds)
            yield Measure("resume_key" if fact else "first_key", soon, step.id)


def _until_first_option(flow: Flow, actions: tuple[Action, ...], step: Step, seconds: Seconds) -> float:
    before = [a.prompt for a in actions if isinstance(a, Speak) and a.prompt != step.id and a.prompt in flow.steps]
    return sum(length(flow.steps[one].prompt.pieces(), seconds) for one in before) + length(first_option(step), seconds)


def _patience(flow: Flow) -> Iterator[Measure]:
    for step in flow.steps.values():
        if not isinstance(step, OFFERING):
            continue
        patience = step.patience
        yield Measure("wait", patience.wait, step.id)
        silent = () if isinstance(step, Menu) and step.then else (len(patience.no_input),)
        for tries in (*silent, len(patience.no_match)):
            yield Measure("reprompts_least", tries, step.id)
            yield Measure("reprompts", tries, step.id)
        if isinstance(step, Entry):
            yield Measure("inter_digit_least", step.inter_digit, step.id)
            yield Measure("inter_digit_most", step.inter_digit, step.id)


def _holds(flow: Flow) -> Iterator[Measure]:
    for step in flow.steps.values():
        if isinstance(step, Hold):
            marks = [0.0, *(cue.at for cue in step.cues), step.seconds]
            yield Measure("hold_cues", max(after - before for before, after in pairwise(marks)), step.id)


def _longest(flow: Flow, seconds: Seconds) -> Iterator[Measure]:
    offered, silent = stretch(flow, seconds), silent_call(flow, seconds)
    yield Measure("stretch", offered.seconds, offered.step)
    yield Measure("silent_call", silent.seconds / 60, silent.step)


# Words

Fault = tuple[str, str, str]
"""The rule that is broken, the step, and what is wrong with the mend."""


def _wording(flow: Flow, limits: Limits) -> Iterator[Fault]:
    least = limits.value("level_silence")
    for name, prompt in flow.texts():
        step = flow.steps[name.partition("@")[0]]
        faults = [fault for text in wording.texts(prompt) for fault in wording.typography(text)]
        faults += [*wording.options(prompt), *wording.verbs(step, prompt, limits.wording)]
        faults += wording.levels(prompt, limits.wording, least) if least else ()
        yield from ((rule, name, problem) for rule, problem in faults)
    for step in flow.steps.values():
        yield from ((rule, step.id, f"label: {problem}") for rule, problem in wording.typography(step.label))
        if isinstance(step, Menu | Run):
            yield from ((rule, step.id, problem) for rule, problem in wording.order(step))


# Keys, silence, giving up


def _keys(flow: Flow) -> Iterator[Fault]:
    """Key 0 is a person, everywhere but where digits are typed (U10)."""
    for step in flow.steps.values():
        if isinstance(step, Entry) and "0" in step.keys:
            yield "key_0", step.id, "key 0 leads elsewhere, but it is a digit of what is typed here: take another key"
        elif isinstance(step, Menu | Run) and (way := step.keys.get("0")):
            for branch in way:
                if branch.to != flow.person:
                    mend = f"0 calls {flow.person} everywhere, so take another key"
                    yield "key_0", step.id, f"key 0 leads to {branch.to}: {mend}"


def _give_ups(flow: Flow) -> Iterator[Fault]:
    """Whoever has failed too often goes on elsewhere, and where 0 calls a person (U9, U10)."""
    for step in flow.steps.values():
        if not isinstance(step, OFFERING):
            continue
        for name, way in _ends(step):
            for target in _waiting(flow, way):
                if target == step.id:
                    yield "give_up", step.id, f"{name} leads back to the same step: lead elsewhere, or to a person"
                elif isinstance(step, Entry) and isinstance(flow.steps[target], Entry):
                    yield "give_up", step.id, f"{name} leads to {target}, where 0 is a digit: lead to a menu first"


def _ends(step: Menu | Entry) -> Iterator[tuple[str, Way]]:
    """Where a step gives up; silence is no failure where the end of the wait leads on."""
    if not (isinstance(step, Menu) and step.then):
        yield "no_input_give_up", step.patience.no_input_give_up
    yield "no_match_give_up", step.patience.no_match_give_up


def _waiting(flow: Flow, way: Way) -> list[str]:
    """The steps that wait, where a way ends up: announcements are walked through."""
    queue = deque(branch.to for branch in way)
    seen: set[str] = set()
    while queue:
        target = queue.popleft()
        step = flow.steps.get(target)
        if step is None or target in seen:
            continue
        seen.add(target)
        if isinstance(step, Say):
            queue.extend(branch.to for branch in step.next)
    return sorted(one for one in seen if not isinstance(flow.steps[one], Say))


def _waits(flow: Flow, limits: Limits, tables: Tables) -> Iterator[Fault]:
    """Steps that say the wait of their patience otherwise, and shorter than it may be."""
    for file, chapter in tables.items():
        for name, table in chapter.items():
            step = flow.steps.get(f"{file.removesuffix('.toml')}.{name}")
            if not isinstance(step, OFFERING) or not isinstance(table, dict) or "wait" not in table:
                continue
            profile = table.get("patience", "entry" if isinstance(step, Entry) else "question")
            bound = limits.patience.get(profile)
            if bound and step.patience.wait < bound.step_least:
                short = (
                    f"waits {step.patience.wait:g} s, and with patience '{profile}' {bound.step_least:g} are the least"
                )
                yield "patience", step.id, f"{short}: let it wait longer"


def _profiles(flow: Flow, limits: Limits, tables: Tables) -> Iterator[Mistake]:
    """The kinds of patience in ligne.toml, each against what limites.toml bounds it by (U8, U9)."""
    line = tables.get(LINE, {})
    profiles = line.get("patience", {})
    for name, bound in limits.patience.items() if line else ():
        profile = profiles.get(name)
        if not isinstance(profile, dict):
            known = did_you_mean(name, profiles)
            yield Mistake(limits.file, f"patience.{name}", f"there is no such patience in {LINE}{known}")
            continue
        where = (f"{_folder(flow)}/{LINE}", f"patience.{name}")
        wait = profile.get("wait", bound.least)
        if isinstance(wait, int | float) and not bound.least <= wait <= bound.most:
            yield Mistake(*where, f"wait is {wait:g} s: it must be from {bound.least:g} to {bound.most:g}")
        for key in ("no_input", "no_match"):
            tries = len(profile.get(key, ()))
            if tries < bound.tries:
                yield Mistake(
                    *where, f"{key} asks again {tries} times, and {bound.tries} are the least: add a reprompt"
                )


# What limites.toml says of this script


def _idle_exceptions(flow: Flow, limits: Limits, broken: set[tuple[str, str]]) -> Iterator[Mistake]:
    for step, reasons in limits.exceptions.items():
        where = (limits.file, f"exceptions.{step}")
        if step not in flow.steps:
            yield Mistake(*where, f"there is no such step{did_you_mean(step, flow.steps)}")
            continue
        for rule in reasons:
            if (step, rule) not in broken:
                yield Mistake(*where, f"'{rule}' excuses nothing any more: take it off")


def _guide(flow: Flow, limits: Limits) -> Iterator[Mistake]:
    """Every fact of the guide is spoken by a step that can be reached, or said not to be; both ways (U19)."""
    if not flow.guide:
        return
    for step in flow.steps.values():
        for fact in (one for one in step.guide if one not in flow.guide):
            yield _mistake(flow, step.id, f"guide fact '{fact}' is not in guide.toml{did_you_mean(fact, flow.guide)}")
    spoken = {fact: step_id for step_id in _reached(flow) for fact in flow.steps[step_id].guide}
    mend = "name it in the 'guide' of the step that does, or in limites.toml [unspoken] with the reason"
    for fact in flow.guide.keys() - spoken.keys() - limits.unspoken.keys():
        wrong = f"« {flow.guide[fact]} »: no step that can be reached speaks it; {mend}"
        yield Mistake(f"{_folder(flow)}/{GUIDE}", fact, wrong)
    for fact in limits.unspoken.keys() & spoken.keys():
        yield Mistake(limits.file, "unspoken", f"'{fact}' is spoken by {spoken[fact]}: take it off")
    for fact in limits.unspoken.keys() - flow.guide.keys():
        yield Mistake(limits.file, "unspoken", f"'{fact}' is not in guide.toml{did_you_mean(fact, flow.guide)}")


def _reached(flow: Flow) -> list[str]:
    """Every step that some way leads to, the phrases that steps insert included."""
    queue = deque(one for one in (flow.start, flow.menu, flow.person, flow.follow_up) if one in flow.steps)
    seen = set(queue)
    while queue:
        step = flow.steps[queue.popleft()]
        for target in (*(branch.to for _, way in ways(step) for branch in way), *phrases(step)):
            if target in flow.steps and target not in seen:
                seen.add(target)
                queue.append(target)
    return sorted(seen)


def _promises(flow: Flow, limits: Limits) -> Iterator[Mistake]:
    """Options that say a thing lead where limites.toml says that it is done."""
    made: set[str] = set()
    for step, option, words in _promising(flow, limits):
        made.add(words)
        targets = limits.promises[words]
        lead = f"key {option.key} says « {words} », but leads to"
        for target in _led(flow, step, option):
            if target not in targets and "promise" not in limits.exceptions.get(step.id, {}):
                yield _mistake(flow, step.id, f"{lead} {target}, not to {' or '.join(targets)}: put one of them right")
    for words, targets in limits.promises.items():
        if words not in made:
            yield Mistake(limits.file, "promises", f"no option says « {words} »: mend the words, or take it off")
        for target in set(targets) - flow.steps.keys() - {RETURN, RESUME}:
            wrong = f"« {words} » leads to '{target}', which is not a step{did_you_mean(target, flow.steps)}"
            yield Mistake(limits.file, "promises", wrong)


def _promising(flow: Flow, limits: Limits) -> Iterator[tuple[Step, Option, str]]:
    """Each option that says what limites.toml promises, with those words."""
    plain = {words: _plain(words) for words in limits.promises}
    for step in flow.steps.values() if plain else ():
        for option in _options(step):
            said = _plain(" ".join(piece.text for piece in option.pieces if isinstance(piece, Words)))
            yield from ((step, option, words) for words, known in plain.items() if known in said)


def _led(flow: Flow, step: Step, option: Option) -> list[str]:
    """Where the option's key may lead; 0 leads to the person where the step says nothing else."""
    way = step.keys.get(option.key) if isinstance(step, Menu | Run) else None
    return [branch.to for branch in way] if way else [flow.person] if option.key == "0" else []


def _plain(text: str) -> str:
    """The words alone: however its spaces, apostrophes and capitals are written."""
    return " ".join(text.casefold().replace("’", "'").split())


def _options(step: Step) -> Iterator[Option]:
    if isinstance(step, Menu | Run):
        for prompt in (step.prompt, *(cue.prompt for cue in step.cues)):
            yield from prompt.options


def _paths(flow: Flow, limits: Limits, seconds: Seconds) -> Iterator[Mistake]:
    """The calls of the dialogue go as they are written, in so many seconds of speech (U5)."""
    for path in limits.paths:
        where = (limits.file, f"paths.{path.name}")
        for fact in path.given:
            if fact not in flow.given:
                yield Mistake(*where, f"given: '{fact}' is not in ligne.toml [given]{did_you_mean(fact, flow.given)}")
        if unknown := next((step for step, _ in path.stops if step not in flow.steps), ""):
            yield Mistake(*where, f"'{unknown}' is not a step{did_you_mean(unknown, flow.steps)}")
            continue
        walk = walked(flow, path, seconds)
        if walk.astray:
            mend = f"put it right, or mend the path {path.name} of limites.toml"
            yield _mistake(flow, walk.at, f"{walk.astray}: {mend}")
        elif path.most and walk.heard.speech > path.most:
            wrong = f"speaks for {walk.heard.speech:.0f} s, and {path.most:g} are the most: shorten its steps"
            yield Mistake(*where, wrong)
