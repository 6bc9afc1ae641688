"""`ivr draw`: the script on paper, chapter by chapter, one sheet of A3 each, and all of them in one page to print.

Beside the rooms, like `check`: it reads the folder and the database, and hands both to what draws (`ivr.drawing`).
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.drawing.dot import Look, Shades, dot, overview
from ivr.drawing.layout import Graphviz, Picture
from ivr.drawing.page import Sheet, book, sheet
from ivr.flow.chart import Chapter, chapters
from ivr.flow.measures import estimated, length
from ivr.flow.model import Flow, Step

LOOKS = tuple(Look(across, columns) for across in (False, True) for columns in (28, 34, 42))
"""The layouts that are tried for each sheet."""

LEAST = 0.6
"""A chapter whose words would be smaller than this (of 10 points) is drawn on two sheets."""


def sheets(flow: Flow, shades: Shades, note: str, graphviz: Graphviz, only: str = "") -> Iterator[Sheet]:
    drawn = chapters(flow)
    if not only:
        yield sheet("plan", "Le plan", [graphviz.picture(overview(drawn, shades, look)) for look in LOOKS[::3]], note)
    for chapter in drawn:
        if only in ("", chapter.name):
            yield from chapter_sheets(chapter, shades, note, graphviz)

def seconds(step):
    return length(step.prompt.pieces(), estimated)

def chapter_sheets(chapter, shades, note, graphviz):
    pictures = [graphviz.picture(dot(chapter, seconds, shades, look)) for look in LOOKS]
    one = sheet(chapter.name, chapter.name, pictures, note)
    if one.scale >= LEAST or len(chapter.steps) < 4:
        yield one
        return
    for half in chapter.halves():
        yield from chapter_sheets(half, shades, note, graphviz)
