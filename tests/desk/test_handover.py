"""Handovers: what is told, signed so that nobody else can tell it, posted in time, and why one did not arrive."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from ivr.demo import loopback
from ivr.demo.handover import SECRET, SupportTeam
from ivr.demo.loopback import Fault, answers
from ivr.desk.handover import Delivered, Done, Handover, NotDelivered, Team, body, signature

CALL = "CA" + "1" * 32
NOW = 1_700_000_000.0
TOLD = Handover(
    CALL,
    NOW,
    caller="+33639980001",
    symptom="pas de tonalité",
    steps=(Done("base", "voyant bleu fixe"), Done("câble", "rien n’y fait")),
    line="01 99 00 •• 07",
)
LATEST = 1.0


@pytest.fixture
def fake() -> Iterator[SupportTeam]:
    with SupportTeam(clock=lambda: NOW) as fake:
        yield fake


@pytest.fixture
def team(fake: SupportTeam) -> Team:
    return Team(fake.url, SECRET, lambda: NOW, seconds=0.3)


def test_the_body_says_all_in_one_object() -> None:
    assert json.loads(body(TOLD)) == {
        "call": CALL,
        "at": "2023-11-14T22:13:20+00:00",
        "caller": "+33639980001",
        "symptom": "pas de tonalité",
        "steps": [
            {"step": "base", "result": "voyant bleu fixe"},
            {"step": "câble", "result": "rien n’y fait"},
        ],
        "line": "01 99 00 •• 07",
        "language": "fr",
    }
    assert "tonalité".encode() in body(TOLD)
    assert body(TOLD) == body(TOLD)


def test_the_signature_is_made_of_the_time_and_the_body() -> None:
    expected = hmac.new(b"secret", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert signature(b"{}", b"secret", NOW + 0.9) == f"t=1700000000,v1={expected}"


def test_a_handover_arrives_whole_and_signed(fake: SupportTeam, team: Team) -> None:
    assert team.deliver("key-1", body(TOLD)) == Delivered()
    assert fake.bodies == [json.loads(body(TOLD))]
    assert fake.asked[0].headers["content-type"] == "application/json; charset=utf-8"
    assert fake.asked[0].headers["x-ivr-signature"] == signature(body(TOLD), SECRET, NOW)


def test_its_twin_is_dropped_by_its_key(fake: SupportTeam, team: Team) -> None:
    for key in ("key-1", "key-1", "key-2"):
        assert team.deliver(key, body(TOLD)) == Delivered()
    assert fake.keys == ["key-1", "key-2"]


FAULTS: list[tuple[Fault, NotDelivered]] = [
    (loopback.HANG, NotDelivered("late", again=True)),
    (loopback.DRIP, NotDelivered("late", again=True)),
    (loopback.RESET, NotDelivered("down", again=True)),
    (loopback.HALF, NotDelivered("down", again=True)),
    (loopback.HUGE, NotDelivered("garbled", again=True)),
    (answers({}, 500), NotDelivered("down", again=True)),
    (answers({}, 429), NotDelivered("busy", again=True)),
    (answers({}, 302), NotDelivered("not-there", again=True)),
    (answers({}, 401), NotDelivered("not-there", again=True)),
    (answers({}, 404), NotDelivered("not-there", again=True)),
    (answers({}, 400), NotDelivered("refused", again=False)),
    (answers({}, 413), NotDelivered("refused", again=False)),
    (answers({}, 422), NotDelivered("refused", again=False)),
]


@pytest.mark.parametrize(("fault", "outcome"), FAULTS)
def test_every_failure_says_why_and_whether_to_try_again(
    fake: SupportTeam, team: Team, fault: Fault, outcome: NotDelivered
) -> None:
    fake.faults["post"] = fault
    begun = time.monotonic()
    assert team.deliver("key-1", body(TOLD)) == outcome
    assert time.monotonic() - begun < LATEST
    assert len(fake.asked) == 1


def test_a_webhook_that_leads_elsewhere_is_not_followed(fake: SupportTeam) -> None:
    class Moved(socketserver.StreamRequestHandler):
        """A server that sends everybody elsewhere."""

        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            there = f"Location: {fake.url}\r\nContent-Length: 0\r\n\r\n"
            self.wfile.write(f"HTTP/1.1 307 Temporary Redirect\r\n{there}".encode())
            self.rfile.read()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Moved) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        moved = Team(f"http://127.0.0.1:{server.server_address[1]}/x", SECRET, lambda: NOW)
        try:
            assert moved.deliver("key-1", body(TOLD)) == NotDelivered("not-there", again=True)
        finally:
            server.shutdown()
            thread.join()
    assert fake.asked == []


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_good_answer_will_do(fake: SupportTeam, team: Team, status: int) -> None:
    fake.faults["post"] = Fault("reply", loopback.Reply(status))
    assert team.deliver("key-1", body(TOLD)) == Delivered()


def test_without_a_connection_it_is_tried_again(fake: SupportTeam, team: Team) -> None:
    fake.stop()
    assert team.deliver("key-1", body(TOLD)) == NotDelivered("down", again=True)


@pytest.mark.parametrize(
    "url", ["https://example.com/x", "http://127.0.0.1:1/x", "http://[::1]:1/x", "http://localhost/x"]
)
def test_an_encrypted_address_or_our_own_machine_will_do(url: str) -> None:
    Team(url, SECRET, lambda: NOW)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/x", "write https://"),
        ("http://127.0.0.1.example.com/x", "write https://"),
        ("http://10.0.0.1/x", "write https://"),
        ("", "the address is none"),
        ("example.com/x", "the address is none"),
        ("ftp://example.com/x", "the address is none"),
        ("https:///x", "the address is none"),
        ("https://example.com:x/", "the address is none"),
        ("https://[/x", "the address is none"),
        ("https://who:secret@example.com/x", "leave user and password out"),
    ],
)
def test_any_other_address_is_refused_with_its_mend(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refusal:
        Team(url, SECRET, lambda: NOW)
    assert "secret@" not in str(refusal.value)


def test_in_development_it_may_travel_in_the_open() -> None:
    Team("http://equipe.example.com/x", SECRET, lambda: NOW, development=True)


def test_without_a_secret_nothing_is_handed_over() -> None:
    with pytest.raises(ValueError, match="no secret"):
        Team("https://example.com/x", b"", lambda: NOW)


def test_nothing_of_the_caller_is_logged_or_shown(
    fake: SupportTeam, team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fake.faults["post"] = answers({"error": "+33639980001"}, 400)
    team.deliver("key-1", body(TOLD))
    ours = (record for record in caplog.records if record.name.startswith("ivr"))
    logged = " ".join(str(record.__dict__) for record in ours) + repr(TOLD)
    assert "refused" in logged
    assert "39980001" not in logged
