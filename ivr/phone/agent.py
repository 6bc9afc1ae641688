"""The telephone that a Dial rings: whoever has it answers or not, hears the whisper, accepts by a key, and talks.

The whisper is the TwiML of `<Number url=…>`: it runs on the called party's own leg, after he answers and before the two
are connected, while the caller hears ringing. If its document runs out the two are connected; if it hangs up, or he
does, they are not. Source: twilio.com/docs/voice/twiml/number#url. Knows nothing of what the line says there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal
from urllib.parse import urljoin

from ivr.phone.carrier import Carrier, Ends, Progress, sid
from ivr.phone.errors import TwimlError
from ivr.phone.leg import Leg, Other
from ivr.phone.twiml import Dial, Number

RINGING = {"completed": 3.0, "no-answer": inf, "busy": 1.0, "failed": 1.0, "canceled": 1.0}  # seconds, up to timeout


@dataclass(frozen=True)
class Agent:
    """What whoever has the dialled telephone does.

    - `status`: completed (he answers), busy, no-answer, failed or canceled: the DialCallStatus.
    - `presses`: keys, or groups of keys, each pressed where the whisper has said its say and waits; then none.
    - `talks`: seconds he talks with the caller once connected; then it is he who hangs up.
    - `hangs_up`: he hangs up where the whisper waits and he has no more to press.
    """

    status: str = "completed"
    presses: tuple[str, ...] = ()
    talks: float = 60.0
    hangs_up: bool = False

    def __post_init__(self) -> None:
        if self.status not in RINGING:
            raise ValueError(f"{self.status!r} is no DialCallStatus of an agent; write one of {', '.join(RINGING)}")


ACCEPTS = Agent(presses=("1",))
REFUSES = Agent(hangs_up=True)
VOICEMAIL = Agent()
"""It answers and presses nothing. Where there is no whisper, any that answers is connected."""

BUSY = Agent("busy")
NO_ANSWER = Agent("no-answer")


@dataclass
class _Phase:
    """What the dialled telephone is in: `ringing`, `talking` (both for `left` seconds), or hearing a `whisper`."""

    name: Literal["ringing", "talking", "whisper"]
    left: float = 0.0


class Dialled:
    """One dialled telephone: an `Other`. `leg` is its own end of the call; what is heard there is in `leg.heard`.

    `document` is the address that the Dial stood in. The log tells what happens there under `agent …`.
    """

    def __init__(self, carrier: Carrier, caller: Ends, dial: Dial, document: str, agent: Agent, number: Number) -> None:
        self._carrier, self._dial, self._agent, self._number = carrier, dial, agent, number
        self._document = document
        ends = Ends(sid("CA"), caller.account, dial.caller_id, number.number, "outbound-dial", caller.call_sid)
        callback = urljoin(document, number.callback) if number.callback else ""
        self._progress = Progress(carrier, ends, callback, number.callback_method, number.events)
        self._presses = list(agent.presses)
        self._phase = _Phase("ringing", min(RINGING[agent.status], dial.timeout))
        self._hung_up = False
        self.leg = Leg(carrier, ends, self._log, self._over, _no_dial)
        self._progress.happens("initiated")
        self._progress.happens("ringing")

    def due(self) -> float:
        """See Other."""
        return self.leg.due() if self._phase.name == "whisper" else self._phase.left

    def pass_time(self, seconds: float) -> None:
        """See Other."""
        if self._phase.name == "whisper":
            self.leg.pass_time(seconds)
        else:
            self._phase.left -= seconds

    def next(self) -> Mapping[str, str] | None:
        """See Other."""
        match self._phase.name:
            case "ringing" if self._agent.status != "completed":
                return self._outcome(self._agent.status)
            case "ringing":
                self._answer()
            case "whisper":
                self.leg.next()
                self._answer_whisper()
                if self.leg.ended:
                    return self._whispered()
            case "talking":
                return self._outcome("completed", bridged=True)
        return None

    def drop(self) -> None:
        """See Other."""
        self._progress.over("canceled" if self._phase.name == "ringing" else "completed")

    def _answer(self) -> None:
        self._progress.happens("answered")
        if self._number.url:
            self._phase = _Phase("whisper")
            self.leg.fetch(urljoin(self._document, self._number.url), self._number.method)
        else:
            self._bridge()

    def _answer_whisper(self) -> None:
        """Do what the agent does where it is his turn."""
        while not self.leg.ended and (self.leg.waits or self.leg.offers_turn()):
            if self._presses:
                self.leg.press(self._presses.pop(0))
            elif self._agent.hangs_up:
                self.leg.drop("the agent hangs up")
            else:
                return

    def _whispered(self) -> Mapping[str, str] | None:
        if self._hung_up:
            return self._outcome(self._carrier.unaccepted)
        self._bridge()
        return None

    def _bridge(self) -> None:
        self._carrier.log("bridged", self._number.number)
        self._phase = _Phase("talking", min(self._agent.talks, self._dial.time_limit))

    def _outcome(self, status: str, *, bridged: bool = False) -> Mapping[str, str]:
        """Give what the Dial's action is told. twilio.com/docs/voice/twiml/dial#action.

        DialCallDuration is the called leg's, from its answer on, whisper and all.
        """
        duration = self._progress.duration()
        answered = self._progress.answered is not None
        self._carrier.log("rang", f"{status}, {duration} s{'' if bridged or not answered else ', not connected'}")
        self._progress.over("completed" if answered else status)
        about = {"DialCallStatus": status, "DialCallSid": self.leg.ends.call_sid}
        about["DialBridged"] = str(bridged).lower()
        return about | ({"DialCallDuration": str(duration)} if answered else {})

    def _log(self, kind: str, text: str, at: float | None = None) -> None:
        self._carrier.log(f"agent {kind}", text, at)

    def _over(self, how: str, why: str, _status: str) -> None:
        self._hung_up = how != "ran out"
        self._log("end", why)


def _no_dial(_dial: Dial, _document: str) -> Other:
    raise TwimlError(13201, "a whisper has a <Dial>; from a dialled leg nobody can be dialled, leave it out")
