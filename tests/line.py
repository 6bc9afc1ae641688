"""The real line on a loopback port, for tests: the app, a web server, a database on disk, the phone's clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from ivr.calls import Desk
from ivr.flow.engine import Speak
from ivr.flow.model import Flow, Hold, Menu, Words
from ivr.folder import read_script
from ivr.phone import Clock, Phone
from ivr.phone.transcript import PromptBook, UnknownVerb
from ivr.settings import settings
from ivr.speech.said import spoken, utterances
from ivr.store.turns import Turns
from ivr.web import create_app

ROOT = Path(__file__).parent.parent
TOKEN = "the token of nobody's account"
ACCOUNT = "AC" + "0" * 32


class Line:
    """One line under test. It can be restarted in the middle of a call; the database and the port stay."""

    def __init__(
        self, folder: Path, prompts: Path, desks: Mapping[str, Desk] | None = None, database: str = ""
    ) -> None:
        self.clock = Clock()
        self.prompts = prompts
        self._desks = desks
        self._folder = folder
        self._database = database
        self._server = self._start(port=0)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def phone(self, caller: str = "+33639980001") -> Phone:
        """A telephone that will dial this line, on the same clock."""
        return Phone(
            f"{self.url}/voice",
            caller=caller,
            account=ACCOUNT,
            token=TOKEN,
            clock=self.clock,
            status_url=f"{self.url}/voice/status",
        )

    def restart(self) -> None:
        """Stop the process's app and start another one on the same database and port."""
        port = self._server.port
        self.stop()
        self._server = self._start(port)

    def stop(self) -> None:
        """Stop serving and let go of the database."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        turns_of(self.app).close_database()

    @property
    def database_file(self) -> Path:
        """The SQLite file of this line."""
        return self._folder / "ligne.sqlite"

    def wal_bytes(self) -> bytes:
        """What SQLite has written and not yet moved into its file."""
        wal = self.database_file.with_name("ligne.sqlite-wal")
        return wal.read_bytes() if wal.exists() else b""

    def hide_database(self) -> Callable[[], None]:
        """Take the database away, as a lost disk would; the function that is given back brings it again."""
        turns_of(self.app).close_database()
        hidden = self._folder.with_name("away")
        self._folder.rename(hidden)

        def bring_back() -> None:
            hidden.rename(self._folder)

        return bring_back

    # What surrounds a transcript (`ivr.phone.transcript.Stage`).

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:
        """The verbs of our own transcripts."""
        if name != "restart" or args:
            raise UnknownVerb(name)
        self.restart()

    def disposition(self, call_sid: str) -> str | None:
        """How the call ended, from the database."""
        return turns_of(self.app).disposition(call_sid)

    def _start(self, port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, _not_yet, threaded=True)
        environment = {
            "IVR_DATA_DIR": str(self._folder),
            "IVR_PROMPTS_DIR": str(self.prompts),
            "IVR_PUBLIC_URL": f"http://127.0.0.1:{server.port}",
            "IVR_DATABASE_URL": self._database,
            "IVR_NUMBERS": "+33199000000",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
        }
        self.app: Flask = create_app(settings(environment), clock=self.clock.now, desks=self._desks)
        server.app = self.app
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return server


def _not_yet(environ: object, start_response: object) -> list[bytes]:
    raise RuntimeError("the line is not started")


def turns_of(app: Flask) -> Turns:
    """The store of an app."""
    turns = app.extensions["ivr"].turns
    assert isinstance(turns, Turns)
    return turns


def book_of(flow: Flow) -> PromptBook:
    """What each prompt of a flow sounds like: whole, its options alone (`/options`), its cues (`@second`)."""
    sounds: dict[str, tuple[str, ...]] = {}
    for step in flow.steps.values():
        sounds[step.id] = _words(flow, Speak(step.id))
        if step.prompt.options:
            sounds[f"{step.id}/options"] = _words(flow, Speak(step.id, part="options"))
        if isinstance(step, Menu | Hold):
            for cue in step.cues:
                said = spoken(cue.prompt.pieces(), {})
                sounds[f"{step.id}@{cue.at:g}"] = tuple(u.text for u in said if isinstance(u, Words))
    return PromptBook({name: [words] for name, words in sounds.items()})


def _words(flow: Flow, speak: Speak) -> tuple[str, ...]:
    return tuple(u.text for u in utterances(flow, speak) if isinstance(u, Words))


def our_flow() -> Flow:
    """The script that is shipped."""
    return read_script(ROOT / "prompts")
