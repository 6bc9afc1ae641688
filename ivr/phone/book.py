"""Which prompt is which: a Book says how the prompts of a line sound, so that a test can name them instead of quoting.

The phone hears words and clips and knows no ids. Knows nothing of how a line keeps its prompts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ivr.phone.audio import normal
from ivr.phone.log import Heard, clip_name

Element = str | frozenset[str]
Variant = Sequence[Element]

ENDINGS = ("", ".wav", ".mp3", ".ulaw", ".aif", ".aiff", ".gsm")
"""How the name of a clip's file may end: twilio.com/docs/voice/twiml/play#supported-audio-file-types."""


class Book(Protocol):
    """Which prompt is which: between ids and what is heard of them."""

    def variants(self, prompt: str) -> Sequence[Variant]:
        """Give the ways the prompt may sound, each a sequence of utterances; KeyError for an unknown id.

        An utterance is normalised words (`normal`) or a clip's file name; a frozenset is any one of its members.
        """

    def name(self, utterances: Sequence[str]) -> Sequence[str]:
        """Give the ids that these utterances (words or clip file names) may be, as far as known; for messages."""


@dataclass(frozen=True)
class PromptBook:
    """A Book from a dictionary: id -> its variants. Words may be spaced in any way."""

    prompts: Mapping[str, Sequence[Variant]]

    def variants(self, prompt: str) -> Sequence[Variant]:
        """See Book."""
        return self._normal[prompt]

    def name(self, utterances: Sequence[str]) -> Sequence[str]:
        """See Book: the ids of which each utterance is a part."""
        return list(dict.fromkeys(self._first[one] for one in utterances if one in self._first))

    @cached_property
    def _normal(self) -> dict[str, list[tuple[frozenset[str], ...]]]:
        return {
            prompt: [tuple(frozenset(map(normal, choices(element))) for element in way) for way in ways]
            for prompt, ways in self.prompts.items()
        }

    @cached_property
    def _first(self) -> dict[str, str]:
        """The first prompt that each utterance is a part of."""
        parts = (
            (part, prompt)
            for prompt, ways in self._normal.items()
            for way in ways
            for element in way
            for part in element
        )
        return dict(reversed(list(parts)))


@dataclass(frozen=True)
class ClipBook:
    """The Book of a line that nothing more is known of: an id is the name of a clip's file, with its ending or not."""

    def variants(self, prompt: str) -> Sequence[Variant]:
        """See Book; KeyError for what is no file's name."""
        if not re.fullmatch(r"[\w.@-]+", prompt):
            raise KeyError(prompt)
        return [(frozenset(prompt + ending for ending in ENDINGS),)]

    def name(self, utterances: Sequence[str]) -> Sequence[str]:
        """See Book: the names of the clips."""
        return [one.rpartition(".")[0] for one in utterances if one.endswith(ENDINGS[1:])]


def choices(element: Element) -> frozenset[str]:
    """What the element may sound like."""
    return frozenset({element}) if isinstance(element, str) else element


def matches(element: Element, heard: Heard) -> bool:
    """Whether the element is what was heard."""
    return sounds_like(element, heard.what) or heard.title in choices(element)


def sounds_like(element: Element, what: str) -> bool:
    """Whether these words, or the clip at this address, are the element."""
    return not choices(element).isdisjoint({normal(what), clip_name(what)})


def told(book: Book, heard: Sequence[Heard]) -> str:
    """What was heard, a line each: its second, its prompts as far as known, its words or the clip's address."""
    return "\n".join(f"  {one.at:.1f} s  {quoted(book, one.what)}" for one in heard)


def quoted(book: Book, what: str) -> str:
    """Words or a clip's address, with the prompt that they are."""
    return f'{", ".join(book.name([clip_name(what) or normal(what)])) or "no known prompt"}: "{what}"'
