"""`ivr call --hostile`, as it is typed: what it tells, what it leaves behind, what it refuses."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from ivr.cli import main
from ivr.hostile.command import attack, replay
from ivr.hostile.rules import Rule
from ivr.hostile.storm import Plan
from ivr.phone.transcript import read
from tests.hostile.conftest import HERE
from tests.hostile.test_sabotage import takes_again
from tests.line import ROOT

DOCUMENT = (ROOT / "docs" / "hostile.md").read_text()


def plain(told: str) -> list[str]:
    """What is told, without its numbers and the steps that it names."""
    lines = (re.sub(r"\d[\d\u202f]*", "N", line) for line in told.strip().splitlines())
    return [re.sub(r"(Jamais atteintes :) .*", r"\1 …", line) for line in lines]


def test_what_came_of_a_storm_is_told_as_the_document_shows_it(tmp_path: Path) -> None:
    shown = re.search(r"```\n\$ ivr call --hostile [^\n]*\n(.*?)```", DOCUMENT, re.DOTALL)
    assert shown
    out = io.StringIO()
    assert attack(HERE, Plan(7, 2), Console(file=out, width=200), tmp_path) == 0
    assert plain(out.getvalue()) == plain(shown[1])
    assert plain(shown[1])[-len(Rule) :] == [plain(f"✓ {rule}")[0] for rule in Rule]
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_is_written_down_and_can_be_played_again(tmp_path: Path) -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    with pytest.MonkeyPatch.context() as patch:
        takes_again(patch)
        assert attack(HERE, Plan(7, 20), console, tmp_path) == 1
        (path,) = tmp_path.iterdir()
        assert f"✗ {Rule.SAME}" in out.getvalue()
        assert f"À rejouer : ivr call --replay {path}" in out.getvalue()
        assert read(path).proves.startswith(
            "Un webhook livré deux fois reçoit deux fois les mêmes octets : ce n’est pas le cas (graine 7, attaque "
        )
        assert replay(HERE, path, console) == 1
    assert replay(HERE, path, console) == 0
    assert out.getvalue().endswith(f"{path.name} : tout tient.\n")


def test_nobody_elses_line_is_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", "https://ligne.example.com/voice", "--hostile"]) == 2
    assert "--hostile attaque une ligne d'essai" in capsys.readouterr().err


def test_a_goal_that_is_no_step_is_told(tmp_path: Path) -> None:
    out = io.StringIO()
    assert attack(HERE, Plan(7, 1, goals=("creation.prêt",)), Console(file=out, width=200), tmp_path) == 2
    assert "vouliez-vous dire « creation.pret »" in out.getvalue()


def test_a_transcript_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    out = io.StringIO()
    assert replay(HERE, tmp_path / "nothing.call", Console(file=out)) == 2
    assert "nothing.call" in out.getvalue()


def test_the_document_names_every_rule_and_verb() -> None:
    verbs = set(re.findall(r"^    ([a-z]+) ", ATTACK, re.MULTILINE))
    assert verbs
    assert [verb for verb in verbs if f"`{verb}" not in DOCUMENT] == []
    assert len(re.findall(r"^\| (?!rule|line|-)[a-z`]", DOCUMENT.partition("## The same")[0], re.MULTILINE)) == len(
        Rule
    )


ATTACK = (ROOT / "ivr" / "hostile" / "attack.py").read_text().partition('"""')[2].partition('"""')[0]
