"""Clips over HTTP: a content hash as ETag, a year of cache; a clip's name changes with its words.

The carrier's caches honour max-age, ETag and conditional GETs (twilio.com/docs/voice/twiml/play). Anybody may fetch a
clip: it holds nothing that the line does not say to everybody who calls.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from ivr.speech.shelf import Sound, from_second

A_YEAR = "public, max-age=31536000, immutable"


Find = Callable[[str], Sound | None]
"""The clip of a name, if there is one."""


def audio_routes(find: Find) -> Blueprint:
    """The route `/audio/<name>`; `?from=1500` gives a clip from its 1500th millisecond on."""
    routes = Blueprint("audio", __name__)
    routes.add_url_rule("/audio/<name>", "clip", lambda name: _clip(find, name))
    return routes


def _clip(find: Find, name: str) -> Response:
    found = find(name)
    if found is None:
        abort(404)
    if start := request.args.get("from", 0, type=int):
        found = from_second(found, max(start, 0) / 1000)
    response = Response(found.data, mimetype="audio/wav", headers={"Cache-Control": A_YEAR})
    response.set_etag(found.etag)
    response.make_conditional(request)
    return response
