"""A telephone, its caller and the carrier between: dials a webhook and follows its TwiML as Twilio would.

Real HTTP, or a WSGI app in this process; virtual time: it passes only when the caller lets it (`hear`, `silence`,
`wait`), and then exactly. It can be rung, too, by a call that the line has created. Knows HTTP and TwiML, and nothing
of the line at the other end.

Not simulated: speech input, cookies, retries, the fallback address, machine detection. Of several telephones that a
Dial rings, only the one that answers is played, or else the first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urljoin

from ivr.phone.agent import NO_ANSWER, RINGING, Agent, Dialled
from ivr.phone.audio import Piece
from ivr.phone.carrier import Carrier, Ends, Progress, Unaccepted, sid
from ivr.phone.clock import Clock
from ivr.phone.errors import CallError
from ivr.phone.leg import AT_ONCE, CONTIGUOUS, Leg
from ivr.phone.log import Entry, Heard, masked
from ivr.phone.twiml import Dial
from ivr.phone.wire import Send, send

CALLER = "+33639980001"  # a number that France keeps for fiction
CALLED = "+33199000000"  # likewise
ACCOUNT = "AC" + "0" * 32
KEYS = frozenset("0123456789*#")
MOST_SPEECH = 7200.0  # seconds in which a caller gives up listening
MOST_SILENCE = 600.0  # seconds in which a line may keep `hear` waiting


class Phone:
    """One telephone. `dial` begins a call; the caller then hears, presses, is silent, or drops the line.

    It takes:

    - `url`: address of the number's voice webhook, http(s).
    - `caller`: this telephone's number, or anything a carrier may send instead, like `anonymous`.
    - `called`: the number dialled.
    - `account`: the AccountSid.
    - `token`: the AuthToken that signs; None sends unsigned.
    - `clock`: shared with the line under test, so that both see the same time.
    - `status_url`: gets the status callback at the end of a call; may be relative to `url`.
    - `agent`: what whoever has a dialled telephone does; `answers` says it for single numbers. Default no answer.
    - `unaccepted`: the DialCallStatus after a whisper that nobody accepted (see `ivr.phone.carrier.Unaccepted`).
    - `order`: the events of status callbacks, told in this order once a leg is over (see `Progress`); None: at once.
    - `on_recording`: called with the RecordingSid and the seconds of a recording that has ended, before the line knows.
    - `on_entry`: called with each entry of the log as it happens.
    - `send`: delivers its requests; default over HTTP, `ivr.phone.wire.into(app)` hands them to a WSGI app.

    What can be read: `ended` is None during a call, then `hangup`, `reject`, `drop` or `error`; `log` is everything
    that happened; `dropped_keys` are those that no Gather took (Twilio does not document type-ahead, and this phone has
    none); `last_answer` is the body of the last webhook's answer; `agent_heard` what the dialled one heard whole.

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
        agent: Agent = NO_ANSWER,
        answers: Mapping[str, Agent] | None = None,
        unaccepted: Unaccepted = "completed",
        order: Sequence[str] | None = None,
        on_recording: Callable[[str, int], None] | None = None,
        on_entry: Callable[[Entry], None] | None = None,
        send: Send = send,
    ) -> None:
        self.url = url
        self.caller = caller
        self.called = called
        self.account = account
        self.token = token
        self.clock = clock or Clock()
        self.status_url = status_url
        self.agent = agent
        self.answers = dict(answers or {})
        self.unaccepted: Unaccepted = unaccepted
        self.order = order
        self.on_recording = on_recording
        self.on_entry = on_entry
        self.send = send
        self.call_sid = ""
        self.ended: str | None = None
        self.log: list[Entry] = []
        self._clips: dict[str, Piece] = {}
        self._begin(Ends("", account, caller, called))

    # What the caller does.

    def dial(self, call_sid: str | None = None) -> None:
        """Begin a call: the number's webhook is asked, nothing is heard yet. `call_sid` defaults to a random one.

        Raises CallError if a call is under way.
        """
        self._need_rest()
        self._begin(Ends(call_sid or sid("CA"), self.account, self.caller, self.called))
        self._progress = self._told_at(urljoin(self.url, self.status_url) if self.status_url else "")
        self._log("dial", f"{self.caller} calls {self.called}")
        with self._telling():
            self._progress.answered = self.clock.now()
            self._leg.fetch(self.url, "POST", status="ringing")

    def answer_call(
        self,
        url: str,
        method: str = "POST",
        *,
        call_sid: str | None = None,
        status_url: str = "",
        events: Sequence[str] = ("completed",),
        rings: float = RINGING["completed"],
    ) -> None:
        """Be rung by the line (`called` calls `caller`), and answer: `url` is asked, nothing is heard yet.

        The call is one that the line has created (twilio.com/docs/voice/api/call-resource#create-a-call-resource):
        `status_url` is told its `events`; it `rings` for so many seconds, which pass at once.

        Raises CallError if a call is under way.
        """
        self._ring(call_sid, status_url, events, rings)
        with self._telling():
            self._progress.happens("answered")
            self._leg.fetch(url, method)

    def leave_call(
        self,
        status: Literal["busy", "no-answer", "failed", "canceled"] = "no-answer",
        *,
        call_sid: str | None = None,
        status_url: str = "",
        events: Sequence[str] = ("completed",),
        rings: float = 60.0,
    ) -> None:
        """Be rung by the line, and not answer: `status_url` is told; no webhook is asked. See `answer_call`."""
        self._ring(call_sid, status_url, events, rings)
        with self._telling():
            self._over("drop", f"nobody answers ({status})", status)

    def hear(self) -> Heard | None:
        """Let time pass until the next utterance is heard whole, and give it.

        None when the phone waits for the caller (in a Gather or Record), or the call has ended.
        """
        self._need_call()
        silent = 0.0
        while not self.ended and not self.waits:
            silent += self._leg.due() if self._leg.is_silent() else 0.0
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

    def hear_agent(self, *, skips: bool = False) -> Heard | None:
        """Let time pass until the dialled one has heard one more utterance whole, and give it.

        None when the caller would hear something before (unless it `skips` that), or waits, or the call has ended:
        nobody is dialled then.
        """
        known, since = len(self.agent_heard), self.seconds
        while not self._leg.dials and self._goes_on(skips=skips) and self.seconds - since < MOST_SILENCE:
            self._next()
        while not self.ended and self._leg.dials and len(self.agent_heard) == known:
            self._next()
        return self.agent_heard[known] if len(self.agent_heard) > known else None

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
        with self._telling():
            self._leg.press(keys)

    def silence(self) -> list[Heard]:
        """Let the caller say and press nothing until the next document has come, or the call has ended.

        A Gather that times out above another Gather, within one document, ends the silence too.
        """
        self._need_call()
        leg, heard = self._leg, list[Heard]()
        documents, timeouts = leg.documents, leg.timeouts
        while not self.ended and leg.documents == documents and not leg.listens_again(timeouts):
            heard += self._heard_next()
        return heard

    def wait(self, seconds: float) -> list[Heard]:
        """Let exactly `seconds` pass, whatever happens within; give what was heard whole in them."""
        self._need_call()
        heard: list[Heard] = []
        while not self.ended and (due := self._leg.due()) <= seconds + AT_ONCE:
            seconds = max(0.0, seconds - due)
            heard += self._heard_next()
        self._pass(seconds)
        return heard

    def speak(self, seconds: float) -> list[Heard]:
        """Let the caller talk for `seconds`: into the Record under way, else to nobody."""
        self._settle()
        said = self._leg.speak(seconds)
        self._pass(said)
        self._leg.spoke()
        return self.wait(seconds - said)

    def drop(self) -> None:
        """Cut the caller's line. A Record still asks its action, with Digits=hangup; nothing else does.

        Source: twilio.com/docs/voice/twiml/record#action.
        """
        self._settle()
        if self.ended:
            raise self._error(f"the call has already ended ({self.ended})")
        with self._telling():
            self._leg.drop("the caller hangs up")

    def again(self) -> bytes:
        """Deliver the last webhook a second time: same bytes, same signature. The call itself does not move.

        Gives the body of the second answer; the first is `last_answer`.
        """
        self._need_call()
        with self._telling():
            return self._carrier.again()

    # What one can see of the call.

    @property
    def waits(self) -> bool:
        """Whether nothing sounds and the phone only waits for the caller: in a Gather, or recording."""
        return self._leg.waits

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return self._carrier.seconds

    @property
    def dropped_keys(self) -> str:
        """The keys of this call that nobody took."""
        return self._leg.dropped_keys

    @property
    def last_answer(self) -> bytes:
        """The body of the last webhook's answer."""
        return self._carrier.last_answer

    @property
    def agent_heard(self) -> list[Heard]:
        """What the dialled one has heard whole in this call, whispers of several Dials one after the other."""
        return [heard for dialled in self._dialled for heard in dialled.leg.heard]

    def coming(self, within: float = CONTIGUOUS) -> str | None:
        """Give the words or clip that sound now, or would begin in less than `within` seconds; no time passes."""
        self._settle()
        return self._leg.coming(within)

    def coming_to_agent(self, within: float = CONTIGUOUS) -> str | None:
        """As `coming`, for the one who is dialled."""
        return self._dialled[-1].leg.coming(within) if self._dialled else None

    def so_far(self) -> str:
        """Tell the call, one event a line, numbers masked."""
        return "\n".join(str(entry) for entry in self.log if not entry.kind.endswith("begins"))

    # Beginning and end.

    def _begin(self, ends: Ends) -> None:
        self.ended = None
        self.call_sid = ends.call_sid
        self._dialled: list[Dialled] = []
        self._carrier = Carrier(
            self.clock, self.token, self._log, self._clips, self._recorded, self.order, self.unaccepted, self.send
        )
        self._leg = Leg(self._carrier, ends, self._log, self._over, self._dial)
        self._progress = self._told_at("")

    def _ring(self, call_sid: str | None, status_url: str, events: Sequence[str], rings: float) -> None:
        self._need_rest()
        self._begin(Ends(call_sid or sid("CA"), self.account, self.called, self.caller, "outbound-api"))
        self._progress = self._told_at(status_url, events)
        self._log("rung", f"{self.called} calls {self.caller}")
        with self._telling():
            self._progress.happens("initiated")
            self._progress.happens("ringing")
        self.clock.advance(rings)

    def _told_at(self, status_url: str, events: Sequence[str] = ("completed",)) -> Progress:
        return Progress(self._carrier, self._leg.ends, status_url, "POST", events)

    def _over(self, how: str, why: str, status: str) -> None:
        self.ended = "hangup" if how == "ran out" else how
        self._log("end", why)
        self._progress.over(status)

    def _dial(self, dial: Dial, document: str) -> Dialled:
        if not dial.caller_id:
            raise CallError(
                "<Dial> has no callerId: it would show the caller's, and providers refuse a withheld one "
                "(Twilio errors 13214, 13248); set callerId to the hotline's own number"
            )
        agents = [(number, self.answers.get(number.number, self.agent)) for number in dial.numbers]
        number, agent = next((one for one in agents if one[1].status == "completed"), agents[0])
        self._log("rings", ", ".join(number.number for number in dial.numbers))
        self._dialled.append(Dialled(self._carrier, self._leg.ends, dial, document, agent, number))
        return self._dialled[-1]

    def _recorded(self, recording_sid: str, seconds: int) -> None:
        if self.on_recording:
            self.on_recording(recording_sid, seconds)

    # Time.

    def _pass(self, seconds: float) -> None:
        """Let no more than what is due pass."""
        self._leg.pass_time(seconds)
        self.clock.advance(seconds)

    def _next(self) -> Heard | None:
        """Let time pass until something happens, and let it happen."""
        self._pass(self._leg.due())
        with self._telling():
            return self._leg.next()

    def _heard_next(self) -> list[Heard]:
        return [heard] if (heard := self._next()) else []

    def _settle(self) -> None:
        """Do what is due at this instant, so that nothing depends on how lazily it was reached."""
        self._need_call()
        while not self.ended and self._leg.due() <= AT_ONCE:
            self._next()

    def _goes_on(self, *, skips: bool) -> bool:
        """Whether the line goes on by itself, and, unless it `skips` that, without a word to the caller."""
        return (self.coming(MOST_SPEECH) is None or skips) and not self.ended and not self.waits

    def _offers_turn(self) -> bool:
        self._settle()
        return self._leg.offers_turn()

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

    def _need_rest(self) -> None:
        if self.call_sid and not self.ended:
            raise self._error("a call is under way; drop() it before dialling again")
