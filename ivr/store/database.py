"""Opening the database: one engine a process, its transactions, its schema brought up to date.

On SQLite every transaction begins with `BEGIN IMMEDIATE`: one that reads first and writes later fails at once when
another wrote in between, whatever the busy time-out (facts/reliability.md 0.7). WAL with `synchronous = FULL`, so that
a turn that was answered is on the disk.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.bounds import left
from ivr.store import jobs, outbox_tables  # noqa: F401 - their tables belong to the metadata
from ivr.store.turnstile import Turnstile

BUSY_SECONDS = 5
"""How long a transaction waits for another one: below the carrier's patience of 15 s, with room for one retry.

Less when somebody waits for an answer (`ivr.bounds.left`).
"""

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


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(
            url, pool_size=8, max_overflow=0, pool_timeout=BUSY_SECONDS, isolation_level="READ COMMITTED"
        )
    if database := make_url(url).database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, pool_size=0, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    _take_turns(engine, Turnstile())
    return engine


def _take_turns(engine: Engine, turnstile: Turnstile) -> None:
    """Let one transaction of this process begin after the other; SQLite itself settles it between processes."""
    stuck = False

    def begin(connection: Connection) -> None:
        nonlocal stuck
        patience = STUCK_SECONDS if stuck else BUSY_SECONDS
        if not connection.info.get("entered"):
            if not turnstile.enter(left(patience)):
                raise exc.TimeoutError(f"no turn at the database within {patience} s")
            connection.info["entered"] = True
        try:
            _begin_immediate(connection, left(patience))
        except exc.OperationalError:
            stuck = True
            raise
        stuck = False

    def leave(_connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop("entered", False):
            turnstile.leave()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", leave)
    event.listen(engine, "invalidate", lambda connection, entry, _error: leave(connection, entry))


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    _write_ahead(connection)
    for pragma in ("synchronous = FULL", "secure_delete = ON"):
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


def _begin_immediate(connection: Connection, seconds: float) -> None:
    """Begin, and wait for other processes for so long at most."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(engine: Engine) -> None:
    """Run the migrations that this database has not seen, inside one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
