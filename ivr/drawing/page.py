"""A sheet of A3: a title, a picture as large as it fits, a legend; upright or across, whichever shows it larger.

All sheets together are one HTML page, to be printed at once. It must not know how a picture is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from ivr.drawing.dot import HEADS, STYLES
from ivr.drawing.layout import FONTS, Picture
from ivr.flow.chart import Line

LONG, SHORT = 420 / 25.4 * 72, 297 / 25.4 * 72
"""The sides of A3, in points."""

MARGIN, TITLE, LEGEND = 28.0, 34.0, 58.0
"""Points left free around the sheet, taken by its title, and by its legend."""

LARGEST = 1.3
"""A small picture is not blown up more than this: its words are then 13 points high."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: what it shows, its SVG, whether it lies across, and its scale: 1 shows words 10 points high."""

    name: str
    svg: str
    across: bool
    scale: float


def sheet(name: str, title: str, pictures: Sequence[Picture], note: str = "") -> Sheet:
    """The page that shows the picture that fits best; `note` is a line more in the legend."""
    fitting = ((_fit(picture, across), across, at) for at, picture in enumerate(pictures) for across in (True, False))
    scale, across, at = max(fitting)
    return Sheet(name, _svg(title, pictures[at], across, min(scale, LARGEST), note), across, min(scale, LARGEST))


def _fit(picture: Picture, across: bool) -> float:
    width, height = (LONG, SHORT) if across else (SHORT, LONG)
    return min((width - 2 * MARGIN) / picture.width, (height - 2 * MARGIN - TITLE - LEGEND) / picture.height)


def _svg(title: str, picture: Picture, across: bool, scale: float, note: str) -> str:
    width, height = (LONG, SHORT) if across else (SHORT, LONG)
    left = (width - picture.width * scale) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * 25.4 / 72:.0f}mm" height="{height * 25.4 / 72:.0f}mm"'
        f' viewBox="0 0 {width:.2f} {height:.2f}" font-family="{FONTS}">\n'
        f'<rect width="{width:.2f}" height="{height:.2f}" fill="white"/>\n'
        f'<text x="{MARGIN}" y="{MARGIN + 20}" font-size="22" font-weight="bold">{escape(title)}</text>\n'
        f'<g transform="translate({left:.2f} {MARGIN + TITLE:.2f}) scale({scale:.4f})">\n{picture.elements}</g>\n'
        f"{_legend(height - MARGIN - LEGEND + 14, width, note)}</svg>\n"
    )


def numbered(sheets: Sequence[Sheet]) -> list[Sheet]:
    """The sheets of one chapter, told apart when there are several."""
    total = len(sheets)
    if total == 1:
        return list(sheets)
    return [
        replace(one, name=f"{one.name}-{at}", svg=one.svg.replace("</text>", f", {at} sur {total}</text>", 1))
        for at, one in enumerate(sheets, 1)
    ]


# The legend


def _legend(top: float, width: float, note: str) -> str:
    """Who acts, by the head of a box; why an arrow is taken, by its line; what is not drawn."""
    lines: tuple[tuple[Line, str], ...] = (
        ("way", "touche, résultat, suite"),
        ("silence", "silence, ou service muet"),
        ("mistake", "fautes, ou trop de passages"),
    )
    shown = [_rule(top, width)]
    left = MARGIN
    for word, told in (
        ("question", "l’appelant répond"),
        ("annonce", "la ligne parle"),
        ("travail", "un service, une personne"),
        ("fin", "fin de l’appel"),
    ):
        shown.append(_swatch(left, top + 8, HEADS[word][0]) + _text(left + 28, top + 17, told))
        left += 170
    left = MARGIN
    for line, told in lines:
        shown.append(_sample(left, top + 29, STYLES[line]) + _text(left + 42, top + 32, told))
        left += 227
    shown.append(
        _text(
            MARGIN,
            top + 47,
            note or "Partout\u00a0: 0 demande quelqu’un, # répète, * revient. ←\u00a0: les chapitres qui mènent ici.",
        )
    )
    return "\n".join(shown)


def _rule(top: float, width: float) -> str:
    return f'<line x1="{MARGIN}" y1="{top}" x2="{width - MARGIN:.2f}" y2="{top}" stroke="#b0b0b0"/>'


def _swatch(left: float, top: float, ground: str) -> str:
    return f'<rect x="{left}" y="{top}" width="22" height="11" fill="{ground}" stroke="black"/>'


def _sample(left: float, y: float, style: dict[str, str]) -> str:
    dashes = {"solid": "", "dashed": ' stroke-dasharray="5,2"', "dotted": ' stroke-dasharray="1,5"'}[style["style"]]
    return (
        f'<line x1="{left}" y1="{y}" x2="{left + 36}" y2="{y}" stroke="{style["color"]}"'
        f' stroke-width="{style["penwidth"]}"{dashes}/>'
    )


def _text(left: float, y: float, text: str) -> str:
    return f'<text x="{left}" y="{y}" font-size="10">{escape(text)}</text>'


# All sheets


def book(title: str, sheets: Sequence[Sheet]) -> str:
    """Every sheet in one HTML page, which a browser prints on A3."""
    pages = "\n".join(
        f'<section class="{"across" if one.across else "upright"}" id="{escape(one.name)}">{one.svg}</section>'
        for one in sheets
    )
    return f"""<!doctype html>
<html lang="fr">
<meta charset="utf-8">
<title>{escape(title)}</title>
<style>
@page across {{ size: A3 landscape; margin: 0 }}
@page upright {{ size: A3 portrait; margin: 0 }}
body {{ margin: 0 }}
section {{ break-after: page }}
section.across {{ page: across }}
section.upright {{ page: upright }}
svg {{ display: block }}
@media screen {{ body {{ background: #888 }} svg {{ margin: 1em auto; max-width: 98vw; height: auto }} }}
</style>
{pages}
</html>
"""
