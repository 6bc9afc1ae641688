"""Sabotage: the line is broken on purpose, one way at a time, to see the test turn red that is there for it.

    python -m tests.sabotage                every way, with the test that must notice; 1 when one does not
    IVR_SABOTAGE=deferred python -m pytest tests/test_two_processes.py

The switch is the suite's alone (`tests/conftest.py`): nothing in `ivr` knows of it. The ways are those of
facts/reliability.md 4, and the like.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool
from werkzeug.wsgi import get_current_url

from ivr import calls
from ivr.calls import Calls
from ivr.store import database, turn
from ivr.store.accounts import Accounts
from ivr.store.seats import Seats
from ivr.telephony import signature, twiml
from ivr.telephony.outgoing import NotSent, Unknown
from ivr.telephony.rest import Twilio
from ivr.web.voice import Voice
from tests.line import ROOT

SWITCH = "IVR_SABOTAGE"

RED = 1
"""What pytest says when tests ran and one failed; other exit codes say that none ran."""


@dataclass(frozen=True)
class Sabotage:
    """One way to break the line: what is broken, the test that must notice, and the breaking."""

    what: str
    test: str
    begin: Callable[[pytest.MonkeyPatch], None]


def begin(name: str, patch: pytest.MonkeyPatch) -> None:
    """Break the line in this way, in this process. Raises KeyError for a way that there is not."""
    SABOTAGES[name].begin(patch)


def begin_as_asked() -> None:
    """Break the line as the environment asks, to the end of this process; usually not at all."""
    if name := os.environ.get(SWITCH):
        begin(name, pytest.MonkeyPatch())


# How the line is broken


def _said_to_the_database(pattern: str, instead: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Say something else to the database than what matches."""

    def rewritten(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return re.sub(pattern, instead, statement), parameters

    return lambda _patch: event.listen(Engine, "before_cursor_execute", rewritten, retval=True)


def _not_flushed(patch: pytest.MonkeyPatch) -> None:
    begun = Seats.__init__

    def without(seats: Seats, *args: Any, **named: Any) -> None:
        begun(seats, *args, **{**named, "flush": lambda: None})

    patch.setattr(Seats, "__init__", without)


def _synchronous_off(_patch: pytest.MonkeyPatch) -> None:
    event.listen(Pool, "checkout", lambda connection, *_: connection.execute("PRAGMA synchronous = OFF"))


def _plain_comparison(patch: pytest.MonkeyPatch) -> None:
    def is_signed(given: str, tokens: Any, urls: Any, params: Any) -> bool:
        return any(given == signature.signature(token, url, params) for token in tokens for url in urls)

    patch.setattr(signature, "is_signed", is_signed)


def _resends(patch: pytest.MonkeyPatch) -> None:
    send = Twilio.send

    def sent(twilio: Twilio, sms: Any) -> Any:
        outcome = send(twilio, sms)
        return NotSent(outcome.why, again=True) if isinstance(outcome, Unknown) else outcome

    patch.setattr(Twilio, "send", sent)


def _never_apologises(patch: pytest.MonkeyPatch) -> None:
    def apology(*_: object) -> bytes:
        raise RuntimeError("sabotage")

    for last_word in ("apology", "interrupted"):
        patch.setattr(twiml, last_word, apology)


def _taken_again(patch: pytest.MonkeyPatch) -> None:
    overwritten = "ON CONFLICT (call_sid, turn) DO UPDATE SET recipe = excluded.recipe"
    for name in ("BEGUN", "FOUND", "MOVED"):
        move, answered = getattr(turn, name).steps
        steps = (move, answered.replace("ON CONFLICT DO NOTHING", overwritten))
        patch.setattr(turn, name, replace(getattr(turn, name), steps=steps))
    patch.setattr(turn.Turn, "taken", lambda _turn: None)


SABOTAGES = {
    "unique": Sabotage(
        "no UNIQUE on the unheard code of a line",
        "tests/store/test_database.py::test_the_database_itself_keeps_one_unheard_code_a_line",
        _said_to_the_database("CREATE UNIQUE INDEX", "CREATE INDEX"),
    ),
    "taken-again": Sabotage(
        "a turn that was taken is taken again",
        "tests/web/test_voice.py::test_a_webhook_delivered_again_gets_the_same_bytes_whatever_its_digits",
        _taken_again,
    ),
    "deferred": Sabotage(
        "transactions begin with BEGIN, not with BEGIN IMMEDIATE",
        "tests/test_two_processes.py::test_two_processes_on_one_database_lose_no_call_and_no_status",
        lambda patch: patch.setattr(database, "BEGIN", "BEGIN"),
    ),
    "not-flushed": Sabotage(
        "what was promised need not be on the disk before it is said",
        "tests/test_promises.py::test_what_is_given_is_on_the_disk_before_it_is_said",
        _not_flushed,
    ),
    "synchronous-off": Sabotage(
        "a commit need not be on the disk",
        "tests/store/test_database.py::test_commits_are_on_the_disk_and_readers_do_not_block",
        _synchronous_off,
    ),
    "plain-comparison": Sabotage(
        "signatures are compared with ==",
        "tests/telephony/test_signature.py::test_who_is_refused_was_held_against_every_candidate_in_constant_time",
        _plain_comparison,
    ),
    "request-url": Sabotage(
        "the signature is checked against the address that the request itself names",
        "tests/web/test_voice.py::test_unsigned_and_wrongly_signed_requests_are_refused_and_leave_no_trace",
        lambda patch: patch.setattr(Voice, "_urls", lambda _voice, environ: (get_current_url(environ),)),
    ),
    "no-mac": Sabotage(
        "the carrier's token alone opens an address of ours",
        "tests/web/test_voice.py::test_the_carriers_token_alone_walks_nobody_into_a_call",
        lambda patch: patch.setattr(Calls, "is_ours", lambda *_: True),
    ),
    "no-xml-filter": Sabotage(
        "what is no XML character goes out as it is",
        "tests/telephony/test_twiml.py::test_no_text_breaks_the_document",
        lambda patch: patch.setattr(twiml, "xml_text", lambda text: text),
    ),
    "errors-aloud": Sabotage(
        "a mishap is answered with an error of HTTP",
        "tests/web/test_voice.py::test_when_the_database_is_gone_the_caller_hears_a_way_on_and_can_retry",
        _never_apologises,
    ),
    "uncounted": Sabotage(
        "failures of an account are not kept",
        "tests/desk/test_identity.py::test_however_many_guess_at_once_an_account_gives_ten",
        lambda patch: patch.setattr(Accounts, "keep_standing", lambda *_args, **_named: None),
    ),
    "resends": Sabotage(
        "a text that may have gone is sent again",
        "tests/test_sender.py::test_a_text_that_may_have_gone_and_is_not_found_is_never_sent_again",
        _resends,
    ),
    "clear-numbers": Sabotage(
        "the caller's number is kept as it is",
        "tests/web/test_voice.py::test_no_number_is_kept_or_logged_in_clear",
        lambda patch: patch.setattr(calls, "number_mask", lambda number: number),
    ),
}


# Whether it is noticed


def is_red(test: str, sabotage: str = "") -> bool:
    """Whether the test fails, with the line broken in this way or not at all. Raises RuntimeError when it did not run.

    The environment of who runs it, but for the switch, is the test's.
    """
    environment = {**os.environ, SWITCH: sabotage}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if run.returncode not in (0, RED):
        raise RuntimeError(f"{test} did not run: {run.stdout[-300:]}{run.stderr[-300:]}")
    return run.returncode == RED


def main() -> int:
    """Break the line in every way; 1 when a test does not notice, or fails when nothing is broken."""
    console, table = Console(), Table("sabotage", "what is broken", "the test that notices", "noticed")
    wrong = 0
    for name, sabotage in track(SABOTAGES.items(), "sabotages", console=console):
        noticed = is_red(sabotage.test, name) and not is_red(sabotage.test)
        wrong += not noticed
        table.add_row(name, sabotage.what, sabotage.test.partition("::")[2], "yes" if noticed else "[bold red]NO")
    console.print(table)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
