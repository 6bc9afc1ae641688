"""`ivr explain`: what it tells of a step is what a caller meets who does as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ivr.cli import main
from tests.line import ROOT, Line

LINE = """
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
no_match = [{ repeat = "options" }, { say = "essai.encore", repeat = "all", slow = true }]
no_input_give_up = "essai.personne"
no_match_give_up = "essai.fin"
"""

STEPS = """
[debut]
kind = "menu"
prompt = "Un mot. Pour compter, tapez 1. Pour finir, tapez 2. Pour taper, tapez 3. Pour demander, tapez 4."
keys = { 1 = "compter", 2 = { to = "fin", sets = ["su"] }, 3 = "taper", 4 = "demander" }
[encore]
kind = "say"
prompt = "Encore une fois."
[compter]
kind = "hold"
seconds = 30
prompt = "Comptons."
next = "fin"
sets = ["su"]
[compter.cues]
10 = "Dix."
[taper]
kind = "entry"
prompt = "Tapez quatre chiffres."
slot = "chiffres"
patience = "question"
digits = 4
inter_digit = 5
next = "demander"
[demander]
kind = "run"
command = "agents"
outcomes = { open = "fin", late = "personne", unavailable = "personne" }
[personne]
kind = "menu"
aside = true
wait = 20
prompt = "Pour reprendre, tapez 1."
keys = { 1 = "@return" }
then = "fin"
[fin]
kind = "hangup"
prompt = "Au revoir."
disposition = "solved"
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    """The folder of a script of a few steps, without a clip."""
    (tmp_path / "ligne.toml").write_text(LINE)
    (tmp_path / "essai.toml").write_text(STEPS)
    return str(tmp_path)


def explained(capsys: pytest.CaptureFixture[str], step: str, *more: str) -> str:
    """What the command prints, its French spaces made plain."""
    assert main(["explain", step, *more]) == 0
    return capsys.readouterr().out.replace("\u00a0", " ").replace("\u202f", " ")


def test_the_keys_that_it_names_lead_a_caller_to_the_step(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(capsys, "bouton.routeur", "--script", str(ROOT / "prompts"))
    assert "On y arrive en 3 touches" in told
    phone = line.phone()
    phone.dial()
    for key in re.findall(r"taper (\S)", told):
        phone.press(key)
    heard = phone.hear()
    assert heard
    assert "L’autre bout de ce câble" in heard.title
    seconds = re.search(r"après (\d+) s de paroles", told)
    assert seconds
    assert 20 < int(seconds[1]) < 60


def test_a_question_is_told_with_its_options_and_what_comes_of_silence_and_mistakes(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(capsys, "debut", "--script", script)
    assert told.startswith("essai.debut, question (")
    assert "dès le début de l’appel" in told
    assert "   1  Pour compter, tapez 1.\n" in told
    assert "   1                 → essai.compter  « Comptons. »\n" in told
    assert "   silences          1) redit, 2) → essai.personne  « Pour reprendre, tapez 1. »\n" in told
    assert "   fautes            1) redit les choix, 2) essai.encore, puis redit lentement, 3) → essai.fin" in told
    assert "   On attend 7 s, # redit, * revient, ** essai.debut, 0 essai.personne.\n" in told


def test_a_count_is_told_with_its_cues_and_what_it_teaches(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(capsys, "compter", "--script", script)
    assert "On y arrive en 1 touche, après 3 s de paroles :\n   essai.debut                     taper 1\n" in told
    assert "(compte 30 s)" in told
    assert "(à 10 s : Dix.)" in told
    assert "   la suite          → essai.fin  « Au revoir. »\n" in told
    assert "Seuls l’arrêtent, tapés deux fois : 0 (essai.personne) et * (revient)." in told
    assert "L’appel apprend : on sait." in told


def test_the_way_there_goes_through_digits_and_services_and_the_count_takes_its_time(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "   essai.taper                     taper 4 chiffres\n" not in explained(
        capsys, "demander", "--script", script
    )  # key 4 is shorter
    told = explained(capsys, "taper", "--script", script)
    assert "4 chiffres dans {chiffres}" in told
    assert "   la suite          → essai.demander\n" in told
    assert "   On attend 7 s, * efface, # valide.\n" in told
    told = explained(capsys, "personne", "--script", script)
    assert "   essai.debut                     taper 0\n" in told
    assert "   après 20 s        → essai.fin" in told
    assert "→ là où l’on était" in told


def test_a_phrase_is_told_by_where_it_is_heard_and_an_end_leads_nowhere(
    script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(capsys, "encore", "--script", script)
    assert "   essai.debut                     se tromper" in told
    told = explained(capsys, "fin", "--script", script)
    assert "(raccroche : solved)" in told
    assert "Ensuite" not in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bouton.etherne", "voulez-vous dire bouton.ethernet"),
        ("taper", "adresse.taper"),
        ("zzz", "Il n'y a pas d'étape « zzz »."),
    ],
)
def test_a_step_that_there_is_not_is_told_with_those_that_are_close(
    name: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name, "--script", str(ROOT / "prompts")]) == 2
    assert told in capsys.readouterr().err.replace("\u00a0", " ").replace("\u202f", " ")
