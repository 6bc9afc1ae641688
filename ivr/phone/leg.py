"""One end of a call: a telephone that follows TwiML as Twilio would, verb by verb, in virtual time.

The caller's telephone is one, and so is a colleague's who hears a whisper before he is connected. Knows no clock but
the carrier's, and lets no time pass by itself: whoever holds it asks `due`, lets time pass, and calls `next`. What
Twilio does not document is decided here and said where.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from ivr.phone.audio import BEEP, Piece, Silence, Utterance, spoken, tones
from ivr.phone.carrier import Carrier, Ends, Log, sid
from ivr.phone.errors import CallError
from ivr.phone.log import Heard
from ivr.phone.twiml import Dial, Gather, Hangup, Pause, Play, Record, Redirect, Reject, Say, Verb

CONTIGUOUS = 1.0  # seconds: with less silence between, two utterances are one stretch of speech
AT_ONCE = 1e-6  # seconds: what is due within this is due now, rounding apart
MOST_DOCUMENTS_AT_ONCE = 10
MOST_DOCUMENTS_A_SECOND = 30
REJECTED_AS = {"rejected": "no-answer", "busy": "busy"}  # twilio.com/docs/voice/twiml/reject#reason


class Other(Protocol):
    """Another telephone, which a Dial rings."""

    def due(self) -> float:
        """Give the seconds until something happens there by itself."""

    def pass_time(self, seconds: float) -> None:
        """Let no more than `due` seconds pass there."""

    def next(self) -> Mapping[str, str] | None:
        """Let what is due happen; give what the Dial's action is told once that telephone is out of the call."""

    def drop(self) -> None:
        """End it there, because the caller has hung up."""


Over = Callable[[str, str, str], None]
"""Is told that a leg has ended: how (hangup, ran out, reject or drop), why in words, and the CallStatus."""


@dataclass
class _Sounding:
    """A piece of audio on its way to the ear. `began` is None until it has begun."""

    piece: Piece
    left: float
    began: float | None = None


@dataclass
class _Gathering:
    """A Gather under way; `left` are the seconds of its timeout, which run once the prompts are over."""

    verb: Gather
    left: float
    digits: str = ""
    spoken: bool = False


@dataclass
class _Recording:
    """A Record under way; `first` and `last` bound the speech, in seconds of the recording."""

    verb: Record
    left: float
    recorded: float = 0.0
    first: float | None = None
    last: float = 0.0

    def patience(self) -> float:
        """Seconds until it ends if nothing more is said."""
        return min(self.verb.timeout or inf, self.verb.max_length - self.recorded)

    def seconds(self) -> int:
        """Its length as Twilio tells it, whole seconds; silence at both ends may be trimmed."""
        if not self.verb.trim:
            return round(self.recorded)
        return round(self.last - (self.last if self.first is None else self.first))


@dataclass
class _Dialling:
    """A Dial under way: another telephone rings, hears a whisper, or speaks with this one."""

    verb: Dial
    other: Other


class Leg:
    """One telephone on its way through documents.

    `over` is told the end, `dials` begins a Dial. What can be read: `heard` is all that was heard whole, `dropped_keys`
    those that nobody took, `documents` and `timeouts` how many there were.
    """

    def __init__(self, carrier: Carrier, ends: Ends, log: Log, over: Over, dials: Callable[[Dial, str], Other]) -> None:
        self.ends = ends
        self.ended = False
        self.heard: list[Heard] = []
        self.dropped_keys = ""
        self.documents = 0
        self.timeouts = 0
        self._carrier = carrier
        self._log = log
        self._over = over
        self._dials = dials
        self._spoken_at = carrier.clock.now()
        self._sounds: deque[_Sounding] = deque()
        self._listening: _Gathering | _Recording | _Dialling | None = None
        self._verbs: deque[Verb] = deque()
        self._document = ""
        self._fetched: list[tuple[float, str]] = []

    # What whoever holds the telephone does.

    def press(self, keys: str) -> None:
        """Press keys, all at this instant; those that nobody takes are dropped."""
        self._fetched.clear()
        self._log("key", keys)
        taken = 0
        while taken < len(keys) and self._takes(keys[taken]):
            taken += 1
        if keys[taken:]:
            self.dropped_keys += keys[taken:]
            self._log("dropped", keys[taken:])

    def speak(self, seconds: float) -> float:
        """Give how many of these seconds of speech a Record takes; they are marked as spoken, and are yet to pass."""
        recording = self._listening
        if not isinstance(recording, _Recording) or self._sounds:
            return 0.0
        said = min(seconds, recording.verb.max_length - recording.recorded)
        recording.first = recording.recorded if recording.first is None else recording.first
        recording.last = recording.recorded + said
        recording.left = said
        return said

    def spoke(self) -> None:
        """Say that the speech is over, and has passed: silence counts from now."""
        if isinstance(self._listening, _Recording):
            self._listening.left = self._listening.patience()

    def drop(self, why: str) -> None:
        """Cut this end of the line. A Record still asks its action, with Digits=hangup; nothing else does.

        Source: twilio.com/docs/voice/twiml/record#action.
        """
        match self._listening:
            case _Recording() as recording:
                self._record_over(recording, "hangup", status="completed")
            case _Dialling(other=other):
                other.drop()
        self._end("drop", why)

    # What can be seen.

    @property
    def waits(self) -> bool:
        """Whether nothing sounds and the telephone waits for whoever holds it: in a Gather, or recording."""
        return not self._sounds and isinstance(self._listening, _Gathering | _Recording)

    @property
    def dials(self) -> bool:
        """Whether another telephone is being rung, or spoken with."""
        return isinstance(self._listening, _Dialling)

    def is_silent(self) -> bool:
        """Whether nothing is heard, neither the line nor the telephone that it rings."""
        if self._sounds:
            return isinstance(self._sounds[0].piece, Silence)
        return not self.dials

    def coming(self, within: float) -> str | None:
        """Give the words or clip that sound now, or would begin in less than `within` seconds."""
        silence = 0.0
        for sounding in self._sounds:
            if isinstance(sounding.piece, Utterance):
                return sounding.piece.what
            silence += sounding.left
            if silence >= within:
                break
        return None

    def offers_turn(self) -> bool:
        """Whether a Gather has spoken, and says nothing for a second or more."""
        return isinstance(self._listening, _Gathering) and self._listening.spoken and self.coming(CONTIGUOUS) is None

    def listens_again(self, timeouts: int) -> bool:
        """Whether a Gather listens, after more timeouts than these."""
        return self.timeouts > timeouts and isinstance(self._listening, _Gathering)

    # Time. The audio queued sounds first; then whoever listens loses patience; then the next verb's turn comes.

    def due(self) -> float:
        """Give the seconds until something happens by itself."""
        if self._sounds:
            return self._sounds[0].left
        match self._listening:
            case None:
                return 0.0
            case _Dialling(other=other):
                return other.due()
            case waiting:
                return waiting.left

    def pass_time(self, seconds: float) -> None:
        """Let no more than `due` seconds pass; the clock is moved by the caller of this, afterwards."""
        if self._sounds:
            self._sound(self._sounds[0], seconds)
            return
        match self._listening:
            case _Dialling(other=other):
                other.pass_time(seconds)
            case _Recording() as recording:
                recording.left -= seconds
                recording.recorded += seconds
            case _Gathering() as gathering:
                gathering.left -= seconds

    def next(self) -> Heard | None:
        """Let what is due happen; give what was heard whole by it."""
        if self._sounds:
            return self._sounded(self._sounds.popleft())
        match self._listening:
            case None:
                self._next_verb()
            case _Gathering() as gathering:
                self.timeouts += 1
                self._gather_over(gathering)
            case _Recording() as recording:
                self._record_over(recording)
            case _Dialling(verb, other):
                if (about := other.next()) is not None:
                    self._dial_over(verb, about)
        return None

    def _sound(self, sounding: _Sounding, seconds: float) -> None:
        if sounding.began is None and seconds > 0:
            sounding.began = self._carrier.clock.now()
            match sounding.piece:
                case Utterance(what, _, title):
                    self._log("begins", title or what)
                case Silence(_, note) if note:
                    self._log("sound", note)
        sounding.left -= seconds

    def _sounded(self, sounding: _Sounding) -> Heard | None:
        piece, now = sounding.piece, self._carrier.clock.now()
        if isinstance(piece, Silence):
            return None
        began = now if sounding.began is None else sounding.began
        heard = Heard(
            piece.what,
            round(began - self._carrier.began, 3),
            round(piece.seconds, 3),
            round(began - self._spoken_at, 3),
            piece.title,
        )
        self._spoken_at = now
        self._log("heard", piece.title or piece.what, heard.at)
        if isinstance(self._listening, _Gathering):
            self._listening.spoken = True
        self.heard.append(heard)
        return heard

    def _cut(self) -> None:
        """Stop the audio; what had begun has been heard in part."""
        if self._sounds and self._sounds[0].began is not None and isinstance(self._sounds[0].piece, Utterance):
            self._spoken_at = self._carrier.clock.now()
            self._log("cut", self._sounds[0].piece.title or self._sounds[0].piece.what)
        self._sounds.clear()

    # Verbs.

    def _next_verb(self) -> None:
        if not self._verbs:
            self._end("ran out", "the document ran out")  # twilio.com/docs/voice/twiml
            return
        match self._verbs.popleft():
            case Say() | Play() | Pause() as prompt:
                self._queue(self._pieces(prompt))
            case Gather() as gather:
                self._listening = _Gathering(gather, gather.timeout)
                self._queue(piece for prompt in gather.prompts for piece in self._pieces(prompt))
            case Redirect(url, method):
                self.fetch(url, method)
            case Hangup():
                self._end("hangup", "the line hangs up")
            case Reject(reason):
                self._end("reject", f"the line rejects the call ({reason})", REJECTED_AS[reason])
            case Record() as record:
                self._queue([Silence(BEEP, "beep")] if record.beep else [])
                self._listening = _Recording(record, 0.0)
                self._listening.left = self._listening.patience()
            case Dial() as dial:
                self._listening = _Dialling(dial, self._dials(dial, self._document))

    def _queue(self, pieces: Iterable[Piece]) -> None:
        self._sounds.extend(_Sounding(piece, piece.seconds) for piece in pieces)

    def _pieces(self, prompt: Say | Play | Pause) -> tuple[Piece, ...]:
        match prompt:
            case Say(loop=loop):
                return spoken(prompt) * loop
            case Play(url, digits, loop):
                return (tones(prompt) if digits else self._clip(url),) * loop
            case Pause(length):
                return (Silence(length),)

    def _clip(self, url: str) -> Piece:
        recorded = self._carrier.recordings.get(re.sub(r"\.(mp3|wav)$", "", url))
        return self._carrier.clip(url) if recorded is None else Utterance(url, max(recorded, 1))

    def _takes(self, key: str) -> bool:
        match self._listening:
            case _Gathering() as gathering if gathering.verb.takes_keys:
                self._gather_key(gathering, key)
                return True
            case _Recording() as recording if key in recording.verb.finish_on_key:
                self._record_over(recording, key)
                return True
            case _:
                return False

    def _gather_key(self, gathering: _Gathering, key: str) -> None:
        self._cut()
        gathering.left = gathering.verb.timeout
        if key == gathering.verb.finish_on_key:
            self._gather_over(gathering)
            return
        gathering.digits += key
        if len(gathering.digits) == gathering.verb.num_digits:
            self._gather_over(gathering)

    def _gather_over(self, gathering: _Gathering) -> None:
        """Ask the action if there are digits, else go on below. twilio.com/docs/voice/twiml/gather.

        How Twilio names an empty result is not documented; like somleng, this sends no Digits then.
        """
        self._listening = None
        if gathering.digits:
            self.fetch(gathering.verb.action, gathering.verb.method, Digits=gathering.digits)
        elif gathering.verb.action_on_empty_result:
            self.fetch(gathering.verb.action, gathering.verb.method)

    def _record_over(self, recording: _Recording, digits: str = "", status: str = "in-progress") -> None:
        self._listening = None
        self._sounds.clear()
        recording_sid, seconds, verb = sid("RE"), recording.seconds(), recording.verb
        url = f"https://api.twilio.com/2010-04-01/Accounts/{self.ends.account}/Recordings/{recording_sid}"
        self._carrier.recordings[url] = seconds
        self._log("record", f"{seconds} s recorded")
        self._carrier.on_recording(recording_sid, seconds)
        about = {"RecordingSid": recording_sid, "RecordingUrl": url, "RecordingDuration": str(seconds)}
        source = self._document
        pressed = {"Digits": digits} if digits else {}
        self.fetch(verb.action, verb.method, status, **about, **pressed)
        if verb.callback:
            more = {"RecordingStatus": "completed", "RecordingChannels": "1", "RecordingSource": "RecordVerb"}
            form = self.ends.form("in-progress") | about | more
            self._carrier.tell(verb.callback_method, urljoin(source, verb.callback), form, {**about, **more})

    def _dial_over(self, dial: Dial, about: Mapping[str, str]) -> None:
        """Ask the action, and nothing below it then; without one go on below. twilio.com/docs/voice/twiml/dial."""
        self._listening = None
        self._spoken_at = self._carrier.clock.now()
        if dial.action:
            self.fetch(dial.action, dial.method, **about)

    def _end(self, how: str, why: str, status: str = "completed") -> None:
        self._cut()
        self._listening = None
        self.ended = True
        self._over(how, why, status)

    # Webhooks.

    def fetch(self, url: str, method: str, status: str = "in-progress", **about: str) -> None:
        """Ask a webhook for the next document and make it current; an empty address is the current document's."""
        url = urljoin(self._document, url)
        self._check_loop(url)
        form = self.ends.form(status) | about
        self._verbs = deque(self._carrier.document(method, url, form, about or {"CallStatus": status}))
        self._document = url
        self.documents += 1

    def _check_loop(self, url: str) -> None:
        """Twilio documents no limit for voice; a line that redirects without end is broken all the same."""
        now = self._carrier.clock.now()
        self._fetched.append((now, urlsplit(url).path))
        for most, seconds in ((MOST_DOCUMENTS_AT_ONCE, 0.0), (MOST_DOCUMENTS_A_SECOND, 1.0)):
            recent = [path for at, path in self._fetched if now - at <= seconds]
            if len(recent) > most:
                loop = " -> ".join(dict.fromkeys(recent[-most:]))
                raise CallError(
                    f"{len(recent)} documents within {seconds:.0f} s, without end: {loop} -> …; break the loop"
                )
