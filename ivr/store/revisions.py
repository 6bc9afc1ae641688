"""Revisions of the script, by the hash of what they say, and their releases: which went live when. The last one is.

A release is never changed: going back is a release of an earlier revision. It remembers what going back from it leads
to, so that who goes back twice is two releases earlier. What the files mean is not known here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, case, func, select

from ivr.store.statements import insert_or, one_at_a_time
from ivr.store.tables import calls, releases, revisions

NONE = 0
"""The number of no release: going back from the first one leads nowhere."""


@dataclass(frozen=True, slots=True)
class Release:
    """A revision that went live: when (seconds since the epoch), by whom, and the release that going back leads to."""

    number: int
    revision: str
    before: int
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls are or were on a revision, and how many of them go on."""

    calls: int
    going_on: int


class Revisions:
    """The revisions of one database, within a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, revision: str, files: Mapping[str, str], at: float) -> None:
        """Keep what a revision says; kept already, nothing changes."""
        packed = zlib.compress(json.dumps(files, ensure_ascii=False, sort_keys=True).encode())
        row = {"id": revision, "files": packed, "kept_at": at}
        self._connection.execute(insert_or(self._connection, revisions).values(row).on_conflict_do_nothing())

    def files(self, revision: str) -> dict[str, str] | None:
        """What a revision says, by file name; None when it is not kept."""
        kept = self._connection.execute(
            select(revisions.c.files).where(revisions.c.id == revision)
        ).scalar_one_or_none()
        return {str(name): str(text) for name, text in json.loads(zlib.decompress(kept)).items()} if kept else None

    @property
    def transaction(self) -> Connection:
        """The connection."""
        return self._connection

    def live(self) -> str:
        """The revision that is live; empty when none was ever published."""
        last = self.last()
        return last.revision if last else ""

    def last(self) -> Release | None:
        """The last release, which is live; None when there never was one."""
        newest = select(releases).order_by(releases.c.number.desc()).limit(1)
        return _release(self._connection.execute(newest).one_or_none())

    def release(self, number: int) -> Release | None:
        """One release."""
        return _release(self._connection.execute(select(releases).where(releases.c.number == number)).one_or_none())

    def releases(self) -> list[Release]:
        """All of them, the oldest first."""
        rows = self._connection.execute(select(releases).order_by(releases.c.number))
        return [Release(*row) for row in rows]

    def publish(self, revision: str, who: str, at: float) -> Release:
        """Let a revision that is kept go live; going back from it leads to what is live now."""
        return self._released(revision, who, at)

    def go_back(self, to: Release, who: str, at: float) -> Release:
        """Let the revision of an earlier release go live again, as if nothing had followed it."""
        return self._released(to.revision, who, at, to.before)

    def _released(self, revision: str, who: str, at: float, before: int | None = None) -> Release:
        one_at_a_time(self._connection, "releases")
        last = self.last()
        number = last.number if last else NONE
        row = Release(number + 1, revision, number if before is None else before, who, at)
        self._connection.execute(
            releases.insert().values(number=row.number, revision=revision, before=row.before, who=who, at=at)
        )
        return row

    def tallies(self) -> dict[str, Tally]:
        """The calls on each revision; on none (empty): those from before there were revisions."""
        goes_on = and_(calls.c.ended_at.is_(None), calls.c.disposition == "")
        going_on = func.count(case((goes_on, 1)))
        counted = select(calls.c.revision, func.count(), going_on).group_by(calls.c.revision)
        return {row[0]: Tally(row[1], row[2]) for row in self._connection.execute(counted)}

    def last_begun(self) -> str:
        """The revision that the newest call is on; empty when there was none."""
        newest = select(calls.c.revision).where(calls.c.revision != "").order_by(calls.c.started_at.desc()).limit(1)
        return self._connection.execute(newest).scalar_one_or_none() or ""

    def of_call(self, sid: str) -> str:
        """The revision that a call is on; empty when it is unknown."""
        return self._connection.execute(select(calls.c.revision).where(calls.c.sid == sid)).scalar_one_or_none() or ""


def _release(row: object) -> Release | None:
    return Release(*row) if row else None  # type: ignore[misc]
