"""Desks through the front door: work done at once, work in the background, and nobody there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.calls import Desk, Quick, Slow, Work
from ivr.flow.engine import Command, Outcome
from ivr.phone import Phone
from tests.line import ROOT, Line

FOUND = (("code", "17"),)


class Finder:
    """A desk that finds, or fails; it notes what it was asked."""

    def __init__(self, outcome: str = "found") -> None:
        self.outcome = outcome
        self.asked: list[tuple[dict[str, str], str]] = []

    def __call__(self, command: Command, work: Work) -> Outcome:
        """What it finds."""
        self.asked.append((dict(command.slots), work.caller))
        if self.outcome == "raise":
            raise ConnectionError("the partner is gone")
        return Outcome(work.at, self.outcome, FOUND)


@contextmanager
def asked_to_search(folder: Path, desks: dict[str, Desk]) -> Iterator[Phone]:
    """A call that has typed its line and waits for the desk's answer."""
    line = Line(folder / "var", ROOT / "tests" / "scripts" / "good" / "petit", desks, audio=folder / "no clips")
    try:
        phone = line.phone()
        phone.dial()
        phone.press("1")
        phone.press("0199000007")
        phone.press("1")
        yield phone
    finally:
        line.stop()


def heard(phone: Phone) -> str:
    """Everything that is said up to where the phone waits."""
    return " ".join(one.what for one in phone.hear_out())


def test_a_quick_desk_answers_within_the_turn(tmp_path: Path) -> None:
    finder = Finder()
    with asked_to_search(tmp_path, {"search": Quick(finder)}) as phone:
        assert "Je cherche. Votre code" in heard(phone)
    assert finder.asked == [({"ligne": "0199000007"}, "+33639980001")]


def test_a_slow_desk_is_started_once_and_polled_even_when_webhooks_come_twice(tmp_path: Path) -> None:
    finder = Finder()
    with asked_to_search(tmp_path, {"search": Slow(finder)}) as phone:
        assert phone.again() == phone.last_answer
        assert "Je cherche." in heard(phone)
        phone.silence()
        assert phone.again() == phone.last_answer
        assert "Votre code" in heard(phone)
    assert len(finder.asked) == 1


def test_a_desk_that_breaks_is_a_desk_where_nobody_is(tmp_path: Path) -> None:
    with asked_to_search(tmp_path, {"search": Slow(Finder("raise"))}) as phone:
        phone.silence()
        assert "Personne n’est là." in heard(phone)


def test_a_command_that_no_desk_knows_is_answered_at_once(tmp_path: Path) -> None:
    with asked_to_search(tmp_path, {}) as phone:
        assert "Personne n’est là." in heard(phone)


def test_a_desk_that_never_answers_is_late_at_its_deadline(tmp_path: Path) -> None:
    with asked_to_search(tmp_path, {"search": Slow(Finder(""))}) as phone:
        said = " ".join(one.what for one in phone.wait(30))
        assert "Encore un instant." in said
        assert "Pour donner la ligne, tapez 1." in said
