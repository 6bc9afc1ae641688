"""`python -m tests.torture` (`make torture`): run the bars, show them as they come, and write the report.

    python -m tests.torture                         every bar in full; hours, most of them the soak of B20
    python -m tests.torture --minutes 10            the same with a soak of ten minutes
    python -m tests.torture --quick --only B3,B5    two bars at a twentieth of their size; no report

1 when a bar is not met.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.line import ROOT
from tests.torture.bars import Bar, Size, Trial, trials
from tests.torture.report import Run, Seen, report

QUICK = 0.05


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; the exit code. The report is written anew after each trial."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = _chosen(given)
    size = Size(QUICK if chosen.quick else chosen.share, chosen.minutes, chosen.seed)
    run = Run(" ".join(["make torture", *([f'ARGS="{" ".join(given)}"'] if given else [])]), size, time.time())
    console, seen = Console(), list[Seen]()
    asked = [found for found in trials() if not chosen.only or found.bar in chosen.only.split(",")]
    with _silence():
        for one in _seen(console, asked, size):
            seen.append(one)
            if chosen.report:
                chosen.report.write_text(report(run, seen))
    console.print(_table(seen))
    if chosen.report:
        console.print(f"written: {chosen.report}")
    return 0 if all(bar.holds for one in seen for bar in one.bars) else 1


@contextmanager
def _silence() -> Iterator[None]:
    """No log entries: a million refusals would hide the figures."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _chosen(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.torture", description="the bars of reliability, with figures")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:.0%} of the sizes")
    parser.add_argument("--share", type=float, default=1.0, help="another share of the sizes, from 0 to 1")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the soak")
    parser.add_argument("--only", default="", help="bars, like B3,B5; then no report unless --report")
    parser.add_argument("--seed", type=int, default=Size.seed)
    parser.add_argument("--report", type=Path, help="where the report goes; default docs/torture.md")
    chosen = parser.parse_args(arguments)
    if chosen.report is None and not chosen.only:
        chosen.report = ROOT / "docs" / "torture.md"
    return chosen


def _seen(console: Console, asked: list[Trial], size: Size) -> Iterator[Seen]:
    """Run the trials one after the other, showing each figure as it comes."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        whole = progress.add_task("all bars", total=sum(one.seconds for one in asked))
        for one in asked:
            this = progress.add_task(f"{one.bar} {one.name}", total=1.0)
            went = lambda share, this=this: progress.update(this, completed=share)  # noqa: E731
            seen = _tried(one, replace(size, went=went))
            for bar in seen.bars:
                progress.console.print(f"{'✓' if bar.holds else '✗'} {one.bar} {bar.name}: {bar.reached}")
            progress.remove_task(this)
            progress.advance(whole, one.seconds)
            yield seen


def _tried(one: Trial, size: Size) -> Seen:
    """What came of one trial; one that breaks has not held, and the others go on."""
    began = time.monotonic()
    bars: list[Bar] = []
    try:
        bars.extend(one.run(size))
    except Exception as error:
        bars.append(Bar(one.name, "an end", f"{type(error).__name__}: {error}", holds=False))
    return Seen(one, bars, time.monotonic() - began)


def _table(seen: list[Seen]) -> Table:
    table = Table("bar", "what", "wanted", "reached", "holds", "seconds")
    for one in seen:
        for bar in one.bars:
            holds = "yes" if bar.holds else "[bold red]NO"
            table.add_row(one.trial.bar, bar.name, bar.wanted, bar.reached, holds, f"{one.seconds:.0f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
