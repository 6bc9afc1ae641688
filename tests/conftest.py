"""Fixtures that speak the domain: the line, a phone that dials it, the script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.flow.model import Flow
from ivr.phone import Phone
from tests.line import ROOT, Line, our_flow


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
