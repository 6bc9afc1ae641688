"""`ivr call --hostile`: attack the line in this process, and say in French what came of it.

What breaks is written as a transcript, the shortest call that shows it, which `--replay` plays again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ivr.flow.model import Flow
from ivr.folder import read_script
from ivr.hostile.rules import Rule
from ivr.hostile.storm import Found, Plan, Seen, Where, ground, storm, to_be_seen
from ivr.phone.transcript import TranscriptError, read

HOLDS, DOES_NOT_HOLD, WRONG_USAGE = 0, 1, 2
MOST_NAMED = 12


def attack(where: Where, plan: Plan, console: Console | None = None, folder: Path = Path()) -> int:
    """Attack, and tell; the exit code. What breaks is left in `folder`, as a transcript."""
    out, began = console or Console(highlight=False), time.monotonic()
    flow = read_script(where.prompts)
    if unknown := [goal for goal in plan.goals if goal not in flow.steps]:
        out.print(f"« {unknown[0]} » n’est pas une étape{_meant(unknown[0], flow)}.", markup=False, soft_wrap=True)
        return WRONG_USAGE
    with _progress(out, plan.calls) as told:
        seen = storm(where, plan, told)
    for line in report(plan.seed, seen, flow, time.monotonic() - began):
        out.print(line, markup=False, soft_wrap=True)
    for found in seen.found:
        path = folder / f"hostile-{plan.seed}-{found.attack}.call"
        path.write_text(transcript(plan.seed, found), encoding="utf-8")
        out.print(_told(found, path), markup=False, soft_wrap=True)
    return DOES_NOT_HOLD if seen.found else HOLDS


def _meant(step: str, flow: Flow) -> str:
    close = get_close_matches(step, flow.steps, 1)
    return f" : vouliez-vous dire « {close[0]} » ?" if close else ""


def replay(where: Where, path: Path, console: Console | None = None) -> int:
    """Play an attack that was written down; the exit code."""
    out = console or Console(highlight=False)
    try:
        lines = [line.text for line in read(path).lines]
    except (OSError, TranscriptError) as error:
        out.print(str(error), markup=False, soft_wrap=True)
        return WRONG_USAGE
    with ground(where) as alone:
        broken = alone.replayed(lines)
    out.print(f"✗ {broken}" if broken else f"{path.name} : tout tient.", markup=False, soft_wrap=True)
    return DOES_NOT_HOLD if broken else HOLDS


def transcript(seed: int, found: Found) -> str:
    """The attack as a file that a person can read and play again."""
    about = (
        f"# {found.rule[:1].upper()}{found.rule[1:]} : ce n’est pas le cas (graine {seed}, attaque {found.attack}).\n"
    )
    return f"{about}# {found.detail}\n" + "".join(f"{line}\n" for line in found.lines)


def report(seed: int, seen: Seen, flow: Flow, seconds: float) -> Iterator[str]:
    """What came of a storm, line by line."""
    counts = seen.counts
    webhooks = counts["webhooks"] + counts["status"]
    pace = f"{seconds:.0f} s, {webhooks / max(seconds, 0.1):.0f} par seconde"
    yield f"Graine {seed} : {_many(counts['calls'])} appels, {_many(webhooks)} webhooks en {pace}."
    kinds = {"again": "livrés à nouveau", "twins": "en jumeaux", "late": "en retard", "stray": "à contretemps"}
    yield f"Dont {', '.join(f'{_many(counts[kind])} {said}' for kind, said in kinds.items())}."
    steps, keys = to_be_seen(flow)
    met, pressed = len(seen.steps & steps), len(seen.ways & keys)
    yield f"Étapes atteintes : {met} sur {len(steps)}. Touches essayées : {pressed} sur {len(keys)}."
    if missed := sorted(steps - seen.steps):
        more = f", et {len(missed) - MOST_NAMED} autres" if len(missed) > MOST_NAMED else ""
        yield f"Jamais atteintes : {', '.join(missed[:MOST_NAMED])}{more}."
    broken = {found.rule for found in seen.found}
    yield from (f"{'✗' if rule in broken else '✓'} {rule}" for rule in Rule)


def _told(found: Found, path: Path) -> str:
    shown = "\n".join(f"  {line}" for line in found.lines)
    again = f"À rejouer : ivr call --replay {path}"
    return f"{found.detail}\nL’appel le plus court qui le montre ({path}) :\n{shown}\n{again}"


def _many(number: int) -> str:
    """A number as it is written in French."""
    return f"{number:,}".replace(",", "\u202f")


@contextmanager
def _progress(out: Console, calls: int) -> Iterator[Callable[[Seen], None]]:
    """A bar while it lasts: calls done, webhooks, time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} appels"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("Attaque", total=calls)

        def told(seen: Seen) -> None:
            webhooks = _many(seen.counts["webhooks"])
            progress.update(task, completed=seen.counts["calls"], description=f"Attaque, {webhooks} webhooks")

        yield told
