"""A caller in a test: dials, hears, presses, and says what he expected when a line goes otherwise.

    phone.dial()
    phone.press("1")
    phone.hears("bouton.ethernet")
    phone.silence()
    phone.hears("je n’ai rien reçu")
    phone.hung_up()

He is patient: before he presses he hears the line out, and what he was not asked about may be said as well. What must
be heard to the word and in its order is a transcript. What fails is an AssertionError that tells the call so far. Knows
nothing of the line.
"""

from __future__ import annotations

from ivr.phone.audio import normal
from ivr.phone.book import Book, matches, told
from ivr.phone.ear import Ear
from ivr.phone.log import Heard
from ivr.phone.phone import MOST_SPEECH, Phone
from ivr.phone.transcript import Stage, Transcript, epoch, play


class Caller:
    """Whoever holds `phone`, with a `book` of the line's prompts and the `stage` that its transcripts need.

    Everything may raise CallError, like the phone, with the call so far.
    """

    def __init__(self, phone: Phone, book: Book, stage: Stage | None = None) -> None:
        self.phone = phone
        self._book = book
        self._stage = stage
        self._begin()

    def dial(self, caller: str = "", *, at: str = "") -> None:
        """Call the line: from `caller` (E.164, or `anonymous`), `at` an hour in Paris, `2026-11-23 21:40`.

        Without an hour the clock stands where it stood. Raises ValueError for an hour that is none.
        """
        if at:
            self.phone.clock.set(epoch(at))
        self.phone.caller = caller or self.phone.caller
        self._begin()
        self.phone.dial()

    def hears(self, *prompts: str) -> None:
        """Expect to hear these, one after the other, before the line waits: ids of prompts, or words that are said."""
        __tracebackhide__ = True
        for prompt in prompts:
            self._hear(prompt)

    def press(self, keys: str, *, early: bool = False) -> None:
        """Hear the line out, then press; `early` cuts short what is being said. ValueError for what is no key."""
        if not early:
            self.phone.hear_out()
        self.phone.press(keys)
        self._begin()

    def silence(self) -> None:
        """Do nothing until the line has lost patience; what is said after that is heard by `hears`."""
        self._passed(self.phone.silence())

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._passed(self.phone.wait(seconds))

    def speak(self, seconds: float) -> None:
        """Talk for so many seconds: into a recording, else to nobody."""
        self._passed(self.phone.speak(seconds))

    def drop(self) -> None:
        """Hang up."""
        self.phone.drop()

    def again(self) -> None:
        """The carrier delivers the last webhook a second time: expect the same bytes."""
        __tracebackhide__ = True
        first, second = self.phone.last_answer, self.phone.again()
        if first != second:
            texts = "\n".join(one.decode(errors="replace") for one in (first, second))
            raise self._failure(f"the webhook that was delivered twice got another answer:\n{texts}")

    def hung_up(self, disposition: str = "") -> None:
        """Expect the line to hang up by itself; and the call to have ended so, where a stage knows."""
        __tracebackhide__ = True
        while self.phone.seconds < MOST_SPEECH and (heard := self._ear.next()):
            self._heard.append(heard)
        if not self.phone.ended:
            raise self._failure(f"the line has not hung up: {self._ear.why_no_more()}")
        found = self._stage.disposition(self.phone.call_sid) if disposition and self._stage else disposition
        if found != disposition:
            raise self._failure(f"expected: the call ended as {disposition!r}\nfound:    {found!r}")

    def plays(self, transcript: Transcript) -> None:
        """Play a whole transcript on this telephone; TranscriptFailed when it goes otherwise."""
        __tracebackhide__ = True
        play(transcript, self.phone, self._book, self._stage)

    # What one can see of the call.

    @property
    def heard(self) -> list[str]:
        """What has been heard since the last act, words and addresses of clips."""
        return [one.what for one in self._heard]

    @property
    def seconds(self) -> float:
        """Seconds since the call began."""
        return self.phone.seconds

    def so_far(self) -> str:
        """Tell the call, one event a line, numbers masked."""
        return self.phone.so_far()

    # Hearing.

    def _begin(self) -> None:
        self._ear = Ear(self.phone)
        self._heard: list[Heard] = []

    def _passed(self, heard: list[Heard]) -> None:
        self._heard = []
        self._ear.pending += heard

    def _hear(self, prompt: str) -> None:
        __tracebackhide__ = True
        since = len(self._heard)
        while not self._is_heard(prompt, self._heard[since:]):
            utterance = self._ear.next()
            if utterance is None:
                instead = told(self._book, self._heard) or "  nothing"
                raise self._failure(f"expected: {prompt}\nheard:\n{instead}\n{self._ear.why_no_more()}")
            self._heard.append(utterance)

    def _is_heard(self, prompt: str, heard: list[Heard]) -> bool:
        """Whether what was heard ends with the prompt, whole, or with something that holds these words."""
        if not heard:
            return False
        words = heard[-1].title if heard[-1].clip else heard[-1].what
        if normal(prompt).casefold() in normal(words).casefold():
            return True
        try:
            ways = self._book.variants(prompt)
        except KeyError:
            return False
        return any(
            len(heard) >= len(way) and all(map(matches, way, heard[len(heard) - len(way) :])) for way in ways if way
        )

    def _failure(self, why: str) -> AssertionError:
        return AssertionError(f"{why}\nThe call so far:\n{self.so_far()}")
