"""Messages that callers left: one row each, its sound in a sealed file, the number to call back sealed beside a mask.

A draft is kept once the caller sends it or hangs up; a person who has dealt with it says that it is done. What is
written here stands or falls with the transaction of the connection; files do not.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Select, delete, select, update

from ivr.store.numbers import number_key, number_mask, opened_number, sealed_number
from ivr.store.recordings import Recordings
from ivr.store.statements import insert_or
from ivr.store.tables import messages
from ivr.store.vault import Vault

State = Literal["draft", "kept", "done", "discarded"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as an operator may see it. `seconds` long; times in seconds since the epoch."""

    id: str
    call: str
    mask: str
    seconds: float
    state: State
    at: float
    done_at: float | None


class Messages:
    """The messages, within one transaction."""

    def __init__(
        self,
        connection: Connection,
        vault: Vault,
        recordings: Recordings,
        dice: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._connection, self._vault, self._recordings, self._dice = connection, vault, recordings, dice

    def add(self, call: str, recording: str, number: str, seconds: float, at: float) -> str:
        """A draft: what the carrier recorded under this id, and whom to call back (E.164, or nothing); its own id.

        A recording that is known already keeps its message.
        """
        message = self._dice(16).hex()
        row = {
            "id": message,
            "call_sid": call,
            "recording_sid": recording,
            "number_key": number_key(self._vault, number),
            "number_mask": number_mask(number),
            "number_cipher": sealed_number(self._vault, number, _place(message)),
            "seconds": seconds,
            "state": "draft",
            "at": at,
        }
        new = insert_or(self._connection, messages).values(row).on_conflict_do_nothing().returning(messages.c.id)
        if self._connection.execute(new).first() is not None:
            return message
        known = select(messages.c.id).where(messages.c.recording_sid == recording)
        return str(self._connection.execute(known).scalar_one())

    def attach(self, message: str, audio: bytes) -> None:
        """Keep the sound, as it came from the carrier. Raises OSError."""
        self._recordings.put(message, audio)

    def keep(self, message: str) -> bool:
        """The caller sends it, or has hung up; False when it was no draft."""
        return self._move(message, "draft", "kept")

    def discard(self, message: str, at: float) -> bool:
        """The caller starts again: the sound and the number go at once; False when it was no draft."""
        if not self._move(message, "draft", "discarded", done_at=at, number_key="", number_mask="", number_cipher=None):
            return False
        self._recordings.drop(message)
        return True

    def done(self, message: str, at: float) -> bool:
        """A person has dealt with it; False when it was not kept, or is done already."""
        return self._move(message, "kept", "done", done_at=at)

    def delete(self, message: str) -> bool:
        """Take it out, and its sound; False when there is no such message."""
        self._recordings.drop(message)
        gone = delete(messages).where(messages.c.id == message).returning(messages.c.id)
        return self._connection.execute(gone).first() is not None

    def sound(self, message: str) -> bytes | None:
        """The sound as it came; None while there is none. Raises VaultError for one that was tampered with."""
        return self._recordings.sound(message)

    def has_sound(self, message: str) -> bool:
        """Whether the sound has come."""
        return self._recordings.has(message)

    def renew(self) -> int:
        """Seal again what an older secret key had sealed, numbers and sounds; how many of both."""
        rows = self._connection.execute(select(messages.c.id, messages.c.number_cipher)).all()
        old = [row.id for row in rows if row.number_cipher and not self._vault.is_current(row.number_cipher)]
        for message in old:
            number = self.number(message)
            values = {"number_key": number_key(self._vault, number)}
            sealed = {"number_cipher": sealed_number(self._vault, number, _place(message))}
            self._connection.execute(update(messages).where(messages.c.id == message).values({**values, **sealed}))
        return len(old) + sum(self._recordings.renew(row.id) for row in rows)

    def number(self, message: str) -> str:
        """Whom to call back, in E.164; empty when the caller withheld his number."""
        cipher = self._connection.execute(select(messages.c.number_cipher).where(messages.c.id == message))
        return opened_number(self._vault, cipher.scalar_one_or_none(), _place(message))

    def shown(self, *states: State) -> list[Message]:
        """The messages in these states, the oldest first; those that a person may want to hear when none is named."""
        wanted = _shown().where(messages.c.state.in_(states or ("kept", "done")))
        return [Message(*row) for row in self._connection.execute(wanted.order_by(messages.c.at, messages.c.id))]

    def of_call(self, call: str) -> list[Message]:
        """What was left in this call, in any state, the oldest first."""
        mine = _shown().where(messages.c.call_sid == call).order_by(messages.c.at, messages.c.id)
        return [Message(*row) for row in self._connection.execute(mine)]

    def of_recording(self, call: str, recording: str) -> str | None:
        """The message that this call left as this recording of the carrier."""
        mine = (messages.c.call_sid == call, messages.c.recording_sid == recording)
        return self._connection.execute(select(messages.c.id).where(*mine)).scalar_one_or_none()

    def soundless(self, since: float) -> list[tuple[str, str]]:
        """Messages since then whose sound has not come yet: their id, and the carrier's of the recording."""
        mine = (messages.c.state.in_(("draft", "kept")), messages.c.at >= since)
        wanted = select(messages.c.id, messages.c.recording_sid).where(*mine)
        rows = self._connection.execute(wanted.order_by(messages.c.at, messages.c.id))
        return [(row.id, row.recording_sid) for row in rows if not self.has_sound(row.id)]

    def like(self, start: str) -> list[str]:
        """The ids that begin so, two at most: an operator types the first few characters."""
        begins = messages.c.id.startswith(start, autoescape=True)
        ids = select(messages.c.id).where(begins).order_by(messages.c.id).limit(2)
        return list(self._connection.execute(ids).scalars())

    def _move(self, message: str, before: State, after: State, **also: object) -> bool:
        mine = update(messages).where(messages.c.id == message, messages.c.state == before)
        return self._connection.execute(mine.values(state=after, **also).returning(messages.c.id)).first() is not None


def _shown() -> Select[Any]:
    names = ("id", "call_sid", "number_mask", "seconds", "state", "at", "done_at")
    return select(*(messages.c[name] for name in names))


def _place(message: str) -> str:
    return f"messages|number_cipher|{message}"
