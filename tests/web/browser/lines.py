"""Lines for the pages to call: the real one, and one whose answers a test writes by hand."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from twilio.request_validator import RequestValidator
from werkzeug.serving import make_server

from ivr.flow.model import Clip, Pause, Words
from ivr.settings import settings
from ivr.web.listening import ListenedPrompt, listening_routes
from ivr.web.softphone import softphone_routes
from tests.line import TOKEN, Line

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "a secret of thirty-two characters"


class RealLine:
    """The real line and its clock."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.url = line.url

    def let_pass(self, page: Page, passed: float) -> None:
        """Let time pass for the line and for a page that is timed."""
        self.line.clock.advance(passed)
        page.evaluate("seconds => letPass(seconds)", passed)


class HandLine:
    """A carrier's view of a line: `answers` by path, filled by the test; `forms` are what it was posted, in order.

    If it `keeps` recordings, they are in `recordings` by their names.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self.answers: dict[str, str] = {}
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.clips: dict[str, bytes] = {}
        self.recordings: dict[str, bytes] = {}
        self.prompts: list[ListenedPrompt] = []
        self.app = Flask("hand", static_folder=None)
        self.app.config["MAX_CONTENT_LENGTH"] = 64 * 1024  # as the line's own
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        environment = {"IVR_PUBLIC_URL": self.url, "IVR_SECRET_KEY": KEY, "TWILIO_AUTH_TOKEN": TOKEN}
        pages = softphone_routes(
            settings(environment),
            words=self._words,
            told=lambda call, turn: ("key 1", f"pas-{turn}"),
            keep_recording=self.recordings.__setitem__ if keeps else None,
        )
        self.app.register_blueprint(pages)
        self.app.register_blueprint(listening_routes(lambda: self.prompts))
        self.app.add_url_rule("/voice", "voice", self._answer, methods=["POST"])
        self.app.add_url_rule("/voice/<path:rest>", "turn", self._answer, methods=["POST"])
        self.app.add_url_rule("/audio/<name>", "audio", self._clip)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def says(self, path: str, verbs: str) -> None:
        """What is answered at this path; `{audio}` is where the clips are."""
        self.answers[path] = verbs.replace("{audio}", f"{self.url}/audio/")

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, rest: str = "") -> Response:
        given = request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(TOKEN).validate(self.url + request.path, request.form, given):
            return Response(status=403)
        self.forms.append((request.path, request.form.to_dict()))
        if request.path == "/voice/status":
            return Response(status=204)
        verbs = self.answers.get(request.path, "<Hangup/>")
        return Response(f"<Response>{verbs}</Response>", content_type="text/xml")

    def _clip(self, name: str) -> Response:
        return Response(self.clips[name], mimetype="audio/wav") if name in self.clips else Response(status=404)

    def _words(self, name: str) -> str:
        return f"les mots de {name}"


def prompt(name: str, clip: str = "", text: str = "") -> ListenedPrompt:
    """A prompt to listen to: a clip between two silences, or words."""
    parts = (Clip(clip, text, 1.0), Pause(0.5)) if clip else (Words(text),)
    return ListenedPrompt(name, text, "", 1.5, (("F01", "un fait du guide"),), parts)


def sound(length: float, pitch: int = 500) -> bytes:
    """A telephone's file: 8 kHz mu-law, a square wave of so many seconds."""
    half = 4000 // pitch
    samples = (bytes([0x10] * half + [0x90] * half) * (int(length * 8000) // (2 * half) + 1))[: int(length * 8000)]
    return wave(samples)


def wave(samples: bytes) -> bytes:
    """Mu-law samples as a WAV file, as libsndfile writes it: 8 kHz, format 7, a fact chunk."""
    shape = struct.pack("<IHHIIHH", 16, 7, 1, 8000, 8000, 1, 8)
    rest = b"WAVEfmt " + shape + b"fact" + struct.pack("<II", 4, len(samples))
    rest += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(rest)) + rest
