"""Clips as they are served: asked for the first time, and again by a cache that has them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.client import Heard, one_after_the_other
from bench.lines import environment
from bench.measure import Figure, figure
from bench.served import served
from bench.server import REAL

REQUESTS = 3_000


def figures(rounds: int = 5) -> Iterator[Figure]:
    """Clips a second of CPU that the server spends on them, whole and « not modified »."""
    names = sorted(path.name for path in Path("audio").glob("*.wav"))
    costs: dict[str, list[float]] = {"whole": [], "not modified": []}
    with tempfile.TemporaryDirectory() as folder, served(REAL, environment(Path(folder))) as line:
        for number in range(rounds + 1):
            for kind, condition in (("whole", ""), ("not modified", "If-None-Match: *\r\n")):
                asked = [_get(name, condition) for name in itertools.islice(itertools.cycle(names), REQUESTS)]
                before = line.cpu()
                _all_there(one_after_the_other(line.port, asked), conditional=bool(condition))
                if number:
                    costs[kind].append(REQUESTS / (line.cpu() - before))
    for kind, values in costs.items():
        yield figure(f"clips, {kind}", values, unit="a second")


def _get(name: str, condition: str) -> bytes:
    return f"GET /audio/{name} HTTP/1.1\r\nHost: ligne.example.com\r\n{condition}\r\n".encode()


def _all_there(heard: Heard, *, conditional: bool) -> None:
    """Raises RuntimeError when a clip was not answered as it had to be."""
    wrong = len(heard.seconds) - heard.wrong if conditional else heard.wrong
    if wrong:
        raise RuntimeError(f"{wrong} of {len(heard.seconds)} clips were not answered as they had to be")
