"""TwiML: what the caller gets, as the carrier must be told it.

Every wait is a `Gather` around all that is said, so that a key interrupts; every `Gather` is followed by a `Redirect`,
so that silence comes back to us (twilio.com/docs/voice/twiml/gather). What is constant is rendered once and kept; only
the address of the next turn differs. Text is reduced to the characters that XML 1.0 allows: an illegal one is Twilio
error 12100 and the end of the call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Protocol
from xml.sax.saxutils import escape, quoteattr

from ivr.flow.engine import Action, Command, Connect, Count, End, Listen, Poll, Speak, Tape
from ivr.flow.model import (
    Clip,
    Cue,
    Entry,
    Flow,
    Hold,
    Menu,
    Pause,
    Reading,
    Record,
    Run,
    Transfer,
    Utterance,
    Words,
    length_of,
)

VOICE = "Polly.Lea-Neural"
"""The carrier's French neural voice (twilio.com/docs/voice/twiml/say/text-speech)."""

AFTER_A_KEY = 0.5
"""Silence before an answer, in seconds: the mobile goes back to the ear (dialogue.md C.2)."""

BETWEEN_PROMPTS = 0.25
"""Silence between two prompts that follow each other, in seconds (dialogue.md p10)."""

SHORTEST_SILENCE = 0.05
"""Seconds; less is not heard."""

LAST_SECONDS = 5.0
"""The end of a wait with ticks is left to the carrier's own time-out, in seconds."""

SLOW_RATE = "85%"

MOST_BYTES = 64 * 1024
"""Larger TwiML is refused by Twilio, error 11750."""

CONTENT_TYPE = "text/xml; charset=utf-8"

KEPT = 1_024
"""Answers that are kept: every step a few times over; those that hold what one caller typed push one another out."""

_ADDRESS = "\x00"
"""Stands in a kept answer where the address of the next turn goes; no text can hold it (see `xml_text`)."""

_READING = "\x01"
_READINGS = re.compile(f"{_READING}([a-z]+)[|]([^{_READING}]*){_READING}")
"""Stands where a code is read out."""

Read = Callable[[str, str], str]

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Speaker(Protocol):
    """Turns prompts into utterances (`ivr.speech.speaker`)."""

    def prompt(self, speak: Speak) -> tuple[Utterance, ...]:
        """A prompt, or its options alone."""
        ...

    def cue(self, cue: Cue, *, slow: bool = False) -> tuple[Utterance, ...]:
        """What is said at a second of a wait."""
        ...

    def wait(self, gap: float, every: float) -> tuple[Utterance, ...]:
        """Seconds of silence, with a comfort tick every so many."""
        ...

    def hold(self, step: Hold, start: float) -> tuple[Utterance, ...]:
        """A hold from this second of it on."""
        ...

    def silence(self, seconds: float) -> Clip:
        """Silence that is played, exact to the millisecond."""
        ...


class Renderer:
    """Renders answers of one flow. `audio` is the address that clips lie under, `numbers` are people's telephones.

    Without `audio` nothing is fetched: silences last whole seconds, and the speaker must know no clips.

    `own_number` is the caller id of every outgoing leg: with the customer's, providers refuse the call (error 13214).
    """

    def __init__(
        self,
        flow: Flow,
        speaker: Speaker,
        *,
        audio: str = "",
        numbers: Mapping[str, str] | None = None,
        own_number: str = "",
    ) -> None:
        self._flow, self._speaker, self._audio = flow, speaker, audio
        self._numbers, self._own_number = numbers or {}, own_number
        self._kept = lru_cache(maxsize=KEPT)(self._template)

    def answer(self, actions: tuple[Action, ...], address: str, *, first: bool, read: Read | None = None) -> bytes:
        """The document for these actions. `address` leads to the next turn, up to its last part; `first` for turn 0.

        `read` gives the verbs that read a code out, from a manner and a reference: what they are is never kept here.
        """
        kept = self._kept(actions, first).replace(_ADDRESS, address)
        if read and _READING in kept:
            kept = _READINGS.sub(lambda found: read(found[1], found[2]), kept)
        return kept.encode()

    def _template(self, actions: tuple[Action, ...], first: bool) -> str:
        *spoken, wait = actions
        said: list[Utterance] = [] if first else [Pause(AFTER_A_KEY)]
        slow = False
        for action in spoken:
            if isinstance(action, Speak):
                said += [*self._speaker.prompt(action), Pause(BETWEEN_PROMPTS)]
                slow = slow or action.slow
        return document(self._waiting(wait, said[:-1] if spoken else said, slow))

    def _waiting(self, wait: Action, said: list[Utterance], slow: bool) -> str:
        match wait:
            case Listen(step=step_id, keys=keys):
                return self._listening(step_id, keys, said, slow)
            case Count(step=step_id, start=start):
                return gather(self._verbs([*said, *self._holding(step_id, start)], slow=False), timeout=1)
            case Poll(step=step_id, seconds=pause):
                return gather(self._verbs([*said, *self._ticking(step_id, pause - 1)], slow), timeout=1)
            case Tape(step=step_id):
                return self._verbs(said, slow) + self._record(step_id)
            case Connect(step=step_id):
                return self._verbs(said, slow) + self._dial(step_id)
            case End():
                return self._verbs(said, slow) + "<Hangup/>"
            case Speak() | Command():
                raise ValueError(f"an answer must end with a wait, not with {wait!r}")

    def _listening(self, step_id: str, keys: int, said: list[Utterance], slow: bool) -> str:
        match self._flow.steps[step_id]:
            case Menu() as menu:
                waited = self._cues(menu, slow)
                left = menu.patience.wait - sum(map(length_of, waited))
                return gather(self._verbs([*said, *waited], slow), timeout=round(left))
            case Entry(patience=patience, inter_digit=inter_digit):
                said.append(Pause(float(round(max(patience.wait - inter_digit, 0)))))
                return gather(self._verbs(said, slow), timeout=round(inter_digit), digits=keys, finish="#")
            case step:
                raise ValueError(f"nothing listens at {step.id}")

    def _cues(self, menu: Menu, slow: bool) -> list[Utterance]:
        """What is heard while a menu waits: each cue at its second after the prompt, ticks between."""
        heard: list[Utterance] = []
        now = 0.0
        for cue in menu.cues:
            said = self._speaker.cue(cue, slow=slow)
            heard += [*self._speaker.wait(cue.at - now, menu.tick), *said]
            now = max(now, cue.at) + sum(map(length_of, said))
        if menu.tick:
            heard += self._speaker.wait(menu.patience.wait - now - LAST_SECONDS, menu.tick)
        return heard

    def _ticking(self, step_id: str, seconds: float) -> tuple[Utterance, ...]:
        """What is heard while a desk works: a line that ticks is alive (dialogue.md U7)."""
        step = self._flow.steps[step_id]
        assert isinstance(step, Run)  # noqa: S101 - narrowing for the type checker
        return self._speaker.wait(seconds, step.tick)

    def _holding(self, step_id: str, start: float) -> tuple[Utterance, ...]:
        step = self._flow.steps[step_id]
        assert isinstance(step, Hold)  # noqa: S101 - narrowing for the type checker
        return self._speaker.hold(step, start)

    def _record(self, step_id: str) -> str:
        step = self._flow.steps[step_id]
        assert isinstance(step, Record)  # noqa: S101 - narrowing for the type checker
        return element(
            "Record",
            action=f"{_ADDRESS}recorded",
            finishOnKey="#",
            maxLength=f"{step.most:.0f}",
            method="POST",
            timeout=f"{step.silence:.0f}",
        )

    def _dial(self, step_id: str) -> str:
        step = self._flow.steps[step_id]
        assert isinstance(step, Transfer)  # noqa: S101 - narrowing for the type checker
        who = element("Number", self._numbers[step.to], method="POST", url=f"{_ADDRESS}agent")
        caller = {"callerId": self._own_number} if self._own_number else {}
        return element("Dial", who, action=f"{_ADDRESS}dialled", method="POST", timeout=f"{step.ring:.0f}", **caller)

    def _verbs(self, said: Sequence[Utterance], slow: bool) -> str:
        """Utterances as verbs. A carrier's pause lasts whole seconds: what is left of one is silence beside it.

        Between words that is a break in the same `Say`, which keeps the melody; beside a clip it is a clip of silence.
        """
        verbs: list[str] = []
        ssml: list[str] = []
        for utterance, beside in zip(said, _beside(said), strict=True):
            match utterance:
                case Words(text=text):
                    ssml += [" "] if ssml and not ssml[-1].startswith("<") else []
                    ssml.append(xml_text(text))
                    continue
                case Pause(seconds=silence) if silence < 1 and not any(isinstance(other, Clip) for other in beside):
                    ssml += _break(silence)
                    continue
                case Pause(seconds=silence):
                    played = self._pause(silence)
                case Clip() as clip:
                    played = [self._play(clip)]
                case Reading(reference=reference, manner=manner):
                    played = [f"{_READING}{manner}|{reference}{_READING}"]
            verbs += [*_say(ssml, slow), *played]
            ssml = []
        return "".join((*verbs, *_say(ssml, slow)))

    def _pause(self, silence: float) -> list[str]:
        whole, rest = divmod(round(max(silence, 0.0), 3), 1)
        pause = [f'<Pause length="{int(whole)}"/>'] if whole else []
        is_heard = rest >= SHORTEST_SILENCE and self._audio
        return pause + ([self._play(self._speaker.silence(rest))] if is_heard else [])

    def _play(self, clip: Clip) -> str:
        start = f"?from={round(clip.start * 1000)}" if clip.start > 0 else ""
        loop = {"loop": str(clip.times)} if clip.times > 1 else {}
        return element("Play", xml_text(f"{self._audio}{clip.name}{start}"), **loop)


def _beside(said: Sequence[Utterance]) -> Iterator[tuple[Utterance, ...]]:
    """For each utterance, the one before and the one after it."""
    for at in range(len(said)):
        yield (*said[max(at - 1, 0) : at], *said[at + 1 : at + 2])


def _break(silence: float) -> list[str]:
    return [f'<break time="{round(silence * 1000)}ms"/>'] if silence >= SHORTEST_SILENCE else []


def _say(ssml: list[str], slow: bool) -> list[str]:
    """One `Say`, or nothing when there is nothing to say."""
    if not ssml:
        return []
    text = "".join(ssml)
    inside = f'<prosody rate="{SLOW_RATE}">{text}</prosody>' if slow else text
    return [f'<Say language="fr-FR" voice="{VOICE}">{inside}</Say>']


def play(address: str) -> str:
    """Play one file."""
    return element("Play", xml_text(address))


def say(sentence: str) -> str:
    """Say one sentence in the carrier's voice."""
    return "".join(_say([xml_text(sentence)], slow=False))


def document(verbs: str) -> str:
    """A whole TwiML document."""
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'


def gather(nested: str, *, timeout: int, digits: int = 1, finish: str = "") -> str:
    """Listen for keys while the nested verbs play; silence redirects to the next turn.

    `timeout` seconds count from the end of what is played, and between keys; with `finish` empty, `#` and `*` are keys
    like any other (twilio.com/docs/voice/twiml/gather#finishonkey).
    """
    wait = element(
        "Gather",
        nested,
        action=f"{_ADDRESS}key",
        finishOnKey=finish,
        input="dtmf",
        method="POST",
        numDigits=str(digits),
        timeout=str(max(timeout, 1)),
    )
    return wait + element("Redirect", f"{_ADDRESS}silence", method="POST")


def element(verb: str, inside: str = "", **attributes: str) -> str:
    """One verb; `inside` is markup already, attribute values are escaped here."""
    written = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{verb}{written}>{inside}</{verb}>" if inside else f"<{verb}{written}/>"


def xml_text(text: str) -> str:
    """The text escaped, without the characters that XML 1.0 forbids."""
    return escape(_ILLEGAL.sub("", text))


def notice(sentence: str) -> bytes:
    """A last sentence, then the end: for a request that is signed but is no call of ours."""
    return document("".join((*_say([xml_text(sentence)], slow=False), "<Hangup/>"))).encode()


def whisper(sentence: str, accept: str) -> bytes:
    """What a person hears who has picked up, before anybody is put through: one key takes the call.

    Said twice; then it hangs up, so that a voicemail never swallows a customer. `accept` is where the key leads
    (twilio.com/docs/voice/twiml/number, url).
    """
    said = say(sentence)
    listen = element(
        "Gather", said, action=accept, finishOnKey="", input="dtmf", method="POST", numDigits="1", timeout="6"
    )
    return document(f"{listen}{listen}<Hangup/>").encode()


def through() -> bytes:
    """Put the two through: a whisper's document that ends is the sign for it."""
    return document("").encode()


def over() -> bytes:
    """Hang up."""
    return document("<Hangup/>").encode()


def dial(number: str, caller_id: str, action: str, seconds: int) -> bytes:
    """Ring a number for so many seconds, under ours; what becomes of it is told to `action`."""
    who = element("Number", number)
    call = element("Dial", who, action=action, callerId=caller_id, method="POST", timeout=str(seconds))
    return document(call).encode()


def prefaced(answer: bytes, sentence: str) -> bytes:
    """An answer, and a sentence before it."""
    said = "".join(_say([xml_text(sentence)], slow=False))
    return answer.replace(b"<Response>", f"<Response>{said}".encode(), 1)


def interrupted(sentence: str, retry: str) -> bytes:
    """A sentence that offers keys; each of them, and silence too, leads to `retry`."""
    return document(f"{_offered(sentence, retry)}{element('Redirect', xml_text(retry), method='POST')}").encode()


def apology(sentence: str, goodbye: str, retry: str) -> bytes:
    """The last resort: a sentence that offers one key, which leads to `retry`; silence ends the call politely."""
    return document("".join((_offered(sentence, retry), *_say([xml_text(goodbye)], slow=False), "<Hangup/>"))).encode()


def _offered(sentence: str, action: str) -> str:
    return element(
        "Gather",
        "".join(_say([xml_text(sentence)], slow=False)),
        action=action,
        finishOnKey="",
        input="dtmf",
        method="POST",
        numDigits="1",
        timeout="10",
    )
