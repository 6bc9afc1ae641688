"""Behind nginx, as it is shipped: what reaches the line, what is heard while it is dead, what is written down."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ivr.demo.loopback import Loopback, Reply, Request
from ivr.phone import Phone
from ivr.phone.twiml import parse
from ivr.settings import settings
from ivr.web import create_app
from tests.deploy.front import HOST, Caller, Front, front
from tests.deploy.processes import workers_of
from tests.line import ACCOUNT, ROOT, TOKEN
from tests.test_cli import served
from tests.twiml_schema import complaints

SECOURS = ROOT / "deploy" / "secours"


@contextmanager
def line(folder: Path, nginx: Front, workers: int = 2) -> Iterator[subprocess.Popen[str]]:
    """`ivr serve` behind this nginx: its process, of a group of its own."""
    folder.mkdir(exist_ok=True)
    at = {"IVR_PUBLIC_URL": nginx.url, "IVR_PROXIES": "1", "IVR_WORKERS": str(workers), "IVR_WORKER": "0"}
    with served(folder, nginx.line_port, **at) as (_, process):
        yield process


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Nginx with the line behind it."""
    folder = tmp_path_factory.mktemp("front")
    with front(folder / "nginx") as running, line(folder / "var", running, workers=1):
        yield running


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Front]:
    """nginx, and nobody behind it."""
    with front(tmp_path / "nginx") as running:
        yield running


def phone(nginx: Front, caller: str = "+33639980001") -> Phone:
    return Phone(f"{nginx.url}/voice", caller=caller, account=ACCOUNT, token=TOKEN)


def ask(nginx: Front, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, http.client.HTTPMessage]:
    """The status and the headers of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    try:
        connection.request(
            method, path, body or None, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        with connection.getresponse() as response:
            response.read()
            return response.status, response.headers
    finally:
        connection.close()


def test_a_call_is_led_to_its_goodbye_and_clips_are_fetched_from_the_line_once(nginx: Front) -> None:
    for caller in ("+33639980001", "+33639980002"):
        called = phone(nginx, caller)
        called.dial()
        for key in "211":
            called.press(key)
        called.hear_out()
        assert "Au revoir." in called.so_far()
    ask(nginx, "GET", "/healthz")  # nginx has one process here: what it answered before is in its log by then
    clips = [json.loads(row) for row in nginx.logged.splitlines() if "/audio/kokoro" in row]
    asked = [clip["path"] for clip in clips if clip["upstream"]]
    assert len(clips) > 2 * 5
    assert {clip["status"] for clip in clips} == {200}
    assert len(asked) == len(set(asked)) == len(clips) / 2


def test_a_clip_is_cached_for_a_year_and_a_code_by_nobody(nginx: Front) -> None:
    name = next((ROOT / "audio").glob("kokoro-*.wav")).name
    lengths = []
    for path in (f"/audio/{name}", f"/audio/{name}?from=500", "/audio/silence-500.wav") * 2:
        status, clip = ask(nginx, "GET", path)
        assert (status, clip["Content-Type"]) == (200, "audio/wav")
        assert "max-age=31536000" in (clip["Cache-Control"] or "")
        assert ask(nginx, "GET", path, If_None_Match=clip["ETag"] or "")[0] == 304
        lengths.append(clip["Content-Length"])
    assert lengths[:3] == lengths[3:]
    assert len(set(lengths)) == 3
    assert ask(nginx, "GET", "/audio/code/c2VhbGVk.wav")[1]["Cache-Control"] == "no-store"
    for hidden in (
        "/audio/index.json",
        "/audio/../README.md",
        "/audio/%2e%2e/README.md",
        "/deploy/nginx.conf",
    ):
        assert ask(nginx, "GET", hidden)[0] in (400, 404)


def test_it_speaks_tls_and_sends_everybody_there(nginx: Front) -> None:
    trust = ssl.create_default_context(cafile=nginx.folder / "fullchain.pem")
    with (
        socket.create_connection(("127.0.0.1", nginx.tls_port), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: ligne.example.com\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: secured.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Strict-Transport-Security: max-age=31536000" in answer
    with socket.create_connection(("127.0.0.1", nginx.port_80), timeout=5) as plain:
        plain.sendall(b"POST /voice HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
        assert b"308" in plain.recv(4096).splitlines()[0]


def test_who_is_not_the_carrier_is_refused_by_the_line_and_hears_nothing_of_the_web_server(nginx: Front) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(nginx, "POST", "/voice", b"CallSid=CA" + b"7" * 32, **form)[0] == 403
    assert ask(nginx, "GET", "/voice")[0] == 403
    assert ask(nginx, "PUT", "/voice/fallback", b"x")[0] == 403


def test_all_that_the_line_serves_in_production_is_reached_and_nothing_else(tmp_path: Path, nginx: Front) -> None:
    secrets = {"IVR_ENV": "production", "IVR_SECRET_KEY": "k" * 40, "TWILIO_AUTH_TOKEN": TOKEN}
    app = create_app(settings({**secrets, "IVR_DATA_DIR": str(tmp_path), "IVR_PUBLIC_URL": f"https://{HOST}"}))
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\((\w+).*?>|<int:.*?>|<.*?>", lambda found: found[1] or "7", rule.rule)
        connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
        connection.request("POST" if "POST" in (rule.methods or ()) else "GET", path)
        with connection.getresponse() as response:
            assert b"nginx" not in response.read(), f"deploy/nginx.conf hides {rule.rule}"
        connection.close()
    for hidden in ("/telephone", "/ecoute", "/", "/secours/instant.xml", "/voices"):
        assert ask(nginx, "GET", hidden)[0] == 404, hidden


# Slow, large, many


def test_half_sent_requests_by_the_hundred_keep_no_caller_waiting(nginx: Front) -> None:
    head = b"POST /voice HTTP/1.1\r\nHost: ligne.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port))) for _ in range(400)]
        for number, half in enumerate(slow):
            half.sendall(head if number % 2 else head + b"Content-Length: 1000\r\n\r\nCallSid=")
        began = time.monotonic()
        for number in range(15):
            Caller(nginx.url, number).call("2")
        assert (time.monotonic() - began) / 30 < 0.5
        slow[0].settimeout(15)
        slow[1].settimeout(15)
        for half in slow[:2]:
            try:
                closed = half.recv(4096)
            except ConnectionResetError:
                closed = b""
            assert closed == b"" or b"408" in closed
        assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"Digits=" + b"1" * 10_000_000, {}, 413),
        (b"Digits=1", {"X_Large": "x" * 65_536}, 431),
        (b"&".join(b"p%d=1" % number for number in range(10_000)), {}, 413),
        (b"&".join(b"p%d=1" % number for number in range(5_000)), {}, 403),
    ],
)
def test_what_is_too_large_is_refused_at_once(body: bytes, headers: dict[str, str], status: int, nginx: Front) -> None:
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=10) as sent:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"POST /voice HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n{extra}"
        began = time.monotonic()
        sent.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: 64 * 1024])
        assert f" {status} ".encode() in sent.recv(4096).splitlines()[0] + b" "
        assert time.monotonic() - began < 1


class Anybody(Loopback):
    """A line that answers everything."""

    def operation(self, request: Request) -> str:
        """Its path."""
        return request.path

    def answer(self, request: Request) -> Reply:
        """Some TwiML."""
        return Reply(200, b"<Response/>", "text/xml")


def test_too_many_webhooks_are_told_to_wait_in_french_and_never_refused(tmp_path: Path) -> None:
    slower = {"rate=200r/s": "rate=1r/s", "burst=400": "burst=5", "rate=2r/s": "rate=1r/m", "burst=20": "burst=2"}
    with front(tmp_path / "nginx", **slower) as nginx, Anybody(nginx.line_port):
        callers = [Caller(nginx.url, number) for number in range(10)]
        said = [caller.post("/voice") for caller in callers]
        waiting = (SECOURS / "instant.xml").read_text()
        assert said == ["<Response/>"] * 6 + [waiting] * 4
        pages = [ask(nginx, "GET", "/i/abcdefghjkmnpq")[0] for _ in range(5)]
        assert pages == [200] * 3 + [429] * 2


def test_nobody_tells_the_line_another_address_than_his_own(alone: Front) -> None:
    with Anybody(alone.line_port) as line_behind:
        ask(alone, "GET", "/i/abcdefghjkmnpq", X_Forwarded_For="203.0.113.9, 203.0.113.10")
        ask(alone, "POST", "/voice", b"CallSid=CA1", Forwarded="for=203.0.113.9", Host="elsewhere.example.com")
    assert [request.headers["x-forwarded-for"] for request in line_behind.asked] == ["127.0.0.1"] * 2


# While no process is there


def test_a_caller_of_a_dead_line_hears_french_and_the_steps_of_the_guide(alone: Front) -> None:
    called = phone(alone)
    called.dial()
    called.hear_out(until=120)
    heard = called.so_far()
    for words in ("Un instant, s’il vous plaît", "Je rétablis", "connecteur numéro 1", "trente secondes", "Au revoir."):
        assert words in heard, heard
    assert heard.endswith("the line hangs up")
    assert ask(alone, "POST", "/voice/status")[0] == 204


def test_a_call_goes_on_where_it_was_after_every_process_was_killed(tmp_path: Path, alone: Front) -> None:
    called = phone(alone)
    with line(tmp_path / "var", alone, workers=1) as process:
        Caller(alone.url, 1).call("211")
        called.dial()
        called.press("2")
        called.hear_out()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    called.press("1")
    assert b"Un instant" in called.last_answer
    with line(tmp_path / "var", alone):
        called.wait(5)
        called.hear_out()
        assert "connecteur numéro 1" in called.so_far().rpartition("Un instant")[2], "the last question again"
        called.press("1")
        called.press("1")
        called.hear_out()
    assert "Au revoir." in called.so_far()


@pytest.mark.parametrize("path", sorted(SECOURS.glob("*.xml")), ids=lambda path: path.stem)
def test_what_the_web_server_says_is_twiml_in_french_typography(path: Path) -> None:
    parse(path.read_bytes(), "text/xml; charset=utf-8")
    assert complaints(path.read_bytes()) == []
    text = path.read_text()
    assert 'language="fr-FR"' in text
    assert not re.search(r"[^\u00a0] :|[^\u202f][?!;]|'|« |[^\u00a0]»", re.sub(r"<Redirect.*|<[^>]*>", "", text))


# What is written down


def test_the_log_holds_no_token_no_query_no_number_and_no_address_of_a_home(nginx: Front) -> None:
    token, sealed = "abcdefghjkmnpq", "c2VhbGVkIGFkZHJlc3M"
    for path in (
        f"/i/{token}",
        f"/ligne/i/{token}",
        f"/audio/code/{sealed}.wav",
        "/voice/fallback?essai=1&n=0639980001",
    ):
        ask(nginx, "GET", path)
    Caller(nginx.url, 55).post("/voice")
    rows = [json.loads(row) for row in nginx.logged.splitlines()]
    assert {"/i/…", "/audio/code/…", "/voice/fallback"} <= {row["path"] for row in rows}
    assert {row["client"] for row in rows if "/i/" in row["path"]} == {"-"}
    for written in (nginx.logged, (nginx.folder / "ligne.error.log").read_text()):
        for secret in (token, sealed, "essai", "39980001", "39980055", TOKEN, "99000000"):
            assert secret not in written


# Processes that die under load


def test_callers_reach_their_goodbye_though_processes_are_killed_and_restarted_under_them(
    tmp_path: Path, alone: Front
) -> None:
    with line(tmp_path / "var", alone) as process, ThreadPoolExecutor(6) as callers:
        over = time.monotonic() + 3
        going = [callers.submit(_until, over, alone.url, number) for number in range(6)]
        for _ in range(2):
            time.sleep(0.7)
            os.kill(workers_of(process)[0], signal.SIGKILL)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        with line(tmp_path / "var", alone):
            ended = [caller for done in going for caller in done.result()]
    assert len(ended) >= 6
    assert all("<Hangup/>" in caller.answers[-1] for caller in ended)
    with sqlite3.connect(tmp_path / "var" / "ligne.sqlite") as database:
        ends = database.execute("SELECT disposition, count(*) FROM calls GROUP BY disposition").fetchall()
    assert ends == [("solved", len(ended))]


def _until(over: float, url: str, number: int) -> list[Caller]:
    """Calls to their end, one after the other, until then."""
    ended: list[Caller] = []
    while time.monotonic() < over:
        caller = Caller(url, number * 1000 + len(ended))
        caller.call("211")
        ended.append(caller)
    return ended
