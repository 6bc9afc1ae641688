"""What is told of a call, of a step that the script no longer has too."""

from __future__ import annotations

import pytest

from ivr.flow.engine import State
from ivr.flow.model import Flow
from ivr.flow.summary import act, resumption, summary


@pytest.mark.parametrize(
    ("state", "goes_on", "about"),
    [
        (State("bouton.ethernet", 0.0), "bouton.ethernet", "vérifier les câbles"),
        (State("gone.step", 0.0, trail=("bouton.ethernet", "gone.too")), "bouton.ethernet", "vérifier les câbles"),
        (
            State("conseiller.ferme", 0.0, interrupted="reinitialiser.compter"),
            "reinitialiser.debrancher",
            "réinitialiser",
        ),
        (State("accueil.menu", 0.0), "", ""),
        (State("gone.step", 0.0), "", ""),
    ],
)
def test_a_call_goes_on_at_the_last_act_that_the_script_knows(
    flow: Flow, state: State, goes_on: str, about: str
) -> None:
    assert resumption(flow, state) == goes_on
    assert act(flow, state).startswith(about)
    assert bool(act(flow, state)) is bool(about)


def test_facts_are_told_in_the_order_of_the_script_and_those_without_meaning_not_at_all(flow: Flow) -> None:
    known = State("accueil.menu", 0.0, facts=frozenset({"code-essaye", "ouvert", "bouton-pas-bleu", "@gone"}))
    told = summary(flow, known)
    assert told.done == (flow.facts["bouton-pas-bleu"], flow.facts["code-essaye"])
    assert told.act == ""
