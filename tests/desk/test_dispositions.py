"""Dispositions in words: what an operator reads of how a call ended."""

from __future__ import annotations

import pytest

from ivr.desk.dispositions import WORDS, counted, told
from ivr.flow.model import Flow, HangUp
from ivr.store.ends import CUT


@pytest.mark.parametrize(
    ("disposition", "told_as"),
    [
        ("solved", "réparé : rebrancher la base"),
        ("abandoned", "abandonné à l'étape bouton.couleur"),
        ("cut", "coupé à l'étape bouton.couleur"),
        ("message", "message laissé"),
        ("", "en cours"),
        ("something of a script's own", "something of a script's own"),
    ],
)
def test_how_a_call_ended_is_told(disposition: str, told_as: str) -> None:
    assert told(disposition, "rebrancher la base", "bouton.couleur") == told_as


def test_what_is_not_known_is_not_told() -> None:
    assert (told("solved"), told("cut")) == ("réparé", "coupé")


def test_calls_are_counted_in_one_order_and_none_is_left_out() -> None:
    assert counted({"cut": 2, "": 1, "other": 3, "solved": 5}) == "réparé 5, coupé 2, en cours 1, other 3"
    assert counted({}) == ""


def test_every_end_of_our_script_is_in_the_set(flow: Flow) -> None:
    said = {step.disposition for step in flow.steps.values() if isinstance(step, HangUp)}
    assert said <= WORDS.keys() - {CUT}
