"""Handing a caller over to the support team: what is told, signed, and posted to the team's own webhook.

The body is JSON; its signature is `X-IVR-Signature: t=<seconds>,v1=<hex>`, the HMAC-SHA256 of « t.body » under a secret
that both know, so that nobody else can hand over, nor keep a body to hand it over again later. It may be posted twice:
`Idempotency-Key` is the same each time, and the receiver drops the twin. This module must not know who keeps what is to
be posted, nor when it is tried again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from ivr.bounds import within

SIGNATURE, KEY = "X-IVR-Signature", "Idempotency-Key"

CONNECT_SECONDS, TOTAL_SECONDS = 1.0, 5.0

Why = Literal["refused", "not-there", "busy", "down", "late", "garbled"]
"""Why nothing was handed over. `refused`: the body itself; `not-there`: address or secret, which an operator mends."""

_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)

log = logging.getLogger("ivr.handover")


@dataclass(frozen=True, slots=True)
class Done:
    """One step that the caller was led through, and what came of it, as the support team reads them."""

    step: str
    result: str


@dataclass(frozen=True, slots=True)
class Handover:
    """What the support team is told of one call. `at` in seconds since the epoch; `line` masked, `caller` as given."""

    call: str
    at: float
    caller: str = field(repr=False)
    symptom: str
    steps: tuple[Done, ...] = ()
    line: str = ""
    language: str = "fr"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """The receiver may not have it. `again` says that it may be posted again later."""

    why: Why
    again: bool


def body(handover: Handover) -> bytes:
    """The JSON that is posted, its time as ISO 8601 in UTC."""
    told = asdict(handover) | {"at": datetime.fromtimestamp(handover.at, UTC).isoformat(timespec="seconds")}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signature(body: bytes, secret: bytes, at: float) -> str:
    """The signature of a body that is posted at that time (seconds since the epoch, cut to whole ones)."""
    signed = hmac.new(secret, f"{int(at)}.".encode() + body, hashlib.sha256)
    return f"t={int(at)},v1={signed.hexdigest()}"


class Team:
    """The support team's webhook.

    `url` is https, or http on loopback, or anything when in `development`; `secret` is what the team checks signatures
    with; `clock` gives seconds since the epoch. `connect` and `seconds` are how long a connection and the whole may
    take. Raises ValueError for another address or without a secret.
    """

    def __init__(
        self,
        url: str,
        secret: bytes,
        clock: Callable[[], float],
        *,
        development: bool = False,
        connect: float = CONNECT_SECONDS,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        if not secret:
            raise ValueError("the support team's webhook has no secret: nobody could tell our handovers from others'")
        if wrong := _wrong(url, development=development):
            raise ValueError(f"the support team's webhook: {wrong}")
        self._url, self._secret, self._clock = url, secret, clock
        self._connect, self._seconds = connect, seconds

    def deliver(self, key: str, body: bytes) -> Delivered | NotDelivered:
        """Post one body, its twins dropped by their `key`. Never raises."""
        outcome = self._delivered(key, body)
        if isinstance(outcome, NotDelivered):
            log.warning("handover", extra={"why": outcome.why, "again": outcome.again})
        return outcome

    def _delivered(self, key: str, body: bytes) -> Delivered | NotDelivered:
        try:
            return _answered(within(self._seconds, lambda: self._posted(key, body)))
        except Exception as error:
            return _failure(error)

    def _posted(self, key: str, body: bytes) -> int:
        """The status of the answer. Raises requests.RequestException."""
        import requests  # here, for most lines post to nobody

        from ivr.asking import bound

        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Connection": "close",
            KEY: key,
            SIGNATURE: signature(body, self._secret, self._clock()),
        }
        with requests.Session() as session:
            bound(session)
            patience = (self._connect, self._seconds)
            return session.post(
                self._url, data=body, headers=headers, timeout=patience, allow_redirects=False
            ).status_code


def _wrong(url: str, *, development: bool) -> str:
    """What is wrong with an address, and the mend; else empty. The address may hold a token: it is not repeated."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "the address is none: write https://host/path"
    if not host or parts.scheme not in ("http", "https"):
        return "the address is none: write https://host/path"
    if parts.username is not None or parts.password is not None:
        return "leave user and password out of the address: the signature says who posts"
    if parts.scheme == "http" and not (development or _is_loopback(host)):
        return "callers' troubles travel encrypted: write https:// instead of http://"
    return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _answered(status: int) -> Delivered | NotDelivered:
    """What the receiver's status means: only a body that it will never take is given up."""
    match status:
        case _ if 200 <= status < 300:
            return Delivered()
        case _ if status in _REFUSED:
            return NotDelivered("refused", again=False)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return NotDelivered("busy", again=True)
        case _ if status >= 500:
            return NotDelivered("down", again=True)
        case _:
            return NotDelivered("not-there", again=True)


def _failure(error: Exception) -> NotDelivered:
    """What an exception of the transport or of `within` means."""
    import requests

    match error:
        case TimeoutError() | requests.Timeout():
            return NotDelivered("late", again=True)
        case requests.exceptions.ContentDecodingError():
            return NotDelivered("garbled", again=True)
        case requests.RequestException():
            return NotDelivered("down", again=True)
        case _:
            return NotDelivered("garbled", again=True)
