"""The real line on a loopback port, for tests: the app, a web server, a database on disk, the phone's clock."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from ivr.calls import Desk
from ivr.demo import ovh
from ivr.demo.loopback import GARBAGE, HALF, HANG, RESET, answers
from ivr.demo.twilio_rest import SECRET, Message, TwilioRest
from ivr.desk.ovh import Credentials, Ovh, Patience
from ivr.desk.register import read_codes, read_lines
from ivr.flow.model import READINGS, Flow, Hold, Piece, Slot, Words
from ivr.folder import read_lexicon, read_script
from ivr.phone import Clock, Phone
from ivr.phone.book import PromptBook
from ivr.phone.transcript import UnknownVerb
from ivr.services import Services
from ivr.settings import settings
from ivr.speech.clips import countdown, is_said, take
from ivr.speech.lexicon import Lexicon
from ivr.speech.shelf import Shelf, wave
from ivr.speech.speaker import Speaker
from ivr.speech.voices import Voice, preferred
from ivr.store.codes import Codes
from ivr.store.lines import Lines as Kept
from ivr.store.turns import Turns
from ivr.telephony.twiml import Renderer
from ivr.web import create_app
from ivr.web.reading import TITLE

ROOT = Path(__file__).parent.parent
TOKEN = "the token of nobody's account"
ACCOUNT = "AC" + "0" * 32
AGENT = "+33199000001"


class Line:
    """One line under test. It can be restarted in the middle of a call; the database and the port stay."""

    def __init__(
        self,
        folder: Path,
        prompts: Path,
        desks: Mapping[str, Desk] | None = None,
        database: str = "",
        audio: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = Clock()
        self._environment = environment or {}
        self.prompts = prompts
        self.audio = audio or ROOT / "audio"
        self.lexicon = read_lexicon(prompts)
        self.voices = preferred("kokoro")
        self._desks = desks
        self._folder = folder
        self._database = database
        self.carrier = TwilioRest(clock=self.clock.now).start()
        self._operator: ovh.Ovh | None = None
        self._read = 0
        self._pin = ""
        self.patience = Patience()
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
            on_recording=lambda sid, seconds: self.carrier.keep_recording(
                sid, wave(b"\x55" * 8000 * seconds, "(message)")
            ),
        )

    def restart(self, **environment: str) -> None:
        """Stop the process's app and start another one on the same database and port, these settings changed."""
        self._environment = {**self._environment, **environment}
        port = self._server.port
        self._halt()
        self._server = self._start(port)

    def stop(self) -> None:
        """Stop the line, and the carrier that took its texts."""
        self._halt()
        self.carrier.stop()
        if self._operator:
            self._operator.stop()

    def _halt(self) -> None:
        """Stop serving and let go of the database."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        turns_of(self.app).close_database()

    @property
    def flow(self) -> Flow:
        """The script that the last call began on."""
        flow: Flow = self.app.extensions["ivr.scripts"].last().flow
        return flow

    def sounds(self, pieces: tuple[Piece, ...]) -> tuple[frozenset[str], ...]:
        """What the pieces sound like, one utterance after the other."""
        return sounds(pieces, self.lexicon, self.voices)

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

    def _work(self, job: Callable[[], None]) -> None:
        """Work in the background, done before the next webhook can ask for it: the clock here is virtual."""
        thread = threading.Thread(target=job)
        thread.start()
        thread.join()

    # What surrounds a transcript (`ivr.phone.transcript.Stage`).

    def verb(self, name: str, args: tuple[str, ...], phone: Phone) -> None:  # noqa: C901 - one table, an arm a verb
        """The verbs of our own transcripts.

        `restart`; `later SECONDS`; `given line NUMBER of MOBILE`, `given code CODE`, `given pin of NUMBER`; `types the
        password`, `types the pin`, `opens the link`; `operator knows NUMBER from ADDRESS N hours ago`, `operator resets
        without a code`, `operator fails OPERATION HOW`, `telephone registers [in N seconds]`; `the line works` (its
        rounds between calls), `texted "words"`, `texted nothing more`.
        """
        match name, args:
            case "restart", ():
                self.restart()
            case "given", ("line", number, "of", mobile):
                self.give_line(number, mobile)
            case "given", ("code", code):
                self.give_codes(code)
            case "operator", ("knows", number, "from", address, hours, "hours", "ago"):
                self.operator_knows(number, address, float(hours))
            case "operator", ("resets", "without", "a", "code"):
                self.at_operator.method = "http"
            case "operator", ("fails", operation, how):
                self.operator_fails(operation, how)
            case "telephone", ("registers",):
                self.at_operator.registrations.append(("203.0.113.7", self.clock.now()))
            case "telephone", ("registers", "in", seconds, "seconds"):
                self.clock.advance(float(seconds))
                self.at_operator.registrations.append(("203.0.113.7", self.clock.now()))
            case "later", (seconds,):
                self.clock.advance(float(seconds))
            case "the", ("line", "works"):
                self.work()
            case "texted", (words,):
                assert words in self.sent()[-1].body, f"the last SMS: {self.sent()[-1].body}"
            case "texted", ("nothing", "more"):
                assert len(self.sent()) == self._read
            case "given", ("pin", "of", number):
                self._pin = self.give_pin(number)
            case "types", ("the", "pin"):
                phone.press(self._pin)
            case "types", ("the", "password"):
                phone.press(self.password())
            case "opens", ("the", "link"):
                self.open_link()
            case _:
                raise UnknownVerb(name)

    # What the desks have.

    @property
    def services(self) -> Services:
        """The services of the app."""
        services = self.app.extensions["ivr.services"]
        assert isinstance(services, Services)
        return services

    def give_line(self, number: str, mobile: str) -> None:
        """Put a line into the register."""
        rows = read_lines(f"ligne,mobile,modele\n{number},{mobile},C610IP\n".encode())
        with self.services.ground.engine.begin() as connection:
            Kept(connection, self.services.ground.vault).take_in(rows, self.clock.now() - 90 * 86_400)

    def give_pin(self, number: str) -> str:
        """Give a line a support PIN, as an operator does; the PIN."""
        pin, kept = self.services.code.identity.new_pin()
        with self.services.ground.engine.begin() as connection:
            lines = Kept(connection, self.services.ground.vault)
            line = lines.by_number(f"+33{number[1:]}")
            assert line, f"first: given line {number} of …"
            lines.set_pin(line.id, kept)
        return pin

    def give_codes(self, *codes: str) -> None:
        """Put codes into the pool."""
        rows = read_codes("\n".join(["code", *codes, ""]).encode())
        with self.services.ground.engine.begin() as connection:
            Codes(connection, self.services.ground.vault).take_in(rows, self.clock.now())

    def operator_knows(self, number: str, address: str, hours: float) -> None:
        """Connect the line to OVH's API, where this number's telephone registered so many hours ago."""
        seen = [(address, self.clock.now() - hours * 3600)]
        known = ovh.DemoLine(f"0033{number[1:]}", registrations=seen)
        self._operator = ovh.Ovh([known]).start()
        self.restart()

    @property
    def at_operator(self) -> ovh.DemoLine:
        """The line that OVH knows."""
        assert self._operator, "first: operator knows NUMBER from ADDRESS N hours ago"
        return next(iter(self._operator.lines.values()))

    def operator_fails(self, operation: str, how: str) -> None:
        """Let one of OVH's operations (or « all ») fail from now on."""
        assert self._operator
        faults = {"hangs": HANG, "resets": RESET, "halves": HALF, "garbles": GARBAGE, "works": None}
        fault = faults[how] if how in faults else answers({"message": "no"}, int(how))
        name = "*" if operation == "all" else operation
        self._operator.faults.pop(name, None)
        self._operator.faults.update({name: fault} if fault else {})

    def _api(self) -> Ovh | None:
        """OVH's API through our provider; a test of faults lets it be less patient: here seconds are real."""
        if not self._operator:
            return None
        keys = Credentials(ovh.APPLICATION_KEY, ovh.APPLICATION_SECRET, ovh.CONSUMER_KEY)
        return Ovh(keys, self._operator.endpoint, self.patience, clock=self.clock.now)

    def work(self, *names: str) -> None:
        """Run the line's rounds between calls, once each: these, or all of them."""
        for each in self.app.extensions["ivr.rounds"]:
            if each.name in names or not names:
                each.run()

    def sent(self) -> list[Message]:
        """The SMS that have left, oldest first, after sending those that are due."""
        self.work("send")
        self._read = len(self.carrier.messages)
        return self.carrier.messages

    def password(self) -> str:
        """The six digits of the last SMS."""
        found = re.search(r"\b\d{6}\b", self.sent()[-1].body)
        assert found, "the last SMS holds no password"
        return found[0]

    def open_link(self) -> None:
        """Open the link of the last SMS, as a browser on the home Wi-Fi does."""
        found = re.search(r"/i/\w+", self.sent()[-1].body)
        assert found, "the last SMS holds no link"
        assert self.app.test_client().post(found[0]).status_code == 200

    def disposition(self, call_sid: str) -> str | None:
        """How the call ended, from the database."""
        return turns_of(self.app).disposition(call_sid)

    def _start(self, port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, _not_yet, threaded=True)
        environment = {
            "IVR_DATA_DIR": str(self._folder),
            "IVR_PROMPTS_DIR": str(self.prompts),
            "IVR_AUDIO_DIR": str(self.audio),
            "IVR_PUBLIC_URL": f"http://127.0.0.1:{server.port}",
            "IVR_DATABASE_URL": self._database,
            "IVR_NUMBERS": "+33199000000",
            "IVR_SMS_FROM": "+33199000000",
            "IVR_AGENT": AGENT,
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_KEY": ACCOUNT,
            "TWILIO_API_SECRET": SECRET,
            "TWILIO_API_URL": self.carrier.address,
            **self._environment,
        }
        self.app: Flask = create_app(
            settings(environment),
            clock=self.clock.now,
            desks=self._desks,
            background=self._work,
            operator=self._api(),
        )
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


def book_of(line: Line) -> PromptBook:
    """What each prompt of a line sounds like (see `book`)."""
    return book(line.flow, line.lexicon, line.voices)


def book(flow: Flow, lexicon: Lexicon, voices: Sequence[Voice]) -> PromptBook:
    """What each prompt of a script sounds like: whole, its options alone (`/options`), its cues (`@second`).

    An utterance is its words or, where it is recorded, any file that holds them.
    """
    found: dict[str, list[tuple[frozenset[str], ...]]] = {}
    for name, prompt in flow.texts():
        step = flow.steps[name.partition("@")[0]]
        found[name] = [sounds(prompt.pieces(), lexicon, voices)]
        if prompt.options and name == step.id:
            found[f"{name}/options"] = [sounds(prompt.pieces("options"), lexicon, voices)]
        if isinstance(step, Hold) and name == step.id:
            found[name].append((frozenset({countdown(step, lexicon, voices[0]).name}),))
    return PromptBook(found)


def sounds(pieces: tuple[Piece, ...], lexicon: Lexicon, voices: Sequence[Voice]) -> tuple[frozenset[str], ...]:
    """What the pieces sound like, one utterance after the other."""
    return tuple(
        _spoken(piece.text, lexicon, voices) if isinstance(piece, Words) else frozenset({TITLE})
        for piece in pieces
        if (isinstance(piece, Words) and is_said(piece.text)) or (isinstance(piece, Slot) and piece.manner in READINGS)
    )


def _spoken(words: str, lexicon: Lexicon, voices: Sequence[Voice]) -> frozenset[str]:
    clips = (take(words, lexicon, voice, slow=slow).name for voice in voices for slow in (False, True))
    return frozenset({words, *clips})


def renderer(flow: Flow, shelf: Shelf | None = None) -> Renderer:
    """The renderer of a flow, with an agent to ring; without a shelf everything is said by the carrier."""
    speaker = Speaker(flow, shelf or Shelf(), Lexicon({}), preferred("kokoro"))
    audio, people = "https://ligne.example.com/audio/", {"conseiller": "+33199000001"}
    return Renderer(flow, speaker, audio=audio, numbers=people, own_number="+33199000000")


def our_flow() -> Flow:
    """The script that is shipped."""
    return read_script(ROOT / "prompts")
