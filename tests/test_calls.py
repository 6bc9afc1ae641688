"""Every call in tests/calls, played over HTTP and TwiML against the real line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.phone.transcript import play, read
from tests.canaries import Watch
from tests.line import ROOT, Line, book_of

CALLS = sorted((ROOT / "tests" / "calls").glob("*.call"))


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_call_goes_as_written(path: Path, line: Line) -> None:
    play(read(path), line.phone(), book_of(line), line)


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
def test_call_goes_as_written_when_no_clip_is_there(path: Path, tmp_path: Path, watch: Watch) -> None:
    watch.spared = {"code"}  # the carrier's own voice says it, from the words of the answer
    line = Line(tmp_path / "var", ROOT / "prompts", audio=tmp_path / "no clips")
    try:
        play(read(path), line.phone(), book_of(line), line)
    finally:
        line.stop()


def test_every_path_of_the_dialogue_that_needs_no_service_has_its_call() -> None:
    written = {path.stem.partition("-")[0] for path in CALLS}
    assert {"s1", "s1p", "s1x", "s2a", "s2b", "s2c", "s3c", "s3w", "s4"} <= written
