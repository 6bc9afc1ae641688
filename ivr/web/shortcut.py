"""The shortest way to a turn: a webhook of a call is answered before Flask is asked which view it is for.

Every turn is silence in somebody's ear, and finding the view and wrapping its answer is a third of what a turn costs
(`python -m bench`). Flask's own way (`ivr.web.voice`) is there all the same, for whatever does not look like a turn,
and says the same in the same bytes; a test holds the two together. This module must not know what a turn is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from ivr.store.turnstile import Turnstile
from ivr.telephony import twiml
from ivr.web.voice import Place

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

TURN = re.compile(r"/voice(?:/(\d{1,9})/([^/]+)/(?:([^/]+)/)?(key|silence|recorded|dialled|again))?", re.ASCII)

Answer = Callable[["WSGIEnvironment", Place], bytes | None]
"""The document for a webhook; None when it is refused."""

PATIENCE = {"sqlite": 0.1, "postgresql": 0.005}
"""Seconds that a turn lets the one before it finish. Then both go on at once, which costs more and harms nothing.

PostgreSQL takes transactions side by side: where it is so far away that a turn mostly waits for it, nobody stands long.
"""


def in_line(answer: Answer, patience: float) -> Answer:
    """The same answers, one after the other, as long as each comes within the patience of the next.

    Threads that meet at the database hand the interpreter to and fro at every statement: a tenth of what a turn costs
    on SQLite, half on PostgreSQL (`python -m bench server`).
    """
    turns = Turnstile()

    def answered(environ: WSGIEnvironment, place: Place) -> bytes | None:
        is_in_line = turns.enter(patience)
        try:
            return answer(environ, place)
        finally:
            if is_in_line:
                turns.leave()

    return answered


class Shortcut:
    """WSGI: answers webhooks of calls, and hands everything else on to the app."""

    def __init__(self, app: WSGIApplication, answer: Answer) -> None:
        self._app, self._answer = app, answer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        found = place(environ)
        if found is None:
            return self._app(environ, start_response)
        try:
            document = self._answer(environ, found)
        except HTTPException as refusal:
            return refusal.get_response(environ)(environ, start_response)
        if document is None:
            start_response("403 FORBIDDEN", [("Content-Length", "0")])
            return []
        headers = [("Content-Type", twiml.CONTENT_TYPE), ("Content-Length", str(len(document)))]
        start_response("200 OK", headers)
        return [document]


def place(environ: WSGIEnvironment) -> Place | None:
    """The turn that the request is for; None when it does not look like one."""
    if environ["REQUEST_METHOD"] != "POST" or not (found := TURN.fullmatch(environ["PATH_INFO"])):
        return None
    number, mac, carried, kind = found.groups(default="")
    return Place(int(number), mac, kind, carried) if number else Place()
