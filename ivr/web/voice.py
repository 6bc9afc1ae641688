"""The carrier's webhooks: who may speak to us, what happened, and what the caller gets.

A request that is not signed gets 403 and leaves no trace. A signed one always gets 200 and TwiML: an HTTP error is
heard as « an application error has occurred ». What a caller hears when all else fails is in this file, in French.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ivr.alone import Alone
from ivr.bounds import answered_within
from ivr.calls import Answer, Calls, Clock
from ivr.flow.engine import Event, Silence
from ivr.scripts import Scripts
from ivr.settings import Settings
from ivr.store.ends import RANK
from ivr.store.turn import PLACED
from ivr.telephony import signature, twiml
from ivr.telephony.webhook import MOST_BYTES, HostileFormError, MalformedFormError, Webhook, event, parameters, webhook
from ivr.web.editions import Edition
from ivr.web.reading import Readings

SORRY = "Excusez-moi, un incident technique m’interrompt. Pour réessayer, tapez 1."
INTERRUPTED = f"{SORRY} Pour être guidé depuis le début, tapez 2."
LIMITED = "Excusez-moi, un incident technique m’empêche de créer un code. Je peux vous guider pas à pas."
GOODBYE = "Rappelez dans quelques minutes. Au revoir."
NO_CALL = "Cet appel ne peut pas aboutir ici. Rappelez le numéro de dépannage. Au revoir."

FORM = "application/x-www-form-urlencoded"
"""How the carrier sends what it says (twilio.com/docs/usage/webhooks)."""

AFRESH = "2"
"""The key after `INTERRUPTED` that begins the call anew."""

STUCK_SECONDS = 900.0
"""When the same turn has failed for so long, and the caller says nothing, the call ends: else it never would."""

ANSWER_SECONDS = 4.0
"""How long an answer may wait for the database. What then still has to be done leaves room for the 5 s of B13."""

log = logging.getLogger("ivr.voice")


class Place(NamedTuple):
    """What the address of a webhook says: 0 and empty for /voice; `carried` when a call goes on without its row."""

    number: int = 0
    mac: str = ""
    kind: str = ""
    carried: str = ""


@dataclass(frozen=True)
class Voice:
    """What the voice routes need: settings, calls, the scripts that they are on, the clock."""

    settings: Settings
    calls: Calls
    scripts: Scripts[Edition]
    readings: Readings
    clock: Clock

    @property
    def alone(self) -> Alone:
        """What walks a call without the database: on the script that this process began its last call on."""
        return self.scripts.last().alone

    def answer(self, environ: Mapping[str, Any], place: Place) -> bytes | None:
        """The answer to one webhook, as TwiML; None is for 403. `environ` is its request, as WSGI hands it over."""
        params = self.signed_params(environ)
        if params is None:
            return None
        try:
            hook = webhook(params, self.settings.account_sid, self.settings.numbers)
            if place.mac and not self.calls.is_ours(hook.call, place.number, place.mac):
                raise HostileFormError("the address of this turn was not handed out by us")  # noqa: TRY301
            return self._answered(hook, place)
        except HostileFormError as error:
            log.warning("refused", extra={"why": str(error), "turn": place.number})
            return twiml.notice(NO_CALL)
        except Exception:
            log.exception("mishap", extra={"turn": place.number, "kind": place.kind})
            return twiml.apology(SORRY, GOODBYE, self._retry(place))

    def status(self) -> Response:
        """The answer to a status callback, whose body nobody reads."""
        params = self.signed_params(request.environ)
        if params is None:
            return Response(status=403)
        try:
            hook = webhook(params, self.settings.account_sid, frozenset())
            direction = hook.form.get("Direction", "")
            self.calls.turns.close(hook.call, hook.status, self.clock(), direction=direction)
            if hook.status in RANK:
                ended = self.scripts.of_call(hook.call).services.ended
                ended(hook.call, hook.caller if direction != PLACED else "", self.clock())
        except HostileFormError as error:
            log.warning("refused", extra={"why": str(error)})
        except Exception:
            log.exception("mishap", extra={"kind": "status"})
        return Response(status=204)

    def signed(self, environ: Mapping[str, Any]) -> Webhook | None:
        """The webhook of this request, when it is signed and of our account; None is for 403."""
        params = self.signed_params(environ)
        if params is None:
            return None
        try:
            return webhook(params, self.settings.account_sid, frozenset())
        except HostileFormError as error:
            log.warning("refused", extra={"why": str(error)})
            return None

    def _answered(self, hook: Webhook, place: Place) -> bytes:
        """The answer of the call as it is kept; when that cannot be had, the answer that needs nobody."""
        try:
            with answered_within(ANSWER_SECONDS):
                return self._turn(hook, place)
        except HostileFormError:
            raise
        except Exception:
            log.exception("mishap", extra={"turn": place.number, "kind": place.kind})
            return self.walked_alone(hook, place)

    def _turn(self, hook: Webhook, place: Place) -> bytes:
        number, goes_on = place.number, hook.form.get("Digits") != AFRESH
        if place.kind == "again" and goes_on and (said := self.calls.last_answer(hook.call, number)):
            is_stuck = "Digits" not in hook.form and self.clock() - said.at > STUCK_SECONDS
            return twiml.notice(GOODBYE) if is_stuck else self.document(hook.call, said)
        try:
            happened = event(place.kind, hook, self.clock())
        except HostileFormError as error:
            return self._unmoved(hook, number, error)
        carried = self.alone.opened(hook.call, number, place.carried)
        answer = self.calls.take_turn(hook.call, number, hook.caller, happened, carried=carried)
        log.debug("turn", extra={"call": hook.call, "turn": number, "event": type(happened).__name__})
        return self.document(hook.call, answer)

    def walked_alone(self, hook: Webhook, place: Place) -> bytes:
        """The guide goes on without the database; who was somewhere that only the database knows is asked first."""
        carried = self.alone.opened(hook.call, place.number, place.carried)
        waits = place.kind == "again" and hook.form.get("Digits") == "1"
        if carried is None and place.number and (waits or place.kind != "again"):
            return twiml.interrupted(INTERRUPTED, self._retry(place))
        state, actions = self.alone.answer(carried, self._happened(hook, place.kind))
        number = place.number + 1
        sealed = self.alone.sealed(hook.call, number, state)
        address = f"{self.address(number, self.calls.mac(hook.call, number))}{sealed}/"
        said = self.scripts.last().renderer.answer(actions, address, first=number == 1)
        return said if carried else twiml.prefaced(said, LIMITED)

    def _happened(self, hook: Webhook, kind: str) -> Event:
        """What happened; what no carrier sends counts as silence."""
        try:
            return event(kind, hook, self.clock())
        except HostileFormError:
            return Silence(self.clock())

    def _unmoved(self, hook: Webhook, number: int, error: HostileFormError) -> bytes:
        """Nothing that a carrier sends, though the turn is ours: the caller hears the last answer again."""
        said = self.calls.last_answer(hook.call, number)
        if said is None:
            raise error
        log.warning("unmoved", extra={"why": str(error), "turn": number})
        return self.document(hook.call, said)

    def document(self, call: str, answer: Answer, *, in_words: bool = False) -> bytes:
        """The TwiML of an answer; its addresses lead to the next turn. `in_words` plays no clip at all."""
        number = answer.turn + 1
        address = self.address(number, self.calls.mac(call, number))
        read = partial(self.readings.verbs, call, in_words=in_words)
        edition = self.scripts.by_id(answer.revision)
        renderer = edition.in_words if in_words else edition.renderer
        return renderer.answer(answer.actions, address, first=answer.turn == 0, read=read)

    def address(self, number: int, mac: str) -> str:
        """Where a turn's webhooks go, up to their last part."""
        return f"{self.settings.path_prefix}/voice/{number}/{mac}/"

    def _retry(self, place: Place) -> str:
        """Where a key after the apology leads: to the last answer again, or to the beginning."""
        again = self.address(place.number, place.mac) + "again"
        return again if place.mac else f"{self.settings.path_prefix}/voice"

    def signed_params(self, environ: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
        """The form's parameters, when it is a form and signed by the account; None is for 403.

        Raises RequestEntityTooLarge.
        """
        if environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() != FORM:
            return None
        try:
            params = parameters(_body(environ))
        except MalformedFormError:
            return None
        tokens = self.settings.auth_tokens
        given = environ.get("HTTP_X_TWILIO_SIGNATURE", "")
        if tokens and not signature.is_signed(given, tokens, self._urls(environ), params):
            log.warning("unsigned", extra={"path": environ["PATH_INFO"]})
            return None
        return params

    def _urls(self, environ: Mapping[str, Any]) -> tuple[str, ...]:
        """The address as the carrier may have signed it: our public base, never the request's Host."""
        query = environ.get("QUERY_STRING", "")
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        rest = path + (f"?{query}" if query else "")
        return tuple(base + rest for base in signature.spellings(self.settings.public_url))


_KIND = "<any(key,silence,recorded,dialled,again):kind>"
TURN = f"/voice/<int:number>/<mac>/{_KIND}"
CARRIED = f"/voice/<int:number>/<mac>/<carried>/{_KIND}"


def voice_routes(voice: Voice) -> Blueprint:
    """The routes of the carrier's webhooks, POST alone."""
    routes = Blueprint("voice", __name__)
    routes.add_url_rule("/voice", "start", lambda: _answer(voice, Place()), methods=["POST"])
    routes.add_url_rule("/voice/status", "status", voice.status, methods=["POST"])
    for name, rule in (("turn", TURN), ("carried", CARRIED)):
        routes.add_url_rule(rule, name, lambda **said: _answer(voice, Place(**said)), methods=["POST"])
    return routes


def _body(environ: Mapping[str, Any]) -> bytes:
    """The body, read as it is announced. Raises RequestEntityTooLarge: a webhook of that size is none."""
    length = environ.get("CONTENT_LENGTH", "")
    if not (length.isascii() and length.isdecimal()):
        return b""
    if int(length) > MOST_BYTES:
        raise RequestEntityTooLarge
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


def _answer(voice: Voice, place: Place) -> Response:
    document = voice.answer(request.environ, place)
    return Response(status=403) if document is None else Response(document, content_type=twiml.CONTENT_TYPE)
