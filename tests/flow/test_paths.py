"""A path of limites.toml walked on a small script: what is heard of it, its keys, and where it goes astray."""

from __future__ import annotations

import pytest

from ivr.flow.limits import Path
from ivr.flow.paths import walked
from ivr.flow.script import load
from tests.flow.test_measures import LINE, STEPS, a_word_a_second

SMALL = load({"ligne.toml": LINE, "essai.toml": STEPS})

THERE = (("essai.compter", ""), ("essai.chercher", "late"), ("essai.appeler", "no-answer"), ("essai.menu", "1"))
AROUND = (("essai.laisser", "silence"), ("essai.menu", "2"), ("essai.fin", ""))


def test_a_question_is_heard_up_to_the_option_that_is_taken_and_everything_else_whole() -> None:
    walk = walked(SMALL, Path("there and around", THERE + AROUND), a_word_a_second)
    assert (walk.at, walk.astray, walk.keys) == ("", "", 2)
    announced, counted, searched, called, first, left, back, second, end = 3, 2, 1, 2, 4, 1, 1, 7, 1
    assert walk.heard.speech == announced + counted + searched + called + first + left + back + second + end
    assert walk.heard.silence == 2 + 0.5 + 2 * 0.5


def test_a_message_that_is_left_leads_on() -> None:
    walk = walked(SMALL, Path("a message", (*THERE, ("essai.laisser", ""), ("essai.fin", ""))), a_word_a_second)
    assert (walk.astray, walk.keys) == ("", 1)


@pytest.mark.parametrize(
    ("stops", "at", "astray"),
    [
        ((("essai.menu", "1"),), "essai.debut", "the call leads to essai.compter, not to essai.menu"),
        ((*THERE[:1], ("essai.menu", "1")), "essai.compter", "next leads to essai.chercher, not to essai.menu"),
        ((*THERE[:1], ("essai.chercher", "sent")), "essai.chercher", "there is no outcome sent here"),
        ((*THERE[:2], ("essai.appeler", "asleep")), "essai.appeler", "there is no outcome asleep here"),
        ((*THERE[:3], ("essai.menu", "7")), "essai.menu", "there is no key 7 here"),
        ((*THERE, ("essai.fin", "")), "essai.menu", "key 1 leads to essai.laisser, not to essai.fin"),
        (
            (*THERE[:3], ("essai.menu", "silence"), ("essai.fin", "")),
            "essai.menu",
            "silence leads to essai.menu, not to essai.fin",
        ),
    ],
)
def test_a_path_that_goes_astray_says_where_and_why(stops: tuple[tuple[str, str], ...], at: str, astray: str) -> None:
    walk = walked(SMALL, Path("astray", stops), a_word_a_second)
    assert (walk.at, walk.astray) == (at, astray)
