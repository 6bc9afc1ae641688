"""The loopback support team believes only who knows its secret, and keeps each handover once."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from ivr.demo.handover import SECRET, SupportTeam

NOW = 1_700_000_000


@pytest.fixture
def team() -> Iterator[SupportTeam]:
    with SupportTeam(clock=lambda: float(NOW)) as team:
        yield team


def signed(body: bytes, at: int = NOW, secret: bytes = SECRET) -> str:
    return f"t={at},v1={hmac.new(secret, f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def post(team: SupportTeam, body: bytes, signature: str, key: str = "key-1", path: str = "/handover") -> int:
    headers = {"X-IVR-Signature": signature, "Idempotency-Key": key}
    request = urllib.request.Request(team.address + path, data=body, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_each_handover_is_kept_once(team: SupportTeam) -> None:
    body = b'{"symptom":"x"}'
    assert [post(team, body, signed(body), key) for key in ("key-1", "key-1", "key-2")] == [200] * 3
    assert (team.keys, team.bodies) == (["key-1", "key-2"], [{"symptom": "x"}] * 2)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1700000000",
        f"t={NOW},v1={'0' * 64}",
        signed(b"{ }"),
        signed(b"{}", secret=b"other"),
        signed(b"{}", NOW - 301),
        signed(b"{}", NOW + 301),
        signed(b"{}").replace(f"t={NOW}", f"t={NOW + 1}"),
    ],
)
def test_who_does_not_know_the_secret_now_is_refused(team: SupportTeam, signature: str) -> None:
    assert post(team, b"{}", signature) == 401
    assert team.bodies == []


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b"\xff"])
def test_what_is_no_handover_is_refused(team: SupportTeam, body: bytes) -> None:
    assert post(team, body, signed(body)) == 400
    assert team.bodies == []


def test_a_handover_without_a_key_is_refused(team: SupportTeam) -> None:
    assert post(team, b"{}", signed(b"{}"), key="") == 400


def test_nothing_else_is_served(team: SupportTeam) -> None:
    assert post(team, b"{}", signed(b"{}"), path="/other") == 404


def test_who_asks_to_be_told_is_told() -> None:
    told = list[object]()
    with SupportTeam(clock=lambda: float(NOW), told=told.append) as team:
        post(team, b"{}", signed(b"{}"))
    assert told == [{}]
