"""`ivr doctor`: what is missing or unsafe before going live, each finding in French and with its mend.

Beside the rooms, in the row of the command line: it looks at everything the line stands on and changes nothing, no row
and no schema. Each module holds the looks at one subject; a look gives findings, and one that stumbles is one itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.settings import Settings

Level = Literal["grave", "avis", "bien"]
"""`grave`: do not go live so. `avis`: to be known. `bien`: looked at, and well."""

SIGNS: Mapping[Level, str] = {"grave": "✗", "avis": "!", "bien": "✓"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look has found, in French; `mend` says what to do about it. Neither holds a secret or a whole number."""

    about: str
    level: Level
    what: str
    mend: str = ""


Look = Callable[[Settings], Iterable[Finding]]
"""Looks at one thing; raises nothing that it expects."""


def grave_if(worse: object) -> Level:
    """`grave` when it is that bad, else `avis`."""
    return "grave" if worse else "avis"


Looks = Mapping[str, Look]
"""By what they look at, in French."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found."""

    findings: tuple[Finding, ...]

    def is_fit(self) -> bool:
        """Whether the line may go live: nothing grave was found."""
        return all(one.level != "grave" for one in self.findings)

    def as_json(self) -> str:
        """The report for programs."""
        found = [
            {"about": one.about, "level": one.level, "what": one.what, "mend": one.mend or None}
            for one in self.findings
        ]
        return json.dumps({"fit": self.is_fit(), "findings": found}, ensure_ascii=False, indent=1)

    def __str__(self) -> str:
        """The report for people: what is grave last, where it is read first."""
        order: tuple[Level, ...] = ("bien", "avis", "grave")
        rows = [_row(one) for level in order for one in self.findings if one.level == level]
        graves = sum(one.level == "grave" for one in self.findings)
        notes = sum(one.level == "avis" for one in self.findings)
        verdict = f"À corriger avant d'ouvrir la ligne : {graves}." if graves else "La ligne peut ouvrir."
        return french("\n".join([*rows, "", f"{verdict} Avis : {notes}." if notes else verdict]))


def examined(settings: Settings, looks: Looks, begun: Callable[[str], None] = lambda _about: None) -> Report:
    """The report of every look, in order; `begun` is told of each before it is taken."""
    return Report(tuple(finding for about, look in looks.items() for finding in _taken(settings, about, look, begun)))


def _taken(settings: Settings, about: str, look: Look, begun: Callable[[str], None]) -> Iterator[Finding]:
    begun(about)
    try:
        yield from look(settings)
    except Exception as error:  # a look that stumbles has found something
        yield Finding(about, "grave", f"Impossible à vérifier ({type(error).__name__}).", "Voyez les autres constats.")


def refused(problems: str) -> Report:
    """The report when the settings themselves are refused: nothing else can be looked at."""
    mend = "Corrigez ce réglage ; `ivr --help` et README.md les nomment tous."
    return Report(tuple(Finding("réglages", "grave", problem, mend) for problem in problems.splitlines()))


def french(text: str) -> str:
    """The text with the spaces of French typography."""
    text = re.sub(r" ([:»])", "\u00a0\\1", text)
    return re.sub(r" ([;?!])", "\u202f\\1", text).replace("« ", "«\u00a0")


def _row(one: Finding) -> str:
    return f"{SIGNS[one.level]} {one.about} : {one.what}" + (f"\n    → {one.mend}" if one.mend else "")
