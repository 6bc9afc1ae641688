"""The limits of a script, `limites.toml`: how long, how many, how soon; each with its unit, its reason and its source.

They belong to the script's owner, who may change every one of them. Beside the numbers: what may exceed one and why
(`exceptions`), how long each patience waits, the words that are kept for the caller's own telephone, where an option's
words must lead (`promises`), the paths of the dialogue with their seconds, and the guide's facts that nobody speaks.

Without the file: the limits that a source outside this project gives, and no others (`BARS`). This module reads; what
is measured is `measures`, what does not hold is told by `bars`. Text in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.flow.mistakes import Mistake, did_you_mean
from ivr.flow.table import Table

LIMITS = "limites.toml"


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit that there is: its unit, its value where a script says none (None: no limit), and the mend.

    With `least`, what is measured must not be less. `broken` is what is told of a step, with {value} and {limit}.
    """

    unit: str
    usual: float | None
    broken: str
    least: bool = False


BARS: Mapping[str, Bar] = {
    # from the answer to the end of the first option (dialogue.md U1); for a call that the line knows of (U17)
    "first_key": Bar(
        "s", 8, "the first option is heard after {value:.1f} s, and {limit:g} are the most: say less before it"
    ),
    "resume_key": Bar(
        "s", 9, "the first option is heard after {value:.1f} s, and {limit:g} are the most: say less before it"
    ),
    # choices of a menu, 0 apart (U2)
    "choices": Bar("choices", 4, "offers {value:g} choices, and {limit:g} are the most: ask in two steps"),
    # words of a prompt, options included; seconds of its speech, silences apart; the median of the questions (U4)
    "words": Bar("words", None, "has {value:g} words, and {limit:g} are the most: say less, or in two steps"),
    "seconds": Bar("s", 20, "speaks for {value:.1f} s, and {limit:g} are the most: say less, or in two steps"),
    "median_words": Bar(
        "words", None, "half of the questions have {value:g} words or more, and {limit:g} are the most: shorten them"
    ),
    # silence before the next level of a menu on a device (U6)
    "level_silence": Bar("s", 3, "{value:g} s is too short to find the next menu: put [{limit:g} s] before it", True),
    # seconds that a question waits; those between two digits of an entry (U8)
    "wait": Bar("s", 5, "waits {value:g} s, and nobody answers in less than {limit:g}: let it wait longer", True),
    "inter_digit_least": Bar(
        "s", 4, "inter_digit is {value:g} s, and {limit:g} are the least: the eye goes away", True
    ),
    "inter_digit_most": Bar("s", 6, "inter_digit is {value:g} s, and {limit:g} are the most: the line seems dead"),
    # times that a question is asked again, after silence or after a wrong key, before it gives up (U9)
    "reprompts_least": Bar(
        "times",
        1,
        "asks only {value:g} times more, and {limit:g} are the least: add a reprompt to no_input or no_match",
        True,
    ),
    "reprompts": Bar("times", 2, "asks {value:g} times more, and {limit:g} are the most: give up sooner"),
    # speech between key 0 and the transfer, or the offer to call back (U10)
    "person": Bar("s", 5, "speaks for {value:.1f} s between key 0 and a person, and {limit:g} are the most: say less"),
    # seconds without a word while the hands are busy (U16)
    "hold_cues": Bar("s", 10, "{value:g} s pass without a word, and {limit:g} are the most: add a cue"),
    # the longest way on which no key is offered; the longest call of somebody who never presses anything
    "stretch": Bar(
        "s", None, "no key is offered for {value:.0f} s from here, and {limit:g} are the most: offer one, or wait less"
    ),
    "silent_call": Bar(
        "min", None, "who falls silent here keeps the line {value:.1f} min, and {limit:g} are the most: wait less"
    ),
}
"""Every limit. The usual values come from outside this project; what is calibrated on one script has none."""

RULES = ("order", "option", "verbs", "typography", "give_up", "key_0", "promise", "patience")
"""What is checked without a number, and may have exceptions all the same."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number that is kept to, in the unit of its bar; why, and who says so."""

    value: float
    reason: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a patience of ligne.toml waits, in seconds; `step_least` binds the steps that say it otherwise.

    `tries` is how often each of its lists asks again, at least.
    """

    least: float
    most: float
    step_least: float
    tries: int


@dataclass(frozen=True, slots=True)
class Wording:
    """`devices` are the things that have keys of their own (« combiné »), `verbs` the words kept for them.

    `levels` begin a sentence that leads one level deeper in a device's menus. `never` are words nobody shall hear.
    """

    devices: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A call of the dialogue: each stop is a step and what happens there; `most` bounds its speech in seconds.

    What happens is a key, the digits of an entry, the outcome of a command, `silence`, or nothing (a hold, the end).
    """

    name: str
    stops: tuple[tuple[str, str], ...]
    most: float = 0.0
    title: str = ""
    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What `limites.toml` says. `exceptions` maps a step to the limits that it may break, each with a reason."""

    numbers: Mapping[str, Limit] = field(default_factory=dict)
    exceptions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    patience: Mapping[str, Waits] = field(default_factory=dict)
    wording: Wording = Wording()
    promises: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    unspoken: Mapping[str, str] = field(default_factory=dict)
    file: str = LIMITS

    def value(self, name: str) -> float | None:
        """The number that is kept to; None where there is no limit."""
        return self.numbers[name].value if name in self.numbers else None


def usual(file: str = LIMITS) -> Limits:
    """The limits of a script that says nothing of them."""
    return Limits({name: Limit(bar.usual) for name, bar in BARS.items() if bar.usual is not None}, file=file)


def read(data: Mapping[str, Any], file: str = f"prompts/{LIMITS}") -> tuple[Limits, list[Mistake]]:
    """The limits that the parsed file says, and every mistake in it; what it leaves out has its usual value."""
    reader = _Reader(file)
    top = reader.table("", data)
    wording = reader.table("wording", _inside(top, "wording"))
    limits = Limits(
        numbers={**usual().numbers, **dict(reader.numbers(_inside(top, "limits")))},
        exceptions=dict(reader.exceptions(_inside(top, "exceptions"))),
        patience=dict(reader.patience(_inside(top, "patience"))),
        wording=Wording(*(wording.words(name) for name in ("devices", "verbs", "levels", "never"))),
        promises=dict(reader.promises(_inside(top, "promises"))),
        paths=tuple(reader.paths(_inside(top, "paths"))),
        unspoken={fact: str(why) for fact, why in _inside(top, "unspoken").items()},
        file=file,
    )
    wording.close()
    top.close()
    return limits, reader.mistakes


def _inside(top: Table, key: str) -> dict[str, Any]:
    return dict(top.table(key).items())


@dataclass
class _Reader:
    """Reads one table after the other; `mistakes` collects what is wrong with any of them."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)

    def table(self, name: str, data: object) -> Table:
        return Table(self.file, name, data if isinstance(data, dict) else {}, self.mistakes)

    def numbers(self, rows: Mapping[str, Any]) -> Iterator[tuple[str, Limit]]:
        for name, value in rows.items():
            bar, row = BARS.get(name), self.table(f"limits.{name}", value)
            if bar is None:
                row.wrong(f"there is no such limit{did_you_mean(name, BARS)}")
            elif not isinstance(value, dict):
                row.wrong(f'write {{ value = …, unit = "{bar.unit}", reason = "…", source = "…" }}')
            else:
                if (unit := row.text("unit")) != bar.unit:
                    row.wrong(f"unit is '{unit}', but this is measured in {bar.unit}")
                yield name, Limit(row.number("value", high=100_000), row.text("reason"), row.text("source", ""))
                row.close()

    def exceptions(self, rows: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
        known = (*BARS, *RULES)
        for step, reasons in rows.items():
            row = self.table(f"exceptions.{step}", reasons)
            written = dict(row.items())
            if not written or not all(isinstance(why, str) and why for why in written.values()):
                row.wrong('say which limit the step may break, and why, like { words = "…" }')
            for name in sorted(written.keys() - set(known)):
                row.wrong(f"there is no limit '{name}'{did_you_mean(name, known)}")
            yield step, written

    def patience(self, rows: Mapping[str, Any]) -> Iterator[tuple[str, Waits]]:
        for name, value in rows.items():
            row = self.table(f"patience.{name}", value)
            least, most, step = (row.number(key, high=600) for key in ("least", "most", "step_least"))
            yield name, Waits(least, most, step, int(row.number("tries", high=9)))
            row.close()

    def promises(self, rows: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for words, target in rows.items():
            targets = (target,) if isinstance(target, str) else tuple(target) if isinstance(target, list) else ()
            if not targets or not all(isinstance(one, str) for one in targets):
                row = self.table("promises", rows)
                row.wrong(f'« {words} » must lead to a step, or to one of several, like ["fin.resolu"]')
            yield words, tuple(map(str, targets))

    def paths(self, rows: Mapping[str, Any]) -> Iterator[Path]:
        for name, value in rows.items():
            row = self.table(f"paths.{name}", value)
            stops = tuple(_stops(row.text("way")))
            if not stops:
                row.wrong('way must name steps and what happens there, like "accueil.menu 1, fin.resolu"')
            yield Path(name, stops, row.number("most", 0, high=100_000), row.text("title", ""), row.words("given"))
            row.close()


def _stops(written: str) -> Iterator[tuple[str, str]]:
    for stop in written.split(","):
        step, _, action = stop.strip().partition(" ")
        if step:
            yield step, action.strip()
