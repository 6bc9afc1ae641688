"""A sample of the calls in tests/calls against a line on PostgreSQL: every kind of work that a turn can do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.phone.transcript import play, read
from tests.line import ROOT, Line, book_of

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
