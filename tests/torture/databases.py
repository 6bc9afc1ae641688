"""Both databases: clocks (B16), damaged files (B17), backups under load, old ones (B18); and where trials find them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, delete, select

from ivr.store.audit import unguarded
from ivr.store.backup import back_up, faults, restore
from ivr.store.codes import WAITING
from ivr.store.database import open_database
from ivr.store.tables import audit, codes, metadata
from tests.attacks import claim
from tests.damage import outcomes
from tests.postgres import HASTE, RUNS, running
from tests.torture.bars import Bar, Size, trial
from tests.torture.suite import by_the_suite

NO_SERVER = Bar("on PostgreSQL", "tried", "not tried: no wheel of its server here", holds=False)


@contextmanager
def database(name: str, folder: Path, settings: Sequence[str] = HASTE) -> Iterator[str]:
    """The address of an empty database, « SQLite » in a folder or « PostgreSQL »; none where that has no server.

    `settings` are the server's; without any it keeps what it is told through a loss of power, as in production.
    """
    if name == "SQLite":
        yield f"sqlite:///{folder}/ligne.sqlite"
    elif not RUNS:
        yield ""
    else:
        with running(settings) as server, server.database() as url:
            yield url


@trial("B17", seconds=60)
def a_thousand_damaged_files(size: Size) -> Iterator[Bar]:
    """Files overwritten, cut, emptied, without their log or with another one, and a line started on each."""
    count = size.of(1000, 20)
    with tempfile.TemporaryDirectory() as folder:
        found = outcomes(Path(folder), count, size.went)
    wrong = {what: times for what, times in found.items() if what.startswith("WRONG")}
    told = ", ".join(f"{times} {what}" for what, times in found.most_common())
    yield Bar(
        f"codes given twice, or that are none, of {count} damaged files", "0", f"{sum(wrong.values())}", not wrong
    )
    yield Bar("what became of them", "refused, degraded, went back, right", told, not wrong)


@trial("B18", seconds=150)
def backups_while_a_crowd_takes_codes(size: Size) -> Iterator[Bar]:
    """Backups one after the other while callers are given codes, from either database; then one is brought back."""
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
            yield from _backed_up(name, url, Path(folder), size) if url else [NO_SERVER]


def _backed_up(name: str, url: str, folder: Path, size: Size) -> Iterator[Bar]:
    engine, reader = open_database(url), create_engine(url)  # who only looks waits for nobody
    wanted, taken, wrong = size.of(50, 5), 0, list[str]()
    with ThreadPoolExecutor(1) as beside:
        while taken < wanted:
            crowd = beside.submit(claim, folder / f"line{taken}", callers=300, pool=100, database=url)
            while taken < wanted and not crowd.done():
                file, before = folder / f"{taken}.sqlite", _issued(reader)
                back_up(engine, file)
                wrong += _wrong_in(file, before)
                taken += 1
            crowd.result()
            _emptied(engine)
    began = time.monotonic()
    restore(engine, file, lambda _connection: None)
    took = time.monotonic() - began
    engine.dispose()
    reader.dispose()
    yield Bar(f"{name}: backups that do not hold, of {wanted} under load", "0", str(len(wrong)), not wrong)
    yield Bar(f"{name}: bringing the last one back", "< 60 s", f"{took:.1f} s", took < 60)


def _issued(engine: Engine) -> set[str]:
    """The codes that somebody has been given."""
    with engine.connect() as connection:
        return set(connection.execute(select(codes.c.id).where(codes.c.status != WAITING)).scalars())


def _wrong_in(file: Path, before: set[str]) -> list[str]:
    """What does not hold in a backup: a code that was given is free, or the audit says otherwise than the codes."""
    copy = create_engine(f"sqlite:///{file}")
    given = _issued(copy)
    with copy.begin() as connection:
        noted = set(connection.execute(select(audit.c.subject).where(audit.c.what == "code.issued")).scalars())
    found = [*faults(copy), *(["free again"] if before - given else []), *(["not as noted"] if noted != given else [])]
    copy.dispose()
    return found


def _emptied(engine: Engine) -> None:
    """Make room for the next crowd: the same callers, lines and codes."""
    with engine.begin() as connection, unguarded(connection):
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))


by_the_suite("B16", "a clock that is set back lets nothing live longer", "tests/test_timekeeping.py")
by_the_suite("B13", "PostgreSQL stopped, and frozen", "tests/test_postgres_away.py", "tests/store/test_postgres.py")
by_the_suite("B18", "an old backup, by the book or behind our back, issues nothing twice", "tests/test_keeper.py")
