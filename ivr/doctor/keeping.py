"""Looks at what the line keeps: disk, database, what waits to be sent or dealt with, the register, the audit."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ivr.desk.identity import Limits
from ivr.doctor import Finding, grave_if
from ivr.settings import Settings
from ivr.store import health
from ivr.store.audit import Audit
from ivr.store.lines import Lines
from ivr.store.vault import Vault, VaultError
from ivr.telephony.outgoing import is_mobile

MEBIBYTE = 2**20
LEAST, FEW = 200 * MEBIBYTE, 1024 * MEBIBYTE
"""Free bytes below which the line is in danger, and below which it is told."""

ELSEWHERE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
"""File systems on which SQLite's WAL does not work (sqlite.org/wal.html)."""

LATE = 120.0
"""Seconds after which something to be sent is late: nobody sends."""

A_DAY = 86_400.0
FEW_CODES = 20


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room, on a disk of this machine, where the line may write."""
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    what = f"{free // MEBIBYTE} Mio libres pour {settings.data_dir}."
    if free < FEW:
        yield Finding("disque", grave_if(free < LEAST), what, "Libérez de la place : `ivr purge`, journaux.")
    else:
        yield Finding("disque", "bien", what)
    if not os.access(folder, os.W_OK):
        yield Finding("disque", "grave", f"{folder} n'est pas inscriptible.", "Donnez ce dossier à l'utilisateur ivr.")
    if (kind := _file_system(folder)) in ELSEWHERE and settings.database_url.startswith("sqlite"):
        mend = "Mettez IVR_DATA_DIR sur un disque local, ou passez à PostgreSQL."
        yield Finding("disque", "grave", f"{settings.data_dir} est sur {kind} : SQLite s'y abîme.", mend)


def database(settings: Settings) -> Iterator[Finding]:
    """Whether the database is there, in one piece, at the newest schema, its clock like ours."""
    if not health.exists(settings.database_url):
        yield Finding("base", "avis", "La base n'existe pas encore.", "`ivr serve` la crée à son premier départ.")
        return
    engine = health.opened(settings.database_url)
    try:
        yield from _of_database(engine)
    except SQLAlchemyError as error:
        what = f"La base ne répond pas ({type(error).__name__})."
        yield Finding("base", "grave", what, "Vérifiez IVR_DATABASE_URL et le serveur ; restaurez au besoin.")
    finally:
        engine.dispose()


def _of_database(engine: Engine) -> Iterator[Finding]:
    if not health.is_sound(engine):
        yield Finding("base", "grave", "La base est abîmée.", "Arrêtez la ligne et restaurez la dernière sauvegarde.")
        return
    if not health.is_current(engine):
        yield Finding(
            "base", "avis", "Le schéma est d'une version antérieure.", "`ivr serve` le met à jour en partant."
        )
    else:
        yield Finding("base", "bien", "jointe, saine, au schéma de cette version.")
    if abs(apart := health.seconds_apart(engine, time.time())) > 2:
        yield Finding("base", "grave", f"Son horloge est à {apart:+.0f} s de la nôtre.", "Réglez les deux par NTP.")


def work(settings: Settings) -> Iterator[Finding]:
    """Whether what is to be sent is sent, and what callers left is dealt with."""
    engine = _current(settings)
    if engine is None:
        return
    with engine.begin() as connection:
        found = health.waiting(connection, time.time())
    engine.dispose()
    runs = "IVR_WORKER=1" if settings.worker else "`ivr worker`"
    if found.overdue > LATE:
        what = f"Un envoi attend depuis {found.overdue / 60:.0f} min : rien ne travaille entre les appels."
        yield Finding("travail", "grave", what, f"Lancez ou relancez {runs} ; voyez ses journaux.")
    else:
        yield Finding("travail", "bien", "rien n'attend d'être envoyé.")
    if found.unknown:
        mend = "Vérifiez-les dans la console de Twilio ; la ligne ne renvoie jamais dans le doute."
        yield Finding("travail", "avis", f"{found.unknown} envois dont on ne sait s'ils sont partis.", mend)
    if found.messages:
        what = f"{found.messages} messages à traiter, le plus ancien depuis {found.unread / A_DAY:.0f} j."
        yield Finding("messages", grave_if(found.unread > 7 * A_DAY), what, "`ivr messages list`")
    if found.missed:
        yield Finding("rappels", "avis", f"{found.missed} rappels manqués.", "`ivr callbacks list`")
    if found.locked:
        mend = "Vérifiez avec le client, puis `ivr lines unlock NUMERO`."
        yield Finding("identité", "avis", f"{found.locked} lignes bloquées après trop d'essais.", mend)
    if found.failures > Limits().failures_an_hour:
        what = f"{found.failures} essais faux dans l'heure : aucun code n'est plus donné."
        yield Finding("identité", "grave", what, "C'est peut-être une attaque : voyez `ivr audit`.")
    yield from _stock(settings, found)


def _stock(settings: Settings, found: health.Waiting) -> Iterator[Finding]:
    """Whether there are lines to repair, and codes to give."""
    if not found.lines:
        mend = "`ivr lines import lines.csv` ; sans registre, aucun code n'est donné."
        yield Finding("registre", "avis", "Aucune ligne n'est au registre.", mend)
    elif not settings.ovh_keys and found.codes < FEW_CODES:
        yield Finding(
            "codes", grave_if(not found.codes), f"{found.codes} codes restent.", "`ivr codes import codes.csv`"
        )
    else:
        codes = "par l'API d'OVH" if settings.ovh_keys else f"{found.codes} en réserve"
        yield Finding("codes", "bien", f"{found.lines} lignes ; codes {codes}.")


def register(settings: Settings) -> Iterator[Finding]:
    """Whether every mobile on file is one, and neither the line to be repaired nor ours; whether our keys open it."""
    engine = _current(settings)
    if engine is None:
        return
    vault = Vault(settings.secret_keys)
    try:
        with engine.begin() as connection:
            lines = list(Lines(connection, vault).every())
            broken = Audit(connection, vault).broken_at()
    except VaultError:
        mend = "Remettez l'ancienne clé derrière la nouvelle dans IVR_SECRET_KEY (docs/deploy.md)."
        yield Finding("registre", "grave", "Une ligne ne s'ouvre avec aucune de nos clés.", mend)
        return
    finally:
        engine.dispose()
    own = [line for line in lines if line.mobile == line.number or line.mobile in settings.numbers]
    if own:
        what = (
            f"{len(own)} lignes ont pour mobile la ligne elle-même, ou la nôtre : le code irait au téléphone en panne."
        )
        yield Finding("registre", "grave", what, "Réimportez-les avec le mobile du client (`ivr lines list`).")
    if others := sum(not is_mobile(line.mobile) for line in lines if line not in own):
        yield Finding(
            "registre", "avis", f"{others} lignes sans mobile français.", "Donnez-leur un PIN : `ivr lines pin`."
        )
    if lines and not own:
        yield Finding("registre", "bien", f"{len(lines)} lignes, chacune s'ouvre.")
    if broken is not None:
        mend = "Une ligne a été changée ou retirée : comparez à la dernière sauvegarde."
        yield Finding("audit", "grave", f"La chaîne est rompue à la ligne {broken}.", mend)


def _current(settings: Settings) -> Engine | None:
    """The database, when what it keeps can be read: `database` tells when not."""
    if not health.exists(settings.database_url):
        return None
    engine = health.opened(settings.database_url)
    try:
        if health.is_current(engine):
            return engine
    except SQLAlchemyError:
        pass
    engine.dispose()
    return None


def _file_system(folder: Path) -> str:
    """The kind of file system that the folder is on; empty where nobody says."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return ""
    rows = [row.split()[1:3] for row in mounts.read_text().splitlines()]
    holding = [(len(at), kind) for at, kind in rows if folder.resolve().is_relative_to(at)]
    return max(holding, default=(0, ""))[1]
