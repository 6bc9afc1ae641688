"""The values that a call is made of: prompts, step kinds, the flow. Frozen, and nothing but values.

The set of step kinds is closed (`Step`): the engine, the loader and the proofs `match` over it. This module must not
know how a script is written (`script`), how it is walked (`engine`) or how it is told to a carrier (`ivr.telephony`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

WORDS_A_MINUTE = 165
"""Pace of the French voice, used wherever no recording has been measured (dialogue.md, head)."""

GAP = 0.5
"""Silence between two spoken options, in seconds (dialogue.md C.2, U6)."""

RETURN = "@return"
"""The way back to the step that was interrupted by a pause or by key 0."""

RESUME = "@resume"
"""The way on to where an earlier call was cut, with what it had learnt (dialogue.md C.8)."""

NAME = "dépannage"
"""What a line calls itself, after « du », where its script says nothing else."""

Repeat = Literal["options", "all", "nothing"]
Part = Literal["all", "options"]


@dataclass(frozen=True, slots=True)
class Words:
    """Text that is spoken as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of so many seconds inside a prompt, written `[3 s]`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that is read back, written `{name}` or `{name:manner}`; the manner says how (digits, pairs, ...)."""

    name: str
    manner: str


Piece = Words | Pause | Slot


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording that is played `times` over, from its second `start` on; `words` is what it says."""

    name: str
    words: str
    seconds: float
    times: int = 1
    start: float = 0.0


READINGS = ("noting", "typing", "slowly", "radio")
"""The manners of a code, in groups of three: paced for a pen, for keys, slowly, and each digit explained."""


RECORDING = "recording"
"""The manner of what the caller has recorded: it is played back."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read or played from a reference, never from the slot itself: a code in its manner, a recording."""

    reference: str
    manner: str


Utterance = Words | Pause | Clip | Reading
"""What is left to carry once slots have values: words to say, silence, recordings to play, a code to read out."""


@dataclass(frozen=True, slots=True)
class Option:
    """One spoken choice, « Si le bouton devient bleu, tapez 1. », and the key that it names."""

    key: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said at a step: a body, then the options, spoken with `GAP` between them."""

    body: tuple[Piece, ...] = ()
    options: tuple[Option, ...] = ()

    def pieces(self, part: Part = "all") -> tuple[Piece, ...]:
        """The pieces to speak, gaps included: the whole prompt, or its options alone."""
        said = list(self.body) if part == "all" or not self.options else []
        for option in self.options:
            if said and not isinstance(said[-1], Pause):
                said.append(Pause(GAP))
            said.extend(option.pieces)
        return tuple(said)


@dataclass(frozen=True, slots=True)
class Cue:
    """Words spoken at a fixed second of a wait: after the prompt in a menu, after the count began in a hold."""

    at: float
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Branch:
    """One possible way on: taken when every fact in `when` is known and none in `unless`.

    Taking it teaches the facts in `sets`; `fills` are the slots that a command's outcome brings along.
    """

    to: str
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()


Way = tuple[Branch, ...]
"""The branches in order: the first that applies is taken; the last one has no condition."""


@dataclass(frozen=True, slots=True)
class Reprompt:
    """One more try: the phrase (id of a `say`) that comes first, then what of the step is said again."""

    say: str | None
    repeat: Repeat
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a step waits, in seconds, and what silence and wrong keys lead to, try after try."""

    wait: float
    no_input: tuple[Reprompt, ...]
    no_match: tuple[Reprompt, ...]
    no_input_give_up: Way
    no_match_give_up: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every kind of step has.

    `once` is a phrase said before the step the first time that any step names it. After `limit` visits, the way is
    `beyond`. An `aside` step interrupts the call (a pause, key 0): `RETURN` and `*` lead back to what it interrupted.
    `resume` is where a cut call goes on, `label` what the caller is told of it, `guide` the facts that are spoken.
    """

    id: str
    prompt: Prompt = field(default_factory=Prompt)
    label: str = ""
    resume: str = ""
    guide: tuple[str, ...] = ()
    once: str = ""
    sets: tuple[str, ...] = ()
    limit: int = 0
    beyond: Way = ()
    aside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Common):
    """An announcement that leads on by itself; without `next` it is a phrase, inserted before something else."""

    next: Way = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Common):
    """One key chooses. With `then`, the end of the wait is no error but leads there (a wait, not a question)."""

    keys: Mapping[str, Way]
    patience: Patience
    cues: tuple[Cue, ...] = ()
    tick: float = 0.0
    then: Way = ()


@dataclass(frozen=True, slots=True)
class Check:
    """What an entry must look like (a regular expression for the whole of it), else the phrase with the reason."""

    match: str
    say: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Common):
    """Digits into a slot: `least` to `most` of them, ended by the last one, by `#`, or by `inter_digit` seconds.

    `*` erases and starts again; with `dot`, `*` is the dot of an address and `**` erases. `keys` are single keys that
    lead elsewhere while nothing else has been typed. A `secret` slot is never stored in clear nor read back.
    """

    slot: str
    least: int
    most: int
    inter_digit: float
    next: Way
    patience: Patience
    checks: tuple[Check, ...] = ()
    dot: bool = False
    secret: bool = False
    keys: Mapping[str, Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Common):
    """A count of `seconds` with cues at given seconds, while the caller's hands are busy.

    Only 0 and `*` interrupt, and only when pressed twice: a cheek on the keypad must not cost a reset.
    """

    seconds: float
    next: Way
    cues: tuple[Cue, ...] = ()
    tick: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Common):
    """Work asked of a desk: a command with named outcomes; after `deadline` seconds the outcome is `late`.

    `needs` names the slots that are handed over. While it runs, the desk is asked again every `poll` seconds, a `tick`
    is heard every so many, `waiting` is said every `every` seconds, each of `cues` at its second, and `keys` lead on.
    """

    command: str
    outcomes: Mapping[str, Way]
    needs: tuple[str, ...] = ()
    deadline: float = 20.0
    waiting: str = ""
    every: float = 8.0
    poll: float = 2.0
    tick: float = 1.0
    cues: tuple[Cue, ...] = ()
    keys: Mapping[str, Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Common):
    """A message of at most `most` seconds, ended by `#`, by `silence` seconds of it, or by hanging up."""

    slot: str
    next: Way
    empty: Way
    most: float = 90.0
    silence: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Common):
    """A person's telephone (named, never a number in a script) rings for `ring` seconds; each result leads on."""

    to: str
    outcomes: Mapping[str, Way]
    ring: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUp(Common):
    """The end: a last sentence and how the call ended (its disposition)."""

    disposition: str


Step = Say | Menu | Entry | Hold | Run | Record | Transfer | HangUp

TRANSFER_OUTCOMES = ("answered", "busy", "no-answer", "failed")
LATE, UNAVAILABLE = "late", "unavailable"
"""Outcomes that every command may have: no answer within its deadline; nobody there to carry it out."""


@dataclass(frozen=True)
class Flow:
    """A whole script: steps by id, where calls start, and where the keys `**` and `0` lead.

    `name` is what the line calls itself, after « du »: « dépannage Gigaset ».
    `follow_up` is where a call starts that the line places to the repaired telephone; empty when it places none.
    `facts` have each a meaning; `given` are those that the line may know when a call begins, with the slots they fill.
    """

    steps: Mapping[str, Step]
    start: str
    menu: str
    person: str
    warning: str
    facts: Mapping[str, str] = field(default_factory=dict)
    long_call: float = 25 * 60.0
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    follow_up: str = ""
    name: str = NAME
    guide: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The slots whose values must never be stored: a password that was typed, say."""
        return frozenset(s.slot for s in self.steps.values() if isinstance(s, Entry) and s.secret)

    def texts(self) -> Iterator[tuple[str, Prompt]]:
        """Every prompt with its id, cues included (`step@second`)."""
        for step in self.steps.values():
            yield step.id, step.prompt
            if isinstance(step, Menu | Hold | Run):
                for cue in step.cues:
                    yield f"{step.id}@{cue.at:g}", cue.prompt


def ways(step: Step) -> Iterator[tuple[str, Way]]:
    """Every way out of a step, each with its name: `key 1`, `silence`, `wrong key`, `outcome late`, `next`, ..."""
    if step.beyond:
        yield f"visit {step.limit + 1}", step.beyond
    match step:
        case Say(next=way) if way:
            yield "next", way
        case Hold(next=way):
            yield "next", way
        case Menu() | Entry():
            yield from ((f"key {key}", way) for key, way in step.keys.items())
            yield "silence", silence(step)
            yield "wrong key", step.patience.no_match_give_up
            if isinstance(step, Entry):
                yield "next", step.next
        case Run() | Transfer():
            yield from ((f"outcome {name}", way) for name, way in step.outcomes.items())
            if isinstance(step, Run):
                yield from ((f"key {key}", way) for key, way in step.keys.items())
        case Record():
            yield "next", step.next
            yield "empty", step.empty


def resume_point(step: Step) -> str:
    """Where a call that was cut at this step goes on: at the beginning of its act; empty where none is told.

    A desk's work is not begun again by itself: the step before it is asked again, unless the script says otherwise.
    """
    if step.resume or not isinstance(step, Menu | Entry | Hold):
        return step.resume
    return step.id if step.label and not step.aside else ""


def silence(step: Menu | Entry) -> Way:
    """Where saying nothing ends up, once the step's patience is exhausted."""
    return (step.then if isinstance(step, Menu) else ()) or step.patience.no_input_give_up


def phrases(step: Step) -> Iterator[str]:
    """The ids of the phrases that a step inserts: before itself, before another try, with a refusal, while waiting."""
    if step.once:
        yield step.once
    match step:
        case Menu(patience=patience) | Entry(patience=patience):
            yield from (r.say for r in (*patience.no_input, *patience.no_match) if r.say)
            if isinstance(step, Entry):
                yield from (check.say for check in step.checks)
        case Run(waiting=phrase) if phrase:
            yield phrase


def seconds(pieces: tuple[Piece, ...]) -> float:
    """How long the pieces take to say, in seconds, at `WORDS_A_MINUTE` (a slot counts as ten words)."""
    total = 0.0
    for piece in pieces:
        match piece:
            case Words(text=text):
                total += len(text.split()) * 60 / WORDS_A_MINUTE
            case Pause(seconds=silence):
                total += silence
            case Slot():
                total += 10 * 60 / WORDS_A_MINUTE
    return total


def length_of(utterance: Utterance) -> float:
    """Seconds: of a clip as recorded, of words as estimated; a code that is read out counts for nothing."""
    match utterance:
        case Pause(seconds=length):
            return length
        case Clip(seconds=length, times=times):
            return length * times
        case Words():
            return seconds((utterance,))
        case Reading():
            return 0.0
