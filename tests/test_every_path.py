"""Every path of every script that holds: the shortest call to each step and through each way of it, played whole.

Through TwiML and the app itself, in this process, with desks that answer what the path needs (`tests.routes`). What the
paths that pass come to is counted at the end of the run (`tests.conftest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from types import SimpleNamespace

import pytest

from ivr.flow.reach import Route, findings
from ivr.folder import read_script
from ivr.phone.transcript import play
from tests.line import book_of
from tests.routes import SCRIPTS, Routes, ScriptedLine, by, met


@cache
def routes_of(name: str) -> Routes:
    return Routes(read_script(SCRIPTS[name]))


@cache
def played(name: str) -> dict[str, list[Route]]:
    return routes_of(name).played()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A step a test, named by how one comes there."""
    if "step" in metafunc.fixturenames:
        steps = [(name, step) for name in SCRIPTS for step in played(name)]
        ids = [f"{name}: {step}, which one comes to by {by(played(name)[step][0])}" for name, step in steps]
        metafunc.parametrize(("script", "step"), steps, ids=ids, indirect=["script"], scope="module")


@pytest.fixture(scope="module")
def script(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A script by its name, a line that walks it, what its prompts sound like, and numbers to call it from."""
    name: str = request.param
    line = ScriptedLine(tmp_path_factory.mktemp(name) / "var", SCRIPTS[name])
    yield SimpleNamespace(name=name, line=line, book=book_of(line), callers=(f"+3363998{n:04d}" for n in count()))
    line.stop()


def test_each_way_leads_on_from(
    script: SimpleNamespace, step: str, record_property: Callable[[str, object], None]
) -> None:
    routes = routes_of(script.name)
    for route in played(script.name)[step]:
        script.line.said.clear()
        play(routes.transcript(route, next(script.callers)), script.line.phone(), script.book, script.line)
        record_property(*met(script.name, routes.met_on(route)))


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_out_of_reach(name: str) -> None:
    routes = routes_of(name)
    assert findings(routes.flow, routes.reach) == []
