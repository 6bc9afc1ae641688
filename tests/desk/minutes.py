"""Whether it is open, minute by minute for twelve years, by our reckoning or by another that shares nothing with it.

A program, so that each reckoning has a time zone of its own: `python -m tests.desk.minutes ours|theirs FILE` writes one
bit a minute, for each of `TABLES`. Theirs asks the C library what the clock shows, under the rule of the European Union
written out in TZ, and finds Easter by itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ivr.desk.hours import Hours, read_hours

PARIS = "CET-1CEST,M3.5.0,M10.5.0/3"
"""Central Europe by its rule (POSIX TZ): no file of zones is asked."""

FIRST = int(datetime(2023, 12, 31, 23, tzinfo=UTC).timestamp())
LAST = int(datetime(2035, 12, 31, 23, tzinfo=UTC).timestamp())

SHIPPED = (Path(__file__).parents[2] / "prompts" / "horaires.toml").read_text()
NIGHTS = """
[semaine]
lundi    = ["00:00-06:30", "06:30-20:00"]
mardi    = ["08:00-12:30", "13:15-20:00"]
jeudi    = ["12:00-12:01"]
vendredi = ["08:00-20:00"]
samedi   = ["09:00-13:00", "22:00-24:00"]
dimanche = ["01:10-02:20", "02:35-03:05", "22:00-24:00"]
[feries]
region = "Alsace-Moselle"
[exceptions]
2026-10-25 = ["02:10-02:50"]
2027-03-28 = ["02:00-03:00", "03:30-04:00"]
2026-12-25 = ["10:00-11:00"]
2026-12-31 = []
2028-02-29 = ["00:00-24:00"]
"""
TABLES = (SHIPPED, NIGHTS)

Bits = npt.NDArray[np.bool_]
Days = Callable[[time.struct_time], list[tuple[int, int]]]


def ours(hours: Hours) -> Bits:
    """By `Hours`: its stretches, and `is_open` itself at their ends and every 241 minutes."""
    found = np.zeros((LAST - FIRST) // 60, np.bool_)
    asked = set(range(FIRST + time.timezone % 241 * 60, LAST, 241 * 60))
    day = date(2024, 1, 1)
    while day.year < 2036:
        for opens, closes in hours.stretches(day):
            found[(int(opens) - FIRST) // 60 : (int(closes) - FIRST) // 60] = True
            asked |= {int(end) + beside for end in (opens, closes) for beside in (-1, 0, 1)}
        day += timedelta(days=1)
    wrong = [at for at in asked if FIRST <= at < LAST and hours.is_open(at) != found[(at - FIRST) // 60]]
    assert wrong == [], wrong[:10]
    return found


def theirs(days: Days) -> Bits:
    """By the C library's clock and the rules below."""
    assert time.timezone == -3600
    found = np.zeros((LAST - FIRST) // 60, np.bool_)
    for hour in range(FIRST, LAST, 3600):
        shown, then = time.localtime(hour), time.localtime(hour + 3599)
        assert (shown.tm_gmtoff, shown.tm_min, shown.tm_hour) == (then.tm_gmtoff, 0, then.tm_hour)
        at, minute = (hour - FIRST) // 60, shown.tm_hour * 60
        for first, last in days(shown):
            low, high = max(first - minute, 0), min(last - minute, 60)
            if low < high:
                found[at + low : at + high] = True
    return found


def shipped(day: time.struct_time) -> list[tuple[int, int]]:
    """The spans of a day, as `prompts/horaires.toml` means them."""
    return [(480, 1200)] if day.tm_wday < 5 and day[:3] not in holidays(day.tm_year) else []


def nights(day: time.struct_time) -> list[tuple[int, int]]:
    """The spans of a day, as `NIGHTS` means them."""
    match day[:3]:
        case (2026, 10, 25):
            return [(130, 170)]
        case (2027, 3, 28):
            return [(120, 180), (210, 240)]
        case (2026, 12, 25):
            return [(600, 660)]
        case (2026, 12, 31):
            return []
        case (2028, 2, 29):
            return [(0, 1440)]
        case dated if dated in holidays(day.tm_year) | alsatian(day.tm_year):
            return []
    return {
        0: [(0, 1200)],
        1: [(480, 750), (795, 1200)],
        3: [(720, 721)],
        4: [(480, 1200)],
        5: [(540, 780), (1320, 1440)],
        6: [(70, 140), (155, 185), (1320, 1440)],
    }.get(day.tm_wday, [])


Date = tuple[int, ...]
_known: dict[int, set[Date]] = {}


def holidays(year: int) -> set[Date]:
    """The eleven public holidays of a year (Code du travail, L3133-1)."""
    if year not in _known:
        fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
        _known[year] = {(year, *one) for one in fixed} | set(_after_easter(year, 1, 39, 50))
    return _known[year]


def alsatian(year: int) -> set[Date]:
    """The two more of Alsace and Moselle (Code du travail, L3134-13)."""
    return {(year, 12, 26), *_after_easter(year, -2)}


def _after_easter(year: int, *days: int) -> Iterator[Date]:
    return ((easter(year) + timedelta(days=ahead)).timetuple()[:3] for ahead in days)


def easter(year: int) -> date:
    """Easter Sunday by the rule of Meeus, Jones and Butcher (Nature, 20 April 1876)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    skipped, (leap, left) = century // 4, divmod(rest, 4)
    moon = (19 * golden + century - skipped - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * leap - moon - left) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


def main(whose: str, file: str) -> None:
    """Write the minutes."""
    found = [ours(read_hours(table)) for table in TABLES] if whose == "ours" else [theirs(shipped), theirs(nights)]
    Path(file).write_bytes(np.packbits(np.concatenate(found)).tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
