"""`ivr draw --calls`: what calls did on the line, on the picture: how many came by, and where they were lost."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.cli import main
from ivr.drawing.traffic import DARK, LIGHT, Counts, counts
from ivr.flow.chart import Arrow, arrows
from ivr.flow.model import Flow
from ivr.phone import Phone
from tests.drawing.test_draw import written
from tests.line import Line

EVER = "100000"


def called(line: Line, caller: str, *keys: str, lost: bool = False) -> None:
    """A call that presses these keys; it ends by itself, or is cut."""
    phone: Phone = line.phone(caller)
    phone.dial()
    for key in keys:
        phone.press(key)
    phone.hear()
    if lost:
        phone.drop()


def drawn(line: Line, to: Path, monkeypatch: pytest.MonkeyPatch, chapter: str) -> str:
    """The sheet of a chapter, with the calls of the line over it."""
    monkeypatch.setenv("IVR_DATABASE_URL", f"sqlite:///{line.database_file}")
    monkeypatch.setenv("IVR_DATA_DIR", str(to))
    assert main(["draw", "--calls", "--days", EVER, "--chapter", chapter]) == 0
    return (to / "dessin" / f"{chapter}.svg").read_text()


def test_the_calls_of_the_line_are_counted_on_the_picture_and_the_lost_ones_where_they_were_lost(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called(line, "+33639980001", "2", "1", "1")
    called(line, "+33639980002", "2", "2", lost=True)
    called(line, "+33639980003", "2", "2", "#", lost=True)
    svg = drawn(line, tmp_path / "var", monkeypatch, "bouton")
    shown = written(svg)
    assert "× 2 perdus ici sur 2" in shown
    assert shown.count("perdu") == 1
    assert "1 (1)" in shown  # alimentation to base-connectee
    assert "2 (2)" in shown  # alimentation to ethernet
    assert "3 appels en 100000 jours" in shown
    assert 'fill="#f4b160"' in svg  # every call came by « alimentation »
    told = capsys.readouterr().out
    assert "3 appels en 100000 jours\u202f; perdus\u00a0: bouton.ethernet 2." in told


def test_a_call_that_is_lost_while_it_is_asked_whether_somebody_is_there_is_lost_at_the_question(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = line.phone()
    phone.dial()
    phone.press("2")
    while not phone.ended:
        phone.silence()
    drawn(line, tmp_path / "var", monkeypatch, "bouton")
    assert "perdus\u00a0: bouton.alimentation 1." in capsys.readouterr().out


def by_name(flow: Flow, found: Counts) -> dict[tuple[str, str], int]:
    return {(arrow.source, arrow.target): count for arrow, count in found.arrows.items()}


def test_what_is_passed_on_the_way_is_counted_as_well(flow: Flow) -> None:
    visits = {"accueil.menu": 3, "bouton.alimentation": 2}
    moves = {("", "dialled", "accueil.menu"): 3, ("accueil.menu", "key 2", "bouton.alimentation"): 2}
    found = counts(flow, 3, visits, moves, {})
    assert by_name(flow, found) == {
        ("accueil.decroche", "accueil.bonjour"): 3,
        ("accueil.bonjour", "accueil.choix"): 3,
        ("accueil.choix", "accueil.menu"): 3,
        ("accueil.menu", "bouton.causes"): 2,
        ("bouton.causes", "bouton.alimentation"): 2,
    }
    assert found.steps == visits | {
        "accueil.decroche": 3,
        "accueil.bonjour": 3,
        "accueil.choix": 3,
        "bouton.causes": 2,
    }


@pytest.mark.parametrize(
    "move",
    [
        ("bouton.alimentation", "key #", "bouton.alimentation"),  # said again
        ("bouton.alimentation", "key 0", "conseiller.ferme"),  # a key that is valid everywhere
        ("bouton.alimentation", "key *", "accueil.menu"),
        ("gone.step", "key 1", "bouton.ethernet"),  # of another revision of the script
        ("bouton.alimentation", "key 1", "gone.step"),
    ],
)
def test_a_move_along_no_arrow_is_counted_on_none(flow: Flow, move: tuple[str, str, str]) -> None:
    assert counts(flow, 1, {}, {move: 1}, {}).arrows == {}


def test_silence_a_wrong_key_and_a_key_are_counted_on_their_own_arrows(flow: Flow) -> None:
    at = "bouton.alimentation"
    moves = {(at, "silence", "pause.prenez-votre-temps"): 5, (at, "key 7", "conseiller.occupe"): 4}
    found = counts(flow, 9, {}, moves, {})
    lines = {arrow.line: count for arrow, count in found.arrows.items() if arrow.source == at}
    assert lines == {"silence": 5, "mistake": 4}
    roundabout = counts(flow, 1, {}, {("accueil.menu", "silence", "accueil.diagnostic-bouton"): 1}, {})  # not by key 4
    assert by_name(flow, roundabout) == {
        ("accueil.menu", "accueil.presentation"): 1,
        ("accueil.presentation", "accueil.diagnostic-bouton"): 1,
    }


def test_digits_and_what_a_service_says_are_counted_on_the_way_that_they_open(flow: Flow) -> None:
    moves = {("identite.saisir", "6 digits", "identite.ressaisir"): 2}
    assert by_name(flow, counts(flow, 2, {}, moves, {})) == {
        ("identite.saisir", "identite.verifier"): 2,
        ("identite.verifier", "identite.refuse"): 2,
        ("identite.refuse", "identite.ressaisir"): 2,
    }


def luminance(colour: str) -> float:
    """How light a colour is when it is printed in grey (ITU-R BT.601), from 0 to 1."""
    red, green, blue = (int(part, 16) for part in re.findall("..", colour.removeprefix("#")))
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def test_a_step_that_was_visited_too_often_is_passed_on_the_way_beyond(flow: Flow) -> None:
    moves = {("bouton.routeur", "key 2", "conseiller.ferme"): 1}
    assert by_name(flow, counts(flow, 1, {}, moves, {})) == {
        ("bouton.routeur", "bouton.toujours-pas-bleu"): 1,
        ("bouton.toujours-pas-bleu", "conseiller.demande"): 1,
        ("conseiller.demande", "conseiller.ferme"): 1,
    }


def test_the_more_calls_the_darker_in_grey_too_and_black_is_still_read_on_it(flow: Flow) -> None:
    shades = Counts(100, {f"step{n}": n for n in range(0, 101, 25)}, {}, {}).shades()
    grounds = [luminance(shades.ground(f"step{n}")) for n in range(0, 101, 25)]
    assert grounds == sorted(grounds, reverse=True)
    assert all(one - other > 0.04 for one, other in pairwise(grounds))
    assert grounds[-1] > 0.6
    assert (LIGHT, DARK) == ((255, 255, 255), (244, 177, 96))


def test_on_the_sheet_of_all_chapters_each_is_as_its_busiest_step_with_all_that_were_lost_in_it() -> None:
    counted = Counts(10, {"a.x": 2, "a.y": 10, "b.x": 5}, {}, {"a.x": 1, "a.y": 2})
    shades = counted.shades_of_chapters()
    assert shades.ground("a") == counted.shades().ground("a.y")
    assert shades.ground("b") == counted.shades().ground("b.x")
    assert shades.ground("c") == "#ffffff"
    assert [shades.foot(name) for name in "abc"] == ["× 3 perdus", "", ""]


def test_the_arrow_that_more_calls_took_is_wider(flow: Flow) -> None:
    one, other = list(arrows(flow.steps["bouton.alimentation"]))[:2]
    weights = Counts(10, {}, {one: 9, other: 1}, {}).shades().weight
    assert weights(one) > weights(other) > weights(Arrow("a", "b", "way", ())) == 0
