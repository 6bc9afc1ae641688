"""The fallback address: whatever failed, the call goes on where it was, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.web.voice import NO_CALL
from tests.line import ROOT, Line
from tests.web.test_voice import Carrier, action, rows

LOST = "11200"
"""Twilio's error of a document that could not be had."""


class Failing(Carrier):
    """A carrier that asks the fallback when an answer did not reach it."""

    def fails(self, path: str, error: str = LOST, **form: Any) -> str:
        """The answer of the fallback, after this address has failed."""
        status, said = self.post("/voice/fallback", ErrorCode=error, ErrorUrl=self.line.url + path, **form)
        assert status == 200
        return said.decode()


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Failing]:
    """A carrier of a line without clips: what is said can be read in the answer."""
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    yield Failing(line)
    line.stop()


@pytest.fixture
def sounding(line: Line) -> Failing:
    """A carrier of the line with its clips."""
    return Failing(line)


def test_a_call_whose_first_webhook_failed_begins(carrier: Failing) -> None:
    assert "Bonjour. Dépannage automatique" in carrier.fails("/voice")
    assert rows(carrier.line, "SELECT turn FROM turns") == [(0,)]


def test_an_answer_that_was_lost_is_given_again_byte_for_byte(carrier: Failing) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    assert carrier.fails(action(hello), Digits="2") == cables.decode()
    assert carrier.fails(action(hello)) == cables.decode(), "whether the key is told again or not"
    assert carrier.fails("/voice").encode() == hello
    assert rows(carrier.line, "SELECT turn FROM turns ORDER BY turn") == [(0,), (1,)]


def test_a_key_that_never_arrived_is_taken_when_it_is_told_and_else_asked_for_again(carrier: Failing) -> None:
    _, hello = carrier.post("/voice")
    assert carrier.fails(action(hello)) == hello.decode()
    assert "connecteur numéro\u00a01" in carrier.fails(action(hello), Digits="2")
    assert rows(carrier.line, "SELECT event FROM turns ORDER BY turn") == [("dialled",), ("key 2",)]


def test_a_silence_that_never_arrived_is_one(carrier: Failing) -> None:
    _, hello = carrier.post("/voice")
    said = carrier.fails(action(hello).removesuffix("key") + "silence")
    assert said != hello.decode()
    assert rows(carrier.line, "SELECT event FROM turns ORDER BY turn") == [("dialled",), ("silence",)]


@pytest.mark.parametrize("path", ["", "/nowhere", "/voice/1/0123456789abcdef/key", "/voice/x/y/key", "/voice/fallback"])
def test_a_call_goes_on_at_its_last_answer_when_it_is_unknown_what_failed(path: str, carrier: Failing) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    said = carrier.fails(path)
    assert "connecteur numéro\u00a01" in said
    assert action(said.encode()) == action(cables)


def test_another_calls_address_moves_nothing(carrier: Failing) -> None:
    _, theirs = carrier.post("/voice", CallSid="CA" + "8" * 32)
    _, ours = carrier.post("/voice")
    assert carrier.fails(action(theirs), Digits="2") == ours.decode()


def test_a_call_that_nobody_knows_begins(carrier: Failing) -> None:
    assert "Bonjour. Dépannage automatique" in carrier.post("/voice/fallback")[1].decode()


def test_a_clip_that_cannot_be_had_is_said_and_no_other_one_is_asked_for(sounding: Failing) -> None:
    _, hello = sounding.post("/voice")
    assert b"<Play>" in hello
    said = sounding.fails("/audio/kokoro-0000000000000000.wav")
    assert "Bonjour. Dépannage automatique" in said
    assert "<Play>" not in said
    assert action(said.encode()) == action(hello)
    _, count = sounding.post("/voice", CallSid="CA" + "9" * 32)
    for _ in range(3):
        count = sounding.key(count, "1", CallSid="CA" + "9" * 32)[1]
    assert "<Play" not in sounding.fails("/audio/x.wav", CallSid="CA" + "9" * 32), "nor a silence"


def test_a_document_that_the_carrier_could_not_read_is_said_another_way(sounding: Failing) -> None:
    _, hello = sounding.post("/voice")
    assert "<Play>" not in sounding.fails("/voice", error="12100")
    assert sounding.fails("/voice") == hello.decode()


def test_the_leg_of_a_person_is_not_led_through_the_line(carrier: Failing) -> None:
    for form in ({"Direction": "outbound-api"}, {"ParentCallSid": "CA" + "8" * 32}):
        assert carrier.fails("/voice/rappel/x/y", **form).endswith("<Response><Hangup/></Response>")


def test_who_is_not_the_carrier_is_refused_and_another_number_is_told_so(carrier: Failing) -> None:
    assert carrier.post("/voice/fallback", token="another")[0] == 403
    assert carrier.post("/voice/fallback", token=None)[0] == 403
    assert carrier.raw("GET", "/voice/fallback")[0] == 405
    status, said = carrier.post("/voice/fallback", To="+33199000009")
    assert (status, NO_CALL[:20] in said.decode()) == (200, True)


def test_it_answers_though_the_database_is_gone(carrier: Failing) -> None:
    _, hello = carrier.post("/voice")
    bring_back = carrier.line.hide_database()
    try:
        said = carrier.fails(action(hello))
    finally:
        bring_back()
    assert "incident technique" in said
    assert action(said.encode()).endswith("/again"), "a key tries again"
    assert carrier.fails(action(hello)) == hello.decode()
