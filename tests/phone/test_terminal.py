"""The telephone for a person: what it prints, in French, and its exit codes."""

import io
import os
import pty
import re
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from ivr.phone import Phone, terminal

from .conftest import TOKEN
from .line import Line, wav


def called(line: Line, *keys: str, url: str = "") -> tuple[int, str]:
    out = io.StringIO()
    code = terminal.call(url or f"{line.url}/voice", keys, TOKEN, out, io.StringIO())
    return code, out.getvalue()


def test_a_call_with_keys_is_told_as_it_goes(line: Line) -> None:
    line.sends("/a.wav", wav(2, title="Il y a deux causes."), Content_Type="audio/wav")
    line.sends("/b.wav", wav(1), Content_Type="audio/wav")
    gather = '<Gather numDigits="1" action="/key"><Say>Si le bouton est bleu, tapez 1.</Say></Gather>'
    line.says("/voice", f"<Say>Bonjour.</Say><Pause length='3'/>{gather}")
    line.says("/key", f"<Play>{line.url}/a.wav</Play><Pause length='4'/><Play>{line.url}/b.wav</Play><Gather/>")
    assert called(line, "1") == (
        0,
        "   0,0 s  Bonjour.\n"
        "          … 3 s de silence\n"
        "   3,4 s  Si le bouton est bleu, tapez 1.\n"
        "   5,9 s  ▸ touche 1\n"
        "   5,9 s  Il y a deux causes.\n"
        "          … 4 s de silence\n"
        "  11,9 s  ♪ b.wav\n"
        "          … 5 s de silence\n"
        "Raccroché par la ligne après 18 s.\n",
    )


def test_keys_come_in_the_first_second_of_silence_of_a_gather(line: Line) -> None:
    prompts = "<Pause/><Say>un</Say><Say>deux</Say><Pause/><Say>trois</Say>"
    line.says("/voice", f'<Gather numDigits="4" action="/key">{prompts}</Gather>')
    line.says("/key", "<Record playBeep='true' action='/done'/>")
    line.says("/done", "<Dial callerId='+33199000000' timeout='9'>+33199000001</Dial>")
    code, told = called(line, "00", "42", "1", "7")
    assert code == 0
    assert re.findall(r"^ *(\S+) s  (.*)$", told, re.MULTILINE) == [
        ("1,0", "un"),
        ("1,4", "deux"),
        ("1,7", "▸ touches 00"),
        ("1,7", "▸ touches 42"),
        ("1,7", "♪ bip"),
        ("2,7", "▸ touche 1"),
        ("2,7", "☎ la ligne transfère l’appel"),
    ]
    assert "silence" not in told
    assert line.forms("/key")[0]["Digits"] == "0042"


def test_speech_that_a_key_cuts_is_no_silence(line: Line) -> None:
    line.says("/voice", "<Gather><Say>un deux trois quatre cinq six sept huit neuf dix</Say></Gather>")
    out, phone = io.StringIO(), Phone(f"{line.url}/voice")
    phone.on_entry = terminal._Printer(phone, out).show
    phone.dial()
    phone.wait(3)
    phone.press("1")
    assert out.getvalue().splitlines()[1:] == ["   3,0 s  ▸ touche 1"]


def test_silence_after_a_transfer_is_told(line: Line) -> None:
    dial = "<Dial callerId='+33199000000'>+33199000001</Dial>"
    line.says("/voice", f"<Say>Ne quittez pas.</Say>{dial}<Pause length='3'/><Say>Personne.</Say>")
    assert called(line)[1].splitlines()[1:4] == [
        "   1,1 s  ☎ la ligne transfère l’appel",
        "          … 3 s de silence",
        "  34,1 s  Personne.",
    ]


def test_a_key_that_nobody_listened_to_is_told(line: Line) -> None:
    line.says("/voice", '<Gather numDigits="1" action="/key"/>')
    line.says("/key", "<Hangup/>")
    assert "   0,0 s    (la ligne n’écoutait pas : 2)\n" in called(line, "12")[1]


@pytest.mark.parametrize(
    ("told", "verbs"),
    [
        ("Appel refusé par la ligne.\n", "<Reject/>"),
        ("Raccroché par la ligne après 0 s.\n", "<Hangup/>"),
    ],
)
def test_the_end_is_told(line: Line, told: str, verbs: str) -> None:
    line.says("/voice", verbs)
    assert called(line, "1") == (0, told)


def test_a_line_that_never_hangs_up_is_left_after_half_an_hour(line: Line) -> None:
    line.says("/voice", "<Gather timeout='60'><Say>Bonjour.</Say></Gather><Redirect>/voice</Redirect>")
    code, told = called(line, "1")
    assert code == 1
    assert told.endswith("La ligne n’a pas raccroché après 1800 s : l’appel est abandonné.\n")


def test_endless_music_leaves_no_caller_waiting_to_press(line: Line) -> None:
    line.sends("/a.wav", wav(200), Content_Type="audio/wav")
    line.says("/voice", f"<Play loop='0'>{line.url}/a.wav</Play>")
    code, told = called(line, "1")
    assert code == 1
    assert told.endswith("La ligne n’a pas raccroché après 1800 s : l’appel est abandonné.\n")


@pytest.mark.parametrize(
    ("told", "status", "body"),
    [
        ("La ligne répond par une erreur HTTP 500 : lisez son journal.\n", 500, b""),
        (
            r"La ligne refuse l’appel \(HTTP 403\) : appelez avec son TWILIO_AUTH_TOKEN",
            403,
            b"",
        ),
        (r"La ligne répond ce que Twilio refuserait \(erreur 12100\) : corrigez-la.\n", 200, b"oops"),
        ("L’appel ne peut pas continuer : 11 documents", 200, b"<Response><Redirect>/voice</Redirect></Response>"),
    ],
)
def test_what_went_wrong_is_said_in_french(line: Line, told: str, status: int, body: bytes) -> None:
    line.sends("/voice", body, status)
    code, printed = called(line)
    assert code == 1
    assert re.match(told, printed)
    assert "Traceback" not in printed


def test_nobody_answers(line: Line) -> None:
    assert called(line, url="http://127.0.0.1:9/voice") == (
        1,
        "Personne ne répond à http://127.0.0.1:9/voice : lancez d’abord make run.\n",
    )


def test_wrong_keys_are_refused_before_the_call(line: Line) -> None:
    code, told = called(line, "1", "deux")
    assert (code, line.received) == (2, [])
    assert told == "« deux » ne se tape pas sur un téléphone : utilisez les touches 0 à 9, * et #.\n"


def test_caller_and_account_can_be_chosen(line: Line) -> None:
    line.says("/voice", "<Hangup/>")
    out = io.StringIO()
    assert terminal.call(f"{line.url}/voice", [], out=out, caller="anonymous", account="AC" + "1" * 32) == 0
    (form,) = line.forms("/voice")
    assert (form["From"], form["AccountSid"]) == ("anonymous", "AC" + "1" * 32)


def test_keys_can_come_through_a_pipe(line: Line) -> None:
    line.says("/voice", '<Gather numDigits="1" action="/key"/>')
    line.says("/key", "<Hangup/>")
    out = io.StringIO()
    assert terminal.call(f"{line.url}/voice", None, None, out, io.StringIO("7\n")) == 0
    assert line.forms("/key")[0]["Digits"] == "7"


@pytest.fixture
def keyboard() -> Iterator[tuple[int, TextIO]]:
    """Both ends of a terminal: where one types, and what the phone reads."""
    typing, reading = pty.openpty()
    with open(reading, encoding="utf-8") as keys:  # noqa: PTH123  a file descriptor, not a path
        yield typing, keys
    os.close(typing)


class Person:
    """Types and hangs up at given looks at the clock, each half a second after the one before."""

    def __init__(self, typing: int, does: dict[int, bytes | None]) -> None:
        self._typing = typing
        self._does = does
        self._looks = 0

    def seconds(self) -> float:
        """The clock, as `time.monotonic`."""
        self._looks += 1
        match self._does.get(self._looks, b""):
            case None:
                raise KeyboardInterrupt
            case typed:
                os.write(self._typing, typed)
        return self._looks / 2


def test_a_live_call_takes_keys_and_gives_the_terminal_back(line: Line, keyboard: tuple[int, TextIO]) -> None:
    typing, keys = keyboard
    before = termios.tcgetattr(keys)
    line.says("/voice", '<Gather numDigits="3" action="/key"><Say>Bonjour.</Say></Gather>')
    line.says("/key", "<Say>Merci.</Say>")
    out, phone = io.StringIO(), Phone(f"{line.url}/voice")
    phone.on_entry = terminal._Printer(phone, out).show
    terminal._live(phone, keys, out, Person(typing, {8: b"1x", 11: b"2#"}).seconds)
    assert line.forms("/key")[0]["Digits"] == "12"
    assert (phone.ended, phone.seconds) == ("hangup", 3.5)
    assert out.getvalue() == (
        "Tapez les touches 0 à 9, * et #. Ctrl-C pour raccrocher.\n"
        "   0,0 s  Bonjour.\n"
        "          … 2 s de silence\n"
        "   2,5 s  ▸ touche 1\n"
        "   3,0 s  ▸ touches 2#\n"
        "   3,0 s  Merci.\n"
    )
    assert termios.tcgetattr(keys) == before


def test_ctrl_c_hangs_up(line: Line, keyboard: tuple[int, TextIO]) -> None:
    typing, keys = keyboard
    before = termios.tcgetattr(keys)
    line.says("/voice", "<Gather/>")
    phone = Phone(f"{line.url}/voice")
    terminal._live(phone, keys, io.StringIO(), Person(typing, {4: None}).seconds)
    assert phone.ended == "drop"
    assert terminal._farewell(phone) == "Vous avez raccroché après 0 s."
    assert termios.tcgetattr(keys) == before


def test_a_terminal_without_keys_makes_a_live_call(line: Line, keyboard: tuple[int, TextIO]) -> None:
    line.says("/voice", "<Reject/>")
    out = io.StringIO()
    assert terminal.call(f"{line.url}/voice", None, None, out, keyboard[1]) == 0
    assert out.getvalue().endswith("pour raccrocher.\nAppel refusé par la ligne.\n")
