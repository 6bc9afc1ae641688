"""A script for another device, an adapter with three lights, is proven and served by the same engine, unchanged.

It has no clips: the carrier's own voice says it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.check import check, script_settings
from ivr.phone.transcript import play, read
from tests.line import ROOT, Line, book_of

SCRIPT = ROOT / "tests" / "scripts" / "good" / "adaptateur"
CALLS = sorted((SCRIPT / "calls").glob("*.call"))


@pytest.fixture
def adapters(tmp_path: Path) -> Iterator[Line]:
    """A line that repairs adapters."""
    line = Line(tmp_path / "var", SCRIPT, audio=tmp_path / "no clips")
    yield line
    line.stop()


def test_the_script_of_another_device_holds_with_its_guide_its_limits_and_its_lexicon() -> None:
    report = check(script_settings(str(SCRIPT)), clips=False)
    assert report.findings == ()
    assert report.steps > 40
    assert {measure.rule for measure in report.measures} >= {"path courant", "path rouge", "stretch"}


def test_it_has_its_calls() -> None:
    assert len(CALLS) >= 6


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_a_call_about_another_device_goes_as_written(path: Path, adapters: Line) -> None:
    play(read(path), adapters.phone(), book_of(adapters), adapters)


def test_nothing_that_is_told_to_people_names_the_first_device(adapters: Line) -> None:
    assert adapters.services.people.unpresented().startswith("Un client du dépannage Vocalis. ")
    for page in ("/telephone", "/ecoute", "/i/unknown"):
        shown = adapters.app.test_client().get(page).text
        assert "Dépannage Vocalis" in shown
        assert "Gigaset" not in shown


def cut_off(line: Line) -> None:
    """A call that is cut in the middle of an act."""
    phone = line.phone()
    phone.dial()
    phone.press("2")
    phone.drop()


def test_who_was_cut_is_told_in_the_words_of_the_script_and_not_at_all_where_it_has_none(
    adapters: Line, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cut_off(adapters)
    assert "Votre dépannage Vocalis est en pause." in adapters.sent()[-1].body
    adapters.prompts = tmp_path / "prompts"
    adapters.prompts.mkdir()
    for file in SCRIPT.glob("*.toml"):
        (adapters.prompts / file.name).write_text("" if file.name == "sms.toml" else file.read_text())
    adapters.restart()
    adapters.clock.advance(86_400)
    cut_off(adapters)
    assert len(adapters.sent()) == 1
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
