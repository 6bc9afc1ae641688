"""The sheets of `ivr draw` as a browser shows and prints them: no word is cut, none covers another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ivr.cli import main
from tests.line import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WRONG = """
() => {
  const wrong = []
  const box = element => element.getBoundingClientRect()
  const space = 4  // the one at the end of a line shows nothing
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + space
    && a.top >= b.top - 1 && a.bottom <= b.bottom + 1
  const cover = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3.5
  for (const sheet of document.querySelectorAll("svg")) {
    for (const text of sheet.querySelectorAll("text"))
      if (!inside(box(text), box(sheet))) wrong.push(`cut: ${text.textContent}`)
    const nodes = [...sheet.querySelectorAll("g.node")]
    for (const node of nodes) {
      const frame = box(node.querySelector("polygon, path"))
      const frames = [...node.querySelectorAll("polygon, path")].map(box)
      const whole = {left: Math.min(...frames.map(f => f.left)), right: Math.max(...frames.map(f => f.right)),
                     top: Math.min(...frames.map(f => f.top)), bottom: Math.max(...frames.map(f => f.bottom))}
      for (const text of node.querySelectorAll("text"))
        if (!inside(box(text), whole)) wrong.push(`out of its box: ${text.textContent}`)
    }
    const labels = [...sheet.querySelectorAll("g.edge text")]
    for (const [at, label] of labels.entries()) {
      for (const other of labels.slice(at + 1))
        if (cover(box(label), box(other))) wrong.push(`on one another: ${label.textContent}, ${other.textContent}`)
      for (const node of nodes)
        if (cover(box(label), box(node))) wrong.push(`on a box: ${label.textContent}`)
    }
    for (const [at, node] of nodes.entries())
      for (const other of nodes.slice(at + 1))
        if (cover(box(node), box(other))) wrong.push(`boxes on one another: ${node.textContent}`)
  }
  return wrong
}
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of all sheets, as `ivr draw` writes it."""
    to = tmp_path_factory.mktemp("dessin")
    assert main(["draw", str(to), "--script", str(ROOT / "prompts")]) == 0
    return to / "plan.html"


def test_no_word_of_the_script_is_cut_and_none_covers_another(book: Path, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 1700, "height": 1200})
    page.goto(book.as_uri())
    assert page.locator("svg").count() > 20
    assert page.evaluate(WRONG) == []
    page.close()


def test_every_sheet_is_printed_on_one_page_of_a3(book: Path, chromium: Browser) -> None:
    page = chromium.new_page()
    page.goto(book.as_uri())
    printed = page.pdf(prefer_css_page_size=True)
    sheets = page.locator("svg").count()
    page.close()
    assert len(re.findall(rb"/Type /Page\b", printed)) == sheets
    sides = {tuple(sorted(map(float, box))) for box in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)}
    assert {(round(short / 72 * 25.4), round(long / 72 * 25.4)) for short, long in sides} == {(297, 420)}
