"""A telephone, its caller and the carrier between: dials a webhook and follows its TwiML as Twilio would.

Real HTTP, virtual time: time passes only when the caller lets it (`hear`, `silence`, `wait`), and then exactly. Knows
HTTP and TwiML, and nothing of the line at the other end. What Twilio does not document is decided here and said where.

Not simulated: speech input, the whisper of a dialled Number, cookies, retries, the fallback address.
"""

import re
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from math import inf
from urllib.parse import urljoin, urlsplit

from ivr.phone import wire
from ivr.phone.audio import BEEP, Piece, Silence, Utterance, clip, spoken, tones
from ivr.phone.clock import Clock
from ivr.phone.errors import CallError, TwimlError
from ivr.phone.log import Entry, Heard, masked
from ivr.phone.twiml import Dial, Gather, Hangup, Pause, Play, Record, Redirect, Reject, Say, Verb, parse

CALLER = "+33639980001"  # a number that France keeps for fiction
CALLED = "+33199000000"  # likewise
ACCOUNT = "AC" + "0" * 32
KEYS = frozenset("0123456789*#")
CONTIGUOUS = 1.0  # seconds: with less silence between, two utterances are one stretch of speech
AT_ONCE = 1e-6  # seconds: what is due within this is due now, rounding apart
MOST_DOCUMENTS_AT_ONCE = 10
MOST_DOCUMENTS_A_SECOND = 30
MOST_SPEECH = 7200.0  # seconds in which a caller gives up listening
MOST_SILENCE = 600.0  # seconds in which a line may keep `hear` waiting
RINGING = {"completed": 3.0, "no-answer": inf, "busy": 1.0, "failed": 1.0, "canceled": 1.0}  # seconds, up to timeout
REJECTED_AS = {"rejected": "no-answer", "busy": "busy"}  # twilio.com/docs/voice/twiml/reject#reason
PLACES = ("City", "State", "Zip", "Country")


@dataclass
class _Sounding:
    """A piece of audio on its way to the caller's ear. `began` is None until it has begun."""

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
    """A Record under way; `first` and `last` bound the caller's speech, in seconds of the recording."""

    verb: Record
    left: float
    recorded: float = 0.0
    first: float | None = None
    last: float = 0.0

    def patience(self) -> float:
        """Seconds until it ends if the caller says nothing more."""
        return min(self.verb.timeout or inf, self.verb.max_length - self.recorded)

    def seconds(self) -> int:
        """Its length as Twilio tells it, whole seconds; silence at both ends may be trimmed."""
        if not self.verb.trim:
            return round(self.recorded)
        return round(self.last - (self.last if self.first is None else self.first))


@dataclass
class _Dialling:
    """Other telephones ring, then perhaps speak with the caller; `left` until that is over."""

    verb: Dial
    status: str
    talked: int
    left: float


class Phone:
    """One telephone. `dial` begins a call; the caller then hears, presses, is silent, or drops the line.

    It takes:

    - `url`: address of the number's voice webhook, http(s).
    - `caller`: the caller's number, or anything a carrier may send instead, like `anonymous`.
    - `called`: the number dialled.
    - `account`: the AccountSid.
    - `token`: the AuthToken that signs; None sends unsigned.
    - `clock`: shared with the line under test, so that both see the same time.
    - `status_url`: gets the status callback at the end of a call; may be relative to `url`.
    - `answers`: what becomes of a Dial to a number: the DialCallStatus and the seconds talked. Default no-answer.
    - `on_entry`: called with each entry of the log as it happens.

    What can be read: `ended` is None during a call, then `hangup`, `reject`, `drop` or `error`; `log` is everything
    that happened; `dropped_keys` are those that no Gather took (Twilio does not document type-ahead, and this phone has
    none); `last_answer` is the body of the last webhook's answer.

    Every method may raise CallError (TwimlError, UnreachableError), with the call so far in its message.
    """

    def __init__(
        self,
        url: str,
        *,
        caller: str = CALLER,
        called: str = CALLED,
        account: str = ACCOUNT,
        token: str | None = None,
        clock: Clock | None = None,
        status_url: str | None = None,
        answers: Mapping[str, tuple[str, int]] | None = None,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> None:
        self.url = url
        self.caller = caller
        self.called = called
        self.account = account
        self.token = token
        self.clock = clock or Clock()
        self.status_url = status_url
        self.answers = dict(answers or {})
        self.on_entry = on_entry
        self.call_sid = ""
        self.ended: str | None = None
        self.log: list[Entry] = []
        self.dropped_keys = ""
        self.last_answer = b""
        self._clips: dict[str, Piece] = {}
        self._begin()

    # What the caller does.

    def dial(self, call_sid: str | None = None) -> None:
        """Begin a call: the number's webhook is asked, nothing is heard yet. `call_sid` defaults to a random one.

        Raises CallError if a call is under way.
        """
        if self.call_sid and not self.ended:
            raise self._error("a call is under way; drop() it before dialling again")
        self._begin()
        self.call_sid = call_sid or _sid("CA")
        self._log("dial", f"{self.caller} calls {self.called}")
        self._fetch(self.url, "POST", status="ringing")

    def hear(self) -> Heard | None:
        """Let time pass until the next utterance is heard whole, and give it.

        None when the phone waits for the caller (in a Gather or Record), or the call has ended.
        """
        self._need_call()
        silent = 0.0
        while not self.ended and not self.waits:
            silent += self._due() if self._is_silent() else 0.0
            if silent > MOST_SILENCE:
                raise self._error(f"nothing was heard for {MOST_SILENCE:.0f} s; does the line wait for something?")
            if heard := self._next():
                return heard
        return None

    def hear_out(self, until: float = MOST_SPEECH) -> list[Heard]:
        """Hear on until a caller would press: the phone waits, or a Gather that has spoken falls silent for 1 s.

        Stops too at `until`, in seconds since the call began: music may have no end.
        """
        heard: list[Heard] = []
        while self.seconds < until and not self._offers_turn() and (utterance := self.hear()):
            heard.append(utterance)
        return heard

    def press(self, keys: str) -> None:
        """Press keys now, all at this instant. In a Gather the first stops the prompts (barge-in).

        Keys that come when no Gather listens, or after the one that ended it, are dropped. During a Record, one of its
        finish keys ends it. twilio.com/docs/voice/twiml/gather#finishonkey, twilio.com/docs/voice/twiml/record.

        Raises ValueError if a key is none of 0123456789*#, CallError if the call is over.
        """
        if not keys or not KEYS.issuperset(keys):
            raise ValueError(f"{keys!r} is not to be pressed; a telephone has the keys 0123456789*#")
        self._settle()
        if self.ended:
            raise self._error(f"key {keys} comes after the end of the call ({self.ended})")
        self._fetched.clear()
        self._log("key", keys)
        taken = 0
        while taken < len(keys) and self._takes(keys[taken]):
            taken += 1
        self._drop_keys(keys[taken:])

    def silence(self) -> list[Heard]:
        """Let the caller say and press nothing until the next document has come, or the call has ended.

        A Gather that times out above another Gather, within one document, ends the silence too.
        """
        self._need_call()
        documents, timeouts, heard = self._documents, self._timeouts, list[Heard]()
        while not self.ended and self._documents == documents and not self._listens_again(timeouts):
            heard += self._heard_next()
        return heard

    def wait(self, seconds: float) -> list[Heard]:
        """Let exactly `seconds` pass, whatever happens within; give what was heard whole in them."""
        self._need_call()
        heard: list[Heard] = []
        while not self.ended and (due := self._due()) <= seconds + AT_ONCE:
            seconds = max(0.0, seconds - due)
            heard += self._heard_next()
        self._pass(seconds)
        return heard

    def speak(self, seconds: float) -> list[Heard]:
        """Let the caller talk for `seconds`: into the Record under way, else to nobody."""
        self._settle()
        recording = self._listening
        if not isinstance(recording, _Recording) or self._sounds:
            return self.wait(seconds)
        said = min(seconds, recording.verb.max_length - recording.recorded)
        recording.first = recording.recorded if recording.first is None else recording.first
        self._pass(said)
        recording.last = recording.recorded
        recording.left = recording.patience()
        return self.wait(seconds - said)

    def drop(self) -> None:
        """Cut the caller's line. A Record still asks its action, with Digits=hangup; nothing else does.

        Source: twilio.com/docs/voice/twiml/record#action.
        """
        self._settle()
        if self.ended:
            raise self._error(f"the call has already ended ({self.ended})")
        if isinstance(self._listening, _Recording):
            self._record_over(self._listening, "hangup", status="completed")
        self._end("drop", "the caller hangs up")

    def again(self) -> bytes:
        """Deliver the last webhook a second time: same bytes, same signature. The call itself does not move.

        Gives the body of the second answer; the first is `last_answer`.
        """
        self._need_call()
        with self._telling():
            answer = wire.send(self._last)
            self._log("again", f"{_shown(self._last)} -> {answer.status}")
            _check_status(self._last, answer)
        return answer.body

    # What one can see of the call.

    @property
    def waits(self) -> bool:
        """Whether nothing sounds and the phone only waits for the caller: in a Gather, or recording."""
        return not self._sounds and isinstance(self._listening, _Gathering | _Recording)

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return round(self.clock.now() - self._began, 3)

    def coming(self, within: float = CONTIGUOUS) -> str | None:
        """Give the words or clip that sound now, or would begin in less than `within` seconds; no time passes."""
        self._settle()
        silence = 0.0
        for sounding in self._sounds:
            if isinstance(sounding.piece, Utterance):
                return sounding.piece.what
            silence += sounding.left
            if silence >= within:
                break
        return None

    def so_far(self) -> str:
        """Tell the call, one event a line, numbers masked."""
        return "\n".join(str(entry) for entry in self.log if entry.kind != "begins")

    # Time. The audio queued sounds first; then whoever listens loses patience; then the next verb's turn comes.

    def _begin(self) -> None:
        self.ended = None
        self._began = self.clock.now()
        self._spoken_at = self._began
        self._sounds: deque[_Sounding] = deque()
        self._listening: _Gathering | _Recording | _Dialling | None = None
        self._verbs: deque[Verb] = deque()
        self._document = self.url
        self._documents = 0
        self._timeouts = 0
        self._fetched: list[tuple[float, str]] = []
        self._recordings: dict[str, int] = {}

    def _is_silent(self) -> bool:
        """Whether the caller hears neither the line nor the telephone that it rings."""
        if self._sounds:
            return isinstance(self._sounds[0].piece, Silence)
        return not isinstance(self._listening, _Dialling)

    def _due(self) -> float:
        """Seconds until something happens by itself."""
        if self._sounds:
            return self._sounds[0].left
        return self._listening.left if self._listening else 0.0

    def _pass(self, seconds: float) -> None:
        """Let no more than `_due` seconds pass."""
        if self._sounds:
            self._sound(self._sounds[0], seconds)
        elif self._listening:
            self._listening.left -= seconds
            if isinstance(self._listening, _Recording):
                self._listening.recorded += seconds
        self.clock.advance(seconds)

    def _next(self) -> Heard | None:
        """Let time pass until something happens, and let it happen."""
        self._pass(self._due())
        if self._sounds:
            return self._sounded(self._sounds.popleft())
        match self._listening:
            case None:
                self._next_verb()
            case _Gathering() as gathering:
                self._timeouts += 1
                self._gather_over(gathering)
            case _Recording() as recording:
                self._record_over(recording)
            case _Dialling() as dialling:
                self._dial_over(dialling)
        return None

    def _heard_next(self) -> list[Heard]:
        return [heard] if (heard := self._next()) else []

    def _settle(self) -> None:
        """Do what is due at this instant, so that nothing depends on how lazily it was reached."""
        self._need_call()
        while not self.ended and self._due() <= AT_ONCE:
            self._next()

    def _sound(self, sounding: _Sounding, seconds: float) -> None:
        if sounding.began is None and seconds > 0:
            sounding.began = self.clock.now()
            match sounding.piece:
                case Utterance(what, _, title):
                    self._log("begins", title or what)
                case Silence(_, note) if note:
                    self._log("sound", note)
        sounding.left -= seconds

    def _sounded(self, sounding: _Sounding) -> Heard | None:
        piece = sounding.piece
        if isinstance(piece, Silence):
            return None
        began = self.clock.now() if sounding.began is None else sounding.began
        heard = Heard(
            piece.what,
            round(began - self._began, 3),
            round(piece.seconds, 3),
            round(began - self._spoken_at, 3),
            piece.title,
        )
        self._spoken_at = self.clock.now()
        self._log("heard", piece.title or piece.what, heard.at)
        if isinstance(self._listening, _Gathering):
            self._listening.spoken = True
        return heard

    def _cut(self) -> None:
        """Stop the audio; what had begun has been heard in part."""
        if self._sounds and self._sounds[0].began is not None and isinstance(self._sounds[0].piece, Utterance):
            self._spoken_at = self.clock.now()
            self._log("cut", self._sounds[0].piece.title or self._sounds[0].piece.what)
        self._sounds.clear()

    def _offers_turn(self) -> bool:
        """Whether a Gather has spoken, and says nothing for a second or more."""
        self._settle()
        return isinstance(self._listening, _Gathering) and self._listening.spoken and self.coming() is None

    def _listens_again(self, timeouts: int) -> bool:
        return self._timeouts > timeouts and isinstance(self._listening, _Gathering)

    # Verbs.

    def _next_verb(self) -> None:
        if not self._verbs:
            self._end("hangup", "the document ran out")  # twilio.com/docs/voice/twiml
            return
        match self._verbs.popleft():
            case Say() | Play() | Pause() as prompt:
                self._queue(self._pieces(prompt))
            case Gather() as gather:
                self._listening = _Gathering(gather, gather.timeout)
                self._queue(piece for prompt in gather.prompts for piece in self._pieces(prompt))
            case Redirect(url, method):
                self._fetch(url, method)
            case Hangup():
                self._end("hangup", "the line hangs up")
            case Reject(reason):
                self._end("reject", f"the line rejects the call ({reason})", REJECTED_AS[reason])
            case Record() as record:
                self._queue([Silence(BEEP, "beep")] if record.beep else [])
                self._listening = _Recording(record, 0.0)
                self._listening.left = self._listening.patience()
            case Dial() as dial:
                self._ring(dial)

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
        """Fetch a clip, once a phone: Twilio caches too. twilio.com/docs/voice/twiml/play."""
        if (seconds := self._recordings.get(re.sub(r"\.(mp3|wav)$", "", url))) is not None:
            return Utterance(url, max(seconds, 1))
        if url not in self._clips:
            with self._telling():
                asked = wire.request("GET", url, {}, self.token)
                answer = wire.send(asked)
                self._log("clip", f"{_shown(asked)} -> {answer.status}")
                _check_status(asked, answer)
                self._clips[url] = clip(url, answer.content_type, answer.body)
        return self._clips[url]

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

    def _drop_keys(self, keys: str) -> None:
        if keys:
            self.dropped_keys += keys
            self._log("dropped", keys)

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
            self._fetch(gathering.verb.action, gathering.verb.method, Digits=gathering.digits)
        elif gathering.verb.action_on_empty_result:
            self._fetch(gathering.verb.action, gathering.verb.method)

    def _record_over(self, recording: _Recording, digits: str = "", status: str = "in-progress") -> None:
        self._listening = None
        self._sounds.clear()
        sid, seconds, verb = _sid("RE"), recording.seconds(), recording.verb
        url = f"https://api.twilio.com/2010-04-01/Accounts/{self.account}/Recordings/{sid}"
        self._recordings[url] = seconds
        self._log("record", f"{seconds} s recorded")
        about = {"RecordingSid": sid, "RecordingUrl": url, "RecordingDuration": str(seconds)}
        source = self._document
        pressed = {"Digits": digits} if digits else {}
        self._fetch(verb.action, verb.method, status, **about, **pressed)
        if verb.callback:
            more = {"RecordingStatus": "completed", "RecordingChannels": "1", "RecordingSource": "RecordVerb"}
            self._call_back(urljoin(source, verb.callback), {**about, **more}, verb.callback_method)

    def _ring(self, dial: Dial) -> None:
        if not dial.caller_id:
            raise self._error(
                "<Dial> has no callerId: it would show the caller's, and providers refuse a withheld one "
                "(Twilio errors 13214, 13248); set callerId to the hotline's own number"
            )
        outcomes = [self.answers.get(number, ("no-answer", 0)) for number in dial.numbers]
        status, talked = next((outcome for outcome in outcomes if outcome[0] == "completed"), outcomes[0])
        talked = min(talked, dial.time_limit) if status == "completed" else 0
        self._log("rings", ", ".join(dial.numbers))
        self._listening = _Dialling(dial, status, talked, min(RINGING[status], dial.timeout) + talked)

    def _dial_over(self, dialling: _Dialling) -> None:
        """Ask the action, and nothing below it then; without one go on below. twilio.com/docs/voice/twiml/dial."""
        self._listening = None
        self._spoken_at = self.clock.now()
        self._log("rang", f"{dialling.status}, {dialling.talked} s")
        if not dialling.verb.action:
            return
        about = {"DialCallStatus": dialling.status, "DialCallSid": _sid("CA")}
        about["DialBridged"] = str(dialling.status == "completed").lower()
        if dialling.talked:
            about["DialCallDuration"] = str(dialling.talked)
        self._fetch(dialling.verb.action, dialling.verb.method, **about)

    def _end(self, how: str, why: str, status: str = "completed") -> None:
        self._cut()
        self._listening = None
        self.ended = how
        self._log("end", why)
        if self.status_url:
            self._call_back(urljoin(self.url, self.status_url), self._final(status))

    # Webhooks.

    def _fetch(self, url: str, method: str, status: str = "in-progress", **about: str) -> None:
        """Ask a webhook for the next document and make it current; an empty address is the current document's."""
        with self._telling():
            url = urljoin(self._document, url)
            self._check_loop(url)
            self._last = wire.request(method, url, self._standard(status) | about, self.token)
            answer = wire.send(self._last)
            self._log("webhook", f"{_shown(self._last, about or {'CallStatus': status})} -> {answer.status}")
            _check_status(self._last, answer)
            self.last_answer = answer.body
            self._verbs = deque(parse(answer.body, answer.content_type))
            self._document = url
            self._documents += 1

    def _check_loop(self, url: str) -> None:
        """Twilio documents no limit for voice; a line that redirects without end is broken all the same."""
        now = self.clock.now()
        self._fetched.append((now, urlsplit(url).path))
        for most, seconds in ((MOST_DOCUMENTS_AT_ONCE, 0.0), (MOST_DOCUMENTS_A_SECOND, 1.0)):
            recent = [path for at, path in self._fetched if now - at <= seconds]
            if len(recent) > most:
                loop = " -> ".join(dict.fromkeys(recent[-most:]))
                raise CallError(
                    f"{len(recent)} documents within {seconds:.0f} s, without end: {loop} -> …; break the loop"
                )

    def _standard(self, status: str) -> dict[str, str]:
        """Give what Twilio sends with every voice webhook: twilio.com/docs/voice/twiml#request-parameters."""
        ends = {"From": self.caller, "To": self.called, "Caller": self.caller, "Called": self.called}
        return {
            "CallSid": self.call_sid,
            "AccountSid": self.account,
            "CallStatus": status,
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
            **ends,
            **{end + place: "" for end in ends for place in PLACES},
        }

    def _final(self, status: str) -> dict[str, str]:
        """Give what the status callback adds: twilio.com/docs/voice/api/call-resource#statuscallback."""
        return {
            "CallStatus": status,
            "CallDuration": str(round(self.seconds)),
            "Timestamp": formatdate(self.clock.now(), usegmt=True),
            "SequenceNumber": "0",
            "CallbackSource": "call-progress-events",
        }

    def _call_back(self, url: str, about: dict[str, str], method: str = "POST") -> None:
        """Tell the line something; its answer's body is not used. twilio.com/docs/api/errors/11750."""
        with self._telling():
            asked = wire.request(method, url, self._standard("in-progress") | about, self.token)
            answer = wire.send(asked)
            self._log("callback", f"{_shown(asked, about)} -> {answer.status}")
            if not 200 <= answer.status < 300:
                raise _bad_status(asked, answer)

    # Telling.

    def _log(self, kind: str, text: str, at: float | None = None) -> None:
        entry = Entry(self.seconds if at is None else at, kind, masked(text))
        self.log.append(entry)
        if self.on_entry:
            self.on_entry(entry)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Whatever goes wrong within ends the call, and tells it."""
        try:
            yield
        except CallError as error:
            self.ended = self.ended or "error"
            error.so_far = self.so_far()
            raise

    def _error(self, sentence: str) -> CallError:
        error = CallError(sentence)
        error.so_far = self.so_far()
        return error

    def _need_call(self) -> None:
        if not self.call_sid:
            raise CallError("no call has been made; dial() first")


def _sid(kind: str) -> str:
    return kind + uuid.uuid4().hex


def _shown(request: wire.Request, about: Mapping[str, str] | None = None) -> str:
    """Write a request for the log: its path, and what is particular to it."""
    told = " ".join(f"{name}={value}" for name, value in (about or {}).items() if not name.endswith(("Sid", "Url")))
    return f"{request.method} {urlsplit(request.url).path} {told}".rstrip()


def _check_status(request: wire.Request, answer: wire.Answer) -> None:
    if answer.status != 200:
        raise _bad_status(request, answer)


def _bad_status(request: wire.Request, answer: wire.Answer) -> TwimlError:
    if answer.location:
        why = f"a redirect to {answer.location}; answer at the address itself (mind the trailing slash)"
    elif answer.status == 403:
        why = "refused; is the signature's token the line's, and the address the one it signs for?"
    else:
        why = "the caller would hear an error; the line's log says more"
    return TwimlError(11200, f"{request.method} {request.url} answered HTTP {answer.status}: {why}", answer.status)
