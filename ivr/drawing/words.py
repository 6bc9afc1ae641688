"""What is written on a picture of the flow, in French: the kind of a step, what it says, why an arrow is taken.

It must not know how a picture is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ivr.flow.chart import Arrow, Reason
from ivr.flow.model import (
    RESUME,
    RETURN,
    Cue,
    Entry,
    HangUp,
    Hold,
    Menu,
    Piece,
    Prompt,
    Record,
    Run,
    Say,
    Step,
    Transfer,
)
from ivr.flow.text import in_marks

RETURNS = {RETURN: "là où l’on était", RESUME: "là où l’appel fut coupé"}
"""Where the ways lead that lead to no step of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a box: what is said (with its key, for an option), or a remark about it, in lines."""

    text: str
    key: str = ""
    said: bool = True


def kind(step: Step) -> str:
    """What a step is, in a word."""
    match step:
        case Say(next=()):
            return "phrase"
        case Say():
            return "annonce" if step.prompt.pieces() else "aiguillage"
        case Menu():
            return "attente" if step.then else "question"
        case Entry():
            return "saisie"
        case Hold():
            return "compte"
        case Run():
            return "travail"
        case Record():
            return "message"
        case Transfer():
            return "conseiller"
        case HangUp():
            return "fin"


def rows(step: Step) -> Iterator[Row]:
    """What is heard at a step, line by line, and what the step does besides."""
    if step.once:
        yield Row(f"une fois par appel, d’abord\u00a0: {step.once}", said=False)
    if body := in_marks(step.prompt.body):
        yield Row(body)
    for option in step.prompt.options:
        yield Row(in_marks(option.pieces), key=option.key)
    if remark := what_it_does(step):
        yield Row(remark, said=False)
    if isinstance(step, Menu | Hold | Run) and step.cues:
        yield Row(_cues(step.cues), said=False)


def _cues(cues: Sequence[Cue]) -> str:
    return "\n".join(f"à {cue.at:g} s\u00a0: {in_marks(words_of(cue.prompt))}" for cue in cues)


def words_of(prompt: Prompt) -> tuple[Piece, ...]:
    """The pieces of a prompt without the gaps between its options."""
    return (*prompt.body, *(piece for option in prompt.options for piece in option.pieces))


def what_it_does(step: Step) -> str:
    """What the step does besides speaking; empty where it does nothing else."""
    match step:
        case Entry(slot=slot, least=least, most=most, secret=secret):
            digits = f"{most}" if least == most else f"{least} à {most}"
            return f"{digits} chiffres dans {{{slot}}}{', jamais gardés' if secret else ''}"
        case Hold(seconds=seconds):
            return f"compte {seconds:g} s"
        case Run(command=command, deadline=deadline):
            return f"demande\u00a0: {command} ({deadline:g} s au plus)"
        case Record(slot=slot, most=most):
            return f"enregistre {{{slot}}}, {most:g} s au plus"
        case Transfer(to=to, ring=ring):
            return f"fait sonner\u00a0: {to} ({ring:g} s)"
        case HangUp(disposition=disposition):
            return f"raccroche\u00a0: {disposition}"
        case _:
            return ""


def reasons(arrow: Arrow, step: Step) -> str:
    """Why an arrow is taken, short: « 1, 2 », « 3 silences », « si ouvert »; empty where it goes on by itself."""
    return ", ".join(filter(None, dict.fromkeys(because(reason, step) for reason in arrow.reasons)))


def because(reason: Reason, step: Step) -> str:
    """One reason: what happens, and what must be known."""
    return " ".join(filter(None, (_cause(reason.name, step), _condition(reason))))


def _cause(name: str, step: Step) -> str:
    what, _, of = name.partition(" ")
    match what:
        case "key" | "outcome":
            return of
        case "visit":
            return f"au {of}ᵉ passage"
        case "empty":
            return "rien n’est dit"
        case "silence" if isinstance(step, Menu) and step.then:
            return f"après {step.patience.wait:g} s"
        case "silence" if isinstance(step, Menu | Entry):
            return _times(len(step.patience.no_input) + 1, "silence")
        case "wrong" if isinstance(step, Menu | Entry):
            return _times(len(step.patience.no_match) + 1, "faute")
        case _:
            return ""


def _times(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}"


def _condition(reason: Reason) -> str:
    known, unknown = " et ".join(reason.branch.when), " ni ".join(reason.branch.unless)
    told = " ".join(filter(None, (known and f"si {known}", unknown and f"sauf {unknown}")))
    return told or ("sinon" if reason.otherwise else "")
