"""What an operator may do to the database itself: upgrade it, check it, back it up, bring a backup back.

Beside the rooms, as `ivr.operators` is. Each function gives back the French text to print and the exit code. It must
not know the command line, nor what the tables hold.
"""

from __future__ import annotations

import getpass
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ivr.operators import DOES_NOT_HOLD, PARIS, WRONG_USAGE, Report
from ivr.settings import Settings, settings
from ivr.store.audit import RESTORED, Audit
from ivr.store.backup import BackupError, Went, back_up, faults, restore
from ivr.store.codes import Codes
from ivr.store.database import DamagedError, as_it_is, newest_revision, open_database, set_aside, upgrade, version
from ivr.store.lines import Lines
from ivr.store.mark import Mark, went_back
from ivr.store.outbox import let_go
from ivr.store.turns import Turns
from ivr.store.vault import Vault, VaultError

BACKUPS = "backups"
"""Where backups are written when nobody says where, under IVR_DATA_DIR."""


class Keeper:
    """The keeper of one database; `who` acts, for the audit, and `clock` gives seconds since the epoch."""

    def __init__(self, found: Settings, who: str, clock: Callable[[], float] = time.time) -> None:
        self._found, self._who, self._clock = found, who, clock
        self._vault = Vault(found.secret_keys)
        self._mark = Mark(found.data_dir)

    def carried_out(self, asked: Namespace) -> Report:
        """What `ivr db …` asks for."""
        file = Path(asked.argument) if asked.argument else None
        match asked.what:
            case "upgrade":
                return self.upgrade()
            case "check":
                return self.check()
            case "backup":
                return self.back_up(file)
            case _ if file is None:
                return Report("Quelle sauvegarde ? ivr db restore SAUVEGARDE", WRONG_USAGE)
            case _:
                return self.restore(file, replace=asked.replace)

    def upgrade(self) -> Report:
        """Bring the schema to the newest version, as the line does by itself when it starts."""
        engine = as_it_is(self._found.database_url)
        before = version(engine)
        upgrade(engine)
        after = version(engine)
        engine.dispose()
        same = f"La base est à la version {after}, la dernière."
        return Report(same if before == after else f"La base passe de la version {before or 'vide'} à {after}.")

    def check(self) -> Report:
        """Read everything: pages and rows, the audit's chain, what is sealed, and whether the base went back."""
        engine = as_it_is(self._found.database_url)
        try:
            wrong = _old(engine) or faults(engine)
            if not wrong:
                with engine.begin() as connection:
                    wrong = [*self._doubts(connection)]
        finally:
            engine.dispose()
        if wrong:
            return Report("\n".join(["La base ne tient pas :", *(f"  {what}" for what in wrong)]), DOES_NOT_HOLD)
        return Report("La base tient : pages, lignes, chaîne de l'audit, valeurs chiffrées.")

    def back_up(self, file: Path | None) -> Report:
        """Write a backup while the line works."""
        name = f"ligne-{datetime.fromtimestamp(self._clock(), PARIS):%Y%m%d-%H%M%S}.sqlite"
        path = file or self._found.data_dir / BACKUPS / name
        engine = open_database(self._found.database_url)
        try:
            with _shown("Sauvegarde") as went:
                back_up(engine, path, went)
        except (BackupError, OSError) as error:
            return Report(f"Pas de sauvegarde : {error}", DOES_NOT_HOLD)
        finally:
            engine.dispose()
        size = path.stat().st_size / 2**20
        return Report(f"Sauvegarde de {size:.1f} Mio : {path}\nLes sons des messages sont à part : dossier messages/.")

    def restore(self, file: Path, *, replace: bool) -> Report:
        """Bring a backup back; what the database holds now is lost, and so it is asked for twice."""
        engine, aside = self._opened()
        try:
            if not replace and Turns(engine).latest(1):
                return Report(
                    "La base n'est pas vide : tout ce qu'elle contient serait perdu.\n"
                    "Sauvegardez-la (ivr db backup), puis ajoutez --replace.",
                    WRONG_USAGE,
                )
            doubtful: list[int] = []
            with _shown("Restauration") as went:
                rows = restore(engine, file, lambda connection: doubtful.append(self._settled(connection, file)), went)
            with engine.begin() as connection:
                self._mark.keep(Audit(connection, self._vault).last(), self._clock())
        except BackupError as error:
            return Report(f"{file} n'est pas reprise, rien n'a changé : {error}.", DOES_NOT_HOLD)
        finally:
            engine.dispose()
        return Report("\n".join([f"{rows} lignes reprises de {file}.", *_to_do(doubtful[0], aside)]))

    def _opened(self) -> tuple[Engine, Path | None]:
        """The database, and where the damaged one was moved that stood in its place."""
        try:
            return open_database(self._found.database_url), None
        except DamagedError:
            aside = set_aside(self._found.database_url, f"{int(self._clock())}")
            return open_database(self._found.database_url), aside

    def _settled(self, connection: Connection, file: Path) -> int:
        """What a database from the past must not do: issue its codes, or send what was sent; how many codes."""
        doubtful = Codes(connection, self._vault).doubt()
        let_go(connection)
        Audit(connection, self._vault).note(self._clock(), self._who, RESTORED, f"{doubtful} codes, {file.name}")
        return doubtful

    def _doubts(self, connection: Connection) -> Iterator[str]:
        audit, seen = Audit(connection, self._vault), self._mark.seen()
        if (broken := audit.broken_at()) is not None:
            yield f"la chaîne de l'audit est rompue à la ligne {broken}"
        if went_back(audit, seen):
            yield "la base est plus ancienne que ce que cette machine a vu : une sauvegarde a été remise sans ivr db"
        for name, kept in (("lignes", Lines), ("codes", Codes)):
            try:
                kept(connection, self._vault).open_all()
            except VaultError:
                yield f"des valeurs chiffrées ({name}) ne s'ouvrent pas : autre IVR_SECRET_KEY, ou base altérée"


def keeper() -> Keeper:
    """The keeper of the database that the environment names; who acts is who is logged in. Raises SettingsError."""
    return Keeper(settings(), f"operator {getpass.getuser()}")


def _old(engine: Engine) -> list[str]:
    """What is to be said of a schema that is not ours; nothing of a file that cannot even tell."""
    try:
        at = version(engine)
    except (DBAPIError, UnicodeError):
        return []
    return (
        []
        if at == newest_revision()
        else [f"version {at or 'vide'} du schéma, et non {newest_revision()} : ivr db upgrade"]
    )


def _to_do(doubtful: int, aside: Path | None) -> Iterator[str]:
    if aside:
        yield f"La base endommagée est gardée : {aside}"
    if doubtful:
        yield f"{doubtful} codes sont en doute : donnés depuis la sauvegarde, peut-être. La ligne n'en donne aucun."
        yield "Ceux dont vous êtes sûr : ivr codes confirm codes.csv ; ou importez-en d'autres."
    yield "Rien de ce qui restait à envoyer ne partira. Vérifiez les rappels : ivr callbacks list"


@contextmanager
def _shown(what: str) -> Iterator[Went]:
    """A progress bar on the terminal, gone at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(24), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(task, completed=share)
