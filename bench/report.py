"""What was measured, for people and for the next run: a table, JSON, and a plot of each part."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from bench.measure import Figure

Parts = Mapping[str, Sequence[Figure]]
"""Figures, by the part of the bench that measured them."""

BASELINE = Path(__file__).parent / "baseline.json"
PLOTS = Path(__file__).parent / "plots"
DOCS = Path(__file__).parent.parent / "docs" / "speed.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
"""Between them stand the figures of the baseline (`python -m bench --baseline`)."""


def table(figures: Iterable[Figure]) -> Table:
    """The figures, each with its spread and its limit."""
    shown = Table("figure", "median", "least – most", "limit", "")
    for each in figures:
        shown.add_row(*_cells(each), style="" if each.holds else "bold red")
    return shown


def kept(parts: Parts, path: Path, machine: str) -> None:
    """Write the figures down, as `read` reads them."""
    said = {"machine": machine, "parts": {name: [asdict(each) for each in figures] for name, figures in parts.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, list[Figure]]:
    """The parts of an earlier run. Raises OSError when there was none."""
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    return {name: [Figure(**each) for each in figures] for name, figures in parts.items()}


def by_name(parts: Parts) -> dict[str, Figure]:
    """The figures of all parts."""
    return {each.name: each for figures in parts.values() for each in figures}


def told(parts: Parts, path: Path = DOCS) -> None:
    """Put the figures into the document, where it says so. Raises ValueError when it does not."""
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{path} has no place for the figures: write {BEGIN} and {END}")
    path.write_text(f"{before}{begin}\n{markdown(parts)}{end}{after}", encoding="utf-8")


def markdown(parts: Parts) -> str:
    """The figures as a table of Markdown."""
    lines = ["| figure | median | least – most | limit | |", "|---|---:|---:|---:|---|"]
    lines += [f"| {' | '.join(_cells(each))} |" for figures in parts.values() for each in figures]
    return "\n".join(lines) + "\n"


def _cells(each: Figure) -> tuple[str, ...]:
    limit = "" if each.bound is None else f"{'≤' if each.at_most else '≥'} {_plain(each.bound)}"
    verdict = "" if each.bound is None else "holds" if each.holds else "**not reached**"
    return (
        each.name,
        f"{_plain(each.median)} {each.unit}",
        f"{_plain(each.least)} – {_plain(each.most)}",
        limit,
        verdict,
    )


def worse(now: Iterable[Figure], before: Mapping[str, Figure]) -> list[str]:
    """Ratios that are worse than they were, by more than both runs spread; in a sentence each.

    Only ratios compare from one machine to another: microseconds do not.
    """
    return [
        f"{each.name}: {each.median:.2f} {each.unit}, was {was.median:.2f}; the noise is {_noise(each, was):.2f}"
        for each in now
        if each.unit == "×" and (was := before.get(each.name)) and each.median - was.median > _noise(each, was)
    ]


def plot(name: str, figures: Sequence[Figure], folder: Path = PLOTS) -> None:
    """One SVG of a part: a panel for each unit, bars with their spread, limits as lines of their own."""
    import pygal  # late: only who measures needs it

    units = dict.fromkeys(each.unit for each in figures)
    for unit in units:
        shown = [each for each in figures if each.unit == unit]
        chart = pygal.HorizontalBar(
            title=f"{name} ({unit})",
            height=90 + 64 * len(shown),
            width=900,
            legend_at_bottom=True,
            print_values=True,
            value_formatter=_plain,
            range=(0, 1.05 * max(max(each.most, each.bound or 0) for each in shown)),
            js=(),  # it asks no other machine
        )
        chart.x_labels = [each.name for each in shown]
        chart.add("median", [{"value": each.median, "ci": {"low": each.least, "high": each.most}} for each in shown])
        if any(each.bound is not None for each in shown):
            chart.add("limit", [each.bound for each in shown])
        suffix = f"-{list(units).index(unit) + 1}" if len(units) > 1 else ""
        folder.mkdir(parents=True, exist_ok=True)
        chart.render_to_file(str(folder / f"{name}{suffix}.svg"))


def _noise(one: Figure, other: Figure) -> float:
    return max(one.most - one.least, other.most - other.least)


def _plain(value: float) -> str:
    """A number with three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
