"""The legs that are no caller's: a person who is rung, a call-back that the line places, the repaired telephone.

What a person hears before a call is put through (« whisper »), and the key that takes it. Addresses hold the id of a
call or booking and a MAC under our own key; they mean nothing to anybody else. Everything is signed by the carrier.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, Response, request

from ivr.calls import Clock
from ivr.flow.engine import Dialled
from ivr.services import Services
from ivr.services.ground import RING_SECONDS
from ivr.services.people import PeopleServices
from ivr.services.watching import SOLVED
from ivr.store.callbacks import Callbacks
from ivr.store.turns import end_as
from ivr.telephony import twiml
from ivr.telephony.webhook import Webhook
from ivr.web.voice import Voice

TRANSFERRED = "transferred"
TAKE = "1"
"""The key that takes a call."""

log = logging.getLogger("ivr.people")

Answer = Callable[[Webhook], bytes]


@dataclass(frozen=True)
class People:
    """The other legs of one line."""

    voice: Voice
    services: Services
    clock: Clock

    # A person is rung for a caller

    def present(self, number: int, mac: str, carried: str = "") -> Response:
        """Tell who has picked up what was done, and how to take the call (`carried`: without the database)."""
        return self._answered(lambda hook: self._presented(hook, number, mac, carried))

    def _presented(self, hook: Webhook, number: int, mac: str, carried: str) -> bytes:
        parent = hook.form.get("ParentCallSid", "")
        ours = self.voice.calls.is_ours(parent, number, mac)
        said = self._done_so_far(parent, number, carried) if ours else self._now.unpresented()
        return twiml.whisper(said, f"{self.voice.address(number, mac)}taken")

    def _done_so_far(self, call: str, number: int, carried: str) -> str:
        """What was done in this call; when nobody can tell, the two are put through all the same."""
        now = self.clock()
        if state := self.voice.alone.opened(call, number, carried):
            return self._now.described(state, call, now)
        try:
            return self._of(call).presented(call, now)
        except Exception:
            log.exception("mishap", extra={"call": call})
            return self._now.unpresented()

    def taken(self, number: int, mac: str) -> Response:
        """Put the two through, or hang up."""
        return self._answered(lambda hook: self._put_through(hook, number, mac))

    def _put_through(self, hook: Webhook, number: int, mac: str) -> bytes:
        if hook.form.get("Digits") != TAKE:
            return twiml.over()
        parent = hook.form.get("ParentCallSid", "")
        if self.voice.calls.is_ours(parent, number, mac):
            self._note_transfer(parent)
        return twiml.through()

    def _note_transfer(self, call: str) -> None:
        """Note how the call ends, whoever hangs up first; nobody is kept apart because that fails."""
        try:
            with self.services.ground.engine.begin() as connection:
                end_as(connection, call, TRANSFERRED)
        except Exception:
            log.exception("mishap", extra={"call": call})

    # A call-back that the line places: the person first, then the customer

    def callback(self, booking: str, mac: str) -> Response:
        """Tell the person whom the line calls back."""
        return self._outgoing("callback", booking, mac, lambda _hook: self._called_back(booking, mac))

    def _called_back(self, booking: str, mac: str) -> bytes:
        with self.services.ground.engine.begin() as connection:
            kept = Callbacks(connection, self.services.ground.vault).one(booking)
        said = self._of(kept.call).presented(kept.call, self.clock(), back=True) if kept else ""
        return twiml.whisper(said, self._path("rappel", booking, mac, "/pris")) if said else twiml.over()

    def accepted(self, booking: str, mac: str) -> Response:
        """Ring the customer, once the person has taken the call."""
        return self._outgoing("callback", booking, mac, lambda hook: self._rung(hook, booking, mac))

    def _rung(self, hook: Webhook, booking: str, mac: str) -> bytes:
        with self.services.ground.engine.begin() as connection:
            number = Callbacks(connection, self.services.ground.vault).number(booking)
        if hook.form.get("Digits") != TAKE or not number:
            return twiml.over()
        own = self.voice.settings.own_number
        return twiml.dial(number, own, self._path("rappel", booking, mac, "/fini"), RING_SECONDS)

    def talked(self, booking: str, mac: str) -> Response:
        """Note that somebody has talked to the customer; else the booking stays open, to be called by hand."""
        return self._outgoing("callback", booking, mac, lambda hook: self._noted(hook, booking))

    def _noted(self, hook: Webhook, booking: str) -> bytes:
        if hook.form.get("DialCallStatus") == "completed":
            with self.services.ground.engine.begin() as connection:
                Callbacks(connection, self.services.ground.vault).done(booking, self.clock())
        return twiml.over()

    # The repaired telephone

    def rings(self, call: str, mac: str) -> Response:
        """The repaired telephone was answered: say so, and note that the call has solved it."""
        return self._outgoing("ring", call, mac, lambda hook: self._solved(hook, call))

    def _solved(self, hook: Webhook, call: str) -> bytes:
        with self.services.ground.engine.begin() as connection:
            end_as(connection, call, SOLVED, self.services.watching.remedy)
        answer = self.voice.calls.take_turn(hook.call, 0, "", Dialled(self.clock()), placed=True)
        return self.voice.document(hook.call, answer)

    # What they have in common

    @property
    def _now(self) -> PeopleServices:
        """Who knows the words of the live script."""
        return self.voice.scripts.last().services.people

    def _of(self, call: str) -> PeopleServices:
        """Who knows the words of the script that the call is on."""
        return self.voice.scripts.of_call(call).services.people

    def _outgoing(self, what: str, name: str, mac: str, answer: Answer) -> Response:
        """The answer to a leg that the line placed, when its address is one that the line handed out."""
        if not self.services.is_ours(what, name, mac):
            return Response(status=403)
        return self._answered(answer)

    def _answered(self, answer: Answer) -> Response:
        hook = self.voice.signed(request.environ)
        if hook is None:
            return Response(status=403)
        try:
            return Response(answer(hook), content_type=twiml.CONTENT_TYPE)
        except Exception:
            log.exception("mishap", extra={"call": hook.call})
            return Response(twiml.over(), content_type=twiml.CONTENT_TYPE)

    def _path(self, kind: str, name: str, mac: str, rest: str = "") -> str:
        return f"{self.voice.settings.path_prefix}/voice/{kind}/{name}/{mac}{rest}"


def people_routes(people: People) -> Blueprint:
    """The routes of these legs, POST alone."""
    routes = Blueprint("people", __name__)
    rules: dict[str, Callable[..., Response]] = {
        "/voice/<int:number>/<mac>/agent": people.present,
        "/voice/<int:number>/<mac>/<carried>/agent": people.present,
        "/voice/<int:number>/<mac>/taken": people.taken,
        "/voice/rappel/<booking>/<mac>": people.callback,
        "/voice/rappel/<booking>/<mac>/pris": people.accepted,
        "/voice/rappel/<booking>/<mac>/fini": people.talked,
        "/voice/suivi/<call>/<mac>": people.rings,
    }
    for rule, view in rules.items():
        routes.add_url_rule(rule, rule, view, methods=["POST"])
    return routes
