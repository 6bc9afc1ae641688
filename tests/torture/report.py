"""The report of `make torture` as Markdown: what was run, on what, with which figures, and what was not."""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.torture.bars import Bar, Size, Trial

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
class Seen:
    """One trial, its figures, and the seconds that it took."""

    trial: Trial
    bars: list[Bar]
    seconds: float


@dataclass(frozen=True)
class Run:
    """One run of the trials: the command, its size, and when it began (seconds since the epoch)."""

    command: str
    size: Size
    began: float


def report(run: Run, seen: list[Seen]) -> str:
    """The whole report."""
    return "\n".join([*_head(run, seen), *_figures(seen), *_without(seen), *_untested(), ""])


def _head(run: Run, seen: list[Seen]) -> Iterator[str]:
    bars = [bar for one in seen for bar in one.bars]
    failed = sum(not bar.holds for bar in bars)
    yield "# The bars of reliability, put to the line"
    yield ""
    yield "Written by `make torture`; not edited by hand."
    yield ""
    yield f"- command: `{run.command}`"
    minutes = sum(one.seconds for one in seen) / 60
    yield f"- {time.strftime('%Y-%m-%d %H:%M', time.gmtime(run.began))} UTC, {minutes:.0f} min"
    yield f"- size: {run.size.share:.0%} of the full numbers, soak of {run.size.minutes:g} min (60 in full)"
    yield f"- seed: {run.size.seed}"
    yield f"- machine: {_machine()}"
    yield f"- result: {len(bars) - failed} of {len(bars)} figures hold"
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


def _figures(seen: list[Seen]) -> Iterator[str]:
    yield "| bar | what | wanted | reached | holds | seconds |"
    yield "|---|---|---|---|---|---|"
    for one in seen:
        for bar in one.bars:
            cells = (one.trial.bar, bar.name, bar.wanted, bar.reached, "yes" if bar.holds else "**NO**")
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + f" | {one.seconds:.0f} |"
    yield ""


def _without(seen: list[Seen]) -> Iterator[str]:
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
