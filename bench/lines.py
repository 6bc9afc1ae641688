"""The contenders: the real line, a bare Flask route, and the view that a tutorial would write."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask, Response, request
from twilio.twiml.voice_response import VoiceResponse

from bench.caller import ACCOUNT, PUBLIC_URL, SECRET_KEY, TOKEN
from ivr.settings import settings
from ivr.web.app import create_app
from ivr.web.logs import log_to_stderr

ANSWER_BYTES = 700
"""About what the real line answers on average."""


def environment(folder: Path, database: str = "") -> dict[str, str]:
    """The settings of the real line in this folder: production, signed, no partner."""
    return {
        "IVR_ENV": "production",
        "IVR_PUBLIC_URL": PUBLIC_URL,
        "IVR_DATA_DIR": str(folder),
        "IVR_SECRET_KEY": SECRET_KEY,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        **({"IVR_DATABASE_URL": database} if database else {}),
    }


def real(folder: Path, database: str = "", more: Mapping[str, str] | None = None) -> Flask:
    """The line as it is served."""
    return create_app(settings({**environment(folder, database), **(more or {})}))


def bare() -> Flask:
    """A route that answers a constant of about the same size."""
    app = Flask("bare", static_folder=None)
    answer = (b"<?xml version='1.0' encoding='UTF-8'?><Response>" + b" " * ANSWER_BYTES)[:ANSWER_BYTES]
    app.add_url_rule("/", "constant", lambda: Response(answer, content_type="text/xml"), methods=["POST"])
    return app


def naive() -> Flask:
    """What a tutorial shows: the form read, one menu built, no signature checked, nothing remembered."""
    app = Flask("naive", static_folder=None)

    def menu() -> Response:
        chosen = request.form.get("Digits", "")
        response = VoiceResponse()
        gather = response.gather(num_digits=1, action="/menu", method="POST", timeout=5)
        gather.say(f"Vous avez choisi {chosen}. Pour continuer, tapez 1.", language="fr-FR")
        response.redirect("/menu", method="POST")
        return Response(str(response), content_type="text/xml")

    app.add_url_rule("/", "menu", menu, methods=["POST"])
    return app


def quiet() -> None:
    """Write the line's log to nothing: its entries are made all the same, as in production."""
    with contextlib.redirect_stderr(Path(os.devnull).open("w")):
        log_to_stderr()


def bare_line() -> Flask:
    """The bare route as a server makes it; it answers at any address."""
    app = bare()
    app.add_url_rule("/healthz", "healthz", lambda: Response("alive\n", mimetype="text/plain"))
    return app
