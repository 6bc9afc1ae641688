"""Where the carrier turns when an answer of ours failed: the call goes on where it was, instead of ending.

Twilio asks a number's fallback URL at once, with ErrorCode and ErrorUrl beside the call's own parameters, and goes on
with what that answers (twilio.com/docs/usage/security/availability-reliability). It also leads here from what the web
server says while no process of ours is there (`deploy/secours`). A turn that was taken is answered as it was; one that
was not is taken now when the request still says what happened, and else the caller hears the last answer again.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from ivr.bounds import answered_within
from ivr.calls import Answer
from ivr.flow.engine import Event
from ivr.telephony import twiml
from ivr.telephony.webhook import HostileFormError, Webhook, event, webhook
from ivr.web.voice import ANSWER_SECONDS, GOODBYE, NO_CALL, SORRY, Place, Voice

NEEDED = {"key": "Digits", "recorded": "RecordingSid", "dialled": "DialCallStatus"}
"""Without what a webhook of each kind says nothing."""

UNREACHED = re.compile(r"112\d\d", re.ASCII)
"""Twilio's errors of fetching a document: nobody answered in time, or with an HTTP error (facts/twilio.md 3)."""

log = logging.getLogger("ivr.fallback")


@dataclass(frozen=True)
class Fallback:
    """The fallback of one line's voice."""

    voice: Voice

    def answer(self) -> Response:
        """The answer to a call that was let down; always TwiML, once it is signed."""
        params = self.voice.signed_params(request.environ)
        if params is None:
            return Response(status=403)
        try:
            hook = webhook(params, self.voice.settings.account_sid, self.voice.settings.numbers)
            if hook.form.get("Direction", "inbound") != "inbound" or "ParentCallSid" in hook.form:
                return _twiml(twiml.over())  # a leg that the line rang: its caller hears on
            return self._picked_up(hook, self._failed(hook))
        except HostileFormError as error:
            log.warning("refused", extra={"why": str(error)})
            return _twiml(twiml.notice(NO_CALL))
        except Exception:
            log.exception("mishap")
            return _twiml(twiml.apology(SORRY, GOODBYE, f"{self.voice.settings.path_prefix}/voice/fallback"))

    def _picked_up(self, hook: Webhook, failed: Place | None) -> Response:
        try:
            with answered_within(ANSWER_SECONDS):
                said = self._said(hook, failed)
        except Exception:
            log.exception("mishap")
            return _twiml(self.voice.walked_alone(hook, failed or Place()))
        code = hook.form.get("ErrorCode", "")
        in_words = bool(code) and not (failed and UNREACHED.fullmatch(code))
        log.warning("fallback", extra={"call": hook.call, "turn": said.turn, "error": code[:5], "in_words": in_words})
        return _twiml(self.voice.document(hook.call, said, in_words=in_words))

    def _said(self, hook: Webhook, failed: Place | None) -> Answer:
        """What the caller hears now. Turns in order of what is known: the one that failed, the last one, the first."""
        calls, now = self.voice.calls, self.voice.clock()
        if failed and (answered := calls.last_answer(hook.call, failed.number + 1)):
            return answered
        if failed and (happened := _happened(failed.kind, hook, now)):
            carried = self.voice.alone.opened(hook.call, failed.number, failed.carried)
            return calls.take_turn(hook.call, failed.number, hook.caller, happened, carried=carried)
        if said := calls.last_answer(hook.call, calls.turns.next_turn(hook.call)):
            return said
        return calls.take_turn(hook.call, 0, hook.caller, event("", hook, now))

    def _failed(self, hook: Webhook) -> Place | None:
        """The turn that ErrorUrl names, when we handed that address out for this call."""
        path = urlsplit(hook.form.get("ErrorUrl", "")).path.removeprefix(self.voice.settings.path_prefix)
        try:
            endpoint, found = current_app.url_map.bind("").match(path, "POST")
        except HTTPException:
            return None
        if endpoint == "voice.start":
            return Place()
        if endpoint not in ("voice.turn", "voice.carried") or not self.voice.calls.is_ours(
            hook.call, found["number"], found["mac"]
        ):
            return None
        return None if found["kind"] == "again" else Place(**found)


def _happened(kind: str, hook: Webhook, at: float) -> Event | None:
    """What happened, when this request still says so."""
    if kind in NEEDED and NEEDED[kind] not in hook.form:
        return None
    try:
        return event(kind, hook, at)
    except HostileFormError:
        return None


def fallback_routes(voice: Voice) -> Blueprint:
    """The route `POST /voice/fallback`."""
    routes = Blueprint("fallback", __name__)
    routes.add_url_rule("/voice/fallback", "fallback", Fallback(voice).answer, methods=["POST"])
    return routes


def _twiml(document: bytes) -> Response:
    return Response(document, content_type=twiml.CONTENT_TYPE)
