"""Mistakes of every kind, put into the true script by lot, are told by `ivr check`: where, and the mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.check import check, script_settings
from tests.big_script import write
from tests.mutations import CLIPS, KINDS, mutated, report_on

STEPS = 1_000
"""Of the large script that holds; `make bench` measures one of ten thousand."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_of_this_kind_is_told_with_file_step_and_mend(kind: str, tmp_path: Path) -> None:
    expected = mutated(kind, 0, tmp_path)
    report = report_on(tmp_path, clips=kind in CLIPS)
    assert expected.found_in(report), f"{expected}\n" + "\n".join(map(str, report.findings))


def test_the_true_script_has_no_finding() -> None:
    assert check(script_settings()).findings == ()
    assert len(KINDS) >= 20


def test_a_large_script_that_holds_has_no_finding(tmp_path: Path) -> None:
    report = check(script_settings(str(write(tmp_path, STEPS))), clips=False)
    assert report.findings == ()
    assert report.steps >= STEPS
