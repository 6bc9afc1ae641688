"""Where choices lead, as reviewed: `ivr check` tells what has changed since, and `ivr check --accept` accepts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.cli import main
from tests.line import ROOT


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A copy of the script that is shipped."""
    for path in (ROOT / "prompts").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    return tmp_path


def changed(script: Path, old: str, new: str) -> None:
    text = (script / "bouton.toml").read_text()
    assert old in text
    (script / "bouton.toml").write_text(text.replace(old, new, 1))


SWAPPED = ('1 = "base-connectee", 2 = "ethernet"', '1 = "ethernet", 2 = "base-connectee"')


def test_a_choice_that_leads_elsewhere_is_told_until_it_is_accepted(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(script, *SWAPPED)
    assert main(["check", str(script)]) == 1
    told = capsys.readouterr().err
    assert "bouton.toml [alimentation]: keys 1 is now: « Si le bouton devient bleu » : bouton.ethernet;" in told
    assert "when it was reviewed it was: « Si le bouton devient bleu » : bouton.base-connectee;" in told
    assert "put it back, or accept it with 'ivr check --accept'" in told
    main(["check", str(script), "--accept"])
    assert "relecture.toml" in capsys.readouterr().out
    main(["check", str(script)])
    assert "is now" not in capsys.readouterr().err


def test_what_is_accepted_is_what_the_repository_holds(script: Path) -> None:
    assert main(["check", str(script), "--accept"]) == 0
    assert (script / "relecture.toml").read_text() == (ROOT / "prompts" / "relecture.toml").read_text()


def test_new_words_of_a_choice_are_to_be_reviewed(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(script, "Si le bouton devient bleu", "Si le bouton s’éteint")
    assert main(["check", str(script)]) == 1
    assert "[alimentation]: keys 1 is now: « Si le bouton s’éteint » : bouton.base-connectee" in capsys.readouterr().err


def test_steps_that_come_and_go_are_told_once(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(script, "[toujours-pas-bleu]", "[encore-sombre]")
    changed(script, '2 = "toujours-pas-bleu"', '2 = "encore-sombre"')
    assert main(["check", str(script)]) == 1
    told = capsys.readouterr().err
    assert told.count("bouton.toml [encore-sombre]") == told.count("bouton.toml [toujours-pas-bleu]") == 1


def test_a_script_that_nobody_has_reviewed_is_not_compared(script: Path) -> None:
    (script / "relecture.toml").unlink()
    changed(script, "Si le bouton devient bleu", "Quand le bouton devient bleu")
    assert main(["check", str(script)]) == 0


def test_a_script_that_cannot_be_read_is_not_accepted(script: Path) -> None:
    changed(script, "[causes]", "[causes")
    before = (script / "relecture.toml").read_text()
    assert main(["check", str(script), "--accept"]) == 1
    assert (script / "relecture.toml").read_text() == before
