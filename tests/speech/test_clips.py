"""Which clips a script needs, what they are called, and what is played of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr.flow.engine import Speak
from ivr.flow.model import Clip, Flow, Hold, Pause, Slot, Words
from ivr.flow.script import load
from ivr.speech.clips import Countdown, Take, Tick, countdown, human, take, wanted
from ivr.speech.lexicon import Lexicon
from ivr.speech.shelf import RATE, Filed, Shelf, from_second, read_shelf, samples, silence, sound, wave
from ivr.speech.speaker import Speaker, read_back
from tests.flow.test_script import SMALL

PETIT = load(SMALL)
NONE = Lexicon({})


@dataclass(frozen=True)
class Anyone:
    """A voice as far as names go."""

    name: str
    version: str = "1"


ANNA, BOB = Anyone("anna"), Anyone("bob")


def shelf(*names: str, seconds: float = 2.0) -> Shelf:
    """A shelf that has these clips."""
    return Shelf({name: Filed(Path(name), "", seconds) for name in names})


def test_a_clip_is_named_by_what_is_said_how_and_by_whom() -> None:
    name = take("Bonjour.", NONE, ANNA).name
    assert name.startswith("anna-")
    assert take("Bonjour.", NONE, ANNA).name == name
    others = {
        take("Bonsoir.", NONE, ANNA).name,
        take("Bonjour.", NONE, ANNA, slow=True).name,
        take("Bonjour.", NONE, BOB).name,
        take("Bonjour.", NONE, Anyone("anna", "2")).name,
        take("Bonjour.", Lexicon({"Bonjour": "Bon jour"}), ANNA).name,
    }
    assert len({name, *others}) == 6


def test_editing_one_sentence_wants_one_new_sentence_and_nothing_else() -> None:
    edited = load({**SMALL, "essai.toml": SMALL["essai.toml"].replace("Après le bip, parlez.", "Parlez après le bip.")})
    before, after = wanted(PETIT, NONE, [ANNA]), wanted(edited, NONE, [ANNA])
    new = [clip for key, (clip,) in after.items() if key not in before]
    assert [(clip.words, getattr(clip, "slow", None)) for clip in new] == [
        ("Parlez après le bip.", False),
        ("Parlez après le bip.", True),
    ]


def test_prompts_are_cut_at_options_pauses_and_slots() -> None:
    words = {clip.words for (clip,) in wanted(PETIT, NONE, [ANNA]).values() if isinstance(clip, Take)}
    assert {"J’ai noté\u00a0:".replace("\u00a0", " "), "Si c’est exact, tapez 1.", "Pour corriger, tapez 2."} <= words
    assert not words & {".", ""}


def test_characters_pairs_holds_and_ticks_are_wanted(flow: Flow) -> None:
    clips = [clip for (clip,) in wanted(flow, NONE, [ANNA]).values()]
    words = {clip.words for clip in clips}
    assert {"Zéro.", "Neuf.", "Point.", "Double vé.", "Zéro sept.", "Soixante-douze."} <= words
    assert [clip.seconds for clip in clips if isinstance(clip, Countdown)] == [30.0]
    assert {clip.every for clip in clips if isinstance(clip, Tick)} >= {2.0, 10.0}


def test_labels_and_what_else_is_said_as_it_is_are_wanted_at_one_speed() -> None:
    labelled = load(
        {**SMALL, "essai.toml": SMALL["essai.toml"].replace("[menu]\n", '[menu]\nlabel = "vérifier les câbles"\n')}
    )
    before = wanted(PETIT, NONE, [ANNA])
    after = wanted(labelled, NONE, [ANNA], ["demain|à huit heures", "demain"])
    new = [clip for key, (clip,) in after.items() if key not in before]
    assert {clip.words for clip in new} == {"vérifier les câbles", "demain", "à huit heures"}
    assert len(new) == 3


def test_what_a_desk_says_while_it_works_is_wanted_with_its_tick() -> None:
    working = SMALL["essai.toml"].replace("deadline = 20\n", 'deadline = 20\ntick = 1.5\ncues = { 8 = "Toujours." }\n')
    clips = [clip for (clip,) in wanted(load({**SMALL, "essai.toml": working}), NONE, [ANNA]).values()]
    assert "Toujours." in {clip.words for clip in clips}
    assert 1.5 in {clip.every for clip in clips if isinstance(clip, Tick)}


@pytest.mark.parametrize("recorded", [(), ("demain",), ("à huit heures",), ("demain", "à huit heures")])
def test_a_slot_that_is_said_as_it_is_plays_each_part_or_says_it(recorded: tuple[str, ...]) -> None:
    speaker = Speaker(PETIT, shelf(*(take(words, NONE, ANNA).name for words in recorded)), NONE, [ANNA])
    heard = tuple(speaker.spoken([Slot("quand", "said")], {"quand": "demain | à huit heures"}))
    assert [part.words if isinstance(part, Clip) else part for part in heard] == [
        words if words in recorded else Words(words) for words in ("demain", "à huit heures")
    ]
    assert tuple(speaker.spoken([Slot("quand", "said")], {"quand": " | |"})) == ()


def test_a_person_is_played_before_the_chosen_voice_and_that_before_another() -> None:
    names = [human("Au revoir."), take("Au revoir.", NONE, ANNA).name, take("Au revoir.", NONE, BOB).name]
    for first in range(3):
        speaker = Speaker(PETIT, shelf(*names[first:]), NONE, [ANNA, BOB])
        (heard,) = speaker.prompt(Speak("essai.fini"))
        assert isinstance(heard, Clip)
        assert heard.name == names[first]
    assert Speaker(PETIT, shelf(), NONE, [ANNA]).prompt(Speak("essai.fini")) == (Words("Au revoir."),)


def test_slow_mode_plays_the_slow_take_or_else_the_other_one() -> None:
    quick, slow = take("Bonjour.", NONE, ANNA).name, take("Bonjour.", NONE, ANNA, slow=True).name
    for there, played in (((quick, slow), slow), ((quick,), quick)):
        (heard,) = Speaker(PETIT, shelf(*there), NONE, [ANNA]).prompt(Speak("essai.bonjour", slow=True))
        assert isinstance(heard, Clip)
        assert heard.name == played


def test_any_one_missing_clip_is_said_in_the_same_words(flow: Flow) -> None:
    names = {clip.name: clip.words for (clip,) in wanted(flow, NONE, [ANNA]).values() if isinstance(clip, Take)}
    steps = [name for name, step in flow.steps.items() if not isinstance(step, Hold)]
    for gone in sorted(names)[::25]:
        speaker = Speaker(flow, shelf(*(name for name in names if name != gone)), NONE, [ANNA])
        parts = [part for name in steps for part in speaker.prompt(Speak(name))]
        assert {part.text for part in parts if isinstance(part, Words)} <= {names[gone]}


def test_a_number_is_read_back_digit_by_digit_or_in_pairs() -> None:
    def words(value: str, manner: str) -> list[str]:
        return [part.text for part in read_back(value, manner) if isinstance(part, Words)]

    assert words("203.0", "address") == ["Deux.", "Zéro.", "Trois.", "Point.", "Zéro."]
    assert words("4b", "digits") == ["Quatre.", "Bé."]
    assert words("0199000007", "pairs") == [
        "Zéro un.",
        "Quatre-vingt-dix-neuf.",
        "Zéro zéro.",
        "Zéro zéro.",
        "Zéro sept.",
    ]
    assert words("12", "number") == ["Douze."]
    assert words("7", "number") == ["Sept."]
    assert words("mardi", "text") == ["mardi"]
    assert words("mardi|à midi", "said") == ["mardi", "à midi"]


def test_a_wait_without_ticks_is_silence() -> None:
    assert Speaker(PETIT, shelf(), NONE, [ANNA]).wait(9.0, 2.0) == (Pause(9.0),)
    assert Speaker(PETIT, shelf(), NONE, [ANNA]).wait(0.0, 0.0) == ()


def test_a_hold_is_played_from_any_second_of_its_one_file() -> None:
    step = PETIT.steps["essai.compter"]
    assert isinstance(step, Hold)
    speaker = Speaker(PETIT, shelf(countdown(step, NONE, ANNA).name, seconds=20.0), NONE, [ANNA])
    (clip,) = speaker.hold(step, 4.5)
    assert isinstance(clip, Clip)
    assert (clip.start, clip.seconds) == (4.5, 15.5)


def test_silences_are_made_to_the_sample() -> None:
    for seconds in (0.25, 0.5, 0.545, 1.5):
        found = Shelf().find(silence(seconds))
        assert found
        assert samples(found.data) == b"\xff" * round(seconds * RATE)
    assert Shelf().find("silence-0.wav") is None
    assert Shelf().find("silence-999999.wav") is None


def test_a_clip_from_a_second_on_loses_exactly_that() -> None:
    whole = sound(wave(bytes(range(200)) * 80))
    assert samples(from_second(whole, 0.5).data) == samples(whole.data)[4000:]
    assert from_second(whole, 99.0).seconds == 1 / RATE


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a sound at all", wave(b"\x10" * 80)[:-20]])
def test_what_is_no_whole_telephone_file_is_not_on_the_shelf(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "anna-1.wav").write_bytes(data)
    assert read_shelf(tmp_path).sounds == {}


def test_a_clip_whose_file_is_gone_is_no_clip_until_it_is_back(tmp_path: Path) -> None:
    file, clip = tmp_path / "anna-1.wav", wave(b"\x10" * 80, "un mot")
    file.write_bytes(clip)
    shelf = read_shelf(tmp_path)
    for broken in (b"", b"not a sound any more"):
        file.write_bytes(broken)
        assert shelf.find("anna-1.wav") is None
    file.unlink()
    assert shelf.find("anna-1.wav") is None
    file.write_bytes(clip)
    assert shelf.find("anna-1.wav") == sound(wave(b"\x10" * 80))


def test_a_folder_that_is_not_there_is_an_empty_shelf(tmp_path: Path) -> None:
    assert read_shelf(tmp_path / "nowhere") == Shelf()
