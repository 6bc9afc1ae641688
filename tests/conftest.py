"""Fixtures that speak the domain: the line, a phone that dials it, the script; and the watch over what is secret."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.flow.model import Flow
from ivr.folder import read_lexicon
from ivr.phone import Phone
from ivr.phone.book import PromptBook
from ivr.speech.voices import preferred
from tests import sabotage
from tests.canaries import Watch, watching
from tests.line import ROOT, Line, book, our_flow


def pytest_configure() -> None:
    """Break the line, when that is asked for (`tests/sabotage.py`)."""
    sabotage.begin_as_asked()


@pytest.fixture(autouse=True)
def watch() -> Iterator[Watch]:
    """After every test: none of its secrets is in a database, a log or an answer."""
    with watching() as watch:
        yield watch
    assert watch.found() == [], "secrets in clear (tests/canaries.py)"


@pytest.fixture(scope="session")
def flow() -> Flow:
    """The script that is shipped, proven."""
    return our_flow()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """The real line on loopback, with our own script."""
    line = Line(tmp_path / "var", ROOT / "prompts")
    yield line
    line.stop()


@pytest.fixture
def phone(line: Line) -> Phone:
    """A telephone that will dial the line."""
    return line.phone()


# What the calls in tests/calls are played with (ivr.phone.plugin).


@pytest.fixture
def call_line(line: Line) -> Phone:
    """What they dial: our line, on the clock that it shares."""
    return line.phone()


@pytest.fixture
def call_stage(line: Line) -> Line:
    """What has their other verbs, and knows how they ended."""
    return line


@pytest.fixture(scope="session")
def call_book(flow: Flow) -> PromptBook:
    """Which prompt is which, in words and in clips."""
    return book(flow, read_lexicon(ROOT / "prompts"), preferred("kokoro"))
