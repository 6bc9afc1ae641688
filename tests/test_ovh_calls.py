"""OVH's API behind a whole call: each way in which it fails ends in words and a way out, within 20 seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.desk.ovh import Patience
from ivr.phone import Phone
from tests.line import ROOT, Line

LINE, MOBILE, ADDRESS = "0199000007", "0639980001", "203.0.113.7"
OPERATIONS = ("time", "searchServices", "phone", "lastRegistrations", "ips", "resetConfig")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """A line with OVH's API, less patient than in production: here seconds are real."""
    line = Line(tmp_path / "var", ROOT / "prompts")
    line.patience = Patience(0.3, 0.3, 0.4, 0.6)
    line.give_line(LINE, MOBILE)
    line.operator_knows(LINE, ADDRESS, hours=20)
    yield line
    line.stop()


def proved(line: Line) -> Phone:
    """A call that has proved itself, where the line begins to ask OVH."""
    phone = line.phone()
    phone.dial()
    for key in ("3", "1", "1", "1"):
        phone.press(key)
    phone.press(line.password())
    return phone


def words(phone: Phone) -> str:
    """What is said from here to the next question, work of the line included."""
    began, heard = phone.seconds, ""
    while "apez" not in heard:
        heard += " ".join(one.title or one.what for one in phone.hear_out()) + " "
        if "apez" not in heard:
            phone.silence()
        assert phone.seconds - began < 80, heard
    return heard


def made(line: Line, phone: Phone) -> str:
    """What is said after the address is confirmed, or keyed when OVH knew none."""
    said = words(phone)
    if "Votre téléphone s’est connecté" in said:
        phone.press("1")
    else:
        phone.press("2")
        phone.hear_out()
        phone.press("203*0*113*7#")
        words(phone)
        phone.press("1")
    return words(phone)


@pytest.mark.parametrize("how", ["500", "429", "403", "resets", "garbles", "halves", "hangs"])
def test_an_operator_that_fails_altogether_ends_in_a_choice(line: Line, how: str) -> None:
    phone = proved(line)
    line.operator_fails("all", how)
    began = phone.seconds
    said = made(line, phone)
    assert "Le code n’a pas pu être créé." in said
    assert phone.seconds - began < 60
    phone.press("0")
    assert "Pour être rappelé" in words(phone)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("how", ["500", "garbles"])
def test_each_operation_that_fails_still_ends_in_a_code_or_a_choice(line: Line, operation: str, how: str) -> None:
    phone = proved(line)
    line.operator_fails(operation, how)
    said = made(line, phone)
    assert "Votre code est prêt" in said or "Le code n’a pas pu être créé" in said


def test_a_reset_that_never_answers_is_given_up_within_twenty_seconds(tmp_path: Path, line: Line) -> None:
    phone = proved(line)
    words(phone)
    never: list[Callable[[], None]] = []
    line.app.extensions["ivr"].__dict__["background"] = never.append
    phone.press("1")
    began = phone.seconds
    assert "Le code n’a pas pu être créé." in words(phone)
    assert phone.seconds - began < 27  # the sentence itself and its options included
    assert len(never) == 1


def test_a_telephone_that_configures_itself_needs_no_code(line: Line) -> None:
    line.at_operator.method = "http"
    assert "votre téléphone se reconfigure sans code" in made(line, proved(line))


def test_another_telephone_on_the_line_gets_no_code(line: Line) -> None:
    line.at_operator.brand = "phone.thomson.st2030"
    assert "cette ligne a un autre téléphone" in made(line, proved(line))
    assert line.at_operator.resets == []


def test_an_address_that_was_seen_more_than_six_days_ago_is_not_proposed(line: Line) -> None:
    line.at_operator.registrations[0] = (ADDRESS, line.clock.now() - 8 * 86_400)
    assert "Il me faut l’adresse IP publique" in words(proved(line))


def test_a_private_address_that_the_operator_saw_is_not_proposed(line: Line) -> None:
    line.at_operator.registrations[0] = ("192.168.1.20", line.clock.now())
    assert "Il me faut l’adresse IP publique" in words(proved(line))


def test_going_back_does_not_ask_for_a_second_reset(line: Line) -> None:
    phone = proved(line)
    made(line, phone)
    phone.press("*")
    words(phone)
    phone.press("1")
    assert "Votre code est prêt" in words(phone)
    assert line.at_operator.resets == [ADDRESS]


def test_a_code_that_may_exist_is_told_to_the_operators_people_and_asked_for_again_only_by_the_caller(
    line: Line,
) -> None:
    phone = proved(line)
    line.operator_fails("resetConfig", "halves")
    assert "Le code n’a pas pu être créé." in made(line, phone)
    assert line.at_operator.resets == [ADDRESS]
    line.operator_fails("resetConfig", "works")
    phone.press("1")
    assert "Votre code est prêt" in words(phone)


def test_a_code_with_letters_goes_by_sms_first(line: Line) -> None:
    line.at_operator.code = "A1B2C3D4"
    phone = proved(line)
    assert "Votre code est prêt, mais il est long" in made(line, phone)
    phone.press("1")
    assert "C’est envoyé." in words(phone)
    assert "A1B 2C3 D4" in line.sent()[-1].body
