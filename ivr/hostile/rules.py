"""What must hold, whatever happens to the line; as it is told to whoever looks after it."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """One rule, in a French sentence."""

    VALID = "chaque webhook reçoit 200 et du TwiML valide"
    HEARD = "jamais de ligne muette"
    SAME = "un webhook livré deux fois reçoit deux fois les mêmes octets"
    ONCE = "un webhook livré deux fois ne compte qu’une fois"
    WHOLE = "aucun incident dans la ligne, sauf les pannes qu’on lui fait"
    CODES = "un code n’est donné qu’une fois"
    ENDS = "tout appel finit"
    KEPT = "chaque appel est écrit en entier, avec sa fin"


class Broken(Exception):  # noqa: N818 - it is what was looked for, no error of ours
    """A rule does not hold; `detail` says where it showed."""

    def __init__(self, rule: Rule, detail: str) -> None:
        super().__init__(f"{rule} : {detail}")
        self.rule, self.detail = rule, detail
