"""A chapter in Mermaid, for a README: the shape of a box tells its kind, a dotted arrow silence or mistakes.

Text in, text out; what shows it lays it out. Of what a step does besides speaking, only its words are written.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ivr.drawing.words import RETURNS, kind, reasons, rows
from ivr.flow.chart import Chapter
from ivr.flow.model import Step

SHAPES = {
    "question": ('["', '"]'),
    "attente": ('["', '"]'),
    "annonce": ('("', '")'),
    "phrase": ('>"', '"]'),
    "aiguillage": ('{"', '"}'),
    "saisie": ('[/"', '"/]'),
    "compte": ('{{"', '"}}'),
    "travail": ('[["', '"]]'),
    "conseiller": ('[["', '"]]'),
    "message": ('[("', '")]'),
    "fin": ('(["', '"])'),
}
"""The brackets of a box, by the kind of its step (mermaid.js.org/syntax/flowchart.html, node shapes)."""

COLUMNS = 36
"""Characters to a line of a box."""


def mermaid(chapter: Chapter) -> str:
    """The chapter as a Mermaid flowchart, ended by a line break."""
    names = {step.id: f"s{at}" for at, step in enumerate(chapter.steps)}
    elsewhere = dict.fromkeys(arrow.target for arrow in chapter.arrows if arrow.target not in names)
    names |= {target: f"x{at}" for at, target in enumerate(elsewhere)}
    return "\n".join(("flowchart TD", *_lines(chapter, names, list(elsewhere)), ""))


def _lines(chapter: Chapter, names: dict[str, str], elsewhere: list[str]) -> Iterator[str]:
    steps = {step.id: step for step in chapter.steps}
    for step in chapter.steps:
        opening, closing = SHAPES[kind(step)]
        yield f"  {names[step.id]}{opening}{_box(step)}{closing}"
    for target in elsewhere:
        yield f'  {names[target]}(["→ {_safe(RETURNS.get(target, target))}"])'
    for arrow in chapter.arrows:
        told = reasons(arrow, steps[arrow.source])
        line = "-->" if arrow.line == "way" else "-.->"
        why = f'|"{_safe(told)}"|' if told else ""
        yield f"  {names[arrow.source]} {line}{why} {names[arrow.target]}"


def _box(step: Step) -> str:
    said = (row.text for row in rows(step) if row.said)
    lines = [line for text in said for line in textwrap.wrap(text, COLUMNS, break_on_hyphens=False)]
    return "<br/>".join((f"<b>{_safe(step.id.partition('.')[2] or step.id)}</b>", *map(_safe, lines)))


def _safe(text: str) -> str:
    """The text as a quoted label takes it: `#` and `;` begin and end a character by its number."""
    return "".join(f"#{ord(sign)};" if sign in '#"&<>;`' else sign for sign in text)
