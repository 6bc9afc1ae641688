"""Opening the database: one engine a process, its transactions, its schema brought up to date.

On PostgreSQL transactions overlap: what must not is kept apart by rows, constraints and `one_at_a_time`
(`ivr.store.statements`). A server that is away, or a lock that does not come, fails within the carrier's patience.

On SQLite every transaction begins with `BEGIN IMMEDIATE`: one that reads first and writes later fails at once when
another wrote in between, whatever the busy time-out (facts/reliability.md 0.7). WAL with `synchronous = FULL`, so that
what was committed is on the disk; turns that only walk through menus are spared the wait (`ivr.store.seats`).
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, inspect, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from ivr.bounds import left
from ivr.store import jobs, outbox_tables  # noqa: F401 - their tables belong to the metadata
from ivr.store.seats import IN_A_TURN, Entrance, OpenSeat, Seats, flushed
from ivr.store.statements import one_at_a_time, take_time
from ivr.store.turnstile import Turnstile

MIGRATIONS = Path(__file__).parent / "migrations"

BEGIN = "BEGIN IMMEDIATE"
"""A turn waits for its place before it reads, not after."""

BUSY_SECONDS = 5
"""How long a transaction waits for another one: below the carrier's patience of 15 s, with room for one retry.

Less when somebody waits for an answer (`ivr.bounds.left`).
"""

PAGE = 2048
"""Bytes of a page of SQLite: a turn writes three pages whole, whatever it changes in them, and two calls fill one."""

LOG_PAGES = 16_000
"""So many pages in the log (32 MB) are moved into the file by whoever commits; `checkpoint` comes long before."""

LOOK_AGAIN = 0.000_1
"""Seconds between two looks at whether another process has written: it takes about as long over a turn."""

STUCK_SECONDS = 0.2
"""How long it waits once another process has held the database too long: who calls now is answered without it.

The first transaction that gets through ends that.
"""


WAIT_SECONDS = 3
"""The same on PostgreSQL, where a turn may have to wait for a connection and for a lock."""

KEPT, MOST = 5, 16
"""Connections to PostgreSQL that a process keeps, and has at most: one for each of its threads, which are fewer."""

PATIENCE: Mapping[str, str | int] = {
    "connect_timeout": 2,
    "tcp_user_timeout": 3000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "application_name": "ivr",
    "client_encoding": "utf8",
    "options": f"-c lock_timeout={WAIT_SECONDS}s -c statement_timeout=4s -c idle_in_transaction_session_timeout=30s",
}
"""How long PostgreSQL may be silent (postgresql.org/docs/18, libpq-connect and runtime-config-client)."""

GONE = "57P01"
"""The server ended the connection; one that broke has no code at all."""

AGAIN_SECONDS = 2.0
"""What somebody must still have time for, that a lost transaction is done again: a new connection, and itself."""

LOST = ("40001", "40P01", GONE)
"""Serialization failure and deadlock (postgresql.org/docs/18, errcodes): the transaction may be done again."""

T = TypeVar("T")

ELSEWHERE = frozenset(
    {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_PERM", "SQLITE_IOERR"}
)
"""What SQLite says when the file is not at fault, but its disk, its folder or whoever else uses it."""


SMALL_BYTES = 64 * 2**20
"""An SQLite file up to this size is checked as thoroughly as can be."""


class DamagedError(exc.SQLAlchemyError):
    """An SQLite file that does not hold: the line does not start on it. The message says what to do, in French."""


class VersionError(exc.SQLAlchemyError):
    """A database that a newer version of this program has upgraded; the message says what to do, in French."""


def open_database(url: str) -> Engine:
    """The engine for an SQLAlchemy address, its schema at the newest revision.

    Raises DamagedError, VersionError, or another SQLAlchemyError when it cannot be reached or upgraded.
    """
    engine = as_it_is(url)
    try:
        if engine.dialect.name == "sqlite":
            _check(engine)
        upgrade(engine)
    except (exc.SQLAlchemyError, UnicodeError) as error:  # a page that was overwritten may hold anything
        engine.dispose()
        if engine.dialect.name != "sqlite" or not _is_damage(error):
            raise
        raise DamagedError(_told(engine, error)) from error
    return engine


def _check(engine: Engine) -> None:
    """Read every page of an SQLite file; of a small one, hold the indexes against the rows as well.

    A second for some 100 MB, or 300 MB without the indexes (sqlite.org/pragma, integrity_check).
    """
    with engine.begin() as connection:
        pages, size = (connection.exec_driver_sql(f"PRAGMA {of}").scalar_one() for of in ("page_count", "page_size"))
        thorough = "integrity_check" if pages * size <= SMALL_BYTES else "quick_check"
        said = connection.exec_driver_sql(f"PRAGMA {thorough}(1)").scalar_one()
    if said != "ok":
        raise DamagedError(_told(engine, said))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    elsewhere = any(name.startswith(place) for place in ELSEWHERE)
    return isinstance(error, (exc.DBAPIError, UnicodeError)) and not elsewhere


def _told(engine: Engine, what: object) -> str:
    why = str(getattr(what, "orig", what)).splitlines()[0]
    return (
        f"{engine.url.database} est endommagée ({why}).\n"
        "Arrêtez la ligne, puis reprenez votre dernière sauvegarde : ivr db restore SAUVEGARDE"
    )


def as_it_is(url: str) -> Engine:
    """The engine for an SQLAlchemy address, its schema left as it is: for who looks and changes nothing.

    Raises ArgumentError when its driver is missing.
    """
    return _postgres(url) if make_url(url).get_backend_name() == "postgresql" else _sqlite(url)


def newest_revision() -> str | None:
    """The revision that our migrations lead to."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_migrations()).get_current_head()


def version(engine: Engine) -> str:
    """The version of the schema that a database has; empty while it has none."""
    from alembic.migration import MigrationContext

    with engine.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def set_aside(url: str, mark: str) -> Path:
    """Move a damaged SQLite file away, and its log, so that another can take its place: where it is now."""
    file = Path(make_url(url).database or "")
    for suffix in ("-wal", "-shm"):
        beside = file.with_name(file.name + suffix)
        if beside.exists():
            beside.rename(file.with_name(f"{file.name}.damaged-{mark}{suffix}"))
    return file.rename(file.with_name(f"{file.name}.damaged-{mark}"))


def once_more(work: Callable[[], T]) -> T:
    """What this work gives; done again, once, when its transaction was lost through no fault of its own.

    That is: the connection broke, or PostgreSQL ended one of two transactions that waited for each other. Whether the
    commit came through may then be unknown: the work must find out by itself, as a turn does that was taken already.
    """
    try:
        return work()
    except Exception as error:
        if not _was_lost(error) or left(math.inf) < AGAIN_SECONDS:
            raise
        return work()


def _was_lost(error: Exception) -> bool:
    """Whether it tells of a lost transaction: as SQLAlchemy says it, or as the driver does to who asks it itself."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or getattr(error.orig, "sqlstate", "") in LOST
    is_driver = type(error).__module__.startswith("psycopg")
    return is_driver and (getattr(error, "sqlstate", None) or GONE) in (*LOST, GONE)


def seats_of(engine: Engine) -> Seats:
    """The connections that turns are taken on."""
    seats: Seats = engine.get_execution_options()["seats"]
    return seats


def checkpoint(engine: Engine) -> None:
    """Move what SQLite's log holds into its file, as far as nobody reads it: then no turn has to (facts/speed.md 7)."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")


def _sqlite(url: str) -> Engine:
    database = make_url(url).database
    if database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    patience = {"timeout": 0, "check_same_thread": False}  # the waiting is ours
    engine = create_engine(url, pool_size=0, hide_parameters=True, connect_args=patience)
    event.listen(engine, "connect", _prepare_sqlite)
    entrance = _Entrance()
    _through(engine, entrance)
    return _seated(engine, Seats(engine, entrance, prepare=_unhurried, flush=partial(flushed, f"{database}-wal")))


def _postgres(url: str) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_size=KEPT,
            max_overflow=MOST - KEPT,
            pool_timeout=WAIT_SECONDS,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            hide_parameters=True,
            connect_args=PATIENCE,
        )
    except ModuleNotFoundError as error:
        raise exc.ArgumentError(f"{error.name} is missing: pip install 'ivr-depannage[postgres]'") from error
    from ivr.store.driver import Reach

    reach = Reach(engine.dispose)
    event.listen(engine, "do_connect", lambda _dialect, _record, made, options: reach.connect(*made, **options))
    return _seated(engine, Seats(engine, prepare=_unhurried_there, kind=OpenSeat))


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

    def begin(self, execute: Callable[[str], object]) -> None:
        """Begin, and wait for other processes no longer than somebody waits for us.

        SQLite itself looks again after whole milliseconds, many times as long as a transaction takes: two busy
        processes would mostly wait.
        """
        until = time.monotonic() + left(self._patience)
        while True:
            try:
                execute(BEGIN)
            except (sqlite3.OperationalError, exc.OperationalError) as error:
                if not _is_busy(error) or time.monotonic() > until:
                    self._stuck = True
                    raise
                time.sleep(LOOK_AGAIN)
            else:
                self._stuck = False
                return

    def leave(self) -> None:
        """Let in who comes next."""
        self._turnstile.leave()

    @property
    def _patience(self) -> float:
        return STUCK_SECONDS if self._stuck else BUSY_SECONDS


def _is_busy(error: Exception) -> bool:
    """Whether another process is writing (sqlite.org/rescode.html, SQLITE_BUSY and its kinds)."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return bool(code & 0xFF == sqlite3.SQLITE_BUSY)


def _through(engine: Engine, entrance: _Entrance) -> None:
    """Let every transaction of the engine begin there; those of turns have already."""

    def begin(connection: Connection) -> None:
        if connection.info.get(IN_A_TURN):
            return
        if not connection.info.get("entered"):
            entrance.enter()
            connection.info["entered"] = True
        entrance.begin(connection.exec_driver_sql)

    def leave(_connection: Any, entry: ConnectionPoolEntry) -> None:
        if entry.info.pop("entered", False):
            entrance.leave()

    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", leave)
    event.listen(engine, "invalidate", lambda connection, entry, _error: leave(connection, entry))


def _unhurried(driver: Any) -> None:
    """Let commits not wait for the disk: who sits on this connection flushes it where that matters."""
    driver.execute("PRAGMA synchronous = NORMAL")


def _unhurried_there(driver: Any) -> None:
    """The same on PostgreSQL, whose commits lose nothing but the last ones either."""
    driver.ask("SET synchronous_commit = off", {})


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own
    connection.execute(f"PRAGMA page_size = {PAGE}")  # of a new file; one that exists keeps its own
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


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the migrations that this database has not seen, inside one transaction. Raises VersionError."""
    if revision == "head" and _is_newest(engine):
        return
    from alembic import command
    from alembic.util import CommandError

    config = _migrations()
    with engine.begin() as connection:
        take_time(connection)
        one_at_a_time(connection, "schema")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            raise VersionError("la base vient d'une version plus récente de ce programme : mettez-le à jour") from error


def _is_newest(engine: Engine) -> bool:
    """Whether the schema is the newest one: then a process is spared Alembic, and ten megabytes."""
    newest = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with engine.begin() as connection:
        has_version = inspect(connection).has_table("alembic_version")
        said = "SELECT version_num FROM alembic_version"
        return has_version and connection.exec_driver_sql(said).scalar_one_or_none() == newest


def _migrations() -> Any:
    """Alembic's settings. It is slow to import, and most processes only need it once."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
