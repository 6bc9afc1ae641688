"""A call that was placed, written as a transcript: what was heard in words, which keys, where nobody said anything.

Whatever the line: the phone knows no ids. Several digits in one go are what nobody else must read: zeros stand in their
place, and what sounds like digits read back is left out. It must not know where the transcript is kept.
"""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.phone.log import Entry, clip_name
from ivr.phone.phone import CALLER, Phone
from ivr.phone.transcript import ZONE

MOST_KEYS = 2
"""More keys than this in one go are a number, a password, a code."""

FICTION = re.compile(r"\+33(63998|19900|26191|35301|46571|53649)\d+|anonymous")
"""Numbers that France keeps for fiction: they may stand in a file."""


NUMBERS = frozenset(
    re.findall(
        r"\w+",
        """zéro un une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt
        vingts trente quarante cinquante soixante cent cents mille et point tiret plus comme rien tout seul fois
        groupe""",
    )
)
"""Of what numbers are made when they are read out in French, explained or not."""

SHORTEST = 3
"""Fewer words than this may be a digit, a letter or a pair of them: nothing to recognise a call by."""


def reads_out(text: str) -> bool:
    """Whether this may be digits that are read out: a number, a code, an address."""
    words = re.findall(r"\w+", text.lower())
    said = [word for word in words if not word.isdecimal()]
    return len(words) < SHORTEST or NUMBERS.issuperset(said) or bool(re.search(r"\d(?:\W?\d){3,}", text))


class Recorder:
    """Listens to a phone's log; `note` takes each entry as it happens."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._began = phone.clock.now()
        self._lines: list[str] = []
        self._heard: list[str] = []
        self._keys = 0
        self._sounding = self._pressed = False

    def note(self, entry: Entry) -> None:
        """Take one entry of the log."""
        match entry.kind:
            case "webhook":
                self._asked()
            case "begins":
                self._sounding = True
            case "heard":
                self._sounding = False
                self._heard += [] if reads_out(entry.text) else [_quoted(entry.text)]
            case "key":
                self._key(entry.text)
            case "dropped" if self._pressed:
                self._pressed = len(entry.text) < self._keys
            case "end":
                self._tell()
                self._lines.append("drop" if self._phone.ended == "drop" else "hung up")

    def transcript(self) -> str:
        """The call so far."""
        when = f"{datetime.fromtimestamp(self._began, ZoneInfo(ZONE)):%Y-%m-%d %H:%M}"
        caller = self._phone.caller if FICTION.fullmatch(self._phone.caller) else CALLER
        head = [f"# Un appel passé le {when}, et ce que l’on y entend.", f"dial from {caller} at {when}"]
        return "\n".join([*head, *self._lines]) + "\n"

    def _asked(self) -> None:
        """The line is asked again: by a key, else because nobody said anything where it listened."""
        if not self._pressed and re.search(rb"<(Gather|Record)\b", self._phone.last_answer):
            self._tell()
            self._lines.append("silence any")
        self._pressed = False

    def _key(self, keys: str) -> None:
        self._tell()
        early = " early" if self._sounding else ""
        self._lines.append(f"press {keys if len(keys) <= MOST_KEYS else re.sub('[^*#]', '0', keys)}{early}")
        self._pressed, self._sounding, self._keys = True, False, len(keys)

    def _tell(self) -> None:
        if self._heard:
            self._lines.append(f"hear {', '.join(self._heard)}")
        self._heard = []


def _quoted(text: str) -> str:
    """Words to listen for: a clip without a title is told by its name."""
    words = clip_name(text) or text
    return f'"{words.replace(chr(34), chr(39))}"'
