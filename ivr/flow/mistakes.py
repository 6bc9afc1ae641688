"""How mistakes in a script are told: file, step, what is wrong and the mend; all of them, never the first alone.

    ScriptError   the script cannot be used; `mistakes` lists why, one line each in its text

The messages are English, as is everything that names keywords; they are printed at start-up and by `ivr check`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from ivr.flow.model import Flow


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing to mend: `prompts/bouton.toml [alimentation]: key 2 leads to …`."""

    file: str
    step: str
    problem: str
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where} [{self.step}]: {self.problem}" if self.step else f"{where}: {self.problem}"


class ScriptError(Exception):
    """The script has mistakes and no call may be walked on it; `draft` is the flow, when every file could be read."""

    def __init__(self, mistakes: Iterable[Mistake], draft: Flow | None = None) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        self.draft = draft
        super().__init__("\n".join(map(str, self.mistakes)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """« ; did you mean 'ethernet'? », or nothing when no known word is close."""
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
