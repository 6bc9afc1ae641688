"""The ears of a call: what its caller, and whoever the line dials, has heard, and what of it is to be listed yet.

For what reads a call utterance by utterance (`transcript`, `caller`). Lets time pass only where that is said.
"""

from collections.abc import Sequence

from ivr.phone.book import Element, sounds_like
from ivr.phone.log import Heard
from ivr.phone.phone import MOST_SPEECH, Phone


class Ear:
    """The caller's ear. `pending` was heard while time passed, and is to be listed; `last` was listed last.

    When that was by quoted words, what follows is heard `loosely`: it need not be listed.
    """

    def __init__(self, phone: Phone) -> None:
        self.pending: list[Heard] = []
        self.last: Heard | None = None
        self.loosely = False
        self._phone = phone

    def next(self) -> Heard | None:
        """The next utterance, heard already or now; None when the phone waits, or the call is over."""
        self.last = self.pending.pop(0) if self.pending else self._hear()
        return self.last

    def goes_on(self, elements: Sequence[Element]) -> bool:
        """Whether what is heard next is one of these; no time passes."""
        what = self.pending[0].what if self.pending else self._coming()
        return what is not None and any(sounds_like(element, what) for element in elements)

    def why_no_more(self) -> str:
        """Why nothing more is heard."""
        if self._phone.ended:
            return f"then the call ended ({self._phone.ended})"
        return "then the phone waited for the caller" if self._phone.waits else "and so on, without end"

    def _hear(self) -> Heard | None:
        return self._phone.hear()

    def _coming(self) -> str | None:
        return self._phone.coming(MOST_SPEECH)


class AgentEar(Ear):
    """The ear of whoever the line dials: what he has heard already in this call is pending, whenever it is listed.

    It `skips` what the caller hears before he is dialled, where that need not be listed.
    """

    def __init__(self, phone: Phone) -> None:
        super().__init__(phone)
        self.skips = False
        self._call, self._known = "", 0

    def next(self) -> Heard | None:
        """See Ear: of this call alone."""
        if self._call != self._phone.call_sid:
            self._call, self._known, self.pending = self._phone.call_sid, 0, []
        self.pending += self._phone.agent_heard[self._known :]
        self._known = len(self._phone.agent_heard)
        return super().next()

    def why_no_more(self) -> str:
        """See Ear."""
        return "then the agent heard no more; has the line dialled him, and does he answer?"

    def _hear(self) -> Heard | None:
        heard = self._phone.hear_agent(skips=self.skips)
        self._known = len(self._phone.agent_heard)
        return heard

    def _coming(self) -> str | None:
        return self._phone.coming_to_agent(MOST_SPEECH)
