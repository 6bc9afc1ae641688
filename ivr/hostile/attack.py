"""One attack: the lines of a transcript, played one by one on a line that was put back to its beginning.

A telephone's lines mean what they mean in every transcript (`ivr.phone.transcript`); it adds these verbs:

    twins at 2               the next webhook comes in twins: the second before the first one's 2nd transaction
    elsewhere                from now on the webhooks go to the other process, or back
    redeliver 3              the 3rd last webhook comes once more, late
    stray 7, stray silence   what else could have come of the last turn comes too, too late
    status completed         the carrier tells the end of the call, which goes on
    desks fail|hang|work     what desks do from now on; desks answer: they work, what hung is done
    carrier works|resets|…   how Twilio's API answers (`stand.FAULTS`); operator …: how OVH's does
    operator is there        first of all: the line asks OVH's API, not its own register
    types the password|the pin|the code, opens the link
    later 90, the line works the clock goes on; what is done between calls is done
    ends                     the caller says nothing more: the line must end the call

A line that cannot be played where it stands (a key when no call is under way) is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from ivr.demo.twilio_rest import ACCOUNT
from ivr.desk.codes import CODE_SECONDS
from ivr.hostile.post import Post, is_apology
from ivr.hostile.rules import Broken, Rule
from ivr.hostile.stand import ADDRESS, FAULTS, TOKEN, Stand
from ivr.phone import CallError, Phone, TwimlError, wire
from ivr.phone.book import PromptBook
from ivr.phone.transcript import Again, Dial, Differs, Player, Staged, Step, UnknownVerb, parse
from ivr.speech.shelf import wave

LONGEST_SILENCE = 3 * 3600.0
"""Seconds after which a call whose caller says nothing has no end."""

MOST_SILENCES = 300
PASSED_OVER, PLAYED = False, True
RAN_OUT = "the document ran out"
"""What the telephone's log says of a call that ended because nothing more was answered."""

_ISSUED_TWICE = "SELECT subject FROM audit WHERE what = 'code.issued' GROUP BY subject HAVING count(*) > 1"
_TWO_CODES = f"""
SELECT count(*) FROM audit JOIN codes ON codes.id = audit.subject WHERE audit.what = 'code.issued'
GROUP BY audit.who, codes.line HAVING count(*) > 1 AND max(audit.at) - min(audit.at) < {CODE_SECONDS}
"""  # noqa: S608 - a constant of ours


class Attack:
    """An attack on a stand, from its beginning. `played` are the lines so far; `post` counts what was delivered."""

    def __init__(self, stand: Stand) -> None:
        stand.reset()
        self.stand, self.post, self.played = stand, Post(stand), list[str]()
        self._sids = count(1)
        self.phone = Phone(
            f"{ADDRESS}/voice",
            account=ACCOUNT,
            token=TOKEN,
            clock=stand.clock,
            status_url="/voice/status",
            on_recording=self._recorded,
            send=self.post.send,
        )
        self._player = Player(self.phone, PromptBook({}), self)

    def play(self, line: str) -> bool:
        """Play one line; False when it was passed over. Raises Broken when a rule does not hold."""
        step = step_of(line)
        if not self._applies(step):
            return PASSED_OVER
        was_over = self.phone.ended
        self.played.append(line)
        try:
            self._played(step)
        except _PassedOver:
            self.played.pop()
            return PASSED_OVER
        if self.phone.ended and not was_over:
            self._check_end()
        return PLAYED

    def play_all(self, lines: Iterable[str]) -> Broken | None:
        """Play them; the rule that broke first, if one did."""
        try:
            for line in lines:
                self.play(line)
        except Broken as broken:
            return broken
        return None

    def under_way(self) -> bool:
        """Whether a call is under way."""
        return bool(self.phone.call_sid) and not self.phone.ended

    def place(self) -> str:
        """The step that the call waits at; empty before the first call."""
        last = self.stand.database.execute(
            "SELECT step FROM turns WHERE call_sid = ? ORDER BY turn DESC LIMIT 1", (self.phone.call_sid,)
        ).fetchone()
        return last[0] if last else ""

    # Playing.

    def _applies(self, step: Step) -> bool:
        match step:
            case Dial():
                return not self.under_way()
            case Again():
                return self.under_way() and not is_apology(self.phone.last_answer)
            case Staged(name="types" | "opens" | "ends" | "status"):
                return self.under_way()
            case Staged():
                return True
            case _:
                return self.under_way()

    def _played(self, step: Step) -> None:
        try:
            match step:
                case Dial():
                    self._dial(step)
                case _:
                    self._player.play(step)
        except Differs as error:
            raise Broken(Rule.SAME, str(error).partition("\n")[0]) from error
        except TwimlError as error:
            raise Broken(Rule.VALID, error.sentence) from error
        except CallError as error:
            raise Broken(Rule.ENDS, error.sentence) from error

    def _dial(self, dial: Dial) -> None:
        """Begin a call. Its id is the next number, so that the same calls have the same ids."""
        if dial.at is not None and dial.at > self.stand.clock.now():
            self.stand.clock.set(dial.at)
        self.phone.caller = dial.caller
        self.phone.dial(f"CA{next(self._sids):032x}")

    def _recorded(self, sid: str, seconds: int) -> None:
        self.stand.carrier.keep_recording(sid, wave(b"\x55" * 8000 * seconds, "(message)"))

    # The verbs that are not a telephone's (`ivr.phone.transcript.Stage`).

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:  # noqa: C901 - one table, an arm a verb
        """Carry one out. Raises UnknownVerb."""
        match name, args:
            case "twins", ("at", at):
                self.post.twins(int(at))
            case "elsewhere", ():
                self.post.elsewhere()
            case "redeliver", (back,):
                _or_pass_over(self.post.redeliver(int(back)))
            case "stray", (key,):
                _or_pass_over(self.post.stray(key))
            case "status", (status,):
                self._tell(status)
            case "desks", ("work" | "fail" | "hang" as how,):
                self.stand.desks = how
            case "desks", ("answer",):
                self.stand.catch_up()
            case "carrier", (how,) if how in FAULTS:
                _go_wrong(self.stand.carrier.faults, how)
            case "operator", ("is", "there"):
                _or_pass_over(self.stand.ovh is not None)
            case "operator", (how,) if how in FAULTS:
                _or_pass_over(self.stand.ovh is not None)
                _go_wrong(self.stand.ovh.faults if self.stand.ovh else {}, how)
            case "types", ("the", what):
                phone.press(_or_pass_over(self._secret(what)))
            case "opens", ("the", "link"):
                self._open_link()
            case "later", (seconds,):
                self.stand.clock.advance(float(seconds))
            case "the", ("line", "works"):
                self.stand.work()
            case "ends", ():
                self._wait_for_the_end()
            case _:
                raise UnknownVerb(name)

    def disposition(self, call_sid: str) -> str | None:
        """How the call ended."""
        return self.stand.calls.turns.disposition(call_sid)

    def _tell(self, status: str) -> None:
        """Tell a status of the call, true or not."""
        ends = {"From": self.phone.caller, "To": self.phone.called, "Direction": "inbound", "CallDuration": "1"}
        form = {"CallSid": self.phone.call_sid, "AccountSid": ACCOUNT, "CallStatus": status, **ends}
        self.post.send(wire.request("POST", f"{ADDRESS}/voice/status", form, TOKEN))

    def _secret(self, what: str) -> str:
        """What the caller knows by now: the password of the last SMS, the PIN, the code of the call."""
        match what:
            case "pin":
                return self.stand.pin
            case "code":
                code = self.stand.code_of(self.phone.call_sid)
                return f"{code}#" if code else ""
            case _:
                return self._in_last_text(r"\b\d{6}\b")

    def _in_last_text(self, pattern: str) -> str:
        self.stand.work("send")
        texts = self.stand.carrier.messages
        found = re.search(pattern, texts[-1].body) if texts else None
        return found[0] if found else ""

    def _open_link(self) -> None:
        path = _or_pass_over(self._in_last_text(r"/i/\w+"))
        self.stand.processes[0].test_client().post(path)

    def _wait_for_the_end(self) -> None:
        silences, began = count(), self.stand.clock.now()
        while not self.phone.ended:
            self.phone.silence()
            if next(silences) > MOST_SILENCES or self.stand.clock.now() - began > LONGEST_SILENCE:
                raise Broken(Rule.ENDS, f"le client se tait, et l’appel dure ({self.place()})")

    # What must hold at the end of a call.

    def _check_end(self) -> None:
        if any(entry.kind == "end" and entry.text == RAN_OUT for entry in self.phone.log):
            raise Broken(Rule.HEARD, f"la réponse s’arrête sans un mot de plus ({self.place()})")
        sid, ask = self.phone.call_sid, self.stand.database.execute
        turns = [row[0] for row in ask("SELECT turn FROM turns WHERE call_sid = ? ORDER BY turn", (sid,))]
        call = ask("SELECT turn, disposition FROM calls WHERE sid = ?", (sid,)).fetchone()
        whole = turns == list(range(len(turns))) or self.stand.injected > 0  # a turn that failed has no row
        if not whole or (call is None) != (not turns):
            raise Broken(Rule.KEPT, f"les tours {turns}")
        if call and (call[0] != turns[-1] + 1 or not call[1]):
            raise Broken(Rule.KEPT, f"après le tour {turns[-1]} l’appel attend le {call[0]}, sa fin : « {call[1]} »")
        self._check_codes()

    def _check_codes(self) -> None:
        """No code was issued twice, no call was given two for one line, none was texted to two people."""
        ask = self.stand.database.execute
        if self.stand.ovh is None and (found := ask(_ISSUED_TWICE).fetchone()):
            raise Broken(Rule.CODES, f"le code {found[0][:8]}… a été donné deux fois")
        if self._tells_no_end() and (found := ask(_TWO_CODES).fetchone()):
            raise Broken(Rule.CODES, f"un appel a reçu {found[0]} codes pour une ligne")
        readers: dict[str, set[str]] = {}
        for text in self.stand.carrier.messages:
            for code in re.findall(r"(?:\d{3} ){3}\d{3}", text.body):
                readers.setdefault(code, set()).add(text.to)
        if any(len(people) > 1 for people in readers.values()):
            raise Broken(Rule.CODES, "un code a été envoyé à deux mobiles")

    def _tells_no_end(self) -> bool:
        """Whether the carrier has told the truth: a call whose end was told may be given a code anew."""
        return self.stand.ovh is None and not any(line.startswith("status ") for line in self.played)


class _PassedOver(Exception):  # noqa: N818 - no error: the line cannot be played here
    """The line cannot be played where it stands."""


def _or_pass_over(found: Any) -> Any:
    if not found:
        raise _PassedOver
    return found


def _go_wrong(faults: dict[str, Any], how: str) -> None:
    fault = FAULTS[how]
    faults.clear()
    faults.update({"*": fault} if fault else {})


def step_of(line: str) -> Step:
    """What one line asks. Raises ivr.phone.transcript.TranscriptError."""
    return parse(f"# one line\n{line}", "attack").lines[0].step


def wants_operator(lines: Sequence[str]) -> bool:
    """Whether the attack is one on a line that asks OVH's API."""
    return "operator is there" in lines
