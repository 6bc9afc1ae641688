"""`ivr publish`, `ivr revisions`, `ivr rollback`: which script is live, for every process on one database.

Beside the rooms, like `check`, whose proof a script must pass before it goes live; nothing is half changed: a release
is one row. Calls begin on the last release and end on the one that they began with (`ivr.scripts`).
"""

from __future__ import annotations

import getpass
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, make_url

from ivr.check import Report as Proof
from ivr.check import check
from ivr.flow.mistakes import ScriptError
from ivr.folder import Script, read_files, revision_of, whole_script
from ivr.operators import DOES_NOT_HOLD, WRONG_USAGE, Report
from ivr.scripts import script_at_start
from ivr.settings import Settings, settings
from ivr.speak import ready_words
from ivr.speech.clips import Key, Wanted, wanted
from ivr.speech.making import stock
from ivr.speech.voices import CARRIER, preferred
from ivr.store.audit import Audit
from ivr.store.database import open_database
from ivr.store.revisions import NONE, Release, Revisions, Tally
from ivr.store.vault import Vault

PARIS = ZoneInfo("Europe/Paris")

MOST_CHANGES = 12
"""Steps that changed are named up to this many; more are counted."""

NOBODY = "(avant la première publication)"
"""Who released what calls were on before anything was published."""


@dataclass(frozen=True)
class Publisher:
    """Changes which script is live. `who` acts, for the audit; `clock` gives seconds since the epoch."""

    settings: Settings
    engine: Engine
    vault: Vault
    who: str
    clock: Callable[[], float] = time.time

    def publish(self, folder: Path) -> Report:
        """Let a folder's script go live, when all of it holds, its clips included; else every finding, and no change.

        The processes that run switch at their next new call.
        """
        found = check(replace(self.settings, prompts_dir=folder), orphans=False)
        if not found.holds():
            return Report("\n".join([*map(str, found.findings), *self._refused(folder, found)]), DOES_NOT_HOLD)
        files = read_files(folder)
        script = whole_script(files)
        with self.engine.begin() as connection:
            kept = Revisions(connection)
            live = kept.last() or self._first(kept, script.revision)
            if live and live.revision == script.revision:
                return Report(f"{folder} : c’est la révision {script.revision}, déjà en service. Rien n’a changé.")
            old = _readable(kept, live.revision) if live else None
            kept.keep(script.revision, files, self.clock())
            release = kept.publish(script.revision, self.who, self.clock())
            self._note(connection, "revision.published", release)
            others = _going_on(kept.tallies(), script.revision)
        holds = f"{folder} : {found.steps} étapes, {found.prompts} textes, tout tient."
        return Report("\n".join([holds, *_changes(old, script), *_switched(release, others)]))

    def listed(self) -> Report:
        """The revisions that went live, the oldest first, with the calls that are or were on each."""
        with self.engine.begin() as connection:
            kept = Revisions(connection)
            releases, tallies = kept.releases(), kept.tallies()
            unread = {one.revision: why for one in releases if (why := _unreadable(kept, one.revision))}
        if not releases:
            return Report(
                "Aucune révision publiée : la ligne suit le dossier IVR_PROMPTS_DIR de chaque machine.\n"
                "Pour en publier une : ivr publish prompts/"
            )
        rows = [_row(one, tallies.get(one.revision, Tally(0, 0)), live=one == releases[-1]) for one in releases]
        rows += [f"  {revision} ne se lit pas avec ce programme : {why}" for revision, why in unread.items()]
        return Report("\n".join(["  n°  révision      en service depuis    appels  en cours  par", *rows]))

    def write(self, name: str, folder: Path) -> Report:
        """Write the files of a revision into a folder that is not there yet."""
        with self.engine.begin() as connection:
            kept = Revisions(connection)
            found = _named(kept, name)
            files = kept.files(found.revision) if isinstance(found, Release) else None
        if isinstance(found, Report):
            return found
        try:
            folder.mkdir(parents=True)
            for file, text in (files or {}).items():
                (folder / Path(file).name).write_text(text, encoding="utf-8")
        except OSError as error:
            return Report(f"{folder} ne peut pas être écrit : {error.strerror or error}", WRONG_USAGE)
        return Report(f"Révision {found.revision} (n° {found.number}) écrite dans {folder}.")

    def go_back(self, name: str = "") -> Report:
        """Let an earlier revision go live again: the one before the live one, or the one that is named."""
        with self.engine.begin() as connection:
            kept = Revisions(connection)
            found = _named(kept, name) if name else _previous(kept)
            if isinstance(found, Report):
                return found
            if why := _unreadable(kept, found.revision):
                told = f"La révision {found.revision} (n° {found.number}) ne se lit pas avec ce programme :"
                return Report(f"{told}\n{why}\n{_stays(kept)}", DOES_NOT_HOLD)
            script = _readable(kept, found.revision)
            release = kept.go_back(found, self.who, self.clock())
            self._note(connection, "revision.rolled-back", release)
            others = _going_on(kept.tallies(), release.revision)
        silent = self._without_clip(script) if script else 0
        missing = [f"{silent} clips lui manquent : la voix de l’opérateur dira ces phrases."] if silent else []
        return Report("\n".join([f"Retour à la révision n° {found.number}.", *_switched(release, others), *missing]))

    def in_use(self) -> list[Script]:
        """The scripts whose clips are needed: the live one, what going back leads to, and those that calls are on."""
        with self.engine.begin() as connection:
            kept = Revisions(connection)
            live = kept.last()
            before = kept.release(live.before) if live else None
            needed = {one.revision for one in (live, before) if one}
            needed |= {revision for revision, tally in kept.tallies().items() if tally.going_on}
            return [script for revision in sorted(needed) if (script := _readable(kept, revision))]

    def carried_out(self, asked: Namespace) -> Report:
        """What `ivr publish|revisions|rollback …` asks for."""
        match asked.command:
            case "publish":
                return self.publish(Path(asked.folder))
            case "rollback":
                return self.go_back(asked.revision)
            case _ if asked.revision:
                return self.write(asked.revision, Path(asked.to or asked.revision))
            case _:
                return self.listed()

    def _first(self, kept: Revisions, but: str) -> Release | None:
        """What calls were on before anything was published, as the first release: so that one can go back to it."""
        running = kept.last_begun()
        return kept.publish(running, NOBODY, self.clock()) if running not in ("", but) else None

    def _without_clip(self, script: Script) -> int:
        """How many of the script's clips are not in the folder."""
        return len(missing_clips(self.settings, script))

    def _refused(self, folder: Path, found: Proof) -> Iterator[str]:
        with self.engine.begin() as connection:
            yield f"{folder} n’est pas publié. {_stays(Revisions(connection))}"
        if any(one.file.startswith(self.settings.audio_dir.name) for one in found.findings):
            yield f"Les clips se font ainsi : IVR_PROMPTS_DIR={folder} ivr speak"

    def _note(self, connection: Connection, what: str, release: Release) -> None:
        Audit(connection, self.vault).note(self.clock(), self.who, what, f"{release.number} {release.revision}")


def publisher() -> Publisher:
    """Who publishes for the line that the environment names.

    Raises SettingsError, or what the database raises.
    """
    found = settings()
    engine, vault = open_database(found.database_url), Vault(found.secret_keys)
    return Publisher(found, engine, vault, f"operator {getpass.getuser()}")


def started_with(found: Settings) -> tuple[int, list[str]]:
    """How many steps the script has that a process starts with, and which it is, where one is published.

    Raises ScriptError, SpeechError, SmsError or HoursError when no script can be read.
    """
    engine = open_database(found.database_url)
    try:
        script = script_at_start(engine, found.prompts_dir, time.time())
        with engine.begin() as connection:
            live = Revisions(connection).last()
    finally:
        engine.dispose()
    if live is None:
        return len(script.flow.steps), []
    folder = found.prompts_dir.name
    if live.revision != script.revision:
        told = f"La révision {live.revision} ne se lit pas avec ce programme : la ligne suit {folder}/ (ivr revisions)."
    else:
        told = f"Script : révision {live.revision} (n° {live.number})"
        told += "." if _is(found.prompts_dir, live.revision) else f" ; {folder}/ en diffère : ivr publish {folder}/"
    return len(script.flow.steps), [told]


def _is(folder: Path, revision: str) -> bool:
    try:
        return revision_of(read_files(folder)) == revision
    except ScriptError:
        return False


def clips_in_use(found: Settings) -> frozenset[str]:
    """The names of the clips that calls may play, whatever the folder says now; none where there is no database yet."""
    url = make_url(found.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return frozenset()
    engine = open_database(found.database_url)
    try:
        scripts = Publisher(found, engine, Vault(found.secret_keys), "").in_use()
    finally:
        engine.dispose()
    return frozenset(name for script in scripts for name in _clip_names(found, script))


def missing_clips(found: Settings, script: Script) -> tuple[str, ...]:
    """The names of the clips that a script needs and the folder has not."""
    if found.voice == CARRIER:
        return ()
    return tuple(clip.name for clip in stock(found.audio_dir, _wants(found, script), {}).missing)


def _clip_names(found: Settings, script: Script) -> Iterator[str]:
    if found.voice != CARRIER:
        yield from (clip.name for clips in _wants(found, script).values() for clip in clips)


def _wants(found: Settings, script: Script) -> Mapping[Key, tuple[Wanted, ...]]:
    return wanted(script.flow, script.lexicon, tuple(preferred(found.voice)), ready_words(script.hours))


def _readable(kept: Revisions, revision: str) -> Script | None:
    try:
        return whole_script(kept.files(revision) or {})
    except Exception:
        return None


def _unreadable(kept: Revisions, revision: str) -> str:
    """Why a revision cannot be read by this program; empty when it can."""
    try:
        whole_script(kept.files(revision) or {})
    except Exception as error:
        return str(error)
    return ""


def _previous(kept: Revisions) -> Release | Report:
    live = kept.last()
    if live is None:
        return Report("Aucune révision n’est publiée : il n’y a rien à quoi revenir.", DOES_NOT_HOLD)
    before = kept.release(live.before) if live.before != NONE else None
    if before is None:
        return Report(f"La révision n° {live.number} est la première : il n’y a rien avant elle.", DOES_NOT_HOLD)
    return before


def _named(kept: Revisions, name: str) -> Release | Report:
    """The release of this number, or the last one whose revision begins so."""
    releases = kept.releases()
    found = [one for one in releases if str(one.number) == name] or [
        one for one in releases if len(name) > 3 and one.revision.startswith(name.lower())
    ]
    if not found or len({one.revision for one in found}) > 1:
        how = "Plusieurs révisions commencent" if found else "Aucune révision publiée ne commence"
        return Report(f"{how} par « {name} » : voyez `ivr revisions`.", DOES_NOT_HOLD)
    return found[-1]


def _stays(kept: Revisions) -> str:
    live = kept.last()
    stays = f"la révision {live.revision} (n° {live.number}) reste en service" if live else "la ligne garde son script"
    return f"Rien n’a changé : {stays}."


def _going_on(tallies: dict[str, Tally], but: str) -> int:
    return sum(tally.going_on for revision, tally in tallies.items() if revision != but)


def _switched(release: Release, others: int) -> Iterator[str]:
    yield f"Révision {release.revision} (n° {release.number}) en service : les prochains appels la suivent."
    if others:
        calls = "1 appel en cours finit" if others == 1 else f"{others} appels en cours finissent"
        yield f"{calls} sur le script de son début." if others == 1 else f"{calls} sur le script de leur début."


def _changes(old: Script | None, new: Script) -> Iterator[str]:
    """What changed, step by step."""
    if old is None:
        return
    before, after = old.flow.steps, new.flow.steps
    for how, steps in (
        ("nouvelles", after.keys() - before.keys()),
        ("retirées", before.keys() - after.keys()),
        ("changées", {step for step in after.keys() & before.keys() if after[step] != before[step]}),
    ):
        if steps:
            yield f"Étapes {how} : {_some(sorted(steps))}."


def _some(steps: Iterable[str]) -> str:
    first, rest = (named := list(steps))[:MOST_CHANGES], len(named) - MOST_CHANGES
    return ", ".join(first) + (f" et {rest} autre{'s' if rest > 1 else ''}" if rest > 0 else "")


def _row(release: Release, tally: Tally, *, live: bool) -> str:
    since = f"{datetime.fromtimestamp(release.at, PARIS):%Y-%m-%d %H:%M:%S}"
    mark, state = ("→", "  en service") if live else (" ", "")
    calls = f"{tally.calls:>6}  {tally.going_on:>8}"
    return f"{mark} {release.number:>2}  {release.revision}  {since}  {calls}  {release.who}{state}"
