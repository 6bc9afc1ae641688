"""The page of the link: it takes one address, once, from whoever presses the button, and tells them so."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from ivr.desk.address import Links
from ivr.phone import Clock
from ivr.store.links import StoredLinks
from ivr.web.link import EVERY, MOST_ADDRESSES, MOST_OPENED, Limit, client_address, link_routes
from tests.desk.links import stored_links

CALL = "CA" + "1" * 32
HOME = "203.0.113.7"


class Page:
    """The page on a line, as seen from a browser at any address."""

    def __init__(self, store: StoredLinks, proxies: int = 0, loopback_is: str = "") -> None:
        self.clock = Clock()
        self.links = Links(store, fiction=True)
        app = Flask("tests")
        app.register_blueprint(link_routes(self.links, self.clock.now, proxies=proxies, loopback_is=loopback_is))
        self.browser: FlaskClient = app.test_client()
        self.token = self.links.offer(CALL, self.clock.now())

    def request(
        self, method: str = "GET", token: str = "", address: str = HOME, forwarded: str = ""
    ) -> tuple[int, str]:
        """Status and text of a request for the link (of another token when one is given)."""
        answer = self.browser.open(
            f"/i/{token or self.token}",
            method=method,
            environ_base={"REMOTE_ADDR": address},
            headers={"X-Forwarded-For": forwarded} if forwarded else {},
        )
        return answer.status_code, answer.get_data(as_text=True)

    @property
    def caught(self) -> str | None:
        """The address that the call has."""
        return self.links.address_of(CALL, self.clock.now())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoredLinks]:
    with stored_links(tmp_path) as store:
        yield store


@pytest.fixture
def page(store: StoredLinks) -> Page:
    return Page(store)


def test_the_button_gives_the_address_and_the_page_says_which_and_why(page: Page) -> None:
    status, text = page.request("POST")
    assert status == 200
    assert page.caught == HOME
    assert HOME in text
    assert "Revenez à l’appel" in text
    assert "Rien d’autre n’a été lu" in text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_messenger_that_looks_first_takes_nothing(page: Page, method: str) -> None:
    for _ in range(5):
        assert page.request(method, address="203.0.113.99")[0] == 200
    assert page.caught is None
    assert page.request("POST")[0] == 200
    assert page.caught == HOME


def test_a_fresh_link_shows_one_button(page: Page) -> None:
    status, text = page.request()
    assert status == 200
    assert text.count("<button>") == text.count('<form method="post">') == 1
    assert HOME not in text


def test_a_link_that_was_used_says_so(page: Page) -> None:
    page.request("POST")
    for method in ("GET", "POST"):
        status, text = page.request(method, address="203.0.113.8")
        assert (status, "déjà servi" in text) == (410, True)
        assert HOME not in text
    assert page.caught == HOME


def test_a_link_that_is_too_old_says_so(page: Page) -> None:
    page.clock.advance(600)
    for method in ("GET", "POST"):
        status, text = page.request(method)
        assert (status, "dix minutes" in text) == (410, True)
    assert page.caught is None


@pytest.mark.parametrize("token", ["x", "a" * 14, "..", "%00", "<script>"])
def test_a_link_that_never_was_says_so(page: Page, token: str) -> None:
    for method in ("GET", "POST"):
        status, text = page.request(method, token=token)
        assert status == 404
        assert "<script>" not in text


@pytest.mark.parametrize("address", ["100.64.1.2", "192.168.1.3", "127.0.0.1", "::1", "2001:db8::7", "not an address"])
def test_an_address_that_is_no_boxs_takes_nothing_and_the_link_stays(page: Page, address: str) -> None:
    status, text = page.request("POST", address=address)
    assert status == 422
    assert "données mobiles" in text
    assert ("IPv6" in text) is (":" in address)
    assert page.caught is None
    page.request("POST")
    assert page.caught == HOME


def test_an_ipv4_address_in_ipv6_clothes_is_ipv4(page: Page) -> None:
    page.request("POST", address=f"::ffff:{HOME}")
    assert page.caught == HOME


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "203.0.113.9", HOME),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "8.8.8.8, 203.0.113.9", "203.0.113.9"),
        (2, "8.8.8.8, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", None),
        (1, "", None),
        (1, "203.0.113.9, unknown", None),
        (1, "203.0.113.9,", None),
    ],
)
def test_only_what_our_own_proxies_heard_counts(
    store: StoredLinks, proxies: int, forwarded: str, seen: str | None
) -> None:
    page = Page(store, proxies)
    page.request("POST", forwarded=forwarded)
    assert page.caught == seen


def test_entries_of_several_headers_count_as_one_list() -> None:
    assert client_address("10.0.0.1", ["8.8.8.8", "203.0.113.9"], 1) == "203.0.113.9"
    assert client_address("10.0.0.1", ["8.8.8.8,1.1.1.1", "203.0.113.9"], 2) == "1.1.1.1"


def test_on_ones_own_machine_an_address_may_be_put_in_place_of_loopback(store: StoredLinks) -> None:
    page = Page(store, loopback_is=HOME)
    page.request("POST", address="127.0.0.1")
    assert page.caught == HOME


def test_who_asks_too_often_waits_and_nobody_else_does(page: Page) -> None:
    for _ in range(MOST_OPENED):
        page.request(token="a" * 14)
    for method in ("GET", "POST"):
        status, text = page.request(method)
        assert (status, "Attendez une minute" in text) == (429, True)
    assert page.request(address="203.0.113.8")[0] == 200
    page.clock.advance(EVERY)
    assert page.request("POST")[0] == 200


def test_the_limit_forgets_rather_than_grow() -> None:
    limit = Limit(Clock().now)
    for n in range(MOST_ADDRESSES + 50):
        limit.allows(str(n))
    assert len(limit._seen) == MOST_ADDRESSES


@pytest.mark.parametrize("path", ["", "x"])
def test_no_page_is_kept_framed_or_told_to_others(page: Page, path: str) -> None:
    headers = page.browser.get(f"/i/{path or page.token}").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_the_style_is_served_beside_the_page(page: Page) -> None:
    answer = page.browser.get("/i/lien.css")
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    answer.close()


def test_no_address_and_no_token_is_logged(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    page.request("POST", address="100.64.1.2")
    page.request("POST")
    page.request("POST")
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    assert [record.__dict__["outcome"] for record in caplog.records] == ["shared", "taken", "used"]
    assert not any(secret in logged for secret in (HOME, "100.64", page.token))
