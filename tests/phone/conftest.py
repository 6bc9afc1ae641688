"""A line to call, and a telephone to call it with."""

from collections.abc import Iterator

import pytest

from ivr.phone import Phone

from .line import Line, serving

TOKEN = "12345"


@pytest.fixture(scope="session")
def _line() -> Iterator[Line]:
    server, thread, handler = serving()
    line = Line(server)
    handler.line = line
    yield line
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def line(_line: Line) -> Line:
    _line.received.clear()
    _line._answers.clear()
    return _line


@pytest.fixture
def phone(line: Line) -> Phone:
    return Phone(f"{line.url}/voice", token=TOKEN)
