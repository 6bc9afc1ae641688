"""The public holidays of France, worked out in a process of its own, which ends when it has told them.

The library that knows them reads the calendars of all the world: 13 MB and a third of a second, of which a process that
answers calls would keep the memory to its end. It must not know anything of ours.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from functools import cache


@cache
def french(subdivision: str, first: int, last: int) -> tuple[tuple[date, str], ...]:
    """Days and their French names, in order, from the first year to the last.

    `subdivision` as the package `holidays` calls it, or nothing. Raises RuntimeError with what that package said.
    """
    command = [sys.executable, "-m", __name__, subdivision, str(first), str(last)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if told.returncode:
        raise RuntimeError(f"the public holidays cannot be worked out: {told.stderr.strip()[-500:]}")
    return tuple((date.fromisoformat(day), name) for day, name in json.loads(told.stdout))


def _tell(subdivision: str, first: str, last: str) -> None:
    from holidays import country_holidays

    years = range(int(first), int(last) + 1)
    found = country_holidays("FR", subdiv=subdivision or None, years=years, language="fr", expand=False)
    json.dump([(day.isoformat(), name) for day, name in sorted(found.items())], sys.stdout)


if __name__ == "__main__":
    _tell(*sys.argv[1:])
