"""`ivr replay` and `ivr record`: past calls walked again from what was kept of them, on a new script or on their own.

Beside the rooms: it joins the database's history to `ivr.flow.retelling`. Nothing is written, asked or sent: desks
answer what they answered then, and digits that were typed are no more known than they were kept.
"""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import Engine

from ivr.flow.model import Flow
from ivr.flow.retelling import Again, Told, walked_again, world_from
from ivr.folder import read_script, whole_script
from ivr.operators import DOES_NOT_HOLD, WRONG_USAGE, Report
from ivr.settings import settings
from ivr.store.database import open_database
from ivr.store.history import KeptCall, calls_like, how_many, past_calls
from ivr.store.revisions import Revisions
from ivr.transcribing import Recalled, transcript

UNITS = {"h": 3600.0, "d": 86_400.0, "j": 86_400.0, "w": 7 * 86_400.0, "s": 7 * 86_400.0}
"""Hours, days (jours), weeks (semaines), in seconds."""

NOWHERE = Flow({}, "", "", "", "")
"""The script of a call whose own is gone."""

SHOWN = 3
"""Calls that are named of each way that goes elsewhere; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where calls part from what they were: at a step, after an event; where it led, and where it would lead now."""

    at: str
    event: str
    then: str
    now: str


@dataclass
class Replayed:
    """What became of the calls that were walked again."""

    calls: int = 0
    partly: int = 0
    never: int = 0
    elsewhere: dict[Elsewhere, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, flow: Flow, call: KeptCall) -> None:
        """Walk one more call on this script."""
        again = list(walked_again(flow, turns_of(call)))
        if not again:
            self.never += 1
            return
        self.calls += 1
        if not again[-1].same:
            self.elsewhere[_parting(again[-1])].append(call.sid)
        elif len(again) < len(call.turns):
            self.partly += 1

    def told(self, shown: str) -> Iterator[str]:
        """The account of it, the most frequent first."""
        changed = sum(map(len, self.elsewhere.values()))
        would = "aucun n’irait" if not changed else "1 irait" if changed == 1 else f"{changed} iraient"
        yield f"{_counted(self.calls, 'appel rejoué', 'appels rejoués')} sur {shown} : {would} ailleurs."
        for way, sids in sorted(self.elsewhere.items(), key=_rank):
            yield f"{len(sids):>5}  {way.at or '(début)'}, {_event(way.event)} : {way.then} → {way.now}"
            rest = f" et {_counted(len(sids) - SHOWN, 'autre', 'autres')}" if len(sids) > SHOWN else ""
            yield f"       {', '.join(sid[:10] for sid in sids[-SHOWN:])}{rest}"
        if self.partly:
            yield f"{_counted(self.partly, 'rejoué', 'rejoués')} en partie : la base a manqué pendant l’appel."
        if self.never:
            yield f"{_counted(self.never, 'non rejoué', 'non rejoués')} : d’avant que les réponses soient gardées."


def _rank(found: tuple[Elsewhere, list[str]]) -> tuple[int, str, str, str]:
    """The most frequent first, the others in the order of the script's ids."""
    way, sids = found
    return -len(sids), way.at, way.event, way.then


def turns_of(call: KeptCall) -> list[Told]:
    """The turns of a call as they are walked again."""
    return [Told(one.number, one.event, one.step, one.at, world_from(one.outcomes)) for one in call.turns]


def replay(engine: Engine, flow: Flow, since: float, shown: str, out: Console) -> Report:
    """Walk the calls since then (seconds since the epoch) on this script; `shown` is what it is called."""
    done = Replayed()
    for call in _with_progress(out, past_calls(engine, since), how_many(engine, since)):
        done.add(flow, call)
    return Report("\n".join(done.told(shown)))


def record(engine: Engine, start: str) -> Report:
    """A call of the database as a transcript; `start` is the beginning of its id."""
    found = calls_like(engine, start.strip()) if start.strip() else []
    if len(found) != 1:
        how = f"Plusieurs appels commencent par « {start} »" if found else f"Aucun appel ne commence par « {start} »"
        return Report(f"{how} : voyez `ivr calls`.", DOES_NOT_HOLD)
    story = [_recalled(engine, call) for call in _story(engine, found[0])]
    for recalled in story:
        if why := _unreadable(recalled):
            return Report(f"L’appel {recalled.call.sid[:10]} ne peut pas être écrit : {why}", DOES_NOT_HOLD)
    return Report(transcript(story).rstrip("\n"))


def _story(engine: Engine, call: KeptCall) -> Iterator[KeptCall]:
    """The call, after the one that it resumes."""
    worlds = [world_from(one.outcomes) for one in call.turns[:1]]
    for earlier in [world.call for world in worlds if world and world.call]:
        for found in calls_like(engine, earlier):
            yield from _story(engine, found)
    yield call


def _unreadable(recalled: Recalled) -> str:
    if not recalled.turns:
        return "il date d’avant que les réponses soient gardées, ou son script n’est plus là."
    if not recalled.turns[-1].same:
        return f"son script le mènerait ailleurs, à {recalled.turns[-1].told.step}."
    return ""


def _recalled(engine: Engine, call: KeptCall) -> Recalled:
    """The call, walked again on its own script; not at all, when that is gone."""
    with engine.begin() as connection:
        files = Revisions(connection).files(call.revision)
    flow = whole_script(files).flow if files else None
    return Recalled(call, flow or NOWHERE, list(walked_again(flow, turns_of(call))) if flow else [])


def carried_out(asked: Namespace, now: float) -> Report:
    """What `ivr replay …` or `ivr record …` asks for."""
    found = settings()
    engine = open_database(found.database_url)
    try:
        if asked.command == "record":
            return _kept(record(engine, asked.call), asked.to)
        seconds = span(asked.since)
        if seconds is None:
            return Report(f"--since {asked.since} : écrivez 30d, 12h ou 2w.", WRONG_USAGE)
        folder = Path(asked.script) if asked.script else found.prompts_dir
        return replay(
            engine, read_script(folder), now - seconds, str(asked.script or folder.name), Console(stderr=True)
        )
    finally:
        engine.dispose()


def span(text: str) -> float | None:
    """A length of time, « 30d » or « 12h », in seconds; None when it is none."""
    found = re.fullmatch(r"(\d{1,5})([hdjws])", text)
    return int(found[1]) * UNITS[found[2]] if found else None


def _kept(report: Report, to: str) -> Report:
    """The transcript in its file, when one was named: one that is there is not written over."""
    if report.code or not to:
        return report
    try:
        with Path(to).open("x", encoding="utf-8") as file:
            file.write(f"{report.text}\n")
    except FileExistsError:
        return Report(f"{to} existe déjà : donnez un autre nom.", WRONG_USAGE)
    except OSError as error:
        return Report(f"{to} ne peut pas être écrit : {error.strerror or error}", WRONG_USAGE)
    return Report(f"{to} est écrit.")


def _with_progress(out: Console, calls: Iterable[KeptCall], total: int) -> Iterator[KeptCall]:
    columns = (BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("appels rejoués"))
    with Progress(*columns, console=out, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(calls, total=total)


def _parting(again: Again) -> Elsewhere:
    now = f"demande « {again.unanswered} », que personne n’a posé alors" if again.unanswered else again.state.step
    return Elsewhere(again.prior.step if again.prior else "", again.told.event, again.told.step, now)


def _event(event: str) -> str:
    """What happened, in French."""
    kind, _, rest = event.partition(" ")
    match kind:
        case "key":
            return f"touche {rest}"
        case "dialled":
            return "à l’appel"
        case "silence":
            return "silence"
        case "recorded":
            return f"message de {rest}"
        case _ if rest.startswith("digits"):
            return f"{kind} chiffres"
        case _:
            return f"conseiller : {event}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number < 2 else many}"
