"""The bars in full are found, and their report tells what did not hold (`tests/torture`)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.torture import __main__ as torture
from tests.torture.bars import Bar, Size, Trial, trials
from tests.torture.report import BARS, ELSEWHERE, Run, report


def too_slow(size: Size) -> Iterator[Bar]:
    yield Bar(f"answers to {size.of(1000, 10)} webhooks", "≤ 5 s", "6 s", holds=False)


def broken(_size: Size) -> Iterator[Bar]:
    raise OSError("no such machine")


def test_every_bar_is_tried_or_says_why_not() -> None:
    tried = {found.bar for found in trials()}
    assert sorted(set(BARS) - tried) == sorted(ELSEWHERE)
    assert [bar for bar in tried if bar not in BARS and not re.fullmatch(r"H\d", bar)] == []


def test_the_report_tells_what_did_not_hold_and_how_much_was_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        torture, "trials", lambda: [Trial("B13", 1, "slow", too_slow), Trial("B4", 1, "broken", broken)]
    )
    written = tmp_path_factory.mktemp("docs") / "torture.md"
    assert torture.main(["--quick", "--minutes", "2", "--report", str(written)]) == 1
    told = written.read_text()
    assert "| B13 | answers to 50 webhooks | ≤ 5 s | 6 s | **NO** |" in told
    assert "| B4 | broken | an end | OSError: no such machine | **NO** |" in told
    assert "5% of the full numbers, soak of 2 min (60 in full)" in told
    assert "0 of 2 figures hold" in told
    assert "✗ B13" in capsys.readouterr().out


def test_a_bar_that_was_not_run_is_named() -> None:
    assert "- B3: not run" in report(Run("make torture", Size(), 0.0), [])
