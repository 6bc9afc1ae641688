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
from tests.postgres import RUNS, Postgres, running
from tests.routes import coverage

DATABASES = ["sqlite", "postgresql"] if RUNS else ["sqlite"]
collect_ignore = [] if RUNS else ["store/test_postgres.py", "test_calls_on_postgres.py", "test_postgres_away.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it when PostgreSQL was not tried, and how much of each script was played (tests/test_every_path.py)."""
    if not RUNS:
        terminalreporter.write_line("PostgreSQL: not tried, there is no wheel of its server here")
    passed = terminalreporter.stats.get("passed", [])
    told = list(coverage(entry for report in passed for entry in report.user_properties))
    if told:
        terminalreporter.section("paths played", "-")
        terminalreporter.write_line("\n".join(told))


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


# Databases of either kind.


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started when the first test wants it."""
    with running() as server:
        yield server


@pytest.fixture(params=DATABASES)
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of either kind that has no tables yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/a folder/ligne.sqlite"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.empty() as url:
        yield url


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The address of a new database of the server's."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path, watch: Watch) -> Iterator[str]:
    """The address of a new database, of either kind: the test runs on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ligne.sqlite"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url
        watch.kept.update(server.values(url))
