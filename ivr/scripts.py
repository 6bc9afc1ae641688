"""Which script a call is walked on: a new one begins on the live revision, one in progress stays on its own.

Each revision is read once a process and kept while calls may be on it. What is made of it (desks, renderer) is made by
whoever wires. A revision that this program cannot read is told in the log, and no call begins on it: the last one that
could be read stays. A call that is on it goes on with that one, at the step of the same name, else at the menu.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from ivr.folder import Script, read_files, shown_as, whole_script
from ivr.store.revisions import Revisions

log = logging.getLogger("ivr.scripts")

MOST_KEPT = 8
"""Revisions that a process keeps at once, the last used; another one is read again in a twentieth of a second."""


class Made(Protocol):
    """What is made of a script names its revision."""

    @property
    def revision(self) -> str:
        """Which revision it was made of."""
        ...


class Look(Protocol):
    """Where it can be seen what is live: a turn, or any transaction (`ivr.store.revisions.Revisions`)."""

    def live(self) -> str:
        """The revision that is live; empty when none was ever published."""
        ...

    @property
    def transaction(self) -> Connection:
        """The connection, for a revision that is not at hand."""
        ...


T = TypeVar("T", bound=Made)


class Scripts(Generic[T]):
    """The revisions that the calls of one database are on, each made into what walks it.

    `first` is what calls begin on while nothing is published; `make` makes the others.
    """

    def __init__(self, engine: Engine, first: T, make: Callable[[Script], T]) -> None:
        self._engine, self._make, self._lock = engine, make, Lock()
        self._own, self._live = first, first
        self._kept: dict[str, T | None] = {first.revision: first}

    def live(self, look: Look) -> T:
        """What a call begins on now."""
        revision = look.live()
        if made := self._made(look, revision) if revision else self._own:
            self._live = made
        return self._live

    def of(self, look: Look, revision: str) -> T:
        """What a call on this revision goes on with."""
        return self._made(look, revision) or self.live(look)

    def last(self) -> T:
        """What this process began its last call on, without a look at the database."""
        return self._live

    def now(self) -> T:
        """The same as `live`, in a transaction of its own."""
        with self._engine.begin() as connection:
            return self.live(Revisions(connection))

    def by_id(self, revision: str) -> T:
        """The same as `of`; a transaction of its own is needed only when the revision is not at hand."""
        if made := self._kept.get(revision):
            return made
        with self._engine.begin() as connection:
            return self.of(Revisions(connection), revision)

    def of_call(self, call: str) -> T:
        """What a call is on; when it is unknown, what it would begin on."""
        with self._engine.begin() as connection:
            kept = Revisions(connection)
            return self.of(kept, kept.of_call(call))

    def _made(self, look: Look, revision: str) -> T | None:
        """What is made of a revision; None when there is none of that name, or it cannot be read. Told once."""
        with self._lock:
            if revision not in self._kept:
                self._kept[revision] = self._read(look, revision)
            made = self._kept[revision] = self._kept.pop(revision)  # the last used comes last
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            return made

    def _read(self, look: Look, revision: str) -> T | None:
        files = Revisions(look.transaction).files(revision) if revision else None
        if files is None:
            return None
        try:
            return self._make(whole_script(files))
        except Exception as error:  # whatever is wrong with it, calls go on
            log.error("revision", extra={"revision": revision, "why": str(error)})  # noqa: TRY400 - told in full
            return None


def script_at_start(engine: Engine, folder: Path, at: float) -> Script:
    """The script that a process starts with: the live revision, else what the folder says, which is kept as one.

    Raises ScriptError, SpeechError, SmsError or HoursError when neither can be read.
    """
    with engine.begin() as connection:
        live = Revisions(connection).live()
        kept = Revisions(connection).files(live) if live else None
    if kept:
        try:
            return whole_script(kept)
        except Exception as error:  # the folder has to do
            log.error("revision", extra={"revision": live, "why": str(error)})  # noqa: TRY400
    files = read_files(folder)
    script = whole_script(files, shown_as(folder))
    with engine.begin() as connection:
        Revisions(connection).keep(script.revision, files, at)
    return script
