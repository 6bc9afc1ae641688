"""`python -m tests.torture` (`make torture`): run the bars, show them as they come, and write the report.

    python -m tests.torture                         every bar in full; over an hour, beside the soaks of B20
    python -m tests.torture --minutes 10            the same with soaks of ten minutes
    python -m tests.torture --lanes 1               one trial after the other, the soaks beside them
    python -m tests.torture --quick --only B3,B5    two bars at a twentieth of their size; no report

1 when a bar is not met.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.line import ROOT
from tests.torture.bars import Seen, Size, Trial, trials
from tests.torture.lanes import Began, Figure, Went, told
from tests.torture.report import Run, commit, report

QUICK = 0.05


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; the exit code. The report is written anew after each trial."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = _chosen(given)
    size = Size(QUICK if chosen.quick else chosen.share, chosen.minutes, chosen.seed)
    command = " ".join(["make torture", *([f'ARGS="{" ".join(given)}"'] if given else [])])
    asked = [found for found in trials() if not chosen.only or found.bar in chosen.only.split(",")]
    run = Run(command, commit(), size, chosen.lanes, len(asked), time.time())
    console, seen = Console(), list[Seen]()
    with closing(_shown(console, asked, run)) as over:
        for one in over:
            seen.append(one)
            if chosen.report:
                chosen.report.write_text(report(run, seen, time.time() - run.began))
    console.print(_table(run, seen))
    if chosen.report:
        console.print(f"written: {chosen.report}")
    return 0 if all(bar.holds for one in seen for bar in one.bars) else 1


def _chosen(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.torture", description="the bars of reliability, with figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:.0%} of the sizes")
    parser.add_argument("--share", type=float, default=1.0, help="another share of the sizes, from 0 to 1")
    parser.add_argument("--minutes", type=float, default=60.0, help="of each soak")
    parser.add_argument("--lanes", type=int, default=2, help="trials at once, besides the soaks")
    parser.add_argument("--only", default="", help="bars, like B3,B5; then no report unless --report")
    parser.add_argument("--seed", type=int, default=Size.seed)
    parser.add_argument("--report", type=Path, help="where the report goes; default docs/torture.md")
    chosen = parser.parse_args(arguments)
    if chosen.report is None and not chosen.only:
        chosen.report = ROOT / "docs" / "torture.md"
    return chosen


def _shown(console: Console, asked: list[Trial], run: Run) -> Generator[Seen, None, None]:
    """Run the trials, showing how far each is and its figures as they come; those that are over."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, closing(told(asked, run.size, run.lanes)) as events:
        whole, shown = progress.add_task("all bars", total=sum(one.seconds for one in asked)), dict[Trial, TaskID]()
        for event in events:
            match event:
                case Began(trial):
                    shown[trial] = progress.add_task(escape(f"{trial.bar} {trial.name[:60]}"), total=1.0)
                case Went(trial, share):
                    progress.update(shown[trial], completed=share)
                case Figure(trial, bar):
                    holds = "✓" if bar.holds else "✗"
                    progress.console.print(escape(f"{holds} {trial.bar} {bar.name}: {bar.reached}"))
                case Seen(trial):
                    progress.remove_task(shown.pop(trial))
                    progress.advance(whole, trial.seconds)
                    yield event


def _table(run: Run, seen: list[Seen]) -> Table:
    table = Table("bar", "what", "wanted", "reached", "holds", "size", "seconds")
    for one in sorted(seen, key=lambda one: one.trial.order):
        size, seconds = one.trial.size(run.size), f"{one.seconds:.0f}"
        for bar in one.bars:
            holds = "yes" if bar.holds else "[bold red]NO"
            told_of = (escape(cell) for cell in (bar.name, bar.wanted, bar.reached))
            table.add_row(one.trial.bar, *told_of, holds, size, seconds)
    return table


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is told to end ends its trials
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
