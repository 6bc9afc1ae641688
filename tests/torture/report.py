"""The report of `make torture` as Markdown: what was run, on what, with which figures, and what was not."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.line import ROOT
from tests.torture.bars import Seen, Size

BARS = [f"B{number}" for number in range(1, 21)]

ELSEWHERE: dict[str, str] = {
    "B10": "there is no page to log in to: operators' commands run on the machine; the link page: docs/security.md",
    "B11": "ruff's rules S (those of bandit) and mypy --strict run with `make test`, dependencies are pinned by hash; "
    "semgrep, detect-secrets and pip-audit were not run here",
}
"""Bars without a trial here, and where they are proved or why they are not."""

UNTESTED = (
    "A live Twilio account: whether `StirVerstat` and `CallToken` are signed, what Twilio does when a connection is "
    "reset in the middle of an answer, what its console keeps of TwiML and digits. Twilio is played by "
    "`ivr/phone` and `ivr/demo/twilio_rest.py`, written from its documentation.",
    "A live OVH account: OVH is played by `ivr/demo/ovh.py`, written from its API's own description.",
    "Loss of power: a process is killed, a file is copied in the middle of a write; the disk itself was never cut off.",
    "Several machines: processes share one machine, one clock and one disk.",
)


@dataclass(frozen=True)
class Run:
    """One run of so many trials: the command, the commit, its size, and when it began (seconds since the epoch)."""

    command: str
    commit: str
    size: Size
    lanes: int
    trials: int
    began: float


def report(run: Run, seen: Sequence[Seen], took: float) -> str:
    """The whole report, after so many seconds."""
    ordered = sorted(seen, key=lambda one: one.trial.order)
    return "\n".join([*_head(run, ordered, took), *_figures(run, ordered), *_without(ordered), *_untested(), ""])


def commit() -> str:
    """The commit that is run, and whether anything but the report was changed since; « unknown » without git."""
    try:
        changed = _git("status", "--porcelain", "--", ".", ":!docs/torture.md")
        return _git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    told = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603, S607 - ours
    return told.stdout.strip()


def _head(run: Run, seen: Sequence[Seen], took: float) -> Iterator[str]:
    bars = [bar for one in seen for bar in one.bars]
    failed = sum(not bar.holds for bar in bars)
    yield "# The bars of reliability, put to the line"
    yield ""
    yield "Written by `make torture`; not edited by hand."
    yield ""
    yield f"- command: `{run.command}`"
    yield f"- commit: {run.commit}"
    yield f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime(run.began))} UTC, {took / 60:.0f} min"
    yield f"- size: {100 * run.size.share:g}% of the full numbers, soaks of {run.size.minutes:g} min (60 in full)"
    yield f"- at once: {run.lanes} trials and the soaks; those that measure time with the soaks alone, at the end"
    yield f"- seed: {run.size.seed}"
    yield f"- machine: {_machine()}"
    unfinished = f"; not finished: {len(seen)} of {run.trials} trials" if len(seen) < run.trials else ""
    yield f"- result: {len(bars) - failed} of {len(bars)} figures hold{unfinished}"
    yield ""


def _machine() -> str:
    cores, kind = os.cpu_count() or 1, _processor()
    software = (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, SQLAlchemy {version('sqlalchemy')}"
    )
    return f"{cores} cores shared with others ({kind}), {platform.system()} {platform.machine()}; {software}"


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _figures(run: Run, seen: Sequence[Seen]) -> Iterator[str]:
    yield "| bar | what | wanted | reached | holds | size | seconds |"
    yield "|---|---|---|---|---|---|---|"
    for one in seen:
        size, seconds = one.trial.size(run.size), f"{one.seconds:.0f}"
        for bar in one.bars:
            holds = "yes" if bar.holds else "**NO**"
            yield _row(one.trial.bar, bar.name, bar.wanted, bar.reached, holds, size, seconds)
    yield ""


def _row(*cells: str) -> str:
    """A row of a table: whatever is in its cells, they stay on their line."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _without(seen: Sequence[Seen]) -> Iterator[str]:
    """The bars that nothing above speaks of."""
    missing = [bar for bar in BARS if bar not in {one.trial.bar for one in seen}]
    if missing:
        yield "## Bars without a figure above"
        yield ""
        yield from (f"- {bar}: {ELSEWHERE.get(bar, 'not run')}" for bar in missing)
        yield ""


def _untested() -> Iterator[str]:
    yield "## What could not be tested here"
    yield ""
    yield from (f"- {what}" for what in UNTESTED)
