"""The page that a link of an SMS opens: it takes the home's public IPv4 address, and says what it took and why.

Opening the page takes nothing, because messengers fetch links before people see them: a button does. The page loads
its own style and nothing else, is kept by nobody, and its address goes to no other site. This module must not know how
links are kept; no log of it holds an address or a token.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from threading import Lock

from flask import Blueprint, Response, render_template, request, send_from_directory

from ivr.desk.address import Links, Refused, Taken

Clock = Callable[[], float]

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
STATIC = Path(__file__).parent / "static"
MOST_OPENED, EVERY = 20, 60.0
"""How many pages one address gets in so many seconds: a person needs three."""

MOST_ADDRESSES = 10_000
"""How many addresses are counted at once; past it the one that was seen first is forgotten."""

log = logging.getLogger("ivr.link")


class Limit:
    """At most `most` events of one kind in `seconds`, counted in this process alone."""

    def __init__(self, clock: Clock, most: int = MOST_OPENED, seconds: float = EVERY) -> None:
        self._clock, self._most, self._seconds = clock, most, seconds
        self._seen: dict[str, deque[float]] = {}
        self._lock = Lock()

    def allows(self, who: str) -> bool:
        """Whether this one is still within the limit; it is counted when it is."""
        now = self._clock()
        with self._lock:
            times = self._seen.pop(who, deque())
            self._seen[who] = times
            while len(self._seen) > MOST_ADDRESSES:
                del self._seen[next(iter(self._seen))]
            while times and times[0] <= now - self._seconds:
                times.popleft()
            if len(times) >= self._most:
                return False
            times.append(now)
            return True


@dataclass(frozen=True)
class LinkPage:
    """The page. `proxies` is how many of our own stand in front: each adds one entry to X-Forwarded-For.

    `loopback_is` is taken in place of a loopback address, for the demonstration on one's own machine; empty in
    production.
    """

    links: Links
    clock: Clock
    limit: Limit
    proxies: int = 0
    loopback_is: str = ""

    def look(self, token: str) -> Response:
        """The page before anything is taken."""
        if not self.limit.allows(self._client()):
            return _page("often", 429)
        return _shown(self.links.standing(token, self.clock()))

    def open(self, token: str) -> Response:
        """The page after the button: the address of whoever pressed it is taken, when it is one of use."""
        client = self._client()
        if not self.limit.allows(client):
            return _page("often", 429)
        opened = self.links.opened(token, client, self.clock())
        log.info("link", extra={"outcome": _named(opened)})
        match opened:
            case Taken(address=address):
                return _page("taken", address=address)
            case Refused():
                return _page("refused", 422, token=token, new_kind=":" in client)
            case standing:
                return _shown(standing)

    def _client(self) -> str:
        client = client_address(request.remote_addr or "", request.headers.getlist("X-Forwarded-For"), self.proxies)
        is_loopback = client and ip_address(client).is_loopback
        return self.loopback_is if is_loopback and self.loopback_is else client


def client_address(socket: str, forwarded: list[str], proxies: int) -> str:
    """The address that the request came from, IPv4 where it is one; empty when it cannot be told.

    Each proxy appends whom it heard: the entry of the outermost of ours is the last of `proxies` from the right, and
    all that stands left of it was written by whoever asked.
    """
    heard = [entry.strip() for header in forwarded for entry in header.split(",")] if proxies else []
    if len(heard) < proxies:
        return ""
    try:
        address = ip_address(heard[-proxies] if proxies else socket)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def link_routes(
    links: Links, clock: Clock, *, proxies: int = 0, loopback_is: str = "", limit: Limit | None = None
) -> Blueprint:
    """The routes of the page: `GET /i/<token>` to look, `POST` to give the address, and its style."""
    page = LinkPage(links, clock, limit or Limit(clock), proxies, loopback_is)
    routes = Blueprint("link", __name__, template_folder="templates")
    routes.add_url_rule("/i/lien.css", "style", _style)
    routes.add_url_rule("/i/<token>", "look", page.look)
    routes.add_url_rule("/i/<token>", "open", page.open, methods=["POST"])
    return routes


def _named(opened: object) -> str:
    return opened.reason if isinstance(opened, Refused) else "taken" if isinstance(opened, Taken) else str(opened)


def _shown(standing: str) -> Response:
    return _page(standing, {"fresh": 200, "used": 410, "expired": 410}.get(standing, 404))


def _page(case: str, status: int = 200, **about: object) -> Response:
    page = render_template("lien.html", case=case, **about)
    headers = HEADERS | ({"Retry-After": f"{EVERY:.0f}"} if status == 429 else {})
    return Response(page, status, headers, mimetype="text/html")


def _style() -> Response:
    return send_from_directory(STATIC, "lien.css", max_age=3600)
