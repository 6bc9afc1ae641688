"""The database is away: the guide is heard as ever, nothing is promised that would not be kept, and all resumes."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.alone import Alone
from ivr.flow.engine import Dialled, State
from ivr.flow.model import Flow
from ivr.store.vault import Vault
from ivr.telephony.twiml import prefaced
from ivr.web.voice import INTERRUPTED, LIMITED
from tests.line import AGENT, ROOT, Line
from tests.twiml_schema import complaints
from tests.web.test_voice import CALL, Carrier, action, rows

MONDAY = 1_795_424_400.0
"""2026-11-23, 10:00 in Paris: people are there."""

GUIDE = sorted((ROOT / "tests" / "calls").glob("s[124]*.call"))


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Carrier]:
    """A carrier of a line without clips: what is said can be read in the answer."""
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    yield Carrier(line)
    line.stop()


@pytest.fixture
def away(carrier: Carrier) -> Callable[[], None]:
    """The database is away from now on; the function brings it back."""
    return carrier.line.hide_database()


def words(answer: bytes) -> str:
    """What an answer says and asks, addresses left out."""
    return re.sub(r"/voice/\d+/[^\"<]*/", "", answer.decode())


def silence(answer: bytes) -> str:
    """Where silence leads."""
    found = re.search(r"<Redirect[^>]*>([^<]+)<", answer.decode())
    assert found
    return found[1]


def test_a_caller_is_led_to_goodbye_without_the_database(carrier: Carrier, away: Callable[[], None]) -> None:
    status, hello = carrier.post("/voice")
    assert (status, complaints(hello)) == (200, [])
    assert hello.decode().index(LIMITED) < hello.decode().index("Bonjour")
    _, cables = carrier.key(hello, "2")
    assert "connecteur numéro\u00a01" in cables.decode()
    assert LIMITED not in cables.decode()
    _, connected = carrier.key(cables, "1")
    _, end = carrier.key(connected, "1")
    assert end.decode().endswith("<Hangup/></Response>")
    away()
    assert rows(carrier.line, "SELECT count(*) FROM calls") == [(0,)]


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_the_guide_is_word_for_word_the_same(path: Path, carrier: Carrier) -> None:
    """The same keys, once with the database and once without it."""
    said = []
    for sid, hide in (("CA" + "1" * 32, False), ("CA" + "2" * 32, True)):
        bring_back = carrier.line.hide_database() if hide else lambda: None
        _, answer = carrier.post("/voice", CallSid=sid)
        heard = [words(answer).replace(words(prefix()), "")]
        for move in moves(path):
            there = silence(answer) if move == "silence" else action(answer)
            digits = [] if move == "silence" else [("Digits", move)]
            _, answer = carrier.post(there, *digits, CallSid=sid, CallStatus="in-progress")
            assert complaints(answer) == []
            heard.append(words(answer))
        said.append(heard)
        bring_back()
    assert len(said[0]) > 2
    assert said[0] == said[1]


def prefix() -> bytes:
    """How the sentence before everything looks in an answer."""
    return prefaced(b"<Response>", LIMITED).removeprefix(b"<Response>")


def moves(path: Path) -> list[str]:
    """What the caller of a transcript does, as far as keys and silences go."""
    found = re.findall(r"^(?:press ([0-9*#]+)|(silence))$", path.read_text(), re.MULTILINE)
    return [keys or what for keys, what in found]


def test_no_code_is_promised_while_nobody_could_remember_it(carrier: Carrier, away: Callable[[], None]) -> None:
    _, hello = carrier.post("/voice")
    _, look = carrier.key(hello, "3")
    _, without = carrier.key(look, "1")
    assert "code" in without.decode()
    assert "tapez" in without.decode()
    away()
    assert rows(carrier.line, "SELECT count(*) FROM codes WHERE status <> 'waiting'") == [(0,)]


def test_a_call_that_the_database_knows_is_asked_and_resumes_where_it_was(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    bring_back = carrier.line.hide_database()
    _, asked = carrier.key(hello, "2")
    assert INTERRUPTED in asked.decode()
    _, still = carrier.key(asked, "1")
    assert INTERRUPTED in still.decode()
    bring_back()
    assert carrier.key(still, "1")[1] == hello


@pytest.mark.parametrize("how", ["2", "silence"])
def test_who_does_not_wait_is_guided_from_the_beginning(carrier: Carrier, how: str) -> None:
    _, hello = carrier.post("/voice")
    bring_back = carrier.line.hide_database()
    _, asked = carrier.key(hello, "2")
    _, afresh = carrier.key(asked, "2") if how == "2" else carrier.post(silence(asked))
    assert LIMITED in afresh.decode()
    assert "Bonjour" in afresh.decode()
    assert "connecteur numéro" in carrier.key(afresh, "2")[1].decode()
    bring_back()


def test_who_wants_to_begin_anew_does_so_when_the_database_is_back(carrier: Carrier) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    bring_back = carrier.line.hide_database()
    _, asked = carrier.key(cables, "2")
    bring_back()
    _, afresh = carrier.key(asked, "2")
    assert "Si le bouton de la base n’est pas bleu" in afresh.decode()


def test_a_call_is_kept_again_from_the_first_webhook_after_the_database_is_back(carrier: Carrier) -> None:
    bring_back = carrier.line.hide_database()
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    bring_back()
    _, connected = carrier.key(cables, "1")
    assert "Très bien, la base est connectée." in connected.decode()
    assert carrier.key(cables, "1")[1] == connected, "delivered twice"
    assert len(action(connected)) < 40, "nothing is carried any more"
    _, end = carrier.key(connected, "1")
    assert end.decode().endswith("<Hangup/></Response>")
    assert rows(carrier.line, "SELECT turn, disposition FROM calls") == [(4, "solved")]


def test_what_an_address_carries_is_short_and_good_for_its_turn_alone(
    carrier: Carrier, away: Callable[[], None]
) -> None:
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    assert len(action(cables)) < 1500
    number, mac, _, kind = action(cables).removeprefix("/voice/").split("/")
    stolen = action(hello).split("/")[4]
    for carried in (stolen, "AAAA", "A", stolen[:-2]):
        _, answer = carrier.post(f"/voice/{number}/{mac}/{carried}/{kind}", Digits="1")
        assert INTERRUPTED in answer.decode()


def test_a_person_who_is_rung_hears_what_was_done_and_takes_the_call(
    carrier: Carrier, away: Callable[[], None]
) -> None:
    carrier.line.clock.set(MONDAY)
    _, hello = carrier.post("/voice")
    _, cables = carrier.key(hello, "2")
    _, rung = carrier.key(cables, "0")
    assert AGENT in rung.decode()
    leg = re.search(r'url="([^"]+)"', rung.decode())
    assert leg
    sid, parent = "CA" + "3" * 32, CALL["CallSid"]
    _, whisper = carrier.post(leg[1], CallSid=sid, ParentCallSid=parent)
    assert "bouton" in whisper.decode()
    status, through = carrier.post(action(whisper), CallSid=sid, ParentCallSid=parent, Digits="1")
    assert (status, complaints(through), "<Hangup" in through.decode()) == (200, [], False)


def test_a_person_who_was_rung_before_the_database_went_takes_the_call(carrier: Carrier) -> None:
    carrier.line.clock.set(MONDAY)
    _, hello = carrier.post("/voice")
    _, rung = carrier.key(hello, "0")
    leg = re.search(r'url="([^"]+)"', rung.decode())
    assert leg
    bring_back = carrier.line.hide_database()
    sid, parent = "CA" + "3" * 32, CALL["CallSid"]
    _, whisper = carrier.post(leg[1], CallSid=sid, ParentCallSid=parent)
    assert "Un client du dépannage Gigaset" in whisper.decode()
    _, through = carrier.post(action(whisper), CallSid=sid, ParentCallSid=parent, Digits="1")
    assert "<Hangup" not in through.decode()
    bring_back()


def test_a_database_that_another_process_holds_keeps_nobody_waiting(carrier: Carrier) -> None:
    """Here seconds are real: the first caller waits four of them, the next ones hardly at all."""
    _, hello = carrier.post("/voice")
    other = sqlite3.connect(carrier.line.database_file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    took = []
    for caller in range(3):
        began = time.monotonic()
        status, answer = carrier.post("/voice", CallSid=f"CA{caller:032x}")
        took.append(time.monotonic() - began)
        assert (status, LIMITED in answer.decode()) == (200, True)
    assert took[0] < 5
    assert max(took[1:]) < 1
    other.execute("ROLLBACK")
    other.close()
    began = time.monotonic()
    assert LIMITED not in carrier.key(hello, "2")[1].decode()
    assert time.monotonic() - began < 1


def test_a_state_of_a_step_that_is_gone_is_none_of_ours(flow: Flow) -> None:
    alone = Alone(flow, Vault([b"k" * 32]), frozenset(), Dialled, {})
    kept = alone.sealed("CA1", 3, State("une.etape-retiree", 1.0))
    assert alone.opened("CA1", 3, kept) is None
