"""The values of a call: every way out of a step has its name, every phrase is known, every utterance its length."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.flow.model import (
    GAP,
    WORDS_A_MINUTE,
    Branch,
    Check,
    Clip,
    Entry,
    HangUp,
    Hold,
    Menu,
    Option,
    Patience,
    Pause,
    Prompt,
    Reading,
    Record,
    Reprompt,
    Run,
    Say,
    Slot,
    Step,
    Transfer,
    Utterance,
    Words,
    length_of,
    phrases,
    resume_point,
    seconds,
    ways,
)


def to(step: str) -> tuple[Branch, ...]:
    return (Branch(step),)


PATIENCE = Patience(7, (Reprompt("still", "all"),), (Reprompt("wrong", "all"), Reprompt(None, "all")), to("s"), to("m"))

STEPS: list[tuple[Step, dict[str, str]]] = [
    (Say(id="say", next=to("a")), {"next": "a"}),
    (Say(id="phrase"), {}),
    (Menu(id="menu", keys={"1": to("a")}, patience=PATIENCE), {"key 1": "a", "silence": "s", "wrong key": "m"}),
    (Menu(id="wait", keys={}, patience=PATIENCE, then=to("t")), {"silence": "t", "wrong key": "m"}),
    (
        Entry(
            id="entry", slot="x", least=1, most=2, inter_digit=3, next=to("n"), patience=PATIENCE, keys={"*": to("a")}
        ),
        {"key *": "a", "silence": "s", "wrong key": "m", "next": "n"},
    ),
    (Hold(id="hold", seconds=30, next=to("n"), limit=2, beyond=to("b")), {"visit 3": "b", "next": "n"}),
    (
        Run(id="run", command="c", outcomes={"done": to("d"), "late": to("l")}, keys={"1": to("k")}),
        {"outcome done": "d", "outcome late": "l", "key 1": "k"},
    ),
    (Record(id="record", slot="m", next=to("n"), empty=to("e")), {"next": "n", "empty": "e"}),
    (Transfer(id="transfer", to="somebody", outcomes={"busy": to("b")}), {"outcome busy": "b"}),
    (HangUp(id="end", disposition="solved"), {}),
]


@pytest.mark.parametrize(("step", "named"), STEPS, ids=[step.id for step, _ in STEPS])
def test_every_way_out_of_a_step_is_named(step: Step, named: dict[str, str]) -> None:
    assert {name: way[0].to for name, way in ways(step)} == named


def test_every_phrase_that_a_step_inserts_is_known() -> None:
    entry = Entry(
        id="e",
        slot="x",
        least=1,
        most=2,
        inter_digit=3,
        next=(),
        patience=PATIENCE,
        checks=(Check("1", "c"),),
        once="o",
    )
    assert list(phrases(entry)) == ["o", "still", "wrong", "c"]
    assert list(phrases(Run(id="r", command="c", outcomes={}, waiting="w"))) == ["w"]
    assert list(phrases(Run(id="r", command="c", outcomes={}))) == []


def test_a_cut_call_goes_on_at_what_has_a_label_and_is_no_interruption() -> None:
    menu = Menu(id="m", keys={}, patience=PATIENCE, label="a")
    assert resume_point(menu) == "m"
    assert resume_point(replace(menu, label="")) == resume_point(replace(menu, aside=True)) == ""
    assert resume_point(replace(menu, resume="r")) == "r"
    assert resume_point(Run(id="r", command="c", outcomes={}, label="a")) == ""
    assert resume_point(Run(id="r", command="c", outcomes={}, label="a", resume="m")) == "m"


def test_words_take_their_pace_a_slot_ten_words_and_silence_what_it_says() -> None:
    assert WORDS_A_MINUTE == 165
    assert seconds((Words("mot " * 165),)) == pytest.approx(60.0)
    assert seconds((Slot("code", "digits"),)) == pytest.approx(600 / 165)
    assert seconds((Pause(1.5), Words("un mot"), Pause(2.0))) == pytest.approx(3.5 + 120 / 165)


@pytest.mark.parametrize(
    ("utterance", "length"),
    [
        (Pause(2.5), 2.5),
        (Clip("tick.wav", "tic", 0.5, times=4), 2.0),
        (Words("un deux trois"), 180 / 165),
        (Reading("reference", "noting"), 0.0),
    ],
)
def test_an_utterance_lasts_what_it_says(utterance: Utterance, length: float) -> None:
    assert length_of(utterance) == pytest.approx(length)


def test_options_are_spoken_apart_and_may_be_said_alone() -> None:
    one, two = Option("1", (Words("un"),)), Option("2", (Pause(1.0), Words("deux"), Pause(1.0)))
    prompt = Prompt((Words("corps"),), (one, two, one))
    apart = (Words("un"), Pause(GAP), Pause(1.0), Words("deux"), Pause(1.0), Words("un"))
    assert prompt.pieces() == (Words("corps"), Pause(GAP), *apart)
    assert prompt.pieces("options") == apart
    assert Prompt((Words("corps"),)).pieces("options") == (Words("corps"),)
