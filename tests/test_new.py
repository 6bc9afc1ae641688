"""`ivr new DIR`: a script that holds, that can be called, and that teaches; never over anything that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.cli import main
from ivr.new import TEMPLATE
from tests.line import Line


@pytest.fixture
def begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A script that has just been begun."""
    folder = tmp_path / "mon-script"
    assert main(["new", str(folder)]) == 0
    assert f"ivr check {folder}" in capsys.readouterr().out
    return folder


def test_a_script_that_is_begun_holds_at_once_with_its_review_too(begun: Path) -> None:
    assert main(["check", str(begun)]) == 0
    assert main(["check", str(begun), "--accept"]) == 0


def test_a_script_that_is_begun_can_be_called(begun: Path, tmp_path: Path) -> None:
    line = Line(tmp_path / "var", begun, audio=tmp_path / "no clips")
    try:
        phone = line.phone()
        phone.dial()
        phone.press("1")
        phone.press("2")
        phone.press("2")
        phone.silence()
        phone.press("1")
        assert "Parfait. Merci de votre appel." in " ".join(one.what for one in phone.hear_out())
        assert line.disposition(phone.call_sid) == "solved"
    finally:
        line.stop()


def test_every_file_of_it_says_what_it_is_for_and_the_manual_lies_beside(begun: Path) -> None:
    assert [path.name for path in begun.glob("*.toml") if not path.read_text().startswith("# ")] == []
    assert "Les huit genres d'étape" in (begun / "README.md").read_text()
    assert len(list(begun.glob("*.toml"))) == len(list(TEMPLATE.glob("*.toml")))


def test_nothing_is_written_over_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("à moi")
    assert main(["new", str(tmp_path)]) == 2
    assert "n'est pas vide" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert main(["new", str(tmp_path / "notes.txt")]) == 2
    assert "nommez un autre dossier" in capsys.readouterr().err
