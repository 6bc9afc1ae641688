"""SQLite files that something has happened to, and what a line that is started on them does (facts B17)."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from ivr.desk.codes import Issued
from ivr.services.memory import remember
from ivr.store.database import DamagedError
from ivr.store.vault import VaultError
from tests.desk.house import NOON, House, call_id

ISSUED, FREE = 10, 20
"""Codes that callers have had already, and that are left."""


@dataclass(frozen=True)
class Intact:
    """A line's file and its log, as they were, with what was spoken to whom."""

    file: bytes
    wal: bytes
    older_wal: bytes
    mark: bytes
    spoken: frozenset[str]
    free: frozenset[str]


def intact(folder: Path) -> Intact:
    """A line that has worked for a while: lines, codes, calls; its last transactions are in the log."""
    house = House(folder)
    house.add_lines({f"+3319900{number:04}": f"+3363998{number:04}" for number in range(60)})
    codes = [f"{47_180_392 + number * 7_919:08}" for number in range(ISSUED + FREE)]
    house.add_codes(*codes)
    spoken = list[str]()
    older = b""
    for number in range(ISSUED):
        call = call_id(number)
        line = house.prove(call, f"+3319900{number:04}", NOON + number)
        answer = house.issue(call, line, NOON + number)
        assert isinstance(answer, Issued)
        spoken.append(str(house.read(call, answer.id, NOON + number)))
        if number == ISSUED // 2:
            older = (folder / "ligne.sqlite-wal").read_bytes()
    remember(house.engine, house.vault, folder, NOON)
    file, wal = (folder / "ligne.sqlite").read_bytes(), (folder / "ligne.sqlite-wal").read_bytes()
    mark = (folder / "audit-mark.json").read_bytes()
    house.engine.dispose()
    return Intact(file, wal, older, mark, frozenset(spoken), frozenset(codes) - frozenset(spoken))


Damage = Callable[[Intact, random.Random], tuple[bytes, bytes]]
"""What becomes of file and log."""


def _overwritten(whole: bytes, dice: random.Random, times: int) -> bytes:
    spoiled = bytearray(whole)
    for _ in range(times):
        place, length = dice.randrange(len(spoiled)), dice.choice((1, 4, 64, 512, 4096))
        spoiled[place : place + length] = dice.randbytes(min(length, len(spoiled) - place))
    return bytes(spoiled)


@cache
def _checkpointed(was: Intact) -> bytes:
    """The file with its log moved into it, as it is most of the time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ligne.sqlite"
        file.write_bytes(was.file)
        file.with_name("ligne.sqlite-wal").write_bytes(was.wal)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes()


DAMAGES: dict[str, Damage] = {
    "16 places overwritten": lambda was, dice: (_overwritten(_checkpointed(was), dice, 16), b""),
    "one place overwritten": lambda was, dice: (_overwritten(_checkpointed(was), dice, 1), b""),
    "the log overwritten": lambda was, dice: (was.file, _overwritten(was.wal, dice, 4)),
    "cut short": lambda was, dice: (_checkpointed(was)[: dice.randrange(len(_checkpointed(was)))], b""),
    "zeros from here on": lambda was, dice: _zeroed(_checkpointed(was), dice),
    "empty": lambda was, _dice: (b"", b""),
    "no log": lambda was, _dice: (was.file, b""),
    "an older log": lambda was, _dice: (was.file, was.older_wal),
    "another file's log": lambda was, dice: (was.file, dice.randbytes(32) + was.wal[32:]),
    "something else": lambda _was, dice: (dice.randbytes(20_000), b""),
}


def _zeroed(whole: bytes, dice: random.Random) -> tuple[bytes, bytes]:
    place = dice.randrange(len(whole))
    return whole[:place] + bytes(len(whole) - place), b""


def outcome(was: Intact, damage: str, seed: int, folder: Path) -> str:
    """What a line does that is started on the damaged file; « WRONG » is what it must never do.

    `refused`: it does not start, and says why. `went back`: it starts, knows that the database is older than it was,
    and gives no code. `degraded`: it starts, and an answer fails. `right`: it gives the free codes, and no other.
    """
    file, wal = DAMAGES[damage](was, random.Random(f"{damage} {seed}"))  # noqa: S311 - the same every time
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "ligne.sqlite").write_bytes(file)
    (folder / "audit-mark.json").write_bytes(was.mark)
    if wal:
        (folder / "ligne.sqlite-wal").write_bytes(wal)
    try:
        house = House(folder)
    except DamagedError as error:
        return "refused" if "ivr db restore" in str(error) else f"WRONG: no way out in {error}"
    try:
        return _given(house, was)
    finally:
        house.engine.dispose()


def _given(house: House, was: Intact) -> str:
    try:
        set_aside = remember(house.engine, house.vault, house.folder, NOON)
        given = [*_all_codes(house)]
    except (DBAPIError, VaultError, UnicodeError):
        return "degraded"
    if again := was.spoken.intersection(given):
        return f"WRONG: {len(again)} codes given again"
    if foreign := set(given) - was.free:
        return f"WRONG: {len(foreign)} codes that are none"
    if set_aside is not None:
        return "went back" if not given else "WRONG: a code of a database that went back"
    return "right"


def _all_codes(house: House) -> Iterator[str]:
    """Every code that the line would give to callers who come now."""
    for number in range(ISSUED + FREE + 1):
        with house.codes() as codes:
            code = codes.claim(call_id(1000 + number), f"line {number}", at=NOON, expires_at=NOON + 900)
            if code is None:
                return
            yield codes.opened(code)


def outcomes(folder: Path, count: int, went: Callable[[float], None] = lambda _share: None) -> Counter[str]:
    """What became of so many files, each damaged in its own way."""
    was, found = intact(folder / "intact"), Counter[str]()
    for number in range(count):
        damage = list(DAMAGES)[number % len(DAMAGES)]
        found[outcome(was, damage, number, folder / "damaged")] += 1
        went((number + 1) / count)
    return found
