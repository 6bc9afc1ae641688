"""`ivr draw`: the shipped script on sheets of A3, as an operator gets them: every word, every arrow, in its line."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ivr.cli import main
from ivr.draw import LEAST
from ivr.drawing.layout import DrawingError, Graphviz
from ivr.drawing.mermaid import mermaid
from ivr.flow.chart import Chapter, chapter_of, chapters
from ivr.flow.model import Flow, Words
from ivr.flow.script import load
from tests.line import ROOT

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `ivr draw` fills."""
    to = tmp_path_factory.mktemp("dessin")
    assert main(["draw", str(to), "--script", str(ROOT / "prompts")]) == 0
    return to


def written(svg: str) -> str:
    """Every word of a sheet, line breaks taken out."""
    words = (node.text or "" for node in ElementTree.fromstring(svg).iter(f"{SVG}text"))  # noqa: S314 - ours
    return " ".join(" ".join(words).split())


def of_chapter(sheets: Path, name: str) -> list[str]:
    """The sheets of a chapter: one, or its parts."""
    found = sorted(path for path in sheets.glob("*.svg") if re.fullmatch(rf"{name}(-\d)?", path.stem))
    return [path.read_text() for path in found]


def test_every_step_is_drawn_in_its_chapter_with_its_words_and_its_keys(sheets: Path, flow: Flow) -> None:
    for chapter in chapters(flow):
        shown = " ".join(map(written, of_chapter(sheets, chapter.name)))
        for step in chapter.steps:
            assert step.id.partition(".")[2] in shown
            for piece in step.prompt.pieces():
                if isinstance(piece, Words):
                    assert " ".join(piece.text.split()) in shown, step.id


def test_a_sheet_is_a3_and_its_words_are_large_enough_to_be_read(sheets: Path, flow: Flow) -> None:
    for chapter in chapters(flow):
        for svg in of_chapter(sheets, chapter.name):
            assert re.search(r'width="(420mm" height="297mm|297mm" height="420mm)"', svg)
            scale = re.search(r"scale\((\d\.\d+)\)", svg)
            assert scale
            assert float(scale[1]) >= LEAST


def test_a_chapter_that_is_too_large_for_one_sheet_is_parted_and_says_so(sheets: Path) -> None:
    first, second = of_chapter(sheets, "creation")
    assert "creation, 1 sur 2" in written(first)
    assert "creation, 2 sur 2" in written(second)
    assert "← creation" in written(second)


def dashes(svg: str) -> Counter[str]:
    """How many arrows are drawn in each line, from the picture alone."""
    arrows = re.findall(r'<g class="edge">.*?<path ([^>]*)>', svg, re.DOTALL)
    assert arrows
    return Counter(dash[1] if (dash := re.search(r'stroke-dasharray="([^"]*)"', arrow)) else "" for arrow in arrows)


def test_what_is_pressed_silence_and_mistakes_are_three_lines(sheets: Path) -> None:
    """Bouton: each of its five questions gives up in one stub, in the line of silence or in that of mistakes."""
    (svg,) = of_chapter(sheets, "bouton")
    lines = dashes(svg)
    assert lines["5,2"] + lines["1,5"] == 5
    assert lines[""] == 1 + 6 + 1 + 2  # the way on, the keys, back to the cables, to other chapters
    assert {"5,2", "1,5", ""} == set(lines)
    for told in ("l’appelant répond", "silence, ou service muet", "fautes, ou trop de passages"):
        assert told in written(svg)


def test_arrows_that_leave_the_sheet_name_the_step_that_they_lead_to(sheets: Path, flow: Flow) -> None:
    for chapter in chapters(flow):
        shown = written("".join(of_chapter(sheets, chapter.name)[:1])) + " ".join(
            map(written, of_chapter(sheets, chapter.name)[1:])
        )
        for arrow in chapter.arrows:
            if arrow.target in flow.steps and chapter_of(arrow.target) != chapter.name:
                assert f"→ {arrow.target}" in shown


def test_one_page_holds_every_sheet_to_be_printed(sheets: Path) -> None:
    book = (sheets / "plan.html").read_text()
    assert book.count("<section") == len(list(sheets.glob("*.svg")))
    assert "@page across { size: A3 landscape" in book
    assert "21 chapitres" in written((sheets / "plan.svg").read_text())


def test_the_command_says_where_the_sheets_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["draw", str(tmp_path), "--chapter", "pas-de-base", "--script", str(ROOT / "prompts")]
    assert main(arguments) == 0
    assert (
        capsys.readouterr().out == f"1 page A3 dans {tmp_path}\u00a0: ouvrez {tmp_path}/plan.html dans un navigateur.\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pas-de-base.svg", "plan.html"]


def test_a_chapter_that_there_is_not_is_told_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "--chapter", "boutons", "--script", str(ROOT / "prompts")]) == 2
    assert "Il n'y a pas de chapitre «\u00a0boutons\u00a0»" in (told := capsys.readouterr().err)
    assert "bouton, code" in told


def test_a_folder_that_cannot_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    to = str(tmp_path / "taken" / "dessin")
    assert main(["draw", to, "--chapter", "fin", "--script", str(ROOT / "prompts")]) == 2
    assert f"Rien ne peut être écrit dans {to}" in capsys.readouterr().err


def test_without_graphviz_the_command_says_how_to_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)  # what Python keeps of a package that cannot be imported
    assert main(["draw", str(tmp_path), "--script", str(ROOT / "prompts")]) == 2
    assert "pip install -e '.[draw]'" in capsys.readouterr().err


def test_a_graph_that_cannot_be_read_is_told_and_nothing_hangs() -> None:
    with Graphviz() as graphviz, pytest.raises(DrawingError, match="Graphviz a échoué"):
        graphviz.picture("digraph { a -> ")


# Charts


SMALL = {  # a script of three steps with every line in it
    "ligne.toml": """
[line]
start = "essai.debut"
menu = "essai.debut"
person = "essai.personne"
warning = "essai.personne"
[facts]
su = "on sait"
[patience.question]
wait = 7
no_input = [{ repeat = "all" }]
no_match = [{ repeat = "all" }, { repeat = "all" }]
no_input_give_up = "essai.personne"
no_match_give_up = "autre.fin"
""",
    "essai.toml": '''
[debut]
kind = "menu"
prompt = """Un « mot » et deux. Pour finir, tapez 1. Pour finir aussi, tapez 2. Pour autre chose, tapez 3.
Pour parler, tapez 4."""
keys = { 4 = "laisser", 1 = "autre.fin", 2 = "autre.fin", 3 = [{ to = "personne", unless = ["su"] }, "autre.fin"] }
[laisser]
kind = "record"
prompt = "Après le bip."
slot = "message"
next = "autre.fin"
empty = "personne"
[personne]
kind = "menu"
aside = true
prompt = "Pour reprendre, tapez 1."
keys = { 1 = { to = "@return", sets = ["su"] } }
then = "autre.fin"
''',
    "autre.toml": """
[fin]
kind = "hangup"
prompt = "Au revoir."
disposition = "solved"
""",
}


@pytest.fixture
def small() -> Flow:
    return load(SMALL)


def leading(chapter: Chapter, source: str) -> list[tuple[str, str, list[str]]]:
    return [(a.target, a.line, [reason.name for reason in a.reasons]) for a in chapter.arrows if a.source == source]


def test_keys_that_lead_the_same_way_share_one_arrow_and_each_line_has_its_own(small: Flow) -> None:
    first, _ = chapters(small)
    assert leading(first, "essai.laisser") == [
        ("autre.fin", "way", ["next"]),
        ("essai.personne", "silence", ["empty"]),
    ]
    assert leading(first, "essai.debut") == [
        ("essai.laisser", "way", ["key 4"]),
        ("autre.fin", "way", ["key 1", "key 2", "key 3"]),
        ("essai.personne", "way", ["key 3"]),
        ("essai.personne", "silence", ["silence"]),
        ("autre.fin", "mistake", ["wrong key"]),
    ]


def test_a_chapter_on_two_sheets_says_on_each_what_comes_from_the_other_one(flow: Flow) -> None:
    (bouton,) = (chapter for chapter in chapters(flow) if chapter.name == "bouton")
    first, second = bouton.halves()
    assert [step.id for step in (*first.steps, *second.steps)] == [step.id for step in bouton.steps]
    assert {arrow.source for arrow in first.arrows} == {step.id for step in first.steps}
    inward = {arrow.target for arrow in second.arrows} & {step.id for step in first.steps}
    assert inward
    for step in first.steps:
        told = first.entered_from[step.id]
        assert told == (("bouton",) if step.id in inward else ()) + bouton.entered_from.get(step.id, ())


def test_a_chapter_in_mermaid_has_its_words_its_keys_and_what_must_be_known(small: Flow) -> None:
    assert mermaid(chapters(small)[0]) == (
        "flowchart TD\n"
        '  s0["<b>debut</b><br/>Un « mot » et deux.<br/>Pour finir, tapez 1.<br/>Pour finir aussi, tapez 2.'
        '<br/>Pour autre chose, tapez 3.<br/>Pour parler, tapez 4."]\n'
        '  s1[("<b>laisser</b><br/>Après le bip.")]\n'
        '  s2["<b>personne</b><br/>Pour reprendre, tapez 1."]\n'
        '  x0(["→ autre.fin"])\n'
        '  x1(["→ là où l’on était"])\n'
        '  s0 -->|"4"| s1\n'
        '  s0 -->|"1, 2, 3 sinon"| x0\n'
        '  s0 -->|"3 sauf su"| s2\n'
        '  s0 -.->|"2 silences"| s2\n'
        '  s0 -.->|"3 fautes"| x0\n'
        "  s1 --> x0\n"
        '  s1 -.->|"rien n’est dit"| s2\n'
        '  s2 -->|"1"| x1\n'
        '  s2 -.->|"après 7 s"| x0\n'
        '  s2 -.->|"3 fautes"| x0\n'
    )
