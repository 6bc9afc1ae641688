"""`python -m bench`: measure, show, keep and draw; `--check` compares with the figures that are committed.

python -m bench                     all parts, some minutes: bench/latest.json and bench/plots/
python -m bench turn server         these parts
python -m bench --check             the parts whose ratios are committed; 1 when one is worse than noise explains
python -m bench --baseline          keep what was measured as what later runs are held against; with parts, these anew
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from rich.console import Console

from bench import audio, calls, engine, growth, postgres, render, seconds, server, start, turn, voice
from bench.lines import quiet
from bench.measure import Figure
from bench.report import BASELINE, by_name, kept, plot, read, table, told, worse

Part = Callable[[], Iterator[Figure]]

PARTS: Mapping[str, Part] = {
    "turn": turn.figures,
    "server": server.figures,
    "engine": engine.figures,
    "render": render.figures,
    "growth": growth.figures,
    "start": start.figures,
    "audio": audio.figures,
    "voice": voice.figures,
    "seconds": seconds.figures,
    "calls": calls.figures,
    "server-postgres": postgres.turn,
    "calls-postgres": postgres.carried,
}
LATEST = Path(__file__).parent / "latest.json"
GUARDED = ("turn", "server", "engine", "growth")
"""The parts whose ratios `--check` compares."""


def main() -> int:
    """Measure what is asked for; 1 when a limit is not kept, or a ratio is worse than before."""
    asked = _asked()
    out = Console()
    quiet()
    measured = {}
    if strangers := set(asked.parts) - PARTS.keys():
        out.print(f"There is no part {', '.join(sorted(strangers))}: the parts are {', '.join(PARTS)}.")
        return 2
    for name in asked.parts or (GUARDED if asked.check else PARTS):
        out.rule(name)
        measured[name] = list(PARTS[name]())
        out.print(table(measured[name]))
        if not asked.check:
            plot(name, measured[name])
    figures = [*by_name(measured).values()]
    if asked.baseline:
        known = {**read(BASELINE), **measured} if asked.parts else measured
        measured = {name: known[name] for name in PARTS if name in known}
        told(measured)
    kept(measured, BASELINE if asked.baseline else LATEST, _machine())
    if asked.check:
        slower = worse(figures, by_name(read(BASELINE)))
        out.print("\n".join(slower) or "Nothing is worse than noise explains.")
        return 1 if slower else 0
    return 0 if all(each.holds for each in figures) else 1


def _asked() -> argparse.Namespace:
    shown = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser("python -m bench", description=__doc__, formatter_class=shown)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--check", action="store_true", help="compare with bench/baseline.json")
    parser.add_argument("--baseline", action="store_true", help="keep the figures as bench/baseline.json")
    return parser.parse_args()


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
