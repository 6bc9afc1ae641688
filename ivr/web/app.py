"""`create_app()`: settings, script, voice, database and desks become one Flask app. Wiring happens here alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from flask import Flask, Response

from ivr.calls import Background, Calls, Clock, Desk
from ivr.folder import read_lexicon, read_script, read_sms
from ivr.sender import Sender
from ivr.services import Services
from ivr.settings import Settings
from ivr.settings import settings as from_environment
from ivr.speech.shelf import Shelf, read_shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import preferred
from ivr.store.database import open_database
from ivr.store.outbox import Outbox
from ivr.store.turns import Turns
from ivr.store.vault import Vault
from ivr.telephony.rest import Texts
from ivr.telephony.twiml import Renderer
from ivr.telephony.webhook import MOST_BYTES
from ivr.web.audio import audio_routes
from ivr.web.link import link_routes
from ivr.web.listening import listened, listening_routes
from ivr.web.reading import Readings, reading_routes
from ivr.web.softphone import softphone_routes
from ivr.web.voice import Voice, voice_routes

AN_EXAMPLE = "203.0.113.7"
"""The public address of whoever opens a link on the machine itself, where nobody has one: reserved for examples."""


def create_app(
    settings: Settings | None = None,
    *,
    clock: Clock = time.time,
    desks: Mapping[str, Desk] | None = None,
    background: Background | None = None,
) -> Flask:
    """The whole line as a WSGI app.

    `settings` default to the environment's; `clock` gives seconds since the epoch; `desks` carry out the script's
    commands, by name; `background` starts what takes its time (default: eight threads).

    Raises SettingsError, ScriptError, SpeechError, or sqlalchemy.exc.SQLAlchemyError when the line cannot start.
    """
    chosen = settings or from_environment()
    flow = read_script(chosen.prompts_dir)
    shelf = read_shelf(chosen.audio_dir)
    speaker = Speaker(flow, shelf, read_lexicon(chosen.prompts_dir), preferred(chosen.voice))
    audio = f"{chosen.public_url}/audio/"
    engine = open_database(chosen.database_url)
    turns = Turns(engine)
    vault, texts = Vault([chosen.secret_key]), read_sms(chosen.prompts_dir)
    can_text = bool(chosen.sms_from and chosen.api_key and chosen.api_secret)
    services = Services(engine, vault, texts, chosen.public_url, can_text, fiction=not chosen.production)
    start = background or ThreadPoolExecutor(8, "desk").submit
    calls = Calls(flow, turns, chosen.secret_key, vault, start, {**services.desks(), **(desks or {})})
    readings = Readings(speaker, services.code_of, chosen.secret_key, audio, clock)
    renderer = Renderer(flow, speaker, audio=audio)

    example = "" if chosen.production else AN_EXAMPLE
    app = Flask("ivr", static_folder=None)
    app.extensions["ivr"] = calls
    app.extensions["ivr.services"] = services
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.url_map.merge_slashes = False  # a redirected webhook is a lost call
    app.register_blueprint(voice_routes(Voice(chosen, calls, renderer, readings, clock)))
    app.register_blueprint(reading_routes(readings))
    app.register_blueprint(link_routes(services.links(), clock, proxies=chosen.proxies, loopback_is=example))
    app.register_blueprint(audio_routes(shelf))
    app.add_url_rule("/healthz", "healthz", lambda: Response("alive\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", "readyz", partial(_ready, turns))
    if chosen.softphone:
        app.register_blueprint(softphone_routes(chosen, words=partial(_words, shelf), told=turns.told))
        app.register_blueprint(listening_routes(partial(listened, speaker)))
    return app


def sender_of(app: Flask, settings: Settings | None = None) -> Sender | None:
    """Who sends the app's texts, not started yet; None when no texts can be sent, and they wait in the outbox."""
    chosen, services = settings or from_environment(), app.extensions["ivr.services"]
    if not services.can_text:
        return None
    texts = Texts(
        chosen.account_sid or chosen.api_key, chosen.api_key, chosen.api_secret, chosen.sms_from, base=chosen.api_url
    )
    return Sender(Outbox(services.engine), texts, services.vault, time.time)


def _words(shelf: Shelf, name: str) -> str:
    """What a clip says, for the page that shows the call."""
    return "(le code)" if name.startswith("code/") else shelf.words.get(name, "")


def _ready(turns: Turns) -> Response:
    try:
        turns.is_reachable()
    except Exception as error:
        return Response(f"not ready: {type(error).__name__}\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
