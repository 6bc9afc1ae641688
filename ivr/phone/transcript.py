"""Calls written as files: read `*.call`, play them on a Phone, and tell a failure so that it can be understood.

The phone hears words and clips; a `Book` says which prompt they are; a `Stage` carries out the verbs that are not a
telephone's (`restart`, `says …`) and knows how a call ended. Knows nothing of the line itself.

A colleague whom the line dials does nothing but what is written before he is dialled; by default he does not answer:

    agent answers and presses 1 and talks 60    he answers, accepts after the whisper, hangs up after 60 s of talk
    agent answers                               so does an answering machine: it presses nothing
    agent refuses                               he answers, hears the whisper, and hangs up
    agent is busy
    agent does not answer
    agent hears ID, "words"                     after the line has dialled: what he hears before they are connected
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from ivr.phone.agent import BUSY, NO_ANSWER, REFUSES, Agent
from ivr.phone.audio import normal
from ivr.phone.book import Book, Variant, choices, matches, quoted, told
from ivr.phone.ear import AgentEar, Ear
from ivr.phone.errors import CallError
from ivr.phone.log import Heard
from ivr.phone.phone import KEYS, MOST_SPEECH, Phone

ZONE = "Europe/Paris"  # the wall clock of `dial … at`


class TranscriptError(ValueError):
    """A transcript cannot be read; the message says file, line and mend."""


class TranscriptFailed(AssertionError):  # noqa: N818  it reports a failed test, not an error
    """The call went otherwise than written; the message says where, what was expected and what was heard."""


class UnknownVerb(LookupError):  # noqa: N818  what a Stage raises for a verb that is not its own
    """No such verb on this stage."""


class Stage(Protocol):
    """What surrounds the call in a test: the world it acts on, and what became of it."""

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """Carry out a verb that is not a telephone's; UnknownVerb if there is none. Let no time pass in it."""

    def disposition(self, call_sid: str) -> str | None:
        """Give how the call ended, None if that is not known."""


# What a line may ask.


@dataclass(frozen=True)
class Dial:
    """`dial from NUMBER|anonymous [to NUMBER] [at YYYY-MM-DD HH:MM]`; `at` in seconds since 1970, UTC."""

    caller: str
    called: str | None
    at: float | None


@dataclass(frozen=True)
class Words:
    """Quoted in a `hear`: some utterance, heard before the phone waits, holds these words."""

    text: str


@dataclass(frozen=True)
class Hear:
    """`hear ID, ID, "words"`."""

    items: tuple[str | Words, ...]


@dataclass(frozen=True)
class Press:
    """`press KEYS [early]`: early is a deliberate barge-in."""

    keys: str
    early: bool


@dataclass(frozen=True)
class Silence:
    """`silence [any]`: any does not care what is heard in it."""

    any: bool


@dataclass(frozen=True)
class Wait:
    """`wait SECONDS`; with `any`, whatever is heard in the meantime need not be listed."""

    seconds: float
    any: bool = False


@dataclass(frozen=True)
class Speak:
    """`speak SECONDS`; with `any`, whatever is heard in the meantime need not be listed."""

    seconds: float
    any: bool = False


@dataclass(frozen=True)
class Drop:
    """`drop [early]`: early is in the middle of what is said."""

    early: bool


@dataclass(frozen=True)
class Again:
    """`again`."""


@dataclass(frozen=True)
class AgentIs:
    """`agent answers [and presses KEYS] [and talks SECONDS]`, or refuses, is busy, does not answer."""

    agent: Agent


@dataclass(frozen=True)
class AgentHears:
    """`agent hears ID, ID, "words"`."""

    items: tuple[str | Words, ...]


@dataclass(frozen=True)
class HungUp:
    """`hung up[, DISPOSITION]`."""

    disposition: str | None


@dataclass(frozen=True)
class Staged:
    """Any other verb, for the Stage."""

    name: str
    args: tuple[str, ...]


Step = Dial | Hear | Press | Silence | Wait | Speak | Drop | Again | AgentIs | AgentHears | HungUp | Staged


@dataclass(frozen=True)
class Line:
    """One line of a transcript: its number from 1, its text, and what it asks."""

    number: int
    text: str
    step: Step


@dataclass(frozen=True)
class Transcript:
    """One call: the sentence that it proves, and its lines."""

    name: str
    proves: str
    lines: tuple[Line, ...]


# Reading.


def read(path: Path) -> Transcript:
    """Read a transcript's file; TranscriptError says what is wrong with it, and where."""
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, name: str) -> Transcript:
    """Read a transcript; `name` is its file's, for messages. TranscriptError says what is wrong with it, and where."""
    rows = text.splitlines()
    if not rows or not re.match(r"#\s*\S", rows[0]):
        raise TranscriptError(f"{name}:1: the first line must say what the call proves; begin with '# ' and a sentence")
    lines = [
        Line(number, row.strip(), _step(row.strip(), f"{name}:{number}"))
        for number, row in enumerate(rows, 1)
        if row.strip() and not row.lstrip().startswith("#")
    ]
    if not lines:
        raise TranscriptError(f"{name}:{len(rows)}: nothing happens; go on with 'dial from +33639980001'")
    return Transcript(name, rows[0].lstrip("# ").strip(), tuple(lines))


def _step(text: str, where: str) -> Step:
    verb, _, rest = text.partition(" ")
    if text.partition(",")[0] == "hung up":
        return HungUp(normal(text.partition(",")[2]) or None)
    if (read_verb := _VERBS.get(verb)) is None:
        return Staged(verb, tuple(word.strip('"') for word in re.findall(r'"[^"]*"|\S+', rest)))
    form, reader = read_verb
    if (step := reader(rest.strip())) is None:
        raise TranscriptError(f"{where}: cannot read '{text}'; write '{form}'")
    return step


def _dial(rest: str) -> Step | None:
    found = re.fullmatch(r"from (\S+)(?: to (\+\d+))?(?: at (\d{4}-\d\d-\d\d \d\d:\d\d))?", rest)
    if not found or not re.fullmatch(r"\+\d+|anonymous", found[1]):
        return None
    try:
        return Dial(found[1], found[2], epoch(found[3]) if found[3] else None)
    except ValueError:
        return None


def epoch(wall: str) -> float:
    """Give the instant of a wall clock in Paris, `2026-11-23 21:40`, in seconds since 1970, UTC; ValueError else."""
    return datetime.strptime(wall, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(ZONE)).timestamp()


def _hear(rest: str) -> Step | None:
    item = r'\s*("[^"]+"|[\w./@-]+)\s*'
    if not re.fullmatch(f"{item}(,{item})*", rest):
        return None
    found = re.findall(r'"[^"]+"|[\w./@-]+', rest)
    return Hear(tuple(Words(normal(item.strip('"'))) if item.startswith('"') else item for item in found))


def _press(rest: str) -> Step | None:
    keys, _, early = rest.partition(" ")
    return Press(keys, early == "early") if keys and KEYS.issuperset(keys) and early in {"", "early"} else None


def _seconds(rest: str) -> float | None:
    return float(rest) if re.fullmatch(r"\d+(\.\d+)?", rest) else None


def _for(kind: type[Wait] | type[Speak]) -> Callable[[str], Step | None]:
    """The reader of `SECONDS [any]`."""

    def read_seconds(rest: str) -> Step | None:
        length, _, any_ = rest.partition(" ")
        return None if (seconds := _seconds(length)) is None or any_ not in {"", "any"} else kind(seconds, bool(any_))

    return read_seconds


def _agent(rest: str) -> Step | None:
    if rest.startswith("hears "):
        hear = _hear(rest.removeprefix("hears "))
        return AgentHears(hear.items) if isinstance(hear, Hear) else None
    if rest in _AGENTS:
        return AgentIs(_AGENTS[rest])
    found = re.fullmatch(r"answers(?: and presses ([0-9*#]+))?(?: and talks (\d+(?:\.\d+)?))?", rest)
    if not found:
        return None
    talks = float(found[2]) if found[2] else Agent.talks
    return AgentIs(Agent(presses=(found[1],) if found[1] else (), talks=talks))


_AGENTS = {"is busy": BUSY, "does not answer": NO_ANSWER, "refuses": REFUSES}


def _only(word: str, step: Callable[[bool], Step]) -> Callable[[str], Step | None]:
    return lambda rest: step(rest == word) if rest in {"", word} else None


_VERBS: Mapping[str, tuple[str, Callable[[str], Step | None]]] = {
    "dial": ("dial from NUMBER|anonymous [to NUMBER] [at YYYY-MM-DD HH:MM]", _dial),
    "hear": ('hear ID, ID, "some words"', _hear),
    "press": ("press KEYS [early]", _press),
    "silence": ("silence [any]", _only("any", Silence)),
    "wait": ("wait SECONDS [any]", _for(Wait)),
    "speak": ("speak SECONDS [any]", _for(Speak)),
    "drop": ("drop [early]", _only("early", Drop)),
    "agent": ("agent answers [and presses KEYS] [and talks SECONDS]|refuses|is busy|does not answer|hears ID", _agent),
    "again": ("again", lambda rest: None if rest else Again()),
    "hung": ("hung up[, DISPOSITION]", lambda _rest: None),
}


# Playing.


def play(transcript: Transcript, phone: Phone, book: Book, stage: Stage | None = None) -> None:
    """Play a call as written.

    Raises TranscriptFailed at the first line that goes otherwise: with what was expected, what was heard instead, and
    the call so far.
    """
    player = Player(phone, book, stage)
    for line in transcript.lines:
        with _failing_at(transcript, line, phone):
            player.play(line.step)
    with _failing_at(transcript, transcript.lines[-1], phone):
        player.check_all_listed()


@contextmanager
def _failing_at(transcript: Transcript, line: Line, phone: Phone) -> Iterator[None]:
    try:
        yield
    except Differs as error:
        raise _failed(transcript, line, phone, str(error)) from None
    except CallError as error:
        raise _failed(transcript, line, phone, error.sentence) from error


def _failed(transcript: Transcript, line: Line, phone: Phone, why: str) -> TranscriptFailed:
    return TranscriptFailed(
        f"{transcript.name}:{line.number}: {line.text}\n{why}\n"
        f"It was to prove: {transcript.proves}\nThe call so far:\n{phone.so_far()}"
    )


class Differs(Exception):  # noqa: N818  becomes a TranscriptFailed
    """The line at hand goes otherwise."""


class _EmptyStage:
    """The stage when none was given."""

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        raise UnknownVerb(name)


class Player:
    """Plays one transcript's steps. What its caller has heard must be listed before the next act."""

    def __init__(self, phone: Phone, book: Book, stage: Stage | None) -> None:
        self._phone = phone
        self._book = book
        self._stage = stage
        self._ear = Ear(phone)
        self._agent_ear = AgentEar(phone)

    def play(self, step: Step) -> None:
        """Play one step. Raises CallError, or Differs where it goes otherwise."""
        match step:
            case Hear(items):
                for item in items:
                    self._hear(item, self._ear)
            case AgentHears(items):
                self._agent_ear.skips = self._ear.loosely
                for item in items:
                    self._hear(item, self._agent_ear)
            case AgentIs(agent):
                self._phone.agent = agent
            case Again():
                self._again()
            case Staged(name, args):
                self._staged(name, args)
            case _:
                self._check_listed(step)
                self._act(step)
                self._ear.last, self._ear.loosely, self._agent_ear.last = None, False, None

    def _act(self, step: Step) -> None:
        match step:
            case Dial():
                self._dial(step)
            case Press(keys):
                self._phone.press(keys)
            case Silence(any_):
                self._pend(self._phone.silence(), any_)
            case Wait(seconds, any_):
                self._pend(self._phone.wait(seconds), any_)
            case Speak(seconds, any_):
                self._pend(self._phone.speak(seconds), any_)
            case Drop():
                self._phone.drop()
            case HungUp(disposition):
                self._hung_up(disposition)

    def _pend(self, heard: list[Heard], any_: bool) -> None:
        """What was heard is to be listed, unless the step does not care."""
        self._ear.pending += [] if any_ else heard

    # What was heard must be what was listed.

    def check_all_listed(self) -> None:
        """Fail on what was heard and is in no `hear`."""
        if self._ear.pending:
            raise Differs(f"also heard, and listed in no 'hear' since:\n{told(self._book, self._ear.pending)}")

    def _check_listed(self, step: Step) -> None:
        """Fail before an act if something was, or is just being, said that is not listed."""
        phone = self._phone
        if self._ear.loosely:
            self._ear.pending.clear()
        self.check_all_listed()
        if not phone.call_sid or phone.ended or _bides(step):
            return
        if self._ear.loosely:
            phone.hear_out()
        elif what := phone.coming():
            told_it = quoted(self._book, what)
            raise Differs(
                f"also heard: {told_it}\nlist it in a 'hear' before this line, or cut it short with 'press KEYS early'"
            )

    def _hear(self, item: str | Words, ear: Ear) -> None:
        match item:
            case Words(text):
                self._hear_words(text, ear)
            case prompt:
                self._hear_prompt(prompt, ear)

    def _hear_words(self, text: str, ear: Ear) -> None:
        """Hear on until an utterance holds the words; the one heard last may."""
        heard: list[Heard] = []
        utterance = ear.last or ear.next()
        while utterance and text.casefold() not in normal(f"{utterance.what} {utterance.title}").casefold():
            heard.append(utterance)
            utterance = ear.next()
        ear.loosely = True
        if utterance is None:
            raise Differs(f'expected: the words "{text}"\nheard:\n{told(self._book, heard)}\n{ear.why_no_more()}')
        ear.last = utterance

    def _hear_prompt(self, prompt: str, ear: Ear) -> None:
        """Hear exactly one of the prompt's variants, utterance by utterance."""
        variants = self._variants(prompt)
        heard: list[Heard] = []
        alive = variants
        while not self._is_whole(alive, len(heard), ear):
            utterance = ear.next()
            heard += [utterance] if utterance else []
            at = len(heard) - 1
            alive = [way for way in alive if utterance and len(way) > at and matches(way[at], utterance)]
            if not alive:
                end = "" if utterance else f"\n{ear.why_no_more()}"
                instead = told(self._book, heard) or "  nothing"
                raise Differs(f"expected: {prompt}\n{_ways(variants)}\nheard:\n{instead}{end}")
        ear.loosely = False

    def _variants(self, prompt: str) -> list[Variant]:
        try:
            return list(self._book.variants(prompt))
        except KeyError:
            raise Differs(f"there is no prompt {prompt!r}; look it up in the script, or quote its words") from None

    def _is_whole(self, alive: Sequence[Variant], size: int, ear: Ear) -> bool:
        """Whether some variant has been heard whole, and none of the longer ones goes on."""
        longer = [way for way in alive if len(way) > size]
        return len(longer) < len(alive) and not (longer and ear.goes_on([way[size] for way in longer]))

    # The verbs that take more than a line.

    def _dial(self, dial: Dial) -> None:
        phone = self._phone
        if dial.at is not None:
            if phone.call_sid and dial.at < phone.clock.now():
                raise Differs("this call would begin before the one above it has ended; give it a later hour")
            phone.clock.set(dial.at)
        phone.caller, phone.called = dial.caller, dial.called or phone.called
        phone.dial()

    def _again(self) -> None:
        first, second = self._phone.last_answer, self._phone.again()
        if first != second:
            raise Differs(
                f"the webhook delivered twice got another answer; it must get the same bytes\n"
                f"first:  {first.decode(errors='replace')}\nsecond: {second.decode(errors='replace')}"
            )

    def _hung_up(self, disposition: str | None) -> None:
        phone = self._phone
        while phone.seconds < MOST_SPEECH and (heard := phone.hear()):
            self._ear.pending.append(heard)
        if not phone.ended:
            raise Differs(f"the line has not hung up: {self._ear.why_no_more()}")
        if disposition is not None and (found := self._disposition()) != disposition:
            raise Differs(f"expected: the call ended as {disposition!r}\nfound:    {found!r}")

    def _disposition(self) -> str | None:
        if self._stage is None:
            raise Differs("no stage was given, so nobody knows how the call ended; write 'hung up' alone")
        return self._stage.disposition(self._phone.call_sid)

    def _staged(self, name: str, args: tuple[str, ...]) -> None:
        try:
            (self._stage or _EmptyStage()).verb(name, args, self._phone)
        except UnknownVerb:
            close = get_close_matches(name, _VERBS, 1)
            mend = f"did you mean {close[0]!r}?" if close else f"a telephone has {', '.join(_VERBS)} up"
            raise Differs(f"there is no verb {name!r}, on the telephone or on the stage; {mend}") from None


def _bides(step: Step) -> bool:
    """Whether a step may come while the line speaks."""
    match step:
        case Press(early=True) | Drop(early=True) | Silence(any=True) | Wait() | Speak():
            return True
        case _:
            return False


def _ways(variants: Sequence[Variant]) -> str:
    return "\n  or\n".join("\n".join(f'  "{" | ".join(sorted(choices(one)))}"' for one in way) for way in variants)
