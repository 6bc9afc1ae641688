"""The calls in tests/calls once more, where no clip is there. As they are, pytest collects them (ivr.phone.plugin)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.phone.book import PromptBook
from ivr.phone.transcript import play, read
from tests.canaries import Watch
from tests.line import ROOT, Line

CALLS = sorted((ROOT / "tests" / "calls").glob("*.call"))


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_call_goes_as_written_when_no_clip_is_there(
    path: Path, tmp_path: Path, watch: Watch, call_book: PromptBook
) -> None:
    watch.spared = {"code"}  # the carrier's own voice says it, from the words of the answer
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    try:
        play(read(path), line.phone(), call_book, line)
    finally:
        line.stop()


def test_every_path_of_the_dialogue_that_needs_no_service_has_its_call() -> None:
    written = {path.stem.partition("-")[0] for path in CALLS}
    assert {"s1", "s1p", "s1x", "s2a", "s2b", "s2c", "s3c", "s3w", "s4"} <= written
