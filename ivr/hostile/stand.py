"""The line under attack: two processes on one SQLite database, customers and codes, partners on loopback, one clock.

The two « processes » are two apps that share nothing but the database. What a desk is asked to do in the background
is done at once, later or never, as the attack says; no thread of the line's own runs, so that what happens once
happens again. Made once, and put back to its beginning before each attack.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from flask import Flask
from sqlalchemy import Engine, event

from ivr.calls import Calls, Desk, Quick, Work
from ivr.demo import ovh
from ivr.demo.loopback import GARBAGE, HALF, RESET, Fault, answers
from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.desk.lines import Lines
from ivr.desk.ovh import Credentials, Ovh
from ivr.desk.register import read_codes, read_lines
from ivr.flow.engine import Command, Outcome, Pending
from ivr.flow.model import Flow
from ivr.phone import Clock
from ivr.phone.wire import Answer
from ivr.services import Services
from ivr.settings import settings
from ivr.store.codes import Codes
from ivr.store.database import seats_of
from ivr.store.lines import Lines as Kept
from ivr.store.seats import Entrance
from ivr.web import create_app

TOKEN = "the token of nobody's account"  # noqa: S105 - as it says
ADDRESS = "http://ligne.invalid"
START = 1_795_509_000.0
"""When every attack begins: Tuesday, 24 November 2026, 9:30 in Paris; people are there."""

CUSTOMERS = {"0199000007": "0639980001", "0199000008": "0639980002"}
"""Lines that are kept for fiction, and the mobile on file for each; the first has a support PIN."""

CODES = tuple(f"{(i * 7_919 + 104_729) * 1_000_003 % 10**12:012}" for i in range(8))
LONG_AGO = 90 * 86_400.0
HOME = "203.0.113.7"

Desks = Literal["work", "fail", "hang"]
FAULTS: Mapping[str, Fault | None] = {
    "works": None,
    "resets": RESET,
    "halves": HALF,
    "garbles": GARBAGE,
    "refuses": answers({"message": "no"}, 403),
    "breaks": answers({"message": "no"}, 500),
}
"""How a partner goes wrong."""


class DeskFailedError(RuntimeError):
    """A desk failed because the attack wanted it so."""


@dataclass
class _Operator:
    """The operator's API of the attack at hand: each has one of its own, which remembers nothing."""

    api: Lines | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.api, name)


class _Told(Entrance):
    """An entrance that tells of everybody who comes to it."""

    def __init__(self, entrance: Entrance, tell: Callable[[], None]) -> None:
        self._entrance, self._tell = entrance, tell

    def enter(self) -> None:
        """Tell, then wait."""
        self._tell()
        self._entrance.enter()

    def begin(self, execute: Callable[[str], object]) -> None:
        """As it was."""
        self._entrance.begin(execute)

    def leave(self) -> None:
        """As it was."""
        self._entrance.leave()


class Stand:
    """The line to attack. `operator` connects it to OVH's API; else its register and its pool of codes know all.

    Raises what `ivr.web.create_app` raises.
    """

    def __init__(self, folder: Path, prompts: Path, audio: Path, *, operator: bool = False) -> None:
        self.clock = Clock(START)
        self.desks: Desks = "work"
        self.late: list[Callable[[], None]] = []
        self.injected = 0
        self.mishaps: list[str] = []
        self.clips: dict[str, Answer] = {}
        self.carrier = TwilioRest(clock=self.clock.now).start()
        self.ovh = ovh.Ovh([]).start() if operator else None
        self._operator = _Operator()
        self._environment = {
            "IVR_DATA_DIR": str(folder),
            "IVR_PROMPTS_DIR": str(prompts),
            "IVR_AUDIO_DIR": str(audio),
            "IVR_PUBLIC_URL": ADDRESS,
            "IVR_SECRET_KEY": "the secret of a line that nobody calls",
            "IVR_NUMBERS": "+33199000000",
            "IVR_SMS_FROM": "+33199000000",
            "IVR_AGENT": "+33199000001",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_API_KEY": ACCOUNT,
            "TWILIO_API_SECRET": SECRET,
            "TWILIO_API_URL": self.carrier.address,
        }
        self.processes: tuple[Flask, Flask] = (self._process(), self._process())
        self.database = sqlite3.connect(folder / "ligne.sqlite", isolation_level=None, check_same_thread=False)
        self.pin = self._furnished()
        self._beginning = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.backup(self._beginning)
        self._ear = _Ear(self.mishaps)
        logging.getLogger("ivr").addHandler(self._ear)

    def stop(self) -> None:
        """Let go of everything."""
        logging.getLogger("ivr").removeHandler(self._ear)
        self.database.close()
        self._beginning.close()
        for engine in self.engines():
            engine.dispose()
        self.carrier.stop()
        if self.ovh:
            self.ovh.stop()

    def reset(self) -> None:
        """Put everything back to the beginning."""
        self.clock.set(START)
        self.desks, self.injected = "work", 0
        self.late.clear()
        self.mishaps.clear()
        for made in (self.carrier.messages, self.carrier.calls, self.carrier.asked):
            made.clear()
        self.carrier.faults.clear()
        self._beginning.backup(self.database)
        if self.ovh:
            seen = [(HOME, START - 3600 * hours) for hours in (2, 30)]
            lines = [ovh.DemoLine(f"0033{number[1:]}", registrations=seen) for number in CUSTOMERS]
            self.ovh.lines = {line.service: line for line in lines}
            self.ovh.faults.clear()
            keys = Credentials(ovh.APPLICATION_KEY, ovh.APPLICATION_SECRET, ovh.CONSUMER_KEY)
            self._operator.api = Ovh(keys, self.ovh.endpoint, clock=self.clock.now)

    # What can be seen, and used.

    @property
    def flow(self) -> Flow:
        """The script that calls begin on."""
        flow: Flow = self.processes[0].extensions["ivr.scripts"].last().flow
        return flow

    @property
    def calls(self) -> Calls:
        """The calls of the first process."""
        calls = self.processes[0].extensions["ivr"]
        assert isinstance(calls, Calls)  # noqa: S101 - narrowing for the type checker
        return calls

    @property
    def services(self) -> Services:
        """The services of the first process."""
        services = self.processes[0].extensions["ivr.services"]
        assert isinstance(services, Services)  # noqa: S101 - narrowing for the type checker
        return services

    def engines(self) -> Iterator[Engine]:
        """The database as each process holds it."""
        for process in self.processes:
            yield process.extensions["ivr.services"].ground.engine

    @contextmanager
    def before_transactions(self, tell: Callable[[], None]) -> Iterator[None]:
        """`tell` each time that the first process takes a connection, to begin a transaction: it has none yet."""
        engine = next(self.engines())
        seats = seats_of(engine)

        def taken(*_: object) -> None:
            tell()

        event.listen(engine, "checkout", taken)
        entrance, seats.entrance = seats.entrance, _Told(seats.entrance, tell)
        try:
            yield
        finally:
            seats.entrance = entrance
            event.remove(engine, "checkout", taken)

    def work(self, *names: str) -> None:
        """Run the line's rounds between calls, once each: these, or all of them."""
        for each in self.processes[0].extensions["ivr.rounds"]:
            if each.name in names or not names:
                each.run()

    def catch_up(self) -> None:
        """Whatever a desk still had to do is done now; and desks work again."""
        self.desks = "work"
        while self.late:
            self.late.pop(0)()

    def code_of(self, call: str) -> str:
        """The code that the call holds, empty when it holds none."""
        ground = self.services.ground
        with ground.engine.begin() as connection:
            kept = Codes(connection, ground.vault)
            held = kept.held_by(call)
            return kept.opened(held.id) if held and held.status in ("active", "read") else ""

    # Building it.

    def _process(self) -> Flask:
        operator = cast("Lines", self._operator) if self.ovh else None
        app: Flask = create_app(
            settings(self._environment),
            clock=self.clock.now,
            background=self._background,
            operator=operator,
            around=self._surrounded,
        )
        return app

    def _furnished(self) -> str:
        """Customers and codes; the PIN of the first customer."""
        ground, identity = self.services.ground, self.services.code.identity
        rows = read_lines(
            "\n".join(["ligne,mobile,modele", *(f"{n},{m},C610IP" for n, m in CUSTOMERS.items())]).encode()
        )
        pin, kept = identity.new_pin()
        with ground.engine.begin() as connection:
            lines, codes = Kept(connection, ground.vault), Codes(connection, ground.vault)
            lines.take_in(rows, START - LONG_AGO)
            codes.take_in(read_codes("\n".join(["code", *CODES, ""]).encode()), START - LONG_AGO)
            if first := lines.by_number(f"+33{next(iter(CUSTOMERS))[1:]}"):
                lines.set_pin(first.id, kept)
        return pin

    def _background(self, work: Callable[[], None]) -> None:
        if self.desks == "hang":
            self.late.append(work)
        else:
            work()

    def _surrounded(self, _command: str, desk: Desk) -> Desk:
        """The desk, which fails or never answers when the attack wants it so."""

        def run(command: Command, work: Work) -> Outcome | Pending:
            if self.desks == "fail":
                self.injected += 1
                raise DeskFailedError(command.name)
            if self.desks == "hang" and isinstance(desk, Quick):
                return Pending(work.at)
            return desk.run(command, work)

        return replace(desk, run=run)


class _Ear(logging.Handler):
    """Hears what the line itself calls a mishap: the caller was told an apology, and nobody is to be told."""

    def __init__(self, mishaps: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._mishaps = mishaps

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, DeskFailedError):
            self._mishaps.append(f"{record.getMessage()}: {type(error).__name__}: {error}")
