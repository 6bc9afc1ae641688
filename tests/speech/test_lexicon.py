"""What a voice is given for what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.model import Flow, Words
from ivr.folder import read_lexicon
from ivr.speech import SpeechError, lexicon
from tests.line import ROOT

WORDS = read_lexicon(ROOT / "prompts")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Si c’est le cas, tapez\u00a01.", "Si c'est le cas, tapez, un."),
        ("C’est fait\u202f? Tapez 1, sinon je raccroche.", "C'est fait? Tapez, un, sinon je raccroche."),
        ("Pour chaque point, tapez étoile.", "Pour chaque point, tapez, étoile."),
        ("Tapez les dix chiffres.", "Tapez les dix chiffres."),
        ("le code PIN : 0000", "le code pine: zéro, zéro, zéro, zéro"),
        ("le connecteur n° 2", "le connecteur numéro deux"),
        ("Menu > Réglages > Téléphonie", "Menu. Réglages. Téléphonie"),
        ("affiche « Pas de base », tapez 1", "affiche, Pas de base, tapez, un"),
        ("Puis « Assist VoIP ».", "Puis, Assiste, vo i pé."),
        ("Cliquez sur : « Suivant ». Ensuite", "Cliquez sur: Suivant. Ensuite"),
        ("le C590IP", "le C cinq cent quatre-vingt-dix, I P"),
        ("depuis 91.121.30.4.", "depuis neuf, un, point, un, deux, un, point, trois, zéro, point, quatre."),
        ("au 09 72 10 10 07", "au zéro neuf, soixante-douze, dix, dix, zéro sept"),
        ("471803925604", "quatre, sept, un, huit, zéro, trois, neuf, deux, cinq, six, zéro, quatre"),
        ("30 s, 5 min, 1 h", "trente secondes, cinq minutes, une heure"),
        ("21 h 30", "vingt et une heures trente"),
        ("0,5 s", "zéro virgule cinq secondes"),
        ("à 20 %", "à vingt pour cent"),
        ("{line:pairs} et {ip}", "{line:pairs} et {ip}"),
    ],
)
def test_what_is_written_becomes_what_is_said(written: str, said: str) -> None:
    assert lexicon.spoken(written, WORDS) == said
    assert lexicon.unreadable(written, WORDS) == []


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("Allez sur https://www.ovh.fr/x", ["https://www.ovh.fr/x"]),
        ("Allez sur ovh.com", ["ovh.com"]),
        ("le serveur DNS", ["DNS"]),
        ("le QoS", ["QoS"]),
        ("la touche # puis *", ["#", "*"]),
        ("un <b>mot</b>", ["<"]),
    ],
)
def test_what_no_voice_says_right_is_named(written: str, left: list[str]) -> None:
    assert lexicon.unreadable(written, WORDS)[: len(left)] == left


def test_every_prompt_of_the_script_can_be_said(flow: Flow) -> None:
    texts = [piece.text for _, prompt in flow.texts() for piece in prompt.pieces() if isinstance(piece, Words)]
    assert len(texts) > 100
    assert {text: left for text in texts if (left := lexicon.unreadable(text, WORDS))} == {}


def test_an_engine_has_its_own_way_of_saying_a_word() -> None:
    words = lexicon.read('[mots]\n"PIN" = { dit = "pine", gtts = "Pin" }')
    assert lexicon.spoken("code PIN", words) == "code pine"
    assert lexicon.spoken("code PIN", words, "gtts") == "code Pin"
    assert lexicon.spoken("code PIN", words, "pico") == "code pine"


def test_only_whole_words_are_replaced_and_the_longest_first() -> None:
    words = lexicon.read('[mots]\n"IP" = "i pé"\n"C590IP" = "le modèle"')
    assert lexicon.spoken("C590IP, VIP, IPX et IP", words) == "le modèle, VIP, IPX et i pé"


def test_the_version_changes_with_a_word_and_not_with_their_order() -> None:
    one = lexicon.read('[mots]\n"A" = "a"\n"B" = "bé"')
    assert one.version == lexicon.read('[mots]\n"B" = "bé"\n"A" = "a"').version
    assert one.version != lexicon.read('[mots]\n"A" = "a"\n"B" = "bée"').version


@pytest.mark.parametrize(
    "entry", ['"PIN" = "code 1"', '"PIN" = "PIN"', '"PIN" = ""', '"PIN" = 3', '"PIN" = { pico = "p" }']
)
def test_a_word_that_does_not_say_how_is_refused_with_the_mend(entry: str) -> None:
    with pytest.raises(SpeechError, match=r"prompts/lexique\.toml : « PIN » : écrivez comment le dire"):
        lexicon.read(f"[mots]\n{entry}")


def test_a_broken_file_is_refused_with_its_line() -> None:
    with pytest.raises(SpeechError, match="line 2"):
        lexicon.read('[mots]\n"PIN" = pine')


def test_a_code_is_spelled_character_by_character() -> None:
    assert lexicon.spelled("4b.0-Y") == ["quatre", "bé", "point", "zéro", "i grec"]
    with pytest.raises(SpeechError, match="digits, letters and points"):
        lexicon.spelled("4#")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zéro"),
        (16, "seize"),
        (21, "vingt et un"),
        (71, "soixante et onze"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
        (100, "cent"),
        (255, "deux cent cinquante-cinq"),
        (2015, "deux mille quinze"),
    ],
)
def test_numbers_in_words(number: int, words: str) -> None:
    assert lexicon.in_words(number) == words


@given(st.text())
def test_nothing_written_makes_it_fail_and_no_digit_gets_through(text: str) -> None:
    said = lexicon.spoken(text.replace("{", "").replace("http", "").replace("www", ""), WORDS)
    assert not set(said) & set("0123456789«»")
