"""The engine by itself: outcomes come in as values, so nothing is faked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.engine import (
    Action,
    Before,
    Command,
    Connect,
    Count,
    Dialled,
    End,
    Event,
    Keys,
    Listen,
    Outcome,
    Pending,
    Poll,
    Recorded,
    Silence,
    Speak,
    State,
    Tape,
    Transferred,
    advance,
    state_from,
)
from ivr.flow.model import Flow
from ivr.flow.script import load
from tests.flow.test_script import SMALL

PETIT = load(SMALL)


def after(*events: Event, flow: Flow = PETIT) -> tuple[State, tuple[Action, ...]]:
    """The state and the last answer after a call's events."""
    state, actions = advance(flow, None, Dialled(0.0))
    for event in events:
        state, actions = advance(flow, state, event)
    return state, actions


LINE_TYPED = (Keys(1, "1"), Keys(2, "0199000007"))
SEARCHING = (*LINE_TYPED, Keys(3, "1"))


def test_an_entry_fills_its_slot_and_is_read_back() -> None:
    state, actions = after(*LINE_TYPED)
    assert actions == (Speak("essai.relire", slots=(("ligne", "0199000007"),)), Listen("essai.relire"))
    assert dict(state.slots) == {"ligne": "0199000007"}


def test_star_erases_what_was_typed_and_the_rest_is_waited_for_in_silence() -> None:
    state, actions = after(Keys(1, "1"), Keys(2, "0199*01990"))
    assert actions == (Listen("essai.ligne", keys=5),)
    state, actions = advance(PETIT, state, Keys(3, "00007"))
    assert dict(state.slots) == {"ligne": "0199000007"}


def test_too_few_digits_are_a_mistake_with_its_own_words() -> None:
    _, actions = after(Keys(1, "1"), Keys(2, "01990"))
    assert actions[0] == Speak("aide.dix")


def test_a_check_refuses_with_its_spoken_reason() -> None:
    _, actions = after(Keys(1, "1"), Keys(2, "1199000007"))
    assert actions[0] == Speak("aide.commence-par-zero")


def test_a_star_is_the_dot_of_an_address_and_two_erase_it() -> None:
    state, actions = after(Keys(1, "4"), Keys(2, "9*9**203*0*113*7"))
    assert actions[-1] == End("solved")
    assert dict(state.slots) == {"adresse": "203.0.113.7"}


def test_a_command_is_asked_for_with_the_slots_it_needs() -> None:
    _, actions = after(*SEARCHING)
    assert actions == (Speak("essai.chercher"), Command("search", (("ligne", "0199000007"),), "essai.chercher@3.000"))


def test_an_outcome_leads_on_and_brings_slots() -> None:
    state, actions = after(*SEARCHING, Outcome(4, "found", (("code", "code 17"),)))
    assert actions[-1] == Listen("essai.code")
    assert dict(state.slots)["code"] == "code 17"


def test_a_pending_command_is_polled_with_a_word_every_eight_seconds_and_is_late_at_its_deadline() -> None:
    state, actions = after(*SEARCHING, Pending(3.5))
    assert actions == (Poll("essai.chercher", 2.0),)
    state, actions = advance(PETIT, state, Silence(4.6))
    assert isinstance(actions[-1], Command)
    state, actions = advance(PETIT, state, Pending(11.5))
    assert actions == (Speak("aide.encore"), Poll("essai.chercher", 2.0))
    _, actions = advance(PETIT, state, Pending(23.0))
    assert actions[-1] == Listen("essai.menu")


def test_zero_leaves_a_running_command_and_any_other_key_does_not() -> None:
    state, _ = after(*SEARCHING, Pending(3.5))
    assert advance(PETIT, state, Keys(4, "0"))[1][-1] == Listen("aide.demande")
    assert isinstance(advance(PETIT, state, Keys(4, "5"))[1][-1], Command)


def test_an_outcome_that_the_script_does_not_name_is_nobody_being_there() -> None:
    assert after(*SEARCHING, Outcome(4, "exploded"))[0].step == "aide.demande"


def test_a_recording_keeps_its_reference_and_an_empty_one_leads_elsewhere() -> None:
    assert after(Keys(1, "3"))[1][-1] == Tape("essai.message")
    state, actions = after(Keys(1, "3"), Recorded(30, "RE17", 12))
    assert (dict(state.slots), actions[-1]) == ({"message": "RE17", "message-seconds": "12"}, End("solved"))
    assert after(Keys(1, "3"), Recorded(30, "RE17", 0))[0].step == "essai.menu"


@pytest.mark.parametrize(
    ("result", "step"),
    [("answered", "essai.fini"), ("busy", "essai.menu"), ("no-answer", "essai.menu"), ("failed", "aide.demande")],
)
def test_every_result_of_a_transfer_leads_on(result: str, step: str) -> None:
    assert after(Keys(1, "2"), Silence(20))[1][-1] == Connect("essai.personne")
    assert after(Keys(1, "2"), Silence(20), Transferred(40, result))[0].step == step


def test_a_way_that_teaches_what_it_depends_on_is_taken_once() -> None:
    nobody = (Keys(1, "2"), Silence(20), Transferred(40, "no-answer"))
    assert after(*nobody, *nobody)[0].step == "aide.demande"


def test_a_stray_key_in_a_hold_goes_on_where_it_was() -> None:
    state, actions = after(Keys(100, "2"))
    assert actions == (Count("essai.compter"),)
    assert advance(PETIT, state, Keys(112.5, "7"))[1] == (Count("essai.compter", start=12.5),)


@pytest.mark.parametrize("first", ["2", "0", "7"])
def test_a_hold_is_stopped_by_the_same_key_twice_and_by_no_two_others(first: str) -> None:
    state, _ = after(Keys(100, "2"))
    state, _ = advance(PETIT, state, Keys(104, first))
    state, actions = advance(PETIT, state, Keys(105, "*"))
    assert actions == (Count("essai.compter", start=5.0),)
    assert advance(PETIT, state, Keys(106, "*"))[0].step == "essai.menu"


@pytest.mark.parametrize(("between", "counts"), [(3.0, True), (3.01, False)])
def test_the_second_press_in_a_hold_comes_within_three_seconds(between: float, counts: bool) -> None:
    state, _ = after(Keys(100, "2"), Keys(104, "*"))
    assert (advance(PETIT, state, Keys(104 + between, "*"))[0].step == "essai.menu") is counts


@pytest.mark.parametrize(("between", "comes_to"), [(2.0, "essai.menu"), (2.01, "essai.relire")])
def test_two_stars_within_two_seconds_lead_to_the_main_menu_and_later_one_goes_back_twice(
    between: float, comes_to: str
) -> None:
    read_back = (*LINE_TYPED, Keys(3, "2"), Keys(4, "0199000008"))
    state, _ = after(*read_back, Keys(10, "7"))
    state, _ = advance(PETIT, replace(state, trail=("essai.menu", "essai.relire", "essai.relire")), Keys(20, "*"))
    assert advance(PETIT, state, Keys(20 + between, "*"))[0].step == comes_to


def test_the_way_back_holds_no_circles() -> None:
    round_and_round = (Keys(2, "0199000007"), Keys(3, "2")) * 3
    state, _ = after(Keys(1, "1"), *round_and_round, Keys(4, "0199000007"))
    assert (state.step, state.trail) == ("essai.relire", ("essai.menu", "essai.ligne"))


def test_the_second_hash_speaks_slowly_from_then_on() -> None:
    _, once = after(Keys(1, "#"))
    _, twice = after(Keys(1, "#"), Keys(20, "#"))
    assert [a.slow for a in (*once, *twice) if isinstance(a, Speak)] == [False, True]


def test_a_long_call_that_stumbles_is_offered_a_person_once() -> None:
    assert after(Silence(PETIT.long_call + 1))[0].step == "aide.demande"
    state, _ = after(Silence(PETIT.long_call + 1), Keys(PETIT.long_call + 2, "1"))
    assert advance(PETIT, state, Silence(PETIT.long_call + 60))[0].step == "essai.menu"


def test_what_makes_no_sense_where_the_call_is_moves_nothing() -> None:
    state, _ = after()
    moved, actions = advance(PETIT, state, Recorded(9, "RE1", 3))
    assert (moved, actions) == (state, (Speak("essai.menu"), Listen("essai.menu")))


def test_a_call_on_a_step_that_a_new_script_no_longer_has_goes_to_the_menu() -> None:
    state, _ = after(Keys(1, "3"))
    assert advance(PETIT, replace(state, step="essai.disparu"), Silence(5))[0].step == "essai.menu"


def test_an_ended_call_stays_ended() -> None:
    state, _ = after(Keys(1, "3"), Recorded(30, "RE17", 12))
    assert advance(PETIT, state, Keys(31, "1")) == (state, (End("solved"),))


EVENTS = st.lists(
    st.one_of(
        st.builds(Keys, st.floats(0, 4000), st.text("0123456789*#", min_size=1, max_size=16)),
        st.builds(Silence, st.floats(0, 4000)),
        st.builds(Outcome, st.floats(0, 4000), st.sampled_from(["found", "late", "unavailable", "?"])),
        st.builds(Pending, st.floats(0, 4000)),
        st.builds(Recorded, st.floats(0, 4000), st.just("RE1"), st.sampled_from([0.0, 5.0])),
        st.builds(Transferred, st.floats(0, 4000), st.sampled_from(["answered", "busy", "?"])),
    ),
    max_size=30,
)


@given(EVENTS)
def test_any_events_in_any_order_leave_a_state_that_survives_storage(events: list[Event]) -> None:
    state, actions = advance(PETIT, None, Dialled(0.0))
    for event in events:
        state, actions = advance(PETIT, state, event)
        assert actions
        assert state_from(state.as_dict()) == state


@given(EVENTS)
def test_the_same_events_give_the_same_call(events: list[Event]) -> None:
    assert after(*events) == after(*events)


def test_a_cut_call_whose_step_is_gone_from_the_script_begins_at_the_menu(flow: Flow) -> None:
    """The caller accepts to go on; what the earlier call had learnt is let go of with it."""
    for there, comes_to in (("bouton.ethernet", "bouton.ethernet"), ("bouton.gone", "accueil.menu-ferme")):
        before = Before("CA" + "0" * 32, there, facts=frozenset({"bouton-pas-bleu"}))
        known = Dialled(0.0, frozenset({"appel-coupe"}), (("depuis", "5"), ("etape", "les câbles")), before)
        state, actions = advance(flow, None, known)
        assert state.step == "reprise.proposer"
        state, actions = advance(flow, state, Keys(9.0, "1"))
        while isinstance(actions[-1], Command):  # what the desk must do first
            state, actions = advance(flow, state, Outcome(9.0, "resumed"))
        assert state.step == comes_to
        assert ("bouton-pas-bleu" in state.facts) is (comes_to == there)
