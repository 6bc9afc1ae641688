"""Faults in what the line stands on: the k-th statement, commit or request of a call fails, for any k.

A scenario is a call by its keys, placed at a line whose every contact with its database and its partners is counted
(`Outside`). Whatever fails, each webhook must have an answer that a carrier plays, in time; what was given out must be
known afterwards; and the next call must go as if nothing had been. `tests/test_faults.py` takes a part of the k's,
`tests/torture/faults.py` all of them.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine, event, select

from ivr.phone import wire
from ivr.store.codes import Codes
from ivr.store.tables import codes
from ivr.web.voice import INTERRUPTED
from tests.attacks import call_sid
from tests.line import ACCOUNT, ROOT, TOKEN, Line
from tests.twiml_schema import complaints

NUMBER, MOBILE, CALLER = "0199000007", "0639980001", "+33639980001"
SUNDAY = 1_795_381_200.0
"""2026-11-22, 22:00 in Paris: nobody is there."""

MOST_POLLS = 30
IN_TIME = 5.0
"""Seconds for any answer (facts/reliability.md B13)."""


@dataclass
class Outside:
    """Everything that the line asks of its database and its partners, counted; from `first` to `last` it fails."""

    asked: int = 0
    first: int = 0
    last: int = 0

    def fail(self, first: int, last: int) -> None:
        """Count anew, and fail from the first to the last of what comes; none for 0."""
        self.asked, self.first, self.last = 0, first, last

    def is_failing(self) -> bool:
        """Count one more; whether it fails."""
        self.asked += 1
        return self.first <= self.asked <= self.last


@contextmanager
def counted() -> Iterator[Outside]:
    """What every database and every HTTP client of this process is asked within."""
    outside = Outside()

    class Cursor(sqlite3.Cursor):
        def execute(self, *args: Any) -> Any:
            _may_fail(outside)
            return super().execute(*args)

        def executemany(self, *args: Any) -> Any:
            _may_fail(outside)
            return super().executemany(*args)

    class Connection(sqlite3.Connection):
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def commit(self) -> None:
            _may_fail(outside)
            super().commit()

    def connecting(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        parameters["factory"] = Connection

    send = HTTPAdapter.send

    def sending(adapter: HTTPAdapter, *args: Any, **named: Any) -> requests.Response:
        if outside.is_failing():
            raise requests.ConnectionError("injected: the connection broke")
        return send(adapter, *args, **named)

    event.listen(Engine, "do_connect", connecting)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HTTPAdapter, "send", sending)
        try:
            yield outside
        finally:
            event.remove(Engine, "do_connect", connecting)


def _may_fail(outside: Outside) -> None:
    if outside.is_failing():
        raise sqlite3.OperationalError("injected: disk I/O error")


@dataclass(frozen=True)
class Scenario:
    """A call: the keys in order (« silence », « password », « recorded » are no keys), and words of its good end."""

    moves: tuple[str, ...]
    ends_with: str
    operator: bool = False


SCENARIOS = {
    "guide": Scenario(("2", "1", "1"), "Merci de votre appel"),
    "code": Scenario(("3", "1", "1", "1", "password", "2", "203*0*113*7", "1", "2"), "C’est envoyé"),
    "code-by-ovh": Scenario(("3", "1", "1", "1", "password", "1", "silence", "2"), "C’est envoyé", operator=True),
    "call-back": Scenario(("0", "1", "2", "0199000012", "1"), "Vous serez rappelé"),
    "message": Scenario(("0", "2", "recorded", "1"), "Votre message"),
}


@dataclass
class Heard:
    """What came of a call: the answers, what was wrong about them, the slowest in seconds."""

    answers: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0


class House:
    """A line with a customer, codes, an operator when it is asked for, and no clips: what is said can be read."""

    def __init__(self, folder: Path, *, operator: bool = False, pool: int = 50) -> None:
        self.line = Line(folder / "var", ROOT / "prompts", audio=folder / "no clips")
        self.line.clock.set(SUNDAY)
        self.line.give_line(NUMBER, MOBILE)
        self.line.give_codes(*(f"{471803925604 + 1_000_003 * n:012}" for n in range(pool)))
        if operator:
            self.line.operator_knows(NUMBER, "203.0.113.7", hours=20)
        self._send = wire.into(self.line.app)
        self._calls = 0

    def place(self, scenario: Scenario) -> Heard:
        """Place the call; who hears that the line was interrupted presses 1."""
        heard, self._calls = Heard(), self._calls + 1
        self.line.clock.advance(7 * 86_400)  # nothing of the last call is resumed or counted; the hour is the same
        if scenario.operator:
            self.line.at_operator.registrations[:] = [("203.0.113.7", self.line.clock.now() - 72_000)]
        sid = call_sid(self._calls)
        said = self._ask(heard, sid, "/voice", CallStatus="ringing")
        for move in scenario.moves:
            for _ in range(2):
                said = self._moved(heard, sid, said, move)
                if INTERRUPTED not in said:
                    break
                said = self._ask(heard, sid, _action(said) or "", Digits="1")
            if "<Hangup" in said and "<Gather" not in said:
                break
        self._ask(heard, sid, "/voice/status", CallStatus="completed")
        self._worked()
        return heard

    def unknown_codes(self) -> set[str]:
        """Codes that were texted and that the database does not know as given out."""
        vault = self.line.services.ground.vault
        with self.line.services.ground.engine.begin() as connection:
            kept = Codes(connection, vault)
            given = select(codes.c.id).where(codes.c.status != "waiting", codes.c.cipher.is_not(None))
            known = {kept.opened(one) for one in connection.execute(given).scalars()}
        texted = (re.search(r"(?:\d{3} ){3}\d{3}", text.body) for text in self.line.carrier.messages)
        return {found[0].replace(" ", "") for found in texted if found} - known

    def stop(self) -> None:
        """Close everything."""
        self.line.stop()

    def _moved(self, heard: Heard, sid: str, said: str, move: str) -> str:
        self.line.clock.advance(5)
        if move == "password":
            self._worked()
            move = _password(self.line)
        match move:
            case "recorded" if record := re.search(r'<Record[^>]* action="([^"]+)"', said):
                about = {"RecordingSid": f"RE{int(sid[2:], 16):032x}", "RecordingDuration": "9"}
                said = self._ask(heard, sid, record[1], **about)
            case "silence" if there := _redirect(said):
                said = self._ask(heard, sid, there)
            case _ if (there := _action(said)) and move not in ("recorded", "silence"):
                said = self._ask(heard, sid, there, Digits=move)
        for _ in range(MOST_POLLS):
            if _words(said) or (there := _redirect(said)) is None:
                break
            self.line.clock.advance(1)
            said = self._ask(heard, sid, there)
        return said

    def _ask(self, heard: Heard, sid: str, path: str, **about: str) -> str:
        form = {"CallSid": sid, "AccountSid": ACCOUNT, "From": CALLER, "To": "+33199000000"}
        began = time.monotonic()
        answer = self._send(wire.request("POST", self.line.url + path, {**form, **about}, TOKEN))
        heard.slowest = max(heard.slowest, time.monotonic() - began)
        if path != "/voice/status":
            heard.answers.append(answer.body.decode())
            if answer.status != 200 or complaints(answer.body):
                heard.wrong.append(f"{path}: {answer.status} {answer.body[:200]!r}")
        elif answer.status != 204:
            heard.wrong.append(f"{path}: {answer.status}")
        return answer.body.decode()

    def _worked(self) -> None:
        """Run what the line does between calls; what fails is run again at its time, as the worker does."""
        for each in self.line.app.extensions["ivr.rounds"]:
            try:
                each.run()
            except Exception:  # noqa: S112 - `ivr.worker` logs it and goes on
                continue


def _password(line: Line) -> str:
    found = [re.search(r"\b\d{6}\b", text.body) for text in line.carrier.messages[-1:]]
    return found[0][0] if found and found[0] else "000000"


def _action(said: str) -> str | None:
    found = re.search(r'<Gather[^>]* action="([^"]+)"', said)
    return found[1] if found else None


def _words(said: str) -> str:
    """What is said, without addresses; nothing while the line only waits."""
    return re.sub(r"<[^>]+>", "", re.sub(r"<Redirect.*?</Redirect>", "", said)).strip()


def _redirect(said: str) -> str | None:
    found = re.search(r"<Redirect[^>]*>([^<]+)<", said)
    return found[1] if found else None


@dataclass
class Seen:
    """What came of failing a scenario in every one of these ways."""

    tried: int = 0
    asked: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


def failed_everywhere(folder: Path, name: str, *, every: int = 1, lasting: int = 1) -> Seen:
    """Fail what a scenario asks of the outside, each k-th time of it, for `lasting` times in a row; `every` k-th alone.

    After each, a call without a fault must come to its good end.
    """
    scenario, seen = SCENARIOS[name], Seen()
    with counted() as outside:
        house = House(folder, operator=scenario.operator, pool=2000 if every == 1 else 200)
        try:
            outside.fail(0, 0)
            good = house.place(scenario)
            assert scenario.ends_with in good.answers[-1], f"{name} does not end well: {good.answers[-1]}"
            seen.asked = outside.asked
            for k in range(1, seen.asked + 1, every):
                outside.fail(k, k + lasting - 1)
                heard = house.place(scenario)
                outside.fail(0, 0)
                after = house.place(scenario)
                seen.tried += 1
                seen.slowest = max(seen.slowest, heard.slowest, after.slowest)
                seen.wrong += [f"{name}, {k}: {what}" for what in (*heard.wrong, *after.wrong)]
                if scenario.ends_with not in after.answers[-1]:
                    seen.wrong.append(f"{name}, after {k}: {after.answers[-1]}")
                if unknown := house.unknown_codes():
                    seen.wrong.append(f"{name}, {k}: {len(unknown)} codes that nobody knows of")
        finally:
            outside.fail(0, 0)
            house.stop()
    return seen
