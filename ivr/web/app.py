"""`create_app()`: settings, script, database and desks become one Flask app. Wiring happens here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from flask import Flask, Response

from ivr.calls import Calls, Clock, Desk
from ivr.flow.model import Cue, Flow, Utterance
from ivr.folder import read_script
from ivr.settings import Settings
from ivr.settings import settings as from_environment
from ivr.speech.said import spoken, utterances
from ivr.store.database import open_database
from ivr.store.turns import Turns
from ivr.telephony.twiml import Renderer
from ivr.telephony.webhook import MOST_BYTES
from ivr.web.voice import Voice, voice_routes


def create_app(
    settings: Settings | None = None, *, clock: Clock = time.time, desks: Mapping[str, Desk] | None = None
) -> Flask:
    """The whole line as a WSGI app.

    `settings` default to the environment's; `clock` gives seconds since the epoch; `desks` carry out the script's
    commands, by name.

    Raises SettingsError, ScriptError, or sqlalchemy.exc.SQLAlchemyError when the line cannot start.
    """
    chosen = settings or from_environment()
    flow = read_script(chosen.prompts_dir)
    turns = Turns(open_database(chosen.database_url))
    calls = Calls(flow, turns, chosen.secret_key, desks or {})

    app = Flask("ivr", static_folder=None)
    app.extensions["ivr"] = calls
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.url_map.merge_slashes = False  # a redirected webhook is a lost call
    app.register_blueprint(voice_routes(Voice(chosen, calls, renderer(flow), clock)))
    app.add_url_rule("/healthz", "healthz", lambda: Response("alive\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", "readyz", partial(_ready, turns))
    return app


def renderer(flow: Flow, people: Mapping[str, str] | None = None, own_number: str = "") -> Renderer:
    """The renderer of a flow, its prompts turned into utterances by `ivr.speech`; `people` are names and numbers."""
    return Renderer(flow, partial(utterances, flow), _cue, numbers=people, own_number=own_number)


def _cue(cue: Cue, slow: bool) -> tuple[Utterance, ...]:
    return tuple(spoken(cue.prompt.pieces(), {}, slow=slow))


def _ready(turns: Turns) -> Response:
    try:
        turns.is_reachable()
    except Exception as error:
        return Response(f"not ready: {type(error).__name__}\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
