"""The bars in full are found and run side by side, and their report tells what did not hold (`tests/torture`)."""

from __future__ import annotations

import os
import pickle
import re
from contextlib import closing
from select import select

import pytest

from tests.tiny_trials import BROKEN, DIES, NOTHING, QUICK, SLOW, TRIALS, WAITS
from tests.torture import __main__ as torture
from tests.torture.bars import Size, trials
from tests.torture.lanes import Figure, ready, told
from tests.torture.report import BARS, ELSEWHERE, Run, report


def test_every_bar_is_tried_or_says_why_not() -> None:
    tried = {found.bar for found in trials()}
    assert sorted(set(BARS) - tried) == sorted(ELSEWHERE)
    assert [bar for bar in tried if bar not in BARS and not re.fullmatch(r"H\d", bar)] == []


def test_every_trial_finds_its_way_into_a_process_of_its_own() -> None:
    assert pickle.loads(pickle.dumps(trials())) == trials()  # noqa: S301 - our own
    assert len(set(trials())) == len(trials())


def test_whatever_becomes_of_a_trial_every_figure_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torture, "trials", lambda: TRIALS)
    written = tmp_path_factory.mktemp("docs") / "torture.md"
    assert torture.main(["--quick", "--minutes", "2", "--report", str(written)]) == 1
    told = written.read_text()
    rows = [line.rpartition(" | ")[0] for line in told.splitlines() if line.startswith("| ")]
    assert rows[1:] == [
        "| B3 | answers | ≤ 5 s | 1 s | yes | in full",
        "| B3 | errors \\| none | 0 | 0 | yes | in full",
        "| B4 | broken | an end | OSError: no such machine [/nor] that tag | **NO** | 5%",
        "| B5 | before it dies | told | told | yes | 5%",
        "| B5 | dies | an end | its process ended with -9 | **NO** | 5%",
        "| B13 | answers to 50 webhooks | ≤ 5 s | 6 s | **NO** | 5%",
        "| B20 | nothing | a figure | none | **NO** | 2 min",
    ]
    assert "5% of the full numbers, soaks of 2 min (60 in full)" in told
    assert "- at once: 2 trials and the soaks" in told
    assert "3 of 7 figures hold\n" in told
    out = capsys.readouterr().out
    assert "✗ B13" in out
    assert "✓ B5 before it dies: told" in out


def test_the_soaks_run_from_the_beginning_the_longest_first_and_who_measures_time_at_the_end() -> None:
    assert ready(TRIALS, [], lanes=2) == [NOTHING, QUICK, DIES]
    assert ready([SLOW, BROKEN, DIES], [NOTHING, QUICK], lanes=2) == [DIES]
    assert ready([SLOW, BROKEN], [NOTHING, QUICK, DIES], lanes=2) == []
    assert ready([SLOW], [NOTHING, QUICK], lanes=2) == []
    assert ready([SLOW, SLOW], [NOTHING], lanes=2) == [SLOW]
    assert ready([SLOW], [NOTHING, SLOW], lanes=2) == []


def test_no_process_is_left_when_the_runner_ends_before_its_end() -> None:
    with closing(told([WAITS], Size(), 1)) as events:
        figure = next(event for event in events if isinstance(event, Figure))
        processes = [os.pidfd_open(int(process)) for process in re.findall(r"\d+", figure.bar.reached)]
    for process in processes:
        assert select([process], [], [], 5)[0] == [process], "it goes on"
        os.close(process)


def test_a_bar_that_was_not_run_is_named_and_a_run_that_did_not_end() -> None:
    told = report(Run("make torture", "1234567 with changes", Size(), 2, trials=3, began=0.0), [], took=0.0)
    assert "- B3: not run" in told
    assert "- commit: 1234567 with changes" in told
    assert "not finished: 0 of 3 trials" in told
