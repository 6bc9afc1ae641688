"""A turn on the line's own server: CPU of its processes for each webhook, against a bare route on the same server."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.caller import call
from bench.client import one_after_the_other, request
from bench.lines import environment
from bench.measure import Figure, figure, ratio
from bench.served import Served, served

REAL, BARE = "ivr.web.server:line", "bench.lines:bare_line"
CALLS = 250
"""Calls a round."""

TOGETHER = {"one at a time": 1, "eight at once": 8}
"""Webhooks that are on their way at once: of a few hundred calls in progress, and of as many as a worker can carry."""

BOUNDS = {"sqlite": 3.5, "postgresql": 5.0}


def figures(rounds: int = 5, database: str = "") -> Iterator[Figure]:
    """CPU of a turn ÷ a bare route. `database` is the address of a PostgreSQL, else it is SQLite."""
    kind = "postgresql" if database else "sqlite"
    numbers = itertools.count(1)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(BARE, {}) as bare,
        served(REAL, environment(Path(folder), database)) as real,
    ):
        for load, connections in TOGETHER.items():
            costs: dict[str, list[float]] = {"bare": [], "turn": []}
            for number in range(rounds + 1):
                hooks = [hook for n in itertools.islice(numbers, CALLS) for hook in call(n)]
                for name, app, path in (("bare", bare, "/"), ("turn", real, "")):
                    cost = _cost(app, [request(hook, path) for hook in hooks], connections)
                    if number:
                        costs[name].append(cost)
            for name, values in costs.items():
                yield figure(f"{name}, served {load}, {kind}", values, unit="µs")
            name = f"turn ÷ bare route, served {load}, {kind}"
            yield ratio(name, costs["turn"], costs["bare"], bound=BOUNDS[kind])


def _cost(app: Served, requests: list[bytes], connections: int) -> float:
    """Microseconds of CPU for each request. Raises RuntimeError when one was not answered with 200."""
    before = app.cpu()
    heard = one_after_the_other(app.port, requests, connections)
    if heard.wrong:
        raise RuntimeError(f"{heard.wrong} of {len(requests)} webhooks were not answered with 200")
    return (app.cpu() - before) / len(requests) * 1e6


if __name__ == "__main__":
    for found in figures(3):
        print(f"{found.name:40} {found.median:9.2f} {found.unit}  ({found.least:.2f} to {found.most:.2f})")
