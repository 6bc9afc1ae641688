"""Opening the database: one engine a process, its transactions, its schema brought up to date.

On SQLite every transaction begins with `BEGIN IMMEDIATE`: one that reads first and writes later fails at once when
another wrote in between, whatever the busy time-out (facts/reliability.md 0.7). WAL with `synchronous = FULL`, so that
what was committed is on the disk; turns that only walk through menus are spared the wait (`ivr.store.seats`).
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.bounds import left
from ivr.store import jobs, outbox_tables  # noqa: F401 - their tables belong to the metadata
from ivr.store.seats import IN_A_TURN, Entrance, Seats, flushed
from ivr.store.turnstile import Turnstile

BEGIN = "BEGIN IMMEDIATE"
"""A turn waits for its place before it reads, not after."""

BUSY_SECONDS = 5
"""How long a transaction waits for another one: below the carrier's patience of 15 s, with room for one retry.

Less when somebody waits for an answer (`ivr.bounds.left`).
"""

LOG_PAGES = 8_000
"""So many pages of 4 KB in the log are moved into the file by whoever commits; `checkpoint` comes long before."""

STUCK_SECONDS = 0.2
"""How long it waits once another process has held the database too long: who calls now is answered without it.

The first transaction that gets through ends that.
"""


def open_database(url: str) -> Engine:
    """The engine for an SQLAlchemy address, its schema at the newest revision.

    Raises sqlalchemy.exc.SQLAlchemyError when the database cannot be reached or upgraded.
    """
    engine = _engine(url)
    _upgrade(engine)
    return engine


def as_it_is(url: str) -> Engine:
    """The engine for an SQLAlchemy address, its schema left as it is: for who looks and changes nothing."""
    return _engine(url)


def newest_revision() -> str | None:
    """The revision that our migrations lead to."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_migrations()).get_current_head()


def seats_of(engine: Engine) -> Seats:
    """The connections that turns are taken on."""
    seats: Seats = engine.get_execution_options()["seats"]
    return seats


def checkpoint(engine: Engine) -> None:
    """Move what SQLite's log holds into its file, as far as nobody reads it: then no turn has to (facts/speed.md 7)."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        engine = create_engine(
            url,
            pool_size=8,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
        )
        return _seated(engine, Seats(engine))
    database = make_url(url).database
    if database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    patience = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, pool_size=0, hide_parameters=True, connect_args=patience)
    event.listen(engine, "connect", _prepare_sqlite)
    entrance = _Entrance()
    _through(engine, entrance)
    return _seated(engine, Seats(engine, entrance, prepare=_unhurried, flush=partial(flushed, f"{database}-wal")))


def _seated(engine: Engine, seats: Seats) -> Engine:
    event.listen(engine, "engine_disposed", lambda _engine: seats.close())
    engine.update_execution_options(seats=seats)
    return engine


class _Entrance(Entrance):
    """Where transactions of this process begin on SQLite, one after the other; SQLite settles it between processes."""

    def __init__(self) -> None:
        self._turnstile = Turnstile()
        self._stuck = False

    def enter(self) -> None:
        """Wait until no other transaction goes on; raises sqlalchemy.exc.TimeoutError when that takes too long."""
        if not self._turnstile.enter(left(self._patience)):
            raise exc.TimeoutError(f"no turn at the database within {self._patience} s")

    def begin(self, execute: Callable[[str], object], known: dict[str, object]) -> None:
        """Begin, and wait for other processes no longer than somebody waits for us, give or take a quarter second."""
        patience = math.ceil(left(self._patience) * 4) * 250
        try:
            if known.get("patience") != patience:
                execute(f"PRAGMA busy_timeout = {patience}")
                known["patience"] = patience
            execute(BEGIN)
        except (sqlite3.OperationalError, exc.OperationalError):
            self._stuck = True
            raise
        self._stuck = False

    def leave(self) -> None:
        """Let in who comes next."""
        self._turnstile.leave()

    @property
    def _patience(self) -> float:
        return STUCK_SECONDS if self._stuck else BUSY_SECONDS


def _through(engine: Engine, entrance: _Entrance) -> None:
    """Let every transaction of the engine begin there; those of turns have already."""

    def begin(connection: Connection) -> None:
        if connection.info.get(IN_A_TURN):
            return
        if not connection.info.get("entered"):
            entrance.enter()
            connection.info["entered"] = True
        entrance.begin(connection.exec_driver_sql, connection.info)

    def leave(_connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop("entered", False):
            entrance.leave()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", leave)
    event.listen(engine, "invalidate", lambda connection, entry, _error: leave(connection, entry))


def _unhurried(driver: Any) -> None:
    """Let commits not wait for the disk: who sits on this connection flushes it where that matters."""
    driver.execute("PRAGMA synchronous = NORMAL")


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    _write_ahead(connection)
    for pragma in ("synchronous = FULL", "secure_delete = ON", f"wal_autocheckpoint = {LOG_PAGES}"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn on WAL. SQLite does not wait for others here, it answers « locked » at once: the waiting is ours."""
    until = time.monotonic() + left(BUSY_SECONDS)
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _upgrade(engine: Engine) -> None:
    """Run the migrations that this database has not seen, inside one transaction."""
    from alembic import command

    config = _migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _migrations() -> Any:
    """Alembic's settings. It is slow to import, and most processes only need it once."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
