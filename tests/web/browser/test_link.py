"""The page of the link in a real browser, on a phone: nothing is cut off, one tap is enough, no script is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from werkzeug.serving import make_server

from ivr.desk.address import Links
from ivr.phone import Clock
from ivr.store.links import StoredLinks
from ivr.web.link import link_routes
from tests.desk.links import stored_links

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CALL = "CA" + "1" * 32
HOME = "203.0.113.7"


class LinkLine:
    """A line with nothing but the page of the link, as seen from an address."""

    def __init__(self, store: StoredLinks, seen_from: str) -> None:
        self.clock = Clock()
        self.links = Links(store, fiction=True)
        app = Flask("link")
        app.register_blueprint(link_routes(self.links, self.clock.now, loopback_is=seen_from))
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}/i/"

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def small(chromium: Browser) -> Iterator[Page]:
    """A page on a small phone, without scripts."""
    context = chromium.new_context(
        locale="fr-FR", viewport={"width": 360, "height": 640}, java_script_enabled=False, has_touch=True
    )
    context.set_default_timeout(5000)
    wrong: list[str] = []
    context.on("console", lambda message: wrong.extend(_complaint(message)))
    yield context.new_page()
    context.close()
    assert wrong == []


@pytest.fixture
def seen_from() -> str:
    return HOME


@pytest.fixture
def line(small: Page, tmp_path: Path, seen_from: str) -> Iterator[LinkLine]:
    with stored_links(tmp_path) as store:
        line = LinkLine(store, seen_from)
        yield line
        small.close()
        line.stop()


def test_one_tap_gives_the_address(small: Page, line: LinkLine) -> None:
    small.goto(line.url + line.links.offer(CALL, line.clock.now()))
    button = small.get_by_role("button")
    box = button.bounding_box()
    assert box
    assert box["height"] >= 64
    assert box["y"] + box["height"] <= 640
    button.tap()
    small.get_by_role("heading", name="C’est noté").wait_for()
    assert small.get_by_text(HOME, exact=True).is_visible()
    assert line.links.address_of(CALL, line.clock.now()) == HOME
    small.goto(small.url)
    small.get_by_role("heading", name="Ce lien a déjà servi").wait_for()


@pytest.mark.parametrize("seen_from", ["100.64.1.2"])
def test_over_the_mobile_network_it_says_what_to_do_and_can_be_tried_again(small: Page, line: LinkLine) -> None:
    small.goto(line.url + line.links.offer(CALL, line.clock.now()))
    small.get_by_role("button").tap()
    small.get_by_role("heading", name="Cette adresse ne convient pas").wait_for()
    assert small.get_by_role("button", name="Réessayer en Wi-Fi").is_visible()
    _assert_nothing_is_cut_off(small)


def test_nothing_is_cut_off_at_360_pixels(small: Page, line: LinkLine) -> None:
    token = line.links.offer(CALL, line.clock.now())
    small.goto(line.url + token)
    _assert_nothing_is_cut_off(small)
    small.get_by_role("button").tap()
    small.get_by_role("heading", name="C’est noté").wait_for()
    _assert_nothing_is_cut_off(small)
    small.goto(line.url + "nothing")
    _assert_nothing_is_cut_off(small)


def _assert_nothing_is_cut_off(page: Page) -> None:
    for box in (element.bounding_box() for element in page.locator("main *").all()):
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    assert page.locator("main").evaluate("element => getComputedStyle(element).borderRadius") != "0px"


def _complaint(message: ConsoleMessage) -> list[str]:
    """An error of the console, but for the statuses that the page means."""
    return [] if any(status in message.text for status in ("404", "410", "422")) else [message.text]
