"""A sample of the calls in tests/calls against a line on PostgreSQL: every kind of work that a turn can do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text

from ivr.flow.engine import Dialled, Keys
from ivr.folder import read_script
from ivr.phone.transcript import play, read
from ivr.replaying import replay
from ivr.store.database import open_database
from tests.line import ROOT, Line, book_of
from tests.postgres import until_waiting
from tests.test_publishing import CARRIER, NEW, OLD, begun, edited, opening, publisher

CALLS = [
    "code-assistance",
    "code-mal-note",
    "ferme-rappel-autre-numero",
    "message-envoye",
    "ouvert-conseiller-repond",
    "redemarrage",
    "reprise-code-pas-lu",
    "s3-code-dicte",
    "s3o-code-par-ovh",
    "silence-jusquau-bout",
    "suivi-retrouve",
    "webhook-en-double",
]


@pytest.fixture
def line(tmp_path: Path, postgres_database: str) -> Iterator[Line]:
    """The real line on loopback, with our own script, on PostgreSQL."""
    line = Line(tmp_path / "var", ROOT / "prompts", database=postgres_database)
    yield line
    line.stop()


@pytest.mark.parametrize("name", CALLS)
def test_call_goes_as_written(name: str, line: Line) -> None:
    play(read(ROOT / "tests" / "calls" / f"{name}.call"), line.phone(), book_of(line), line)


def test_a_script_is_published_and_taken_back_and_past_calls_are_replayed(
    postgres_database: str, tmp_path: Path
) -> None:
    line = Line(tmp_path / "var", ROOT / "prompts", database=postgres_database, environment=CARRIER)
    try:
        phone = begun(line)
        new = edited(tmp_path / "new", OLD, NEW)
        assert publisher(line).publish(new).code == 0
        assert opening(begun(line)).startswith(NEW)
        for _ in range(2):
            phone.press("2")
        assert "câble Ethernet" in opening(phone)
        assert publisher(line).go_back().code == 0
        line.restart()
        assert opening(begun(line)).startswith(OLD)
        told = replay(line.services.ground.engine, read_script(new), 0.0, "new", Console(quiet=True)).text
        assert told == "3 appels rejoués sur new : aucun n’irait ailleurs."
    finally:
        line.stop()


def test_two_turns_of_one_call_at_once_are_both_taken(line: Line, postgres_database: str) -> None:
    calls, engine = line.app.extensions["ivr"], open_database(postgres_database)
    sid, at = "CA" + "7" * 32, 1_800_000_000.0
    calls.take_turn(sid, 0, "", Dialled(at))
    with ThreadPoolExecutor(2) as pool:
        with engine.begin() as other:
            other.execute(text("SELECT 1 FROM calls WHERE sid = :sid FOR UPDATE"), {"sid": sid})
            taken = [pool.submit(calls.take_turn, sid, number, "", Keys(at + 5, "2")) for number in (1, 2)]
            until_waiting(engine, 2)
        assert [one.result(timeout=10).turn for one in taken] == [1, 2]
    engine.dispose()
