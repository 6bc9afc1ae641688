"""The webhooks through HTTP: who is let in, what a caller hears whatever comes, and what is kept of it."""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.datastructures import MultiDict

from ivr.web.voice import INTERRUPTED, NO_CALL
from tests.line import ACCOUNT, ROOT, TOKEN, Line
from tests.twiml_schema import complaints

CALL = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "CallSid": "CA" + "7" * 32,
    "CallStatus": "ringing",
    "Direction": "inbound",
    "From": "+33639980001",
    "To": "+33199000000",
}


class Carrier:
    """Posts forms to a line by hand, signed as Twilio signs, with whatever is to be wrong about them."""

    def __init__(self, line: Line) -> None:
        self.line = line

    def post(
        self,
        path: str,
        *extra: tuple[str, str],
        token: str | None = TOKEN,
        url: str = "",
        headers: dict[str, str] | None = None,
        **form: str,
    ) -> tuple[int, bytes]:
        """The status and body of a POST; `extra` are parameters that may repeat, `url` what was signed instead."""
        params = [*({**CALL, **form}.items()), *extra]
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        if token:
            signed = RequestValidator(token).compute_signature(url or self.line.url + path, MultiDict(params))
            sent["X-Twilio-Signature"] = signed
        return self.raw("POST", path, urlencode(params).encode(), sent)

    def raw(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The status and body of any request."""
        connection = http.client.HTTPConnection(self.line.url.removeprefix("http://"), timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def key(self, answer: bytes, digits: str, **form: Any) -> tuple[int, bytes]:
        """Press a key in answer to a document."""
        return self.post(action(answer), Digits=digits, CallStatus="in-progress", **form)


def action(answer: bytes) -> str:
    """Where a document's Gather leads."""
    found = re.search(r'action="([^"]+)"', answer.decode())
    assert found
    return found[1]


def rows(line: Line, query: str) -> list[tuple[object, ...]]:
    """What the database holds."""
    connection = sqlite3.connect(line.database_file)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Carrier]:
    """A carrier of a line without clips: what is said can be read in the answer."""
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    yield Carrier(line)
    line.stop()


def test_a_caller_with_a_dark_button_is_led_to_connector_one_and_to_goodbye(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    assert "connecteur numéro\u00a01" in cables.decode()
    _, connected = carrier.key(cables, "1")
    assert "Très bien, la base est connectée." in connected.decode()
    _, end = carrier.key(connected, "1")
    assert "Au revoir." in end.decode()
    assert end.decode().endswith("<Hangup/></Response>")
    assert rows(carrier.line, "SELECT disposition FROM calls") == [("solved",)]


# Who is let in


def test_unsigned_and_wrongly_signed_requests_are_refused_and_leave_no_trace(carrier: Carrier) -> None:
    base = carrier.line.url
    attempts = [
        carrier.post("/voice", token=None),
        carrier.post("/voice", token="another token"),
        carrier.post("/voice", url="https://elsewhere.example.com/voice"),
        carrier.post("/voice", url=f"{base}/voice/status"),
        carrier.post("/voice", headers={"Host": "evil.example.com"}, url="http://evil.example.com/voice"),
        carrier.post("/voice", headers={"X-Forwarded-Host": "e.example.com"}, url="http://e.example.com/voice"),
        carrier.post("/voice", headers={"Content-Type": "application/json"}),
        carrier.post("/voice/status", token=None),
        carrier.raw("POST", "/voice", b"CallSid=CA", {"X-Twilio-Signature": "\xe9"}),
    ]
    assert [status for status, _ in attempts] == [403] * len(attempts)
    assert rows(carrier.line, "SELECT count(*) FROM calls") == [(0,)]
    assert rows(carrier.line, "SELECT count(*) FROM turns") == [(0,)]


def test_parameters_shifted_under_a_captured_signature_move_nothing(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    path = action(hello)
    form = {**CALL, "CallStatus": "in-progress"}
    captured = RequestValidator(TOKEN).compute_signature(carrier.line.url + path, {**form, "Digits": "2"})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": captured}
    for shifted in ({**form, "Digits2": ""}, {**form, "D": "igits2"}):
        status, answer = carrier.raw("POST", path, urlencode(shifted).encode(), headers)
        assert (status, complaints(answer)) == (200, [])
    assert rows(carrier.line, "SELECT turn FROM calls") == [(1,)]


def test_the_carriers_token_alone_walks_nobody_into_a_call(carrier: Carrier) -> None:
    carrier.post("/voice")
    status, answer = carrier.post("/voice/1/0123456789abcdef/key", Digits="2")
    assert (status, NO_CALL in answer.decode()) == (200, True)
    assert rows(carrier.line, "SELECT turn FROM calls") == [(1,)]


def test_an_address_of_one_call_is_worth_nothing_in_another(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    _, answer = carrier.key(hello, "2", CallSid="CA" + "8" * 32)
    assert NO_CALL in answer.decode()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/voice"), ("PUT", "/voice"), ("POST", "/voice/"), ("POST", "//voice")]
)
def test_webhooks_are_posts_and_are_never_redirected(carrier: Carrier, method: str, path: str) -> None:
    status, _ = carrier.raw(method, path)
    assert status in (403, 404, 405)


def test_a_form_of_more_than_64_kilobytes_is_refused(carrier: Carrier) -> None:
    status, _ = carrier.post("/voice", SpeechResult="x" * 70_000)
    assert status == 413


def test_a_query_is_signed_with_the_address_and_read_by_nobody(carrier: Carrier) -> None:
    assert carrier.post("/voice?CallSid=CA1&b=%2F~é".encode().decode("ascii", "ignore"))[0] == 200
    assert rows(carrier.line, "SELECT sid FROM calls") == [("CA" + "7" * 32,)]


# What a caller hears, whatever comes


@pytest.mark.parametrize(
    "digits",
    ["", "hangup", "</Say><Dial>+33899000000</Dial>", "1" * 4000, "\x00", "\ufffe", "é", "1 OR 1=1", "=cmd()", "\r\n"],
)
def test_hostile_digits_are_answered_with_the_step_again(carrier: Carrier, digits: str) -> None:
    _, hello = carrier.post("/voice")
    status, answer = carrier.key(hello, digits)
    assert (status, answer) == (200, hello)
    assert rows(carrier.line, "SELECT turn FROM calls") == [(1,)]


@pytest.mark.parametrize(
    "form",
    [
        {"CallSid": "x"},
        {"CallSid": ""},
        {"CallSid": "CA" + "7" * 31 + "'"},
        {"From": "\x00"},
        {"From": "é" * 100},
        {"AccountSid": "AC" + "9" * 32},
        {"To": "+33199000099"},
    ],
)
def test_a_signed_request_that_is_no_call_of_ours_hears_a_sentence_and_is_not_kept(
    carrier: Carrier, form: dict[str, Any]
) -> None:
    status, answer = carrier.post("/voice", **form)
    assert (status, NO_CALL in answer.decode(), complaints(answer)) == (200, True, [])
    assert rows(carrier.line, "SELECT count(*) FROM calls") == [(0,)]


def test_repeated_parameters_are_no_call(carrier: Carrier) -> None:
    assert NO_CALL in carrier.post("/voice", ("Digits", "1"), ("Digits", "2"))[1].decode()


def test_any_caller_id_is_answered(carrier: Carrier) -> None:
    for caller in ("anonymous", "", "+266696687", "sip:a@example.com", "+330000"):
        status, answer = carrier.post("/voice", From=caller, CallSid=f"CA{abs(hash(caller)):032x}"[:34])
        assert (status, "Bonjour" in answer.decode()) == (200, True)


def test_when_the_database_is_gone_the_caller_hears_a_way_on_and_can_retry(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    hidden = carrier.line.hide_database()
    status, sorry = carrier.key(hello, "2")
    assert (status, complaints(sorry)) == (200, [])
    assert INTERRUPTED in sorry.decode()
    status, still = carrier.post(action(sorry), Digits="1")
    assert (status, INTERRUPTED in still.decode()) == (200, True)
    hidden()
    status, again = carrier.post(action(still), Digits="1")
    assert (status, again) == (200, hello)


# Turns


def test_a_webhook_delivered_again_gets_the_same_bytes_whatever_its_digits(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    assert carrier.key(hello, "2")[1] == cables
    assert carrier.key(hello, "3")[1] == cables
    assert carrier.post("/voice")[1] == hello
    _, ethernet = carrier.key(cables, "2")
    assert carrier.key(hello, "2")[1] == cables
    assert carrier.key(cables, "1")[1] == ethernet
    assert rows(carrier.line, "SELECT count(*) FROM turns") == [(3,)]


def test_twins_that_come_at_the_same_instant_get_the_same_answer(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    answers: list[bytes] = []
    together = threading.Barrier(12)

    def deliver(key: str) -> None:
        together.wait(timeout=10)
        answers.append(carrier.key(hello, key)[1])

    twins = [threading.Thread(target=deliver, args=("2" if i % 2 else "3",)) for i in range(12)]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join()
    assert len(answers) == 12
    assert len(set(answers)) == 1
    assert rows(carrier.line, "SELECT count(*) FROM turns") == [(2,)]


def test_a_call_that_is_unknown_or_ahead_of_us_starts_at_the_top(carrier: Carrier) -> None:
    sid = "CA" + "9" * 32
    mac = carrier.line.app.extensions["ivr"].mac(sid, 7)
    status, answer = carrier.post(f"/voice/7/{mac}/key", CallSid=sid, Digits="2")
    assert (status, "Bonjour" in answer.decode()) == (200, True)
    _, cables = carrier.key(answer, "2", CallSid=sid)
    assert "connecteur numéro" in cables.decode()


def test_a_turn_that_the_call_has_not_come_to_starts_it_at_the_top(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    carrier.key(hello, "2")
    mac = carrier.line.app.extensions["ivr"].mac(CALL["CallSid"], 7)
    status, answer = carrier.post(f"/voice/7/{mac}/key", Digits="2")
    assert (status, "Bonjour" in answer.decode()) == (200, True)


# What is kept


def test_no_number_is_kept_or_logged_in_clear(carrier: Carrier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    _, hello = carrier.post("/voice")
    carrier.key(hello, "2")
    carrier.post("/voice", From="\x00639980001")
    kept = carrier.line.database_file.read_bytes() + carrier.line.wal_bytes()
    logged = "\n".join(str(record.__dict__) for record in caplog.records if record.name != "werkzeug")
    assert b"639980001" not in kept
    assert "639980001" not in logged
    assert rows(carrier.line, "SELECT caller_mask FROM calls") == [("+336****01",)]
    assert rows(carrier.line, "SELECT event FROM turns ORDER BY turn") == [("dialled",), ("key 2",)]


@pytest.mark.parametrize("order", list(permutations(["in-progress", "ringing", "completed"])))
def test_status_callbacks_in_any_order_give_the_same_record(carrier: Carrier, order: tuple[str, ...]) -> None:
    _, hello = carrier.post("/voice")
    carrier.key(hello, "2")
    carrier.line.clock.advance(60)
    for status in (*order, *order):
        assert carrier.post("/voice/status", CallStatus=status)[0] == 204
    ended = carrier.line.clock.now()
    assert rows(carrier.line, "SELECT status, disposition, ended_at FROM calls") == [("completed", "cut", ended)]


def test_a_late_status_does_not_undo_a_solved_call(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    _, connected = carrier.key(cables, "1")
    carrier.key(connected, "1")
    for status in ("completed", "busy", "in-progress"):
        carrier.post("/voice/status", CallStatus=status)
    assert rows(carrier.line, "SELECT status, disposition FROM calls") == [("completed", "solved")]


def test_alive_and_ready(carrier: Carrier) -> None:
    assert carrier.raw("GET", "/healthz") == (200, b"alive\n")
    assert carrier.raw("GET", "/readyz") == (200, b"ready\n")
    hidden = carrier.line.hide_database()
    assert carrier.raw("GET", "/healthz")[0] == 200
    assert carrier.raw("GET", "/readyz")[0] == 503
    hidden()
    assert carrier.raw("GET", "/readyz")[0] == 200


def test_logs_are_one_json_object_a_line() -> None:
    import logging

    from ivr.web.logs import JsonLines

    record = logging.makeLogRecord({"name": "ivr", "levelname": "INFO", "msg": "a\nb", "turn": 3})
    said = json.loads(JsonLines().format(record))
    assert (said["message"], said["turn"], "\n" in JsonLines().format(record)) == ("a\nb", 3, False)


@pytest.fixture(autouse=True)
def _quiet_werkzeug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("ERROR", logger="werkzeug")


def test_the_development_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    from ivr.settings import settings

    first = settings({"IVR_DATA_DIR": str(tmp_path / "var")}).secret_keys
    assert settings({"IVR_DATA_DIR": str(tmp_path / "var")}).secret_keys == first
    assert len(first[0]) == 64
    assert (tmp_path / "var" / "secret-key").stat().st_mode & 0o077 == 0
