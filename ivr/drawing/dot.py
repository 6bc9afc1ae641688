"""A chapter in Graphviz's language: boxes with their words, arrows with their keys. Text in, text out.

Arrows that leave the sheet end in a stub: at most two a step, one for what is pressed or done, one for silence and
mistakes. It must not know how Graphviz is run (`layout`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ivr.drawing.layout import FONT
from ivr.drawing.words import RETURNS, Row, kind, reasons, rows
from ivr.flow.chart import Arrow, Chapter, Line, chapter_of
from ivr.flow.model import Step

STYLES: dict[Line, dict[str, str]] = {
    "way": {"style": "solid", "color": "#1b1b1b", "penwidth": "1.3"},
    "silence": {"style": "dashed", "color": "#505050", "penwidth": "1.1"},
    "mistake": {"style": "dotted", "color": "#505050", "penwidth": "1.6"},
}
"""Lines that are told apart without colours."""

HEADS = {
    **dict.fromkeys(("question", "attente", "saisie", "compte", "message"), ("#274c77", "white")),
    **dict.fromkeys(("annonce", "aiguillage", "phrase"), ("#dfe7ef", "black")),
    **dict.fromkeys(("travail", "conseiller"), ("#f0b84a", "black")),
    "fin": ("black", "white"),
}
"""The head of a box, its ground and its ink, by who acts: in shades that stay apart when they are printed in grey."""

SPACE = "\u00a0"
"""Room between words and border, where a browser's letters are a little wider than Graphviz's."""

LABEL = 20
"""Characters to a line of an arrow's label, and of what a stub names beside its reasons."""


@dataclass(frozen=True, slots=True)
class Shades:
    """What the traffic adds: the ground of a box, a line at its foot, the words and the weight of an arrow."""

    ground: Callable[[str], str] = lambda _step: "white"
    foot: Callable[[str], str] = lambda _step: ""
    count: Callable[[Arrow], str] = lambda _arrow: ""
    weight: Callable[[Arrow], float] = lambda _arrow: 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """How a chapter is laid out: from left to right or from top to bottom, and how many characters to a line."""

    across: bool
    columns: int


def dot(chapter: Chapter, seconds: Callable[[Step], float], shades: Shades, look: Look) -> str:
    """The chapter in Graphviz's language; `seconds` is how long a step speaks."""
    drawn = {step.id for step in chapter.steps}
    lines = [_head(look)]
    for step in chapter.steps:
        lines.append(f"{_quoted(step.id)} [label=<{_box(step, seconds(step), chapter, shades, look.columns)}>]")
        leaving = [arrow for arrow in chapter.arrows if arrow.source == step.id]
        lines += [_arrow(arrow, step, shades) for arrow in leaving if arrow.target in drawn]
        lines += _stubs([arrow for arrow in leaving if arrow.target not in drawn], step, shades)
    return "\n".join([*lines, "}"])


def _head(look: Look) -> str:
    return (
        f"digraph {{\nrankdir={'LR' if look.across else 'TB'} nodesep=0.22 ranksep=0.35 pad=0.05\n"
        f'node [shape=plain fontname="{FONT}" fontsize=10]\nedge [fontname="{FONT}" fontsize=10 arrowsize=0.7]'
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _table(rows_of_it: Sequence[str], attributes: str) -> str:
    return f'<TABLE CELLBORDER="0" CELLSPACING="0" {attributes}>{"".join(rows_of_it)}</TABLE>'


def _cell(content: str, attributes: str = "") -> str:
    return f'<TR><TD ALIGN="LEFT" BALIGN="LEFT" {attributes}>{content}</TD></TR>'


def _small(text: str, columns: int) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="#303030"><I>{broken(text, columns)}</I></FONT>'


def broken(text: str, columns: int) -> str:
    """The text in lines of so many characters, as a label takes it; its own lines stay lines."""
    lines = (
        line
        for part in text.split("\n")
        for line in textwrap.wrap(part, columns, break_long_words=False, break_on_hyphens=False)
    )
    return "<BR/>".join(f"{escape(line)}{SPACE}" for line in lines)


# Boxes


def _box(step: Step, seconds: float, chapter: Chapter, shades: Shades, columns: int) -> str:
    word = kind(step)
    ground, ink = HEADS[word]
    told = f"{word}, {seconds:.0f} s" if seconds else word
    name = step.id.partition(".")[2] or step.id
    head = f'<FONT COLOR="{ink}"><B>{escape(name)}</B>  <FONT POINT-SIZE="9">{escape(told)}</FONT></FONT>'
    cells = [_cell(head, f'BGCOLOR="{ground}"')]
    if sources := chapter.entered_from.get(step.id):
        cells.append(_cell(_small(f"← {', '.join(sources)}", columns + 6)))
    cells += [_cell(_row(row, columns)) for row in rows(step)]
    cells += _foot(shades.foot(step.id), columns)
    dashed = ' STYLE="DASHED"' if word == "phrase" else ""
    return _table(cells, f'BORDER="1" CELLPADDING="4" BGCOLOR="{shades.ground(step.id)}"{dashed}')


def _foot(told: str, columns: int) -> list[str]:
    text = f'<FONT COLOR="white"><B>{broken(told, columns)}</B></FONT>'
    return [_cell(text, 'BGCOLOR="#8f1d14"')] if told else []


def _row(row: Row, columns: int) -> str:
    if not row.said:
        return _small(row.text, columns + 6)
    text = broken(row.text, columns - 3 if row.key else columns)
    return f"<B>{escape(row.key)}</B>  {text}" if row.key else text


# Arrows


def _arrow(arrow: Arrow, step: Step, shades: Shades) -> str:
    told = " ".join(filter(None, (reasons(arrow, step), shades.count(arrow))))
    label = f"label=<{_on_arrow(told)}>" if told else ""
    return f"{_quoted(step.id)} -> {_quoted(arrow.target)} [{_style(arrow, shades)} {label}]"


def _on_arrow(told: str) -> str:
    return _table([f"<TR><TD><B>{broken(told, LABEL)}</B></TD></TR>"], 'BORDER="0" CELLPADDING="1" BGCOLOR="white"')


def _style(arrow: Arrow, shades: Shades) -> str:
    style = STYLES[arrow.line]
    width = float(style["penwidth"]) + shades.weight(arrow)
    return f'style={style["style"]} color="{style["color"]}" penwidth={width:.1f}'


def _stubs(leaving: list[Arrow], step: Step, shades: Shades) -> Iterator[str]:
    for name, arrows in (
        ("ways", [arrow for arrow in leaving if arrow.line == "way"]),
        ("others", [arrow for arrow in leaving if arrow.line != "way"]),
    ):
        if arrows:
            stub = _quoted(f"{step.id} {name}")
            heaviest = max(arrows, key=shades.weight)
            yield f"{stub} [label=<{_table([_exit(a, step, shades) for a in arrows], STUB)}>]"
            yield f"{_quoted(step.id)} -> {stub} [{_style(heaviest, shades)}]"


STUB = 'BORDER="1" CELLPADDING="1" COLOR="#505050" BGCOLOR="#f4f4f4" STYLE="ROUNDED"'


def _exit(arrow: Arrow, step: Step, shades: Shades) -> str:
    """Why one goes there, and where that is."""
    told = " ".join(filter(None, (reasons(arrow, step), shades.count(arrow))))
    where = escape(RETURNS.get(arrow.target, arrow.target))
    why = f"<B>{broken(told, 2 * LABEL)}</B>" if told else ""
    return _cell(f'<FONT POINT-SIZE="9">{SPACE}{why}→ {where}{SPACE}</FONT>')


# All chapters on one sheet


def overview(chapters: Sequence[Chapter], shades: Shades, look: Look) -> str:
    """The chapters and what leads from one to another; silence and mistakes are left to the chapters."""
    lines = [_head(look)]
    for chapter in chapters:
        name = f'<FONT COLOR="white"><B>{escape(chapter.name)}</B></FONT>'
        steps = f"{len(chapter.steps)} étape{'s' if len(chapter.steps) > 1 else ''}"
        cells = [_cell(name, f'BGCOLOR="{HEADS["question"][0]}"'), _cell(steps)]
        cells += _foot(shades.foot(chapter.name), look.columns)
        box = _table(cells, f'BORDER="1" CELLPADDING="4" BGCOLOR="{shades.ground(chapter.name)}"')
        lines.append(f"{_quoted(chapter.name)} [label=<{box}>]")
    pairs = dict.fromkeys(
        (chapter.name, chapter_of(arrow.target))
        for chapter in chapters
        for arrow in chapter.arrows
        if arrow.line == "way" and arrow.target not in RETURNS
    )
    lines += [f"{_quoted(one)} -> {_quoted(other)}" for one, other in pairs if one != other]
    return "\n".join([*lines, "}"])
