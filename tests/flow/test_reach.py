"""The shortest call to everything of a script: found, never longer than it must be, and what none comes to is told."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from ivr.cli import DOES_NOT_HOLD, DONE, main
from ivr.flow.model import Menu
from ivr.flow.reach import Goal, Route, reach
from ivr.folder import read_script
from tests.line import ROOT

PETIT = ROOT / "tests" / "scripts" / "good" / "petit"


def moves(route: Route) -> list[str]:
    return [leg.move.name for leg in route[1:]]


def test_the_shortest_call_to_a_step_is_told_move_by_move() -> None:
    routes = reach(read_script(ROOT / "prompts")).routes
    assert moves(routes[Goal("bouton.ethernet")]) == ["key 2", "key 2"]
    assert moves(routes[Goal("code.choix", "silence")]) == ["key 3", "key 1", "silence"]


def test_a_silence_lasts_until_the_step_gives_up() -> None:
    flow = read_script(PETIT)
    menu, (_, silent) = flow.steps["essai.menu"], reach(flow).routes[Goal("essai.menu", "silence")]
    assert isinstance(menu, Menu)
    assert len(silent.move.events) == len(silent.answers) == len(menu.patience.no_input) + 1
    assert silent.after.step != "essai.menu"


def test_a_step_that_lets_itself_be_visited_so_often_is_passed_by_in_the_end() -> None:
    flow = read_script(PETIT)
    (goal,) = [goal for goal in reach(flow).routes if goal.move.startswith("visit ")]
    step = flow.steps[goal.step]
    ways = [leg.after.visits for leg in reach(flow).routes[goal]]
    assert dict(ways[-1])[step.id] == step.limit


def test_what_no_call_comes_to_is_told_with_the_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = copytree(PETIT, tmp_path / "petit")
    chapter = script / "essai.toml"
    once = '{ to = "menu", unless = ["appele"], sets = ["appele"] }'
    assert once in chapter.read_text()
    never = once.replace("unless", "when")
    chapter.write_text(chapter.read_text().replace(once, never))
    assert main(["paths", str(script)]) == DOES_NOT_HOLD
    told = capsys.readouterr()
    assert "conditions           3 / 4" in told.out
    assert "essai.toml [personne]: outcome no-answer never leads to 'essai.menu'" in told.err
    assert "take this way off, or mend its conditions" in told.err


def test_every_shortest_call_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paths", str(PETIT), "--list"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert "essai.menu : au début de l’appel" in lines
    assert "essai.personne, résultat busy : 2, suite, résultat busy" in lines
