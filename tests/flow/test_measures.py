"""The seconds of a script, counted by hand: a word lasts one second here, a silence what it says."""

from __future__ import annotations

import pytest

from ivr.flow.measures import SLOT_WORDS, Longest, estimated, first_option, silent_call, size, stretch, until_a_person
from ivr.flow.measures import words as counted
from ivr.flow.model import GAP, READINGS, Flow, Pause, Piece, Slot, Words
from ivr.flow.script import load
from ivr.flow.text import MANNERS

LINE = """
[line]
start = "essai.debut"
menu = "essai.menu"
person = "essai.personne"
warning = "essai.personne"
[patience.question]
wait = 7
no_input = [
  { say = "essai.encore", repeat = "options" },
  { repeat = "all" },
  { say = "essai.encore", repeat = "nothing" },
]
no_match = [{ repeat = "all" }]
no_input_give_up = "essai.personne"
no_match_give_up = "essai.personne"
"""

STEPS = """
[debut]
kind = "say"
prompt = "Un deux trois. [2 s]"
next = "compter"
[compter]
kind = "hold"
seconds = 30
prompt = "Un deux."
next = "chercher"
[chercher]
kind = "run"
prompt = "Un."
command = "search"
deadline = 20
outcomes = { found = "menu", late = "appeler", unavailable = "menu" }
[appeler]
kind = "transfer"
prompt = "Un deux."
to = "conseiller"
ring = 10
outcomes = { answered = "fin", busy = "menu", no-answer = "menu", failed = "menu" }
[menu]
kind = "menu"
prompt = "Un deux. Tapez 1. Ou tapez 2."
keys = { 1 = "laisser", 2 = "fin" }
[laisser]
kind = "record"
prompt = "Un."
slot = "message"
most = 60
next = "fin"
empty = "revenir"
[revenir]
kind = "say"
prompt = "Un."
next = "menu"
limit = 2
beyond = "personne"
[encore]
kind = "say"
prompt = "Un deux trois quatre."
[personne]
kind = "menu"
aside = true
wait = 20
prompt = "Un deux. Pour reprendre, tapez 1."
keys = { 1 = "@return" }
then = "fin"
[fin]
kind = "hangup"
prompt = "Un."
disposition = "abandoned"
"""

DEMAND = """
[demande]
kind = "run"
aside = true
prompt = "Un deux trois. [9 s]"
command = "agents"
outcomes = { open = "appeler", late = "personne", unavailable = "personne" }
"""


@pytest.fixture(scope="module")
def small() -> Flow:
    """A script with a step of nearly every kind."""
    return load({"ligne.toml": LINE, "essai.toml": STEPS})


def a_word_a_second(piece: Piece) -> float:
    return piece.seconds if isinstance(piece, Pause) else float(counted(piece))


MENU, MENU_FIRST = 2 + GAP + 2 + GAP + 3, 2 + GAP + 2
"""The menu whole, and up to its first option."""


def test_without_a_key_one_waits_for_announcements_counts_services_and_ringing(small: Flow) -> None:
    waited = (3 + 2) + (2 + 30) + (1 + 20) + (2 + 10) + MENU_FIRST
    assert stretch(small, a_word_a_second) == Longest(waited, "essai.debut")


def test_who_presses_nothing_is_asked_again_as_often_as_there_is_patience_then_warned(small: Flow) -> None:
    asked = MENU + 7 + (4 + 2 + GAP + 3 + 7) + (MENU + 7) + (4 + 7)
    warned = 2 + GAP + 4 + 20
    waited = (3 + 2) + (2 + 30) + (1 + 20) + (2 + 10) + asked + warned + 1
    assert silent_call(small, a_word_a_second) == Longest(waited, "essai.debut")


def test_a_circle_is_gone_round_as_often_as_it_may_be_and_once_more(small: Flow) -> None:
    round_ = load(
        {
            "ligne.toml": LINE,
            "essai.toml": STEPS.replace('no-answer = "menu"', 'no-answer = "revenir"').replace(
                'next = "menu"\nlimit', 'next = "chercher"\nlimit'
            ),
        }
    )
    circle = (1 + 20) + (2 + 10) + 1
    before = (3 + 2) + (2 + 30)
    assert stretch(round_, a_word_a_second).seconds == before + 3 * circle + MENU_FIRST


def test_key_zero_leads_to_a_person_or_to_a_choice_after_so_much_speech(small: Flow) -> None:
    assert until_a_person(small, a_word_a_second) == 2
    line = LINE.replace('person = "essai.personne"', 'person = "essai.demande"')
    further = load({"ligne.toml": line, "essai.toml": STEPS + DEMAND})
    assert until_a_person(further, a_word_a_second) == 3 + 2  # silences and ringing are no speech


def test_what_is_heard_before_the_first_choice_ends_with_it(small: Flow) -> None:
    assert sum(map(a_word_a_second, first_option(small.steps["essai.menu"]))) == MENU_FIRST
    assert sum(map(a_word_a_second, first_option(small.steps["essai.debut"]))) == 3 + 2


def test_a_prompt_has_words_speech_and_silences() -> None:
    pieces = (Words("« Pas de base », tapez 1."), Pause(1.5), Slot("code", "noting"), Pause(0.5))
    found = size(pieces, estimated)
    assert (found.words, found.silence) == (5 + 12, 2.0)
    assert found.speech == pytest.approx(17 * 60 / 165)


@pytest.mark.parametrize(
    ("manner", "words"),
    [("digits", 6), ("pairs", 6), ("number", 1), ("address", 11), ("recording", 0), ("said", 4), ("text", 3)],
)
def test_a_slot_is_as_many_words_as_it_is_usually_read_in(manner: str, words: int) -> None:
    assert counted(Slot("x", manner)) == words
    assert {counted(Slot("x", reading)) for reading in READINGS} == {12}
    assert set(SLOT_WORDS) == set(MANNERS)
