"""A Chromium, a page with a clock that is moved by hand, and lines to call. Without a Chromium, no page is tried."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.line import ROOT, Line
from tests.web.browser.lines import HandLine, RealLine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",  # a microphone that hears a beep each second
]

RUNS = CHROMIUM is not None and find_spec("playwright") is not None
collect_ignore_glob = (
    [] if RUNS else ["test_drawing.py", "test_link.py", "test_paths.py", "test_sound.py", "test_telephone.py"]
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it when the pages were not tried."""
    if not RUNS:
        terminalreporter.write_line("tests/web/browser: not run, there is no Chromium or no playwright here")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, started once."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A fresh profile, French. Whatever a test does in it: no error in the console, no request to another host."""
    context = chromium.new_context(locale="fr-FR", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(5000)
    context.add_init_script(path=HERE / "listen.js")
    wrong: list[str] = []
    context.on("console", lambda message: wrong.extend(_complaint(message)))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda request: None if "127.0.0.1" in request.url else wrong.append(request.url))
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A page on the browser's own clock: the sound card's."""
    return context.new_page()


@pytest.fixture
def timed(page: Page) -> Page:
    """A page whose time stands still until `let_pass` moves it."""
    page.route("**/telephone/clock.js", lambda route: route.fulfill(path=HERE / "clock.js"))
    return page


@pytest.fixture
def real(tmp_path: Path, context: BrowserContext) -> Iterator[RealLine]:
    """The real line, with its pages and our own script."""
    line = Line(tmp_path / "var", ROOT / "prompts")
    yield RealLine(line)
    _leave(context)
    line.stop()


@pytest.fixture
def hand(context: BrowserContext) -> Iterator[HandLine]:
    """A line whose answers are written by the test."""
    line = HandLine()
    yield line
    _leave(context)
    line.stop()


@pytest.fixture
def keeping(context: BrowserContext) -> Iterator[HandLine]:
    """The same, whose carrier keeps recordings. A test grants the microphone, or does not."""
    line = HandLine(keeps=True)
    context.grant_permissions([])
    yield line
    _leave(context)
    line.stop()


def _complaint(message: ConsoleMessage) -> list[str]:
    """An error of the console, unless a test asked for it (a network that is cut, a clip that is missing)."""
    asked_for = "ERR_INTERNET_DISCONNECTED" in message.text or "missing.wav" in str(message.location)
    asked_for = asked_for or "502 (BAD GATEWAY)" in message.text
    return [message.text] if message.type in ("error", "warning") and not asked_for else []


def _leave(context: BrowserContext) -> None:
    """Close the pages before the line that they are calling."""
    for page in context.pages:
        page.close()
