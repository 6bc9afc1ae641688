"""Graphviz, run: a picture in its language comes back as SVG. Only this module knows how it is had.

It comes with the wheel of pygraphviz (BSD-3-Clause), the extra `draw`: no program of the system is needed. It runs in
a process of its own, because it is a library in C that talks to stderr. As a program, this module is that process.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import Self

FONT = "Arial"
"""The font that text is measured in; `FONTS` are of the same width, and most systems have one of them."""

FONTS = f"{FONT}, Helvetica, Liberation Sans, sans-serif"

MISSING = "Le dessin demande Graphviz, qui n'est pas installé\u00a0: .venv/bin/pip install -e '.[draw]'"


class DrawingError(Exception):
    """No picture can be made; the message says why, in French, and the mend."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing: its size in points, and the elements of an SVG that fills that size."""

    width: float
    height: float
    elements: str


class Graphviz:
    """Graphviz at work in its process, from `with` to the end of the block."""

    def __enter__(self) -> Self:
        """Start it. Raises DrawingError when it is not installed."""
        if find_spec("pygraphviz") is None:
            raise DrawingError(MISSING)
        self._errors = TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ivr.drawing.layout"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop it."""
        self._process.communicate()
        self._errors.close()

    def picture(self, graph: str) -> Picture:
        """The picture of a graph. Raises DrawingError when Graphviz cannot draw it."""
        assert self._process.stdin  # noqa: S101 - asked for
        assert self._process.stdout  # noqa: S101
        try:
            self._process.stdin.write(json.dumps(graph) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and told why
        answer = self._process.stdout.readline()
        if not answer:
            raise DrawingError(f"Graphviz a échoué\u00a0: {self._told()}")
        return _picture(json.loads(answer))

    def _told(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-500:]


def _picture(svg: str) -> Picture:
    found = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"[^>]*>(.*)</svg>', svg, re.DOTALL)
    if found is None:
        raise DrawingError(f"Graphviz n'a pas rendu de SVG\u00a0: {svg[:200]}")
    elements = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?| id=\"[^\"]*\"", "", found[3], flags=re.DOTALL)
    return Picture(float(found[1]), float(found[2]), elements.replace(f'"{FONT}"', f'"{FONTS}"'))


def main() -> None:
    """Read graphs, one JSON text a line; write each as SVG, one JSON text a line."""
    from pygraphviz import AGraph  # the extra

    for line in sys.stdin:
        svg = AGraph(string=json.loads(line)).draw(format="svg", prog="dot").decode()
        print(json.dumps(svg), flush=True)


if __name__ == "__main__":
    main()
