"""`ivr draw`: the script on paper, chapter by chapter, a sheet of A3 each, and all of them in one page to print.

Beside the rooms, like `check`: it reads the folder and the database, and hands both to what draws (`ivr.drawing`).
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ivr.check import script_settings, seconds_heard
from ivr.drawing.dot import Look, Shades, dot, overview
from ivr.drawing.layout import DrawingError, Graphviz
from ivr.drawing.mermaid import mermaid
from ivr.drawing.page import Sheet, book, numbered, sheet
from ivr.drawing.traffic import Counts, counts
from ivr.flow.chart import Chapter, chapters
from ivr.flow.measures import Seconds, length
from ivr.flow.model import Flow, HangUp, Step
from ivr.folder import read_lexicon, read_script
from ivr.settings import Settings, settings
from ivr.store.database import open_database
from ivr.store.traffic import traffic

LOOKS = tuple(Look(across, columns) for across in (False, True) for columns in (28, 34, 42))
"""The layouts that are tried for each sheet; what fits best is taken."""

LEAST = 0.6
"""A chapter whose words would be smaller than this (of 10 points) is drawn on several sheets."""

FEWEST = 4
"""A chapter of fewer steps than this is never parted."""

PLAN, BOOK = "plan", "plan.html"
"""The sheet of all chapters, and the file of all sheets."""

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Over:
    """What is told beside the words: how long they are heard; of the traffic, its shades and its line in the legend."""

    seconds: Seconds
    shades: Shades = field(default_factory=Shades)
    chapters: Shades = field(default_factory=Shades)
    note: str = ""

    def length(self, step: Step) -> float:
        """How long a step speaks, in seconds."""
        return length(step.prompt.pieces(), self.seconds)


def draw(chosen: Namespace) -> int:
    """Carry out the command; the exit code.

    Raises DrawingError without Graphviz, for a chapter or a folder that there is not; ScriptError, SettingsError.
    """
    found = settings() if chosen.calls else script_settings(chosen.script)
    folder = Path(chosen.script) if chosen.script else found.prompts_dir
    flow = read_script(folder)
    drawn = _chosen(chapters(flow), chosen.chapter)
    if chosen.mermaid:
        print("\n".join(map(mermaid, drawn)), end="")
        return 0
    seconds = seconds_heard(found, flow, read_lexicon(folder))
    counted = _counted(flow, found, chosen.days) if chosen.calls else None
    over = _over(seconds, counted, chosen.days)
    to = Path(chosen.to) if chosen.to else found.data_dir / "dessin"
    sheets = _drawn(drawn, over, whole=not chosen.chapter)
    try:
        _write(to, sheets)
    except OSError as why:
        raise DrawingError(
            f"Rien ne peut être écrit dans {to}\u00a0: {why.strerror}. Nommez un autre dossier."
        ) from why
    print(f"{_number(len(sheets), 'page')} A3 dans {to}\u00a0: ouvrez {to / BOOK} dans un navigateur.")
    if counted:
        print(_told(counted, chosen.days))
    return 0


def _chosen(drawn: tuple[Chapter, ...], name: str) -> tuple[Chapter, ...]:
    chosen = tuple(chapter for chapter in drawn if name in ("", chapter.name))
    if not chosen:
        known = ", ".join(chapter.name for chapter in drawn)
        raise DrawingError(f"Il n'y a pas de chapitre «\u00a0{name}\u00a0»\u00a0: {known}")
    return chosen


def _counted(flow: Flow, found: Settings, days: float) -> Counts:
    engine = open_database(found.database_url)
    try:
        passing = [step.id for step in flow.steps.values() if step.aside or isinstance(step, HangUp)]
        seen = traffic(engine, time.time() - days * DAY, passing)
    finally:
        engine.dispose()
    return counts(flow, seen.calls, seen.visits, seen.moves, seen.lost)


def _over(seconds: Seconds, counted: Counts | None, days: float) -> Over:
    if counted is None:
        return Over(seconds)
    return Over(seconds, counted.shades(), counted.shades_of_chapters(), _legend(counted, days))


# Sheets


def _drawn(drawn: tuple[Chapter, ...], over: Over, *, whole: bool) -> list[Sheet]:
    """The sheets of these chapters; with `whole`, the sheet of all of them before."""
    columns = TextColumn("Dessin"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    sheets: list[Sheet] = []
    out = Console(stderr=True)
    showing = Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    with Graphviz() as graphviz, showing as progress:
        task = progress.add_task(PLAN, total=len(drawn))
        if whole:
            pictures = [graphviz.picture(overview(drawn, over.chapters, look)) for look in (LOOKS[0], LOOKS[-1])]
            sheets.append(sheet(PLAN, f"Le plan, {_number(len(drawn), 'chapitre')}", pictures, over.note))
        for chapter in drawn:
            progress.update(task, description=chapter.name)
            sheets += numbered(list(_of_chapter(graphviz, chapter, over)))
            progress.advance(task)
    return sheets


def _of_chapter(graphviz: Graphviz, chapter: Chapter, over: Over) -> Iterator[Sheet]:
    """The chapter on one sheet, or on several when its words would be too small to read."""
    pictures = [graphviz.picture(dot(chapter, over.length, over.shades, look)) for look in LOOKS]
    one = sheet(chapter.name, chapter.name, pictures, over.note)
    if one.scale >= LEAST or len(chapter.steps) < FEWEST:
        yield one
    else:
        for half in chapter.halves():
            yield from _of_chapter(graphviz, half, over)


def _write(to: Path, sheets: list[Sheet]) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for one in sheets:
        (to / f"{one.name}.svg").write_text(one.svg, encoding="utf-8")
    (to / BOOK).write_text(book("La ligne, sur papier", sheets), encoding="utf-8")


# What is told


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def _legend(counted: Counts, days: float) -> str:
    period = f"{_number(counted.calls, 'appel')} en {days:g} jours"
    meaning = (
        "Fond\u00a0: part des appels passés par là. (n)\u00a0: passages. Rouge\u00a0: appels coupés ou abandonnés ici."
    )
    return f"{period}. {meaning}"


def _told(counted: Counts, days: float) -> str:
    """How many calls were counted, and where most of them were lost."""
    worst = sorted(counted.lost.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
    lost = ", ".join(f"{step} {count}" for step, count in worst)
    total = f"{_number(counted.calls, 'appel')} en {days:g} jours"
    return f"{total}\u202f; perdus\u00a0: {lost}." if lost else f"{total}, aucun perdu."
