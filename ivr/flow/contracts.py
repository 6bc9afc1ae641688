"""What a script may ask of the line that walks it, and what of that it asks wrongly.

The line says what it has (`World`): the commands that its desks carry out, each with its outcomes and the slots that
these bring; the facts that it may know when a call begins; the people it can ring; how a call may end; its texts. A
script that asks for anything else would get no answer at the worst moment. Pure; what this line has is told by
`ivr.desk.commands`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from ivr.flow.mistakes import Mistake, did_you_mean
from ivr.flow.model import LATE, UNAVAILABLE, Flow, HangUp, Run, Step, Transfer

ALWAYS = (LATE, UNAVAILABLE)
"""Outcomes that every command may have."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One command: its `outcomes`, each with the slots that it brings; the slots that it `needs`, and `may` use.

    `texts` are the SMS that it sends, by their names in sms.toml.
    """

    outcomes: Mapping[str, tuple[str, ...]]
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What a line has for a script: see the head. `given` maps each fact to the slots that it fills."""

    commands: Mapping[str, Contract]
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Collection[str] = ()
    dispositions: Collection[str] = ()


def findings(flow: Flow, world: World, texts: Collection[str] = ()) -> Iterator[Mistake]:
    """Everything that the script asks for and the line has not; `texts` are the names in the script's sms.toml."""
    for step in flow.steps.values():
        for problem in _problems(step, world, texts):
            yield Mistake(flow.files[step.id], step.id.partition(".")[2], problem)
    yield from _given(flow, world)


def _problems(step: Step, world: World, texts: Collection[str]) -> Iterator[str]:
    match step:
        case Run(command=command):
            contract = world.commands.get(command)
            if contract is None:
                near = did_you_mean(command, world.commands)
                yield f"no desk carries out the command '{command}'{near}; README.md names those that there are"
            else:
                yield from _outcomes(step, contract)
                yield from _needs(step, contract)
                yield from _texts(step, contract, texts)
        case Transfer(to=person) if person not in world.people:
            yield f"nobody is called '{person}'; write {' or '.join(map(repr, sorted(world.people)))}"
        case HangUp(disposition=end) if end not in world.dispositions:
            known = ", ".join(world.dispositions)
            near = did_you_mean(end, world.dispositions)
            yield f"no call ends as '{end}'{near}; a disposition is one of {known}"


def _outcomes(step: Run, contract: Contract) -> Iterator[str]:
    for name in sorted(contract.outcomes.keys() - step.outcomes.keys()):
        yield f"outcome '{name}' of {step.command} is missing: say where it leads"
    for name, way in step.outcomes.items():
        if name not in contract.outcomes and name not in ALWAYS:
            near = did_you_mean(name, contract.outcomes)
            yield f"{step.command} never has the outcome '{name}'{near}; else take it off"
            continue
        brought = contract.outcomes.get(name, ())
        for slot in sorted({slot for branch in way for slot in branch.fills} - set(brought)):
            what = f"it brings {', '.join(brought)}" if brought else "it brings nothing"
            yield f"outcome '{name}' of {step.command} does not bring '{slot}': {what}"


def _needs(step: Run, contract: Contract) -> Iterator[str]:
    for slot in contract.needs:
        if slot not in step.needs:
            yield f"{step.command} needs the slot '{slot}': write needs = [\"{slot}\"], with the others"
    for slot in step.needs:
        if slot not in (*contract.needs, *contract.may):
            yield f"{step.command} does nothing with the slot '{slot}': take it off needs"


def _texts(step: Run, contract: Contract, texts: Collection[str]) -> Iterator[str]:
    for text in contract.texts:
        if text not in texts:
            yield f"{step.command} sends the SMS '{text}', which sms.toml does not have: write it there as [{text}]"


def _given(flow: Flow, world: World) -> Iterator[Mistake]:
    file = f"{next(iter(flow.files.values()), 'prompts/').rpartition('/')[0]}/ligne.toml"
    for fact, slots in flow.given.items():
        if fact not in world.given:
            near = did_you_mean(fact, world.given)
            known = ", ".join(world.given)
            yield Mistake(file, "given", f"the line never gives the fact '{fact}'{near}; it may give {known}")
            continue
        for slot in sorted(set(slots) - set(world.given[fact])):
            brought = ", ".join(world.given[fact]) or "none"
            yield Mistake(file, "given", f"'{fact}' does not fill '{slot}': the slots that it fills are {brought}")
