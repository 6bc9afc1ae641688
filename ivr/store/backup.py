"""Backups: the whole database as one SQLite file, whichever database it is; and back from there, into either.

A backup is taken while the line works, and holds one moment. Its values are sealed as they are in the database, and
only its owner may read the file. Of what came after that moment it knows nothing: who brings it back settles what that
means (`brought_back`), in the same transaction. This module must not know what the tables hold.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Integer,
    NullPool,
    Table,
    create_engine,
    delete,
    exc,
    func,
    insert,
    inspect,
    select,
    text,
)

from ivr.store.audit import unguarded
from ivr.store.database import VersionError, upgrade, version
from ivr.store.statements import take_time
from ivr.store.tables import metadata

ROWS = 1000
"""Rows that are carried over at a time."""

Went = Callable[[float], None]
"""Told now and then how much is done, from 0 to 1."""


class BackupError(Exception):
    """A file that is no backup, or no sound one; the message says what is wrong with it, in French."""


def back_up(engine: Engine, path: Path, went: Went = lambda _share: None) -> None:
    """Write a backup that did not exist before; its folder is made. The file is there whole, or not at all.

    Raises FileExistsError, OSError, BackupError when what was written does not hold, or what the database raises.
    """
    if path.exists():
        raise FileExistsError(f"{path} existe déjà")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.part")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        _write(engine, draft, went)
        if found := faults(_file(draft)):
            raise BackupError(f"la copie ne tient pas : {found[0]}")
        _to_disk(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    went(1.0)


def restore(
    engine: Engine, path: Path, brought_back: Callable[[Connection], None], went: Went = lambda _share: None
) -> int:
    """Put a backup in place of everything that the database holds, in one transaction; how many rows it has.

    An older one is brought to our schema first; the file stays as it is. Whoever is on the telephone meanwhile waits.
    Raises BackupError, or what the database raises: then nothing has changed.
    """
    with _our_version(path) as kept, kept.begin() as source, engine.begin() as target:
        take_time(target)
        _lock(target)
        with unguarded(target):
            for table in reversed(metadata.sorted_tables):
                target.execute(delete(table))
            count = _pour(source, target, went)
        _go_on_numbering(target)
        brought_back(target)
    return count


def faults(engine: Engine) -> list[str]:
    """What is wrong with the database, in the words of its engine: every page and every row is read. None if nothing.

    Raises sqlalchemy.exc.OperationalError when it cannot be reached.
    """
    try:
        with engine.connect() as connection:
            take_time(connection)
            if connection.dialect.name == "sqlite":
                found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
                if found != ["ok"]:
                    return found
            missing = sorted(set(metadata.tables) - set(inspect(connection).get_table_names()))
            for table in metadata.sorted_tables:
                for _ in () if table.name in missing else _rows(connection, table):
                    pass
            return [f"table {name} absente" for name in missing]
    except exc.OperationalError:
        raise
    except Exception as error:  # a page that was overwritten may be anything, and raise anything
        return [f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"]


def _write(engine: Engine, draft: Path, went: Went) -> None:
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM INTO ?", (str(draft),))
        finally:
            connection.close()
        return
    copy = _file(draft)
    upgrade(copy)
    one_moment = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with one_moment.begin() as source, copy.begin() as target:
        take_time(source)
        _pour(source, target, went)


def _pour(source: Connection, target: Connection, went: Went) -> int:
    """Carry every row over; how many there were."""
    counts = [source.execute(select(func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables]
    total, done = sum(counts), 0
    for table in metadata.sorted_tables:
        for rows in _rows(source, table):
            target.execute(insert(table), rows)
            done += len(rows)
            went(done / total)
    return total


def _rows(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    """The table's rows, so many at a time; read as they are needed."""
    found = connection.execute(select(table).execution_options(yield_per=ROWS)).mappings()
    for rows in found.partitions():
        yield [dict(row) for row in rows]


@contextmanager
def _our_version(path: Path) -> Iterator[Engine]:
    """A copy of a backup, sound and at our schema. Raises BackupError."""
    if not path.is_file():
        raise BackupError("le fichier n'existe pas")
    with tempfile.TemporaryDirectory(prefix="ivr-") as folder:
        copy = Path(folder) / "backup.sqlite"
        shutil.copyfile(path, copy)
        engine = _file(copy)
        try:
            if not version(engine):
                raise BackupError("elle est vide")
            upgrade(engine)
            found = faults(engine)
        except VersionError as error:
            raise BackupError("elle vient d'une version plus récente de ce programme : mettez-le à jour") from error
        except (exc.SQLAlchemyError, UnicodeError) as error:
            raise BackupError(f"ce n'est pas une sauvegarde de la ligne ({type(error).__name__})") from error
        if found:
            raise BackupError(f"elle est endommagée : {found[0]}")
        yield engine


def _file(path: Path) -> Engine:
    """An SQLite file that nobody else uses."""
    return create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _lock(connection: Connection) -> None:
    """Let nobody write between what goes and what comes; SQLite's transactions never overlap."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in metadata.sorted_tables)
        connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))


def _go_on_numbering(connection: Connection) -> None:
    """Let PostgreSQL's counters go on behind the rows that came with their numbers; SQLite looks by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        key = table.autoincrement_column
        if key is not None and isinstance(key.type, Integer):
            counter = func.pg_get_serial_sequence(table.name, key.name)
            connection.execute(
                select(func.setval(counter, func.coalesce(select(func.max(key)).scalar_subquery(), 0) + 1, False))
            )
