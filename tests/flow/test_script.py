"""Mistakes in a script are told with file, step and mend; every one of them in one run."""

from __future__ import annotations

import pytest

from ivr.flow.mistakes import ScriptError
from ivr.flow.model import GAP, Flow, Menu, Option, Pause, Words
from ivr.flow.script import load
from ivr.folder import read_script
from tests.line import ROOT

SMALL = {path.name: path.read_text() for path in (ROOT / "tests" / "scripts" / "good" / "petit").glob("*.toml")}

# file, what is replaced, by what, and the line that must be told (design/scripts.md, "How mistakes are told")
MISTAKES = [
    (
        "essai.toml",
        '1 = "ligne", 2 = "compter"',
        '1 = "lign", 2 = "compter"',
        "prompts/essai.toml [menu]: key 1 leads to 'lign', which is not a step; did you mean 'ligne'?",
    ),
    (
        "essai.toml",
        'next    = "personne"',
        'next = "aide.persone"',
        "prompts/essai.toml [compter]: next leads to 'aide.persone', which is not a step",
    ),
    (
        "essai.toml",
        "Pour corriger, tapez 2.",
        "Pour corriger, tapez 3.",
        "prompts/essai.toml [relire]: the prompt offers key 3, but no key 3 is defined",
    ),
    (
        "essai.toml",
        "Pour corriger, tapez 2.",
        "",
        "prompts/essai.toml [relire]: key 2 is defined, but the prompt does not offer it",
    ),
    (
        "essai.toml",
        '5 = "Cinq."',
        '35 = "Cinq."',
        "prompts/essai.toml [compter]: the cue at 35 s is beyond the hold of 10 s",
    ),
    (
        "essai.toml",
        ', fills = ["code"] }',
        " }",
        "prompts/essai.toml [code]: {code} is spoken, but no earlier step on the way from 'essai.chercher' fills it",
    ),
    (
        "essai.toml",
        '4 = "adresse"',
        '4 = "ligne"',
        "prompts/essai.toml [adresse]: no caller can reach essai.adresse:",
    ),
    ("essai.toml", 'kind   = "record"', 'kind   = "recrod"', "[message]: kind 'recrod' is none of say, menu, entry"),
    ("essai.toml", "digits = 10", 'digits = "dix"', "[ligne]: digits must be a number, not 'dix'"),
    (
        "essai.toml",
        "inter_digit = 4",
        "inter_digt = 4",
        "there is no setting 'inter_digt' here; did you mean 'inter_digit'?",
    ),
    (
        "essai.toml",
        "{ligne:pairs}",
        "{ligne:paires}",
        "[relire]: prompt: {ligne:paires}: a manner is one of text, digits",
    ),
    ("essai.toml", "[2 s]", "[2 sec]", "[compter]: prompt: stray '[': a pause is written [3 s]"),
    ("essai.toml", 'late        = "menu"\n', "", "[chercher]: outcome 'late' is missing"),
    ("essai.toml", 'busy      = "menu"\n', "", "[personne]: outcome 'busy' is missing"),
    ("essai.toml", ', "aide.demande"]', "]", "[personne]: outcome no-answer: the last way on must have no condition"),
    (
        "essai.toml",
        'unless = ["appele"]',
        'unless = ["apele"]',
        "the fact 'apele' is not declared in ligne.toml [facts]; did",
    ),
    (
        "essai.toml",
        'say = "aide.commence-par-zero"',
        'say = "essai.menu"',
        "'essai.menu' is inserted as a phrase, so it must",
    ),
    ("essai.toml", '"0[1-79]', '"0[1-79', "is no regular expression"),
    ("essai.toml", "[bonjour]", "[Bonjour!]", "prompts/essai.toml:1: is not TOML"),
    ("essai.toml", "[bonjour]", "[Bonjour]", "'Bonjour' is no step id: lower-case letters without accents"),
    ("essai.toml", 'disposition = "solved"', "", "[fini]: disposition is missing"),
    (
        "essai.toml",
        'prompt = "Bonjour."',
        'prompt = "Bonjour."\nguide = ["F99"]',
        "guide fact 'F99' is not in guide.toml",
    ),
    (
        "aide.toml",
        SMALL["aide.toml"].partition("wait   = 20\n")[2].partition("\n\n")[0],
        'prompt = "Là ? Tapez 1."\nkeys = { 1 = "@return" }\nthen = "demande"',
        "silence goes round for ever: aide.demande → aide.toujours-la → aide.demande",
    ),
    (
        "essai.toml",
        'prompt = "Tapez les dix',
        'resume = "nulle"\nprompt = "Tapez les dix',
        "[ligne]: resume is 'essai.nulle', which is not a step",
    ),
    (
        "essai.toml",
        "digits = 10",
        'digits = 10\nguide = "F01"',
        "guide must be a list of texts, like [\"F42\"], not 'F01'",
    ),
    (
        "essai.toml",
        "digits = 10",
        "digits = 10\nguide = [1]",
        'guide must be a list of texts, like ["F42"], not [1]',
    ),
    (
        "essai.toml",
        "digits = 10",
        "digits = 10\nno_input = [7]",
        "[ligne]: no_input must hold tables { … }, not 7",
    ),
    ("aide.toml", "limit  = 3\n", "", "[toujours-la]: limit and beyond belong together"),
    ("aide.toml", "aside  = true\nprompt", "prompt", "[demande]: '@return' needs aside = true"),
    (
        "aide.toml",
        'kind   = "say"\nprompt = "Encore',
        'kind="say"\nnext="rien"\nprompt = "Encore',
        "as a phrase, so it must",
    ),
    (
        "ligne.toml",
        'start   = "essai.bonjour"',
        'start = "essai.bonjours"',
        "start is 'essai.bonjours', which is not a step",
    ),
    ("ligne.toml", "wait     = 7", "wait     = 3", "wait must be a number from 5 to 600, not 3"),
    (
        "ligne.toml",
        'no_input_give_up = "aide.toujours-la"\nno_match_give_up = "aide.demande"\n\n[patience.entry]',
        'no_input_give_up = "essai.fini"\nno_match_give_up = "aide.demande"\n\n[patience.entry]',
        "[menu]: silence here hangs up without the warning of aide.toujours-la",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), MISTAKES, ids=lambda value: value[:40])
def test_a_mistake_is_told_with_its_place_and_mend(file: str, old: str, new: str, told: str) -> None:
    assert old in SMALL[file]
    texts = {**SMALL, "guide.toml": 'F01 = "quelque chose"', file: SMALL[file].replace(old, new, 1)}
    with pytest.raises(ScriptError) as error:
        load(texts)
    assert told in str(error.value)


def test_every_mistake_is_told_in_one_run() -> None:
    texts = dict(SMALL)
    told = []
    for file, old, new, line in (*MISTAKES[:3], MISTAKES[4]):
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new, 1)
        told.append(line)
    with pytest.raises(ScriptError) as error:
        load(texts)
    assert [line for line in told if line not in str(error.value)] == []


def test_a_script_without_mistakes_loads(flow: Flow) -> None:
    small = load(SMALL)
    assert len(small.steps) == len({*small.steps}) > 15
    assert flow.menu == "accueil.choix"


def test_a_folder_that_is_none_says_what_to_set() -> None:
    with pytest.raises(ScriptError, match="set IVR_PROMPTS_DIR to the folder"):
        read_script(ROOT / "nowhere")


def test_options_are_set_apart_and_spoken_with_half_a_second_between_them(flow: Flow) -> None:
    step = flow.steps["entrer-code.repondre-oui"]
    assert isinstance(step, Menu)
    question = "Le combiné demande : « Disposez-vous du code d’activation provisioning de l’opérateur ? » Répondez Oui."
    assert [
        piece.text.replace("\u202f", " ").replace("\xa0", " ") for piece in step.prompt.body if isinstance(piece, Words)
    ] == [question]
    assert [option.key for option in step.prompt.options] == ["1", "2"]
    first, gap, second = step.prompt.pieces("options")
    assert gap == Pause(GAP)
    assert step.prompt.options == (Option("1", (first,)), Option("2", (second,)))


def test_the_guide_is_spoken_as_dialogue_md_says_wherever_no_service_is_needed(flow: Flow) -> None:
    unspoken = {"F02", "F03", "F11", "F16", "F47"}  # metadata and pictures: not for callers (dialogue.md C.10)
    spoken = {fact for step in flow.steps.values() for fact in step.guide}
    assert spoken == set(flow.guide) - unspoken
