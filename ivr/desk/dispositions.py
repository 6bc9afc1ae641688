"""How a call can have ended, in words for the support team. A closed set: reports count what it holds.

Scripts name them in `disposition = …`; « cut » is said by nobody: it is what is left when a call ended from outside
(`ivr.store.ends`). It must not know where calls are kept.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "solved": "réparé",
    "follow-up": "suivi promis",
    "transferred": "passé à un conseiller",
    "callback": "rappel promis",
    "message": "message laissé",
    "ended by the caller": "terminé par l'appelant",
    "abandoned": "abandonné",
    "cut": "coupé",
}
"""Every disposition, and what the support team reads.

`follow-up`: the line promised to tell whether the telephone came back. `abandoned`: it hung up after its warnings.
"""

GOES_ON = "en cours"
"""What is read of a call that has not ended."""

PLACES = frozenset({"abandoned", "cut"})
"""Dispositions that are worth little without the step they happened at."""


def in_words(disposition: str) -> str:
    """The disposition alone: « réparé »."""
    return WORDS.get(disposition, disposition or GOES_ON)


def told(disposition: str, remedy: str = "", step: str = "") -> str:
    """How the call ended, with what repaired it or where it stopped: « réparé : rebrancher la base »."""
    words = in_words(disposition)
    if disposition == "solved" and remedy:
        return f"{words} : {remedy}"
    return f"{words} à l'étape {step}" if disposition in PLACES and step else words


def counted(tally: Mapping[str, int]) -> str:
    """How many calls ended how, in the order of the set: « réparé 5, coupé 2 »."""
    order = [*WORDS, *sorted(tally.keys() - WORDS.keys())]
    return ", ".join(f"{in_words(each)} {tally[each]}" for each in order if tally.get(each))
