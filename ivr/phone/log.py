"""What is told of a call: utterances heard, and the log's entries, telephone numbers hidden."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Heard:
    """One utterance, heard whole.

    `what` is the words, or the clip's address; `at` and `seconds` are in seconds since the call began, and long;
    `silence_before` is since the utterance before; `title` is the clip's own (RIFF INAM), if its file has one.
    """

    what: str
    at: float
    seconds: float
    silence_before: float
    title: str = ""

    @property
    def clip(self) -> str | None:
        """The clip's file name, None for words."""
        return clip_name(self.what)


@dataclass(frozen=True)
class Entry:
    """One line of the call's log, numbers masked; `at` is in seconds since the call began.

    `kind` is one of dial, rung, webhook, again, callback, clip, begins, heard, cut, sound, key, dropped, record, rings,
    bridged, rang, end; and of these `agent begins`, `agent heard`, `agent key` and so on for the dialled one's own end.
    """

    at: float
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:7.1f} s  {self.kind:<8} {self.text}"


def clip_name(what: str) -> str | None:
    """Give the file name of a clip's address, None if `what` is words."""
    if not re.match(r"https?://\S+$", what):
        return None
    return urlsplit(what).path.rpartition("/")[2]


def masked(text: str) -> str:
    """Hide telephone numbers but for their ends: +33639980001 becomes +33•••••••01."""
    return re.sub(r"(\+|%2B|\b0)(\d{2})(\d{4,10})(\d{2})\b", lambda n: f"{n[1]}{n[2]}{'•' * len(n[3])}{n[4]}", text)
