"""What a revision of the script becomes in a web process: its desks, its voice, and what renders its answers.

Made once a revision, by `create_app`'s wiring; calls find theirs through `ivr.scripts.Scripts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ivr.alone import Alone
from ivr.calls import Beginning, Desk, Work
from ivr.flow.engine import Dialled
from ivr.flow.model import Flow
from ivr.folder import Script
from ivr.services import Services
from ivr.settings import Settings
from ivr.speech.shelf import Library, Shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import preferred
from ivr.store.vault import Vault
from ivr.telephony.twiml import Renderer


@dataclass(frozen=True)
class Edition:
    """One revision, ready for calls. `desks` carry out its commands, `in_words` renders without a clip.

    `alone` walks its calls without the database.
    """

    revision: str
    services: Services
    desks: Mapping[str, Desk]
    speaker: Speaker
    renderer: Renderer
    in_words: Renderer
    alone: Alone

    @property
    def flow(self) -> Flow:
        """Its steps."""
        return self.services.flow

    @property
    def beginning(self) -> Beginning:
        """What is known when a call begins on it."""
        return self.services.again.beginning


@dataclass(frozen=True)
class Press:
    """Makes editions.

    `services` are made of a script; `more` are desks beside theirs; `people` who can be rung; `around` wraps each desk.
    """

    settings: Settings
    library: Library
    vault: Vault
    services: Callable[[Script], Services]
    more: Mapping[str, Desk]
    people: Mapping[str, str]
    around: Callable[[str, Desk], Desk]

    def edition(self, script: Script) -> Edition:
        """The edition of a script; its clips are looked for anew.

        Raises SpeechError when the index of the clips cannot be read.
        """
        chosen, services = self.settings, self.services(script)
        speaker = Speaker(script.flow, self.library.restock(), script.lexicon, preferred(chosen.voice))
        rendered = partial(Renderer, script.flow, numbers=self.people, own_number=chosen.own_number)
        renderer = rendered(speaker, audio=f"{chosen.public_url}/audio/")
        in_words = rendered(replace(speaker, shelf=Shelf()))
        desks = {name: self.around(name, desk) for name, desk in {**services.desks(), **self.more}.items()}
        return Edition(script.revision, services, desks, speaker, renderer, in_words, self._alone(services))

    def _alone(self, services: Services) -> Alone:
        """What walks calls of this script with the clock alone."""

        def beginning(at: float) -> Dialled:
            return services.again.beginning(Work("", "", at))

        answers = {"agents": services.people.there}
        return Alone(services.flow, self.vault, frozenset(self.people), beginning, answers)
