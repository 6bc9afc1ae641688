"""`ivr check` tells what it measures of the true script, and what is beyond the bounds that it sets itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ivr.check import check, script_settings
from ivr.cli import main
from tests.line import ROOT

BEYOND = [
    (
        "limites.toml",
        "[paths.S1p]\n",
        '[paths.S1p]\ntitre = "titre"\n',
        "[paths.S1p]: there is no setting 'titre' here; did you mean 'title'?",
    ),
    (
        "ligne.toml",
        'start     = "accueil.decroche"',
        'start = "accueil.nulle"',
        "[line]: start is 'accueil.nulle', which is not a step",
    ),
    (
        "limites.toml",
        'way   = """\naccueil.menu 1, pas-de-base.verifier 1, combine.preparer 1, combine.menu-reglages 1, '
        'combine.maintenir 1,\ncombine.enregistre 1, fin.resolu"""',
        'way = ""',
        '[paths.S1]: way must name steps and what happens there, like "accueil.menu 1, fin.resolu"',
    ),
    (
        "bouton.toml",
        "tapez\u00a01. Sinon",
        "composez 1. Sinon",
        "« composez » is kept for the device; for the caller's",
    ),
    (
        "bouton.toml",
        "tapez\u00a01. Sinon",
        "appuyez sur 1. Sinon",
        "« appuyez » is kept for the device; for the caller's",
    ),
    (
        "ligne.toml",
        '  { say = "reprises.clavier" },\n',
        '  { say = "reprises.clavier" },\n  { say = "reprises.clavier" },\n  { say = "reprises.clavier" },\n',
        "[menu]: asks 4 times more, and 2 are the most: give up sooner",
    ),
    ("ligne.toml", "wait     = 7", "wait     = 5", "wait is 5 s: it must be from 7 to 10"),
    ("ligne.toml", "[patience.look]", "[patience.see]", "there is no such patience in ligne.toml"),
    (
        "fin.toml",
        'disposition = "solved"',
        'disposition = "solve"',
        "no call ends as 'solve'; did you mean 'solved'?; a disposition is one of solved, follow-up",
    ),
]


def test_what_is_beyond_a_bound_is_told_with_the_bound_and_all_of_it_in_one_run(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    for file, old, new, _ in BEYOND:
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
    found = "\n".join(map(str, check(script_settings(str(folder)), clips=False).findings))
    assert [told for *_, told in BEYOND if told not in found] == [], found


def test_a_step_may_break_a_rule_for_a_reason_that_the_limits_tell(tmp_path: Path) -> None:
    folder = shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    text, limits = (folder / "bouton.toml").read_text(), (folder / "limites.toml").read_text()
    (folder / "bouton.toml").write_text(text.replace("wait     = 60", "wait = 10", 1))
    assert [one.step for one in check(script_settings(str(folder)), clips=False).findings] == ["routeur"]
    excused = limits.replace("[exceptions]", '[exceptions]\n"bouton.routeur" = { patience = "une raison" }', 1)
    (folder / "limites.toml").write_text(excused)
    assert check(script_settings(str(folder)), clips=False).findings == ()


def test_every_way_to_a_fix_is_measured_against_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--measures"]) == 0
    measured = {row[:18].strip(): row[18:].split() for row in capsys.readouterr().out.splitlines()}
    assert 5 < float(measured["first_key"][0]) <= 8  # the greeting, then the first option
    for symptom in ("path S1", "path S2a", "path S3", "path S4"):
        value, limit = map(float, measured[symptom][:2])
        assert 0 < value <= limit
