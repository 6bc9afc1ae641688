"""Mistakes that people make in a script, each put into the true one at a place drawn by lot, and what must be told.

A mutation changes the script's tables in memory and says where `ivr check` must find it: file, step, and the words of
the finding, its mend included. `python -m tests.mutations 20` puts each kind at twenty places and prints what was
missed.
"""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from rich.progress import track

from ivr.check import Report, check, script_settings
from ivr.flow.mistakes import Mistake
from ivr.flow.script import RESERVED
from tests.line import ROOT
from tests.toml_text import toml

Script = dict[str, dict[str, Any]]
"""The files of a script, parsed, by name."""


@dataclass(frozen=True)
class Expected:
    """What must be told: in one of these places (file and step; any, where a step is not the mistake's own), so."""

    told: str
    file: str = ""
    step: str = ""

    def found_in(self, report: Report) -> bool:
        """Whether one of the findings is that."""
        return any(map(self._is, report.findings))

    def _is(self, finding: Mistake) -> bool:
        places = (not self.file or finding.file.endswith(f"/{self.file}")) and self.step in ("", finding.step)
        return places and re.search(self.told, finding.problem) is not None


class NoPlaceError(Exception):
    """The script has no place for this mutation."""


@dataclass(frozen=True)
class Step:
    """A step of the script: its file, its name, its table."""

    file: str
    name: str
    table: dict[str, Any]

    def told(self, problem: str) -> Expected:
        """The mistake is told of this very step."""
        return Expected(problem, self.file, self.name)


Place = TypeVar("Place")
Mutate = Callable[[Random, Script], Expected]
KINDS: dict[str, Mutate] = {}
"""Every kind of mutation, by its name."""

CLIPS: set[str] = set()
"""The kinds that only the recordings show."""


def kind(mutate: Mutate) -> Mutate:
    """Note a kind of mutation."""
    KINDS[mutate.__name__] = mutate
    return mutate


@cache
def true_script() -> Script:
    """The script that is shipped."""
    return {path.name: tomllib.loads(path.read_text()) for path in sorted((ROOT / "prompts").glob("*.toml"))}


def steps(script: Script, *kinds: str) -> Iterator[Step]:
    """The steps of these kinds, of all where none is named."""
    for file, chapter in script.items():
        if file not in RESERVED:
            for name, table in chapter.items():
                if not kinds or table["kind"] in kinds:
                    yield Step(file, name, table)


def drawn(lot: Random, places: Iterable[Place]) -> Place:
    """One of the places. Raises NoPlaceError when there is none."""
    found = list(places)
    if not found:
        raise NoPlaceError
    return lot.choice(found)


def offers(step: Step, key: str) -> str:
    """The sentence of the step's prompt that offers the key; nothing when it is not one of its own."""
    said = {"*": "étoile", "#": "dièse"}.get(key, key)
    found = re.search(rf"[^.\n\]]*?\b[Tt]apez\u00a0{said}\.", step.table.get("prompt", ""))
    return found[0].strip() if found and "?" not in found[0] else ""


def menus(script: Script, least: int = 2) -> Iterator[Step]:
    """The menus with so many keys, all offered in plain sentences of the prompt alone, which nothing excuses."""
    excused = script["limites.toml"]["exceptions"]
    for step in steps(script, "menu"):
        if f"{step.file.removesuffix('.toml')}.{step.name}" in excused:
            continue
        keys = [key for key in step.table["keys"] if key != "0"]
        if len(keys) >= least and "cues" not in step.table and all(offers(step, key) for key in keys):
            yield step


def spoken(script: Script, *kinds: str) -> Iterator[Step]:
    """The steps that say something."""
    return (step for step in steps(script, *kinds) if step.table.get("prompt"))


def target(way: Any) -> str:
    """Where a plain way leads."""
    return way if isinstance(way, str) else way["to"] if isinstance(way, dict) else ""


# Keys, options and where they lead


@kind
def a_key_is_dropped(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = drawn(lot, [key for key in step.table["keys"] if key != "0"])
    del step.table["keys"][key]
    return step.told(f"the prompt offers key {key}, but no key {key} is defined: define it in keys, or take")


@kind
def an_option_is_dropped(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = drawn(lot, [key for key in step.table["keys"] if key != "0"])
    step.table["prompt"] = step.table["prompt"].replace(offers(step, key), "")
    return step.told(f"key {key} is defined, but the prompt does not offer it: write « …, tapez.{key}. »")


@kind
def a_choice_is_dropped_whole(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = max(key for key in step.table["keys"] if key != "0")
    step.table["prompt"] = step.table["prompt"].replace(offers(step, key), "")
    del step.table["keys"][key]
    return step.told(f"^keys {key} is gone; .*; put it back, or accept it with 'ivr check --accept'")


@kind
def two_targets_are_swapped(lot: Random, script: Script) -> Expected:
    step, one, other = drawn(lot, _pairs(script, "keys"))
    keys = step.table["keys"]
    keys[one], keys[other] = keys[other], keys[one]
    return step.told(f"^keys {one} is now: .*when it was reviewed it was: .*put it back, or accept it")


@kind
def two_outcomes_are_swapped(lot: Random, script: Script) -> Expected:
    step, one, other = drawn(lot, _pairs(script, "outcomes"))
    outcomes = step.table["outcomes"]
    outcomes[one], outcomes[other] = outcomes[other], outcomes[one]
    return step.told(f"^outcomes {one} is now: .*put it back, or accept it")


def _pairs(script: Script, table: str) -> Iterator[tuple[Step, str, str]]:
    for step in steps(script):
        ways = step.table.get(table, {})
        yield from ((step, a, b) for a in ways for b in ways if a < b and ways[a] != ways[b])


@kind
def two_announcements_swap_their_next(lot: Random, script: Script) -> Expected:
    says = [step for step in steps(script, "say") if isinstance(step.table.get("next"), str)]
    pairs = [(a, b) for a in says for b in says if a.file == b.file and a.table["next"] != b.table["next"]]
    one, other = drawn(lot, pairs)
    one.table["next"], other.table["next"] = other.table["next"], one.table["next"]
    return one.told("^next is now: .*put it back, or accept it")


@kind
def two_steps_swap_what_they_teach(lot: Random, script: Script) -> Expected:
    taught = [step for step in steps(script) if "sets" in step.table]
    pairs = [(a, b) for a in taught for b in taught if a.table["sets"] != b.table["sets"]]
    one, other = drawn(lot, pairs)
    one.table["sets"], other.table["sets"] = other.table["sets"], one.table["sets"]
    return one.told("^sets is now: .*put it back, or accept it")


@kind
def another_phrase_is_inserted(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "once" in step.table])
    step.table["once"] = "reprises.rien-recu"
    return step.told("^once is now: reprises.rien-recu; .*put it back, or accept it")


@kind
def two_conditions_are_swapped(lot: Random, script: Script) -> Expected:
    step, way = drawn(lot, _conditional(script))
    way[0]["to"], way[-1] = way[-1], way[0]["to"]
    return step.told("is now: .*put it back, or accept it")


def _conditional(script: Script) -> Iterator[tuple[Step, list[Any]]]:
    for step in steps(script):
        ways = [step.table.get("next"), *step.table.get("keys", {}).values(), *step.table.get("outcomes", {}).values()]
        yield from ((step, way) for way in ways if isinstance(way, list) and isinstance(way[-1], str))


@kind
def a_target_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = drawn(lot, [key for key, way in step.table["keys"].items() if isinstance(way, str) and way[0] != "@"])
    step.table["keys"][key] += "x"
    return step.told(rf"key {re.escape(key)} leads to '.*x', which is not a step; did you mean")


@kind
def a_step_is_deleted(lot: Random, script: Script) -> Expected:
    wanted = [step for step in steps(script) if _led_to(script, step)]
    step = drawn(lot, wanted)
    del script[step.file][step.name]
    mend = "; did you mean|: write that step, or lead elsewhere"
    return Expected(f"'({step.file.removesuffix('.toml')}\\.)?{step.name}', which is not a step({mend})")


def _led_to(script: Script, step: Step) -> bool:
    return any(
        target(way) == step.name
        for other in menus(script, 1)
        if other.file == step.file and other.name != step.name
        for way in other.table["keys"].values()
    )


@kind
def nobody_reaches_a_new_step(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "menu"))
    script[step.file]["oubli"] = deepcopy(step.table)
    return Expected(
        r"no caller can reach .*\.oubli: let a key or a next lead to it, or take it off", step.file, "oubli"
    )


@kind
def the_keys_are_out_of_order(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    one, other = sorted(key for key in step.table["keys"] if key != "0")[:2]
    first, second = offers(step, one), offers(step, other)
    step.table["prompt"] = step.table["prompt"].replace(first, "@").replace(second, first).replace("@", second)
    return step.told("the options come in the order .*: let the keys ascend")


@kind
def the_numbers_have_a_gap(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if "9" not in step.table["keys"]])
    key = max(key for key in step.table["keys"] if key in "123456789")
    step.table["keys"]["9"] = step.table["keys"].pop(key)
    step.table["prompt"] = step.table["prompt"].replace(f"apez\u00a0{key}.", "apez\u00a09.")
    return step.told("the options are .*: number them from 1, without a gap")


@kind
def key_0_leads_elsewhere(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script, "menu") if "0" in step.table["keys"]])
    step.table["keys"]["0"] = "fin.resolu"
    return step.told("key 0 leads to fin.resolu: 0 calls .* everywhere, so take another key")


@kind
def the_last_way_has_a_condition(lot: Random, script: Script) -> Expected:
    step, way = drawn(lot, _conditional(script))
    way[-1] = {"to": way[-1], "when": ["ouvert"]}
    return step.told("the last way on must have no condition, else a call could stop there")


@kind
def a_menu_has_no_keys(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    step.table["keys"] = {}
    return step.told("a menu needs at least one key: write keys =")


# Silence, patience, ends


@kind
def a_reprompt_is_deleted(lot: Random, script: Script) -> Expected:
    name = drawn(lot, list(script["ligne.toml"]["patience"]))
    which = drawn(lot, ["no_input", "no_match"])
    script["ligne.toml"]["patience"][name][which].pop()
    return Expected(
        f"{which} asks again 1 times, and 2 are the least: add a reprompt", "ligne.toml", f"patience.{name}"
    )


@kind
def a_step_never_asks_again(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script, "menu", "entry") if "then" not in step.table])
    step.table["no_input"] = []
    return step.told("asks only 0 times more, and 1 are the least: add a reprompt")


@kind
def silence_goes_round(lot: Random, script: Script) -> Expected:
    plain = [step for step in menus(script) if not {"then", "limit", "aside"} & step.table.keys()]
    one, other = drawn(lot, plain), drawn(lot, plain)
    for step, to in ((one, other), (other, one)):
        step.table["no_input_give_up"] = f"{to.file.removesuffix('.toml')}.{to.name}"
    return Expected(rf"silence goes round for ever: .*\b{one.name}\b.*; give one of them a limit and beyond")


@kind
def silence_hangs_up_unwarned(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if not {"then", "aside"} & step.table.keys()])
    step.table["no_input_give_up"] = "fin.rappelez"
    return step.told("silence here hangs up without the warning of pause.toujours-la: lead it there first")


@kind
def giving_up_leads_back(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if "limit" not in step.table])
    step.table["no_match_give_up"] = step.name
    return step.told("no_match_give_up leads back to the same step: lead elsewhere, or to a person")


@kind
def a_question_waits_too_short(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if "patience" in step.table])
    step.table["wait"] = 8
    return step.told("waits 8 s, and with patience '.*' .* are the least: let it wait longer")


@kind
def a_patience_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script, "menu") if step.table.get("patience") == "look"])
    step.table["patience"] = "loook"
    return step.told("patience 'loook' is not in ligne.toml; did you mean 'look'")


@kind
def a_limit_has_no_beyond(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "limit" in step.table])
    del step.table["beyond"]
    return step.told("limit and beyond belong together: how many visits, and where the next one leads")


@kind
def a_limit_is_forgotten(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "limit" in step.table])
    del step.table["limit"], step.table["beyond"]
    return step.told("^beyond is gone; .*put it back, or accept it")


@kind
def a_resumption_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "resume" in step.table])
    step.table["resume"] += "x"
    return step.told("resume is '.*x', which is not a step; did you mean")


@kind
def an_end_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "hangup"))
    step.table["disposition"] += "x"
    return step.told("no call ends as '.*x'; did you mean .*; a disposition is one of")


@kind
def a_return_has_nothing_to_return_to(lot: Random, script: Script) -> Expected:
    back = [s for s in steps(script, "menu") if "@return" in s.table["keys"].values()]
    step = drawn(lot, back)
    del step.table["aside"]
    return step.told("'@return' needs aside = true: only an interruption can be returned from")


# Desks, slots, facts


@kind
def no_desk_knows_the_command(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "run"))
    step.table["command"] += "s"
    return step.told("no desk carries out the command '.*s'; did you mean '.*'.*; README.md names those that there are")


@kind
def an_outcome_is_forgotten(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "run"))
    name = drawn(lot, list(step.table["outcomes"]))
    del step.table["outcomes"][name]
    return step.told(f"outcome '{name}' .*is missing: ")


@kind
def an_outcome_never_comes(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "run"))
    step.table["outcomes"]["perhaps"] = step.table["outcomes"]["late"]
    return step.told("never has the outcome 'perhaps'; .*take it off")


@kind
def the_desk_is_not_given_its_slot(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script, "run") if step.table.get("needs") not in (None, ["rappel"])])
    slot = step.table["needs"].pop()
    return step.told(rf"needs the slot '{slot}': write needs = \[\"{slot}\"\], with the others")


@kind
def a_result_of_a_transfer_is_forgotten(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "transfer"))
    name = drawn(lot, list(step.table["outcomes"]))
    del step.table["outcomes"][name]
    return step.told(f"outcome '{name}' is missing: a person may not answer, and the call must go on")


@kind
def nobody_has_that_name(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script, "transfer"))
    step.table["to"] = "technicien"
    return step.told("nobody is called 'technicien'; write 'conseiller'")


@kind
def a_slot_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, _with_slots(script))
    step.table["prompt"] = re.sub(r"\{([a-z-]+)", r"{\1s", step.table["prompt"], count=1)
    return step.told(
        r"\{.*s\} is spoken, but no earlier step on the way from '.*' fills it: fill it there, or say it later"
    )


def _with_slots(script: Script) -> list[Step]:
    return [step for step in spoken(script) if re.search(r"\{[a-z-]+", step.table["prompt"])]


@kind
def an_outcome_no_longer_fills_its_slot(lot: Random, script: Script) -> Expected:
    step, way = drawn(
        lot,
        [
            (step, way)
            for step in steps(script, "run")
            for way in step.table["outcomes"].values()
            if isinstance(way, dict) and way.get("fills")
        ],
    )
    way.pop("fills")
    return step.told("^outcomes .* is now: .*put it back, or accept it")


@kind
def a_manner_is_unknown(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in _with_slots(script) if re.search(r"\{[a-z-]+:", step.table["prompt"])])
    step.table["prompt"] = re.sub(r"\{([a-z-]+):", r"{\1:x", step.table["prompt"], count=1)
    return step.told("a manner is one of text, digits")


@kind
def a_fact_is_not_declared(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "sets" in step.table])
    step.table["sets"] = [f"{step.table['sets'][0]}x"]
    return step.told(r"the fact '.*x' is not declared in ligne.toml \[facts\]; did you mean")


@kind
def the_line_never_gives_that_fact(lot: Random, script: Script) -> Expected:
    fact = drawn(lot, [name for name, slots in script["ligne.toml"]["given"].items() if not slots])
    script["ligne.toml"]["given"] = {
        f"{name}s" if name == fact else name: slots for name, slots in script["ligne.toml"]["given"].items()
    }
    script["ligne.toml"]["facts"][f"{fact}s"] = ""
    return Expected(f"the line never gives the fact '{fact}s'; did you mean '{fact}'", "ligne.toml", "given")


# Words


@kind
def an_apostrophe_is_straight(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in spoken(script) if "’" in step.table["prompt"]])
    step.table["prompt"] = step.table["prompt"].replace("’", "'", 1)
    return step.told("has a straight apostrophe: write ’")


@kind
def a_key_follows_an_ordinary_space(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if "apez\u00a01" in step.table["prompt"]])
    step.table["prompt"] = step.table["prompt"].replace("apez\u00a01", "apez 1", 1)
    return step.told("has an ordinary space before a key: make it a non-breaking one")


@kind
def another_verb_is_used_for_the_mobile(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = drawn(lot, [key for key in step.table["keys"] if key in "123456789"])
    step.table["prompt"] = step.table["prompt"].replace(f"tapez\u00a0{key}", f"appuyez sur {key}", 1)
    return step.told("« appuyez » is kept for the device; for the caller's telephone write « tapez »")


@kind
def the_device_is_told_to_type(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] += " Sur le combiné, tapez le code."
    return step.told("« tapez » is for a key of the caller's own telephone alone: write «")


@kind
def a_word_is_forbidden(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] += " Veuillez attendre."
    return step.told("says « veuillez », which this script never says: write it otherwise")


@kind
def the_key_comes_before_what_it_does(lot: Random, script: Script) -> Expected:
    step = drawn(lot, menus(script))
    key = drawn(lot, [key for key in step.table["keys"] if key in "123456789"])
    step.table["prompt"] = step.table["prompt"].replace(offers(step, key), f"Tapez\u00a0{key} pour autre chose.")
    return step.told(f"says the key before what it does: write « Pour …, tapez {key}")


@kind
def a_prompt_is_too_long(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] += " Puis attendez encore" + " un peu" * 20 + "."
    return step.told("has .* words, and 42 are the most: say less, or in two steps")


@kind
def a_menu_has_too_many_choices(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in menus(script) if "0" not in step.table["keys"]])
    for key in [str(key) for key in range(1, 7) if str(key) not in step.table["keys"]]:
        step.table["keys"][key] = "fin.resolu"
        step.table["prompt"] += f" Pour la suite {'b' * int(key)}, tapez\u00a0{key}."
    return step.told("offers 6 choices, and 4 are the most: ask in two steps")


@kind
def an_acronym_is_in_no_lexicon(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] += " Voyez votre ADSL."
    return step.told("« ADSL » would be said wrong: say in lexique.toml how it is spoken, or write it in words")


@kind
def a_bracket_is_astray(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script))
    step.table["prompt"] = f"[2 secondes] {step.table['prompt']}"
    return step.told(r"stray '\[': a pause is written \[3 s\]")


# Form


@kind
def a_kind_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, steps(script))
    step.table["kind"] += "s"
    return step.told("kind '.*s' is none of .*; did you mean")


@kind
def a_setting_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "label" in step.table])
    step.table["lable"] = step.table.pop("label")
    return step.told("there is no setting 'lable' here; did you mean 'label'")


@kind
def a_cue_comes_too_late(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "cues" in step.table])
    second = drawn(lot, list(step.table["cues"]))
    step.table["cues"]["599"] = step.table["cues"].pop(second)
    return step.told("the cue at 599 s is beyond the .* of .* s: let it come sooner")


@kind
def an_expression_is_broken(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script, "entry") if "checks" in step.table])
    step.table["checks"][0]["match"] += "["
    return step.told(r"is no regular expression \(.*\): mend it")


@kind
def a_phrase_is_misspelt(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "once" in step.table])
    step.table["once"] += "x"
    return step.told("the phrase '.*x' is not a step; did you mean")


# What stands beside the chapters


@kind
def a_guide_fact_is_unknown(lot: Random, script: Script) -> Expected:
    step = drawn(lot, [step for step in steps(script) if "guide" in step.table])
    step.table["guide"].append("F5O")
    return step.told("guide fact 'F5O' is not in guide.toml; did you mean")


@kind
def a_guide_fact_is_spoken_by_nobody(lot: Random, script: Script) -> Expected:
    fact = drawn(lot, sorted({fact for step in steps(script) for fact in step.table.get("guide", ())}))
    for step in steps(script):
        if fact in step.table.get("guide", ()):
            step.table["guide"].remove(fact)
    return Expected("no step that can be reached speaks it; name it in the 'guide' of the step", "guide.toml", fact)


@kind
def an_sms_is_too_long(lot: Random, script: Script) -> Expected:
    name = drawn(lot, list(script["sms.toml"]))
    script["sms.toml"][name]["text"] += " Rappelez-nous" + " encore" * 20
    return Expected("it may take .* characters with its longest values: shorten it by", "sms.toml", name)


@kind
def an_sms_costs_three(lot: Random, script: Script) -> Expected:
    name = drawn(lot, list(script["sms.toml"]))
    script["sms.toml"][name]["text"] += " ê"
    return Expected("'ê' is not in the SMS alphabet: write it otherwise", "sms.toml", name)


@kind
def an_sms_is_gone(lot: Random, script: Script) -> Expected:
    name = drawn(lot, ["verification", "adresse", "code", "succes", "pas-encore"])
    del script["sms.toml"][name]
    return Expected(rf"sends the SMS '{name}', which sms.toml does not have: write it there as \[{name}\]")


@kind
def an_hour_is_none(lot: Random, script: Script) -> Expected:
    day = drawn(lot, ["lundi", "mardi", "mercredi", "jeudi", "vendredi"])
    script["horaires.toml"]["semaine"][day] = ["08:00-25:00"]
    return Expected(f"{day}.*25:00.*écrivez", "horaires.toml", "semaine")


@kind
def a_call_of_the_dialogue_goes_astray(lot: Random, script: Script) -> Expected:
    name = drawn(lot, list(script["limites.toml"]["paths"]))
    way = script["limites.toml"]["paths"][name]["way"]
    script["limites.toml"]["paths"][name]["way"] = way.replace("accueil.menu ", "accueil.menu-ferme ", 1)
    return Expected(f"leads to accueil.menu, not to accueil.menu-ferme: put it right, or mend the path {name}")


# The recordings


@kind
def a_sentence_has_no_clip(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] += " C’est tout."
    return Expected(
        "« .*C’est tout. » has no clip: run 'ivr speak'", step=f"{step.file.removesuffix('.toml')}.{step.name}"
    )


@kind
def a_pronunciation_makes_clips_stale(lot: Random, script: Script) -> Expected:
    word = drawn(lot, ["provisioning", "Assist VoIP", "Enreg. Combiné", "espaceclient"])
    script["lexique.toml"]["mots"][word] = "autre chose"
    return Expected("» has an old clip: run 'ivr speak'")


@kind
def nothing_plays_a_clip_any_more(lot: Random, script: Script) -> Expected:
    step = drawn(lot, spoken(script, "say", "hangup"))
    step.table["prompt"] = "Parlons d’autre chose."
    return Expected("nothing plays it: run 'ivr speak --prune'")


CLIPS |= {"a_sentence_has_no_clip", "a_pronunciation_makes_clips_stale", "nothing_plays_a_clip_any_more"}


def mutated(name: str, seed: int, folder: Path) -> Expected:
    """Write the script into the folder with one mistake of this kind in it, at a place that the seed draws."""
    script = deepcopy(true_script())
    expected = KINDS[name](Random(f"{name} {seed}"), script)  # noqa: S311 - a lot that can be drawn again
    for file, tables in script.items():
        changed = tables != true_script()[file]
        text = toml(tables) if changed else (ROOT / "prompts" / file).read_text()
        (folder / file).write_text(text)
    return expected


def report_on(folder: Path, *, clips: bool) -> Report:
    """What `ivr check` finds of the folder."""
    return check(replace(script_settings(str(folder)), audio_dir=ROOT / "audio"), clips=clips)


def _main(places: int) -> int:
    tried, missed = Counter[str](), list[str]()
    for name in track(KINDS, description="mutations"):
        for seed in range(places):
            with tempfile.TemporaryDirectory() as folder:
                expected = mutated(name, seed, Path(folder))
                report = report_on(Path(folder), clips=name in CLIPS)
                tried[name] += 1
                if not expected.found_in(report):
                    told = "\n    ".join(map(str, report.findings[:6]))
                    missed.append(f"{name} {seed}: expected {expected}\n    {told}")
    print(*missed, sep="\n")
    print(f"{len(KINDS)} kinds, {tried.total()} mutations, {len(missed)} not told as they should be.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
