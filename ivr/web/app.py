"""`create_app()`: settings, script, voice, database and desks become one Flask app. Wiring happens here alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from flask import Flask, Response

from ivr.calls import Background, Calls, Clock, Desk
from ivr.desk.commands import AGENT
from ivr.desk.handover import Team
from ivr.desk.lines import Lines
from ivr.folder import Script
from ivr.scripts import Scripts, script_at_start
from ivr.services import Services
from ivr.services.ground import Ground
from ivr.services.memory import remember
from ivr.services.rounds import Partners, rounds, slow_rounds
from ivr.settings import SOFTPHONE, Settings
from ivr.settings import settings as from_environment
from ivr.speech.shelf import Library
from ivr.store.database import open_database
from ivr.store.outbox import CAPS
from ivr.store.turns import Turns
from ivr.store.vault import Vault
from ivr.telephony.webhook import MOST_BYTES
from ivr.web.audio import audio_routes
from ivr.web.editions import Press
from ivr.web.fallback import fallback_routes
from ivr.web.link import link_routes
from ivr.web.listening import listened, listening_routes
from ivr.web.people import People, people_routes
from ivr.web.reading import Readings, reading_routes
from ivr.web.shortcut import PATIENCE, Shortcut, in_line
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
    operator: Lines | None = None,
    around: Callable[[str, Desk], Desk] = lambda _command, desk: desk,
) -> Flask:
    """The whole line as a WSGI app.

    `settings` default to the environment's; `clock` gives seconds since the epoch; `desks` carry out the script's
    commands, by name; `background` starts what takes its time (default: eight threads); `operator` is the API of who
    runs the telephone lines (default: OVH's, when its keys are set); `around` surrounds each desk, with a fault say.

    Raises SettingsError, ScriptError, SpeechError, or sqlalchemy.exc.SQLAlchemyError when the line cannot start.
    """
    chosen = settings or from_environment()
    library = Library(chosen.audio_dir)
    engine = open_database(chosen.database_url)
    turns, vault = Turns(engine), Vault(chosen.secret_keys)
    can_text = bool(chosen.sms_from and chosen.api_key and chosen.api_secret)
    caps = replace(CAPS, all_an_hour=chosen.sms_an_hour)
    ground = Ground(engine, vault, {}, chosen.public_url, can_text, fiction=not chosen.production, caps=caps)
    remember(engine, vault, chosen.data_dir, clock())
    partners, lines = partners_of(chosen, clock), operator or _operator(chosen)
    people = {AGENT: chosen.agent} if chosen.agent else {}

    def services_of(script: Script) -> Services:
        return Services(
            replace(ground, texts=script.texts),
            script.flow,
            script.hours,
            chosen.data_dir,
            lines,
            agent=chosen.agent,
            can_ring=bool(chosen.callbacks and script.flow.follow_up and partners.twilio),
            hands_over=partners.team is not None,
            fetch=partners.twilio.recording if partners.twilio else None,
        )

    press = Press(chosen, library, vault, services_of, desks or {}, people, around)
    first = press.edition(script_at_start(engine, chosen.prompts_dir, clock()))
    scripts = Scripts(engine, first, press.edition)
    services = first.services
    start = background or ThreadPoolExecutor(8, "desk").submit
    calls = Calls(scripts, turns, vault, start, frozenset(people))
    audio = f"{chosen.public_url}/audio/"
    readings = Readings(
        lambda: scripts.last().speaker,
        services.code.code_of,
        vault,
        audio,
        clock,
        services.people.sound_of,
    )

    example = "" if chosen.production else AN_EXAMPLE
    app = Flask("ivr", static_folder=None)
    app.extensions["ivr"] = calls
    app.extensions["ivr.services"] = services
    app.extensions["ivr.scripts"] = scripts
    steady = time.monotonic if clock is time.time else clock
    app.extensions["ivr.rounds"] = rounds(services, turns, partners, clock, scripts, steady)
    app.extensions["ivr.slow-rounds"] = slow_rounds(services, clock)
    app.context_processor(lambda: {"service": _capitalised(scripts.last().flow.name)})
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    app.url_map.merge_slashes = False  # a redirected webhook is a lost call
    voice = Voice(chosen, calls, scripts, readings, clock)
    app.register_blueprint(voice_routes(voice))
    answer = in_line(voice.answer, PATIENCE[engine.dialect.name])
    app.wsgi_app = Shortcut(app.wsgi_app, answer)  # type: ignore[method-assign]
    app.register_blueprint(fallback_routes(voice))
    app.register_blueprint(people_routes(People(voice, services, clock)))
    app.register_blueprint(reading_routes(readings))
    app.register_blueprint(link_routes(services.code.links(), clock, proxies=chosen.proxies, loopback_is=example))
    app.register_blueprint(audio_routes(library.find))
    app.add_url_rule("/healthz", "healthz", lambda: Response("alive\n", mimetype="text/plain"))
    app.add_url_rule("/readyz", "readyz", partial(_ready, turns))
    if chosen.softphone:
        keep = None if chosen.production else partial(_left, chosen.data_dir / SOFTPHONE)
        words = partial(_words, library)
        app.register_blueprint(softphone_routes(chosen, words=words, told=turns.told, keep_recording=keep))
        app.register_blueprint(listening_routes(lambda: listened(scripts.now().speaker)))
    return app


def partners_of(settings: Settings, clock: Clock) -> Partners:
    """Through whom things leave, as far as the settings name them."""
    twilio = team = None
    if settings.api_key and settings.api_secret and (settings.sms_from or settings.own_number):
        from ivr.telephony.rest import Twilio

        account, login = settings.account_sid or settings.api_key, (settings.api_key, settings.api_secret)
        own = settings.own_number
        twilio = Twilio(account, *login, settings.sms_from, base=settings.api_url, voice_from=own)
    if settings.handover_url:
        insecure = not settings.production
        team = Team(settings.handover_url, settings.handover_secret, clock, development=insecure)
    return Partners(twilio, team)


def _operator(settings: Settings) -> Lines | None:
    """The API of who runs the telephone lines, when its keys are set."""
    if not settings.ovh_keys:
        return None
    from ivr.desk.ovh import Credentials, Ovh

    return Ovh(Credentials(*settings.ovh_keys), settings.ovh_endpoint)


def _capitalised(name: str) -> str:
    """The name of the line, as a page begins with it."""
    return name[:1].upper() + name[1:]


def _words(library: Library, name: str) -> str:
    """What a clip says, for the page that shows the call."""
    return "(lu pour cet appel seul)" if name.startswith("code/") else library.shelf.words.get(name, "")


def _left(folder: Path, sid: str, wav: bytes) -> None:
    """Leave what the browser phone has recorded where the carrier's stand-in finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{sid}.part"
    draft.write_bytes(wav)
    draft.replace(folder / f"{sid}.wav")


def _ready(turns: Turns) -> Response:
    try:
        turns.is_reachable()
    except Exception as error:
        return Response(f"not ready: {type(error).__name__}\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
