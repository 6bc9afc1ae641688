"""One attack: what its verbs do to the line, and that a line which nobody sabotaged holds."""

from __future__ import annotations

import pytest

from ivr.hostile.attack import Attack
from ivr.hostile.storm import Ground
from ivr.phone.transcript import TranscriptError

CODE = (
    "dial from +33639980001 at 2026-11-24 10:00",
    *("press 3 early", "press 1 early", "press 1 early", "press 1 early", "types the password"),
    *("wait 3 any", "press 2 early", "press 203*0*113*7# early", "press 1 early"),
)
"""The way to a code for who calls from the mobile on file, once the line has found him."""


def test_twins_come_within_one_another_and_one_of_them_moves(attack: Attack) -> None:
    for at in range(1, 5):
        attack.play("dial from +33639980003")
        assert attack.play(f"twins at {at}")
        attack.play("press 3 early")
        assert attack.post.counts["webhooks"] == 3 * at, "the call, the key, its twin"
        attack.play("drop early")
    assert attack.post.counts["twins"] == 4
    assert 0 < attack.post.counts["again"] < 4, "the first ones within, the last one after"


def test_late_and_stray_webhooks_move_nothing(attack: Attack) -> None:
    for line in ("dial from +33639980003", "press 2 early", "press 1 early"):
        attack.play(line)
    place = attack.place()
    assert place == "bouton.base-connectee"
    for line in (
        "redeliver 1",
        "redeliver 2",
        "redeliver 3",
        "stray 2",
        "stray silence",
        "again",
        "elsewhere",
        "again",
    ):
        assert attack.play(line), line
    assert attack.place() == place
    assert attack.post.counts["again"] == 7
    assert attack.post.counts["stray"] == 2


@pytest.mark.parametrize(
    "line",
    ["press 1 early", "silence any", "ends", "again", "redeliver 1", "stray 1", "types the code", "operator breaks"],
)
def test_what_cannot_be_played_is_passed_over(line: str, attack: Attack) -> None:
    assert not attack.play(line)
    assert attack.played == []


def test_a_line_that_nobody_understands_is_an_error(attack: Attack) -> None:
    with pytest.raises(TranscriptError, match="cannot read 'wait long'"):
        attack.play("wait long")


def test_desks_fail_hang_and_answer_late(attack: Attack) -> None:
    attack.play("dial from +33639980001")
    attack.play("desks fail")
    attack.play("press 0 early")
    assert attack.stand.injected
    assert attack.place() == "accueil.menu", "the turn was lost, and the call stands where it stood"
    attack.play("desks work")
    assert not attack.play("again"), "what was not taken is taken when it comes again"
    attack.play("press 1 early")  # « pour réessayer, tapez 1 »
    attack.play("press 0 early")
    assert attack.place() != "accueil.menu"
    assert attack.play_all(["drop early", *CODE[:5], "desks hang", "types the password", "silence any"]) is None
    assert attack.stand.late
    assert attack.place() == "identite.verifier"
    attack.play_all(["desks answer", "wait 3 any"])
    assert attack.place() == "adresse.comment"


@pytest.mark.parametrize("before", [("press 3 early", "press 1 early", "press 1 early"), ("press 3 early",), ()])
def test_a_call_whose_desk_fails_for_ever_ends_when_the_caller_says_nothing(before: list[str], attack: Attack) -> None:
    """`ivr call --hostile --seed 20271` found that it did not: the apology and the failure took turns without end."""
    lines = ["desks hang", "dial from +33639980003", *before, "desks fail", "ends"]
    assert attack.play_all(lines) is None
    assert attack.phone.seconds < 2000


def test_a_call_gets_as_far_as_its_code_and_types_it(attack: Attack) -> None:
    assert attack.play_all([*CODE, "wait 3 any"]) is None
    assert attack.place() == "creation.pret"
    assert attack.play_all(["press 3 early", "press 2 early", "types the code", "wait 3 any"]) is None
    assert attack.place() == "creation.comparer" or attack.place().startswith("reinitialiser.")
    assert attack.stand.code_of(attack.phone.call_sid)
    assert attack.play_all(["ends"]) is None


def test_partners_go_wrong(arena: Ground) -> None:
    attack = Attack(arena.stand(operator=True))
    for line in ("operator is there", "operator breaks", "carrier resets", *CODE):
        attack.play(line)
    assert attack.stand.ovh
    assert attack.stand.ovh.faults
    assert attack.play_all(["the line works", "operator works", "carrier works", "ends"]) is None
    assert not attack.stand.ovh.faults


def test_the_storm_of_a_seed_is_the_same_every_time(arena: Ground) -> None:
    first, second = arena.attacked(7, 0, 2), arena.attacked(7, 0, 2)
    assert (first.counts, first.steps, first.ways) == (second.counts, second.steps, second.ways)
    assert arena.attacked(8, 0, 2).ways != first.ways
