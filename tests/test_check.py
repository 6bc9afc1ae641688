"""`ivr check` tells what it measures of the true script, and what is beyond the bounds that it sets itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ivr.check import check, script_settings
from ivr.cli import main
from tests.line import ROOT

BEYOND = [
    ("ligne.toml", "wait     = 7", "wait     = 5", "wait is 5 s: it must be from 7 to 10"),
    ("ligne.toml", "[patience.look]", "[patience.see]", "there is no such patience in ligne.toml"),
    (
        "fin.toml",
        'disposition = "solved"',
        'disposition = "solve"',
        "no call ends as 'solve'; did you mean 'solved'?; a disposition is one of solved, follow-up",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), BEYOND)
def test_what_is_beyond_a_bound_is_told_with_the_bound(
    file: str, old: str, new: str, told: str, tmp_path: Path
) -> None:
    folder = shutil.copytree(ROOT / "prompts", tmp_path / "prompts")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    report = check(script_settings(str(folder)), clips=False)
    assert [finding for finding in map(str, report.findings) if told in finding], "\n".join(map(str, report.findings))


def test_every_way_to_a_fix_is_measured_against_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--measures"]) == 0
    measured = {row[:18].strip(): row[18:].split() for row in capsys.readouterr().out.splitlines()}
    for symptom in ("path S1", "path S2a", "path S3", "path S4"):
        value, limit = map(float, measured[symptom][:2])
        assert 0 < value <= limit
