"""When people are there: a weekly table, the public holidays, exceptions by date; and how an hour is spoken.

The hours are what a clock on a wall in Paris shows, whatever the server's zone, and for callers overseas too: they are
those of the desk. Instants are seconds since the epoch (UTC). Pure but for the calendar of holidays, which is worked
out once, when the table is read (`prompts/horaires.toml`, which the support team edits). This module must not know who
asks, nor what is done with the answer.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from ivr.desk.calendar import french

PARIS = ZoneInfo("Europe/Paris")

Span = tuple[int, int]
"""From and until, in minutes after midnight as the clock shows them; a day ends at 1440, written 24:00."""

DAY = 24 * 60

WINDOW, SHORTEST_WINDOW, LEAD = 120, 30, 15
"""A call-back is promised within so many minutes, never fewer than the second, and not sooner than the third."""

LOOK_AHEAD = 400
"""Days in which an opening is looked for: the whole year, and the holidays at both its ends."""

YEARS = range(2020, 2101)
"""The years whose holidays are known."""

REGIONS: Mapping[str, str | None] = {
    "métropole": None,
    "Alsace-Moselle": "57",
    "Guadeloupe": "971",
    "Martinique": "972",
    "Guyane": "973",
    "La Réunion": "974",
    "Mayotte": "976",
    "Saint-Barthélemy": "BL",
    "Saint-Martin": "MF",
    "Saint-Pierre-et-Miquelon": "PM",
    "Nouvelle-Calédonie": "NC",
    "Polynésie française": "PF",
    "Wallis-et-Futuna": "WF",
}
"""Where holidays differ, and what `holidays` calls it. It also takes « GES », which adds nothing, and refuses « 67 »
(facts/ovh-and-gigaset.md 5): so places have names here, and no codes."""

DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)


class HoursError(Exception):
    """A table that cannot be used; the message, in French, lists each mistake with its mend."""


@dataclass(frozen=True, slots=True)
class Hours:
    """A week, Monday first, and the dates on which it is otherwise; an exception wins over a holiday.

    By default nobody is ever there.
    """

    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    holidays: Mapping[date, str] = field(default_factory=dict, repr=False)
    exceptions: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def is_open(self, instant: float) -> bool:
        """Whether somebody is there."""
        return any(opens <= instant < closes for opens, closes in self.stretches(_day(instant)))

    def is_holiday(self, instant: float) -> bool:
        """Whether it is a public holiday, open or not."""
        return _day(instant) in self.holidays

    def next_opening(self, instant: float) -> float | None:
        """The first instant, from this one on, at which somebody is there; None when nobody is for `LOOK_AHEAD` days.

        While it is open that is the instant itself.
        """
        for day in _days_from(instant):
            for opens, closes in self.stretches(day):
                if instant < closes:
                    return max(opens, instant)
        return None

    def next_slot(self, instant: float) -> tuple[float, float] | None:
        """The first window in which a call back can be promised, at least `LEAD` minutes away; None as above.

        Windows are counted from the opening: 8 to 10, 10 to 12. One in which the clock is changed is passed over.
        """
        for day in _days_from(instant):
            for first, last in (window for span in self.spans(day) for window in _windows(span)):
                opens, closes = _instant(day, first), _instant(day, last)
                as_shown = (_minute(opens), _minute(closes), closes - opens) == (first, last % DAY, (last - first) * 60)
                if as_shown and instant + LEAD * 60 <= opens:
                    return opens, closes
        return None

    def spans(self, day: date) -> tuple[Span, ...]:
        """The spans of a date, in order."""
        return self.exceptions.get(day, () if day in self.holidays else self.week[day.weekday()])

    def stretches(self, day: date) -> list[tuple[float, float]]:
        """When somebody is there on a date: instants from and until, in order.

        Where the clock is put on or back, a span is as long as the clock shows it: shorter, longer, twice, or not at
        all. Paris changes on the hour, so on such a day each hour is looked at by itself.
        """
        midnight, end = _instant(day, 0), _instant(day, DAY)
        if end - midnight == DAY * 60:
            return [(midnight + first * 60, midnight + last * 60) for first, last in self.spans(day)]
        found = []
        for hour in range(int(midnight), int(end), 3600):
            shown = _minute(hour)
            for first, last in self.spans(day):
                opens, closes = max(first, shown) - shown, min(last, shown + 60) - shown
                if opens < closes:
                    found.append((hour + opens * 60.0, hour + closes * 60.0))
        return found


def instant_at(wall: str) -> float:
    """The instant at which the clock in Paris shows « 2026-12-24 17:00 »; the first one where it does so twice.

    Raises ValueError for any other text.
    """
    return datetime.strptime(wall, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS).timestamp()


def _local(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, PARIS)


def _day(instant: float) -> date:
    return _local(instant).date()


def _days_from(instant: float) -> Iterator[date]:
    return (_day(instant) + timedelta(days=ahead) for ahead in range(LOOK_AHEAD))


def _minute(instant: float) -> int:
    """Minutes after midnight, as the clock shows them."""
    shown = _local(instant)
    return shown.hour * 60 + shown.minute


def _instant(day: date, minute: int) -> float:
    """When the clock shows that minute of the day, for the first time."""
    return (datetime.combine(day, time(), PARIS) + timedelta(minutes=minute)).timestamp()


def _windows(span: Span) -> Iterator[Span]:
    first, last = span
    for start in range(first, last - SHORTEST_WINDOW + 1, WINDOW):
        yield start, min(start + WINDOW, last)


# Reading the table


def read_hours(toml: str, file: str = "horaires.toml") -> Hours:
    """The hours that a TOML text holds: [semaine] by day, [feries] with a region, [exceptions] by date.

    Raises HoursError with every mistake: what is no span, day, date or region, and spans that overlap.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise HoursError(f"{file} : ce n’est pas du TOML ({error})") from error
    reading = _Reading(file)
    week = reading.week(reading.table(tables, "semaine"))
    region = reading.region(reading.table(tables, "feries"))
    exceptions = reading.exceptions(reading.table(tables, "exceptions"))
    for name in tables.keys() - {"semaine", "feries", "exceptions"}:
        reading.wrong(name, "n’est pas lu ici ; les parties sont [semaine], [feries] et [exceptions]")
    if "semaine" not in tables:
        reading.wrong("[semaine]", f"manque : écrivez les heures de chaque jour, comme lundi = [{_LIKE}]")
    if reading.mistakes:
        raise HoursError("\n".join(reading.mistakes))
    return Hours(week, public_holidays(region), exceptions)


def public_holidays(region: str) -> dict[date, str]:
    """The public holidays of a region (one of `REGIONS`) by date, with their French names, for all of `YEARS`."""
    return {day: name.replace("'", "’") for day, name in french(REGIONS[region] or "", YEARS[0], YEARS[-1])}


_LIKE = '"08:00-12:00", "14:00-18:00"'
_SPAN = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass
class _Reading:
    """What is wrong with the file, found on the way."""

    file: str
    mistakes: list[str] = field(default_factory=list)

    def wrong(self, where: str, problem: str) -> None:
        self.mistakes.append(f"{self.file} : {where} : {problem}")

    def table(self, tables: Mapping[str, Any], name: str) -> dict[str, Any]:
        table = tables.get(name, {})
        if isinstance(table, dict):
            return table
        self.wrong(name, f"doit être une partie : écrivez [{name}] seul sur sa ligne, et la suite dessous")
        return {}

    def week(self, table: Mapping[str, Any]) -> tuple[tuple[Span, ...], ...]:
        for name in table.keys() - set(DAYS):
            self.wrong(f"[semaine] {name}", f"n’est pas un jour ; les jours sont {', '.join(DAYS)}")
        return tuple(self.spans(f"[semaine] {name}", table.get(name, [])) for name in DAYS)

    def region(self, table: Mapping[str, Any]) -> str:
        for name in table.keys() - {"region"}:
            self.wrong(f"[feries] {name}", "n’est pas lu ici ; le seul réglage est region")
        written = table.get("region", "métropole")
        found = next((name for name in REGIONS if isinstance(written, str) and _plain(name) == _plain(written)), None)
        if found is None:
            self.wrong(f"[feries] region = {written!r}", f"n’est pas une région connue ; écrivez {', '.join(REGIONS)}")
        return found or "métropole"

    def exceptions(self, table: Mapping[str, Any]) -> dict[date, tuple[Span, ...]]:
        return {self.day(written): self.spans(f"[exceptions] {written}", spans) for written, spans in table.items()}

    def day(self, written: str) -> date:
        try:
            return date.fromisoformat(written if _DATE.fullmatch(written) else "")
        except ValueError:
            self.wrong(f"[exceptions] {written}", 'n’est pas une date : écrivez "2026-12-24"')
            return date.max

    def spans(self, where: str, written: object) -> tuple[Span, ...]:
        if not isinstance(written, list):
            self.wrong(where, f"écrivez une liste entre crochets, comme [{_LIKE}], ou [] si c’est fermé")
            return ()
        spans = sorted(filter(None, (self.span(where, one) for one in written)))
        for (opens, closes), (then, until) in pairwise(spans):
            if then < closes:
                self.wrong(where, f"{_written((opens, closes))} et {_written((then, until))} se chevauchent")
        return tuple(spans)

    def span(self, where: str, written: object) -> Span | None:
        found = _SPAN.fullmatch(written) if isinstance(written, str) else None
        hours = [int(number) for number in found.groups()] if found else [99] * 4
        first, last = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        if first >= DAY or last > DAY:
            self.wrong(where, f'{written!r} : écrivez l’ouverture et la fermeture comme "08:00-20:00", jusqu’à 24:00')
            return None
        if first >= last:
            self.wrong(
                where,
                f"{written!r} finit avant de commencer ; si c’est la nuit, écrivez ici "
                f'"{_hhmm(first)}-24:00", et "00:00-{_hhmm(last)}" le lendemain',
            )
            return None
        return first, last


def _plain(name: str) -> str:
    """A name without what people write differently: accents, capitals, hyphens, « La »."""
    letters = unicodedata.normalize("NFD", name.casefold())
    return re.sub(r"[^a-z]", "", "".join(letters).removeprefix("la "))


def _hhmm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _written(span: Span) -> str:
    return f"{_hhmm(span[0])}-{_hhmm(span[1])}"


# Speaking. Numbers are words, so that a recording and the carrier's own voice say the same.


def spoken_day(instant: float, now: float) -> str:
    """« aujourd’hui », « demain », « lundi » up to six days ahead, else « lundi quatre janvier »."""
    day = _day(instant)
    ahead = (day - _day(now)).days
    if ahead in (0, 1):
        return ("aujourd’hui", "demain")[ahead]
    name = DAYS[day.weekday()]
    number = "premier" if day.day == 1 else _number(day.day)
    return name if 1 < ahead < 7 else f"{name} {number} {MONTHS[day.month - 1]}"


def spoken_time(instant: float) -> str:
    """« à huit heures », « à huit heures trente », « à midi », « à minuit »."""
    return _at(_minute(instant))


def spoken_slot(start: float, end: float) -> str:
    """« entre huit et dix heures », « entre dix heures et midi », « entre huit heures trente et dix heures trente »."""
    return _between(_minute(start), _minute(end))


MOST_MINUTES = 30
"""Minutes that are spoken as such: for so long a call that was cut can be resumed."""


def spoken_minutes(seconds: float) -> str:
    """« une minute », « dix minutes »: seconds in whole minutes, from one to `MOST_MINUTES`."""
    minutes = min(max(round(seconds / 60), 1), MOST_MINUTES)
    return f"{_feminine(minutes)} minute{'s' if minutes > 1 else ''}"


def minutes_said() -> frozenset[str]:
    """Everything that `spoken_minutes` says: what to record."""
    return frozenset(spoken_minutes(minutes * 60) for minutes in range(1, MOST_MINUTES + 1))


def vocabulary(hours: Hours) -> frozenset[str]:
    """Everything that the three functions above say of these hours within six days: what to record.

    A date is none of it, nor the time at which a span begins that the clock jumps into: the carrier's voice says them.
    """
    spans = {span for day in (*hours.week, *hours.exceptions.values()) for span in day}
    if not spans:
        return frozenset()
    times = {_at(first) for first, _ in spans}
    slots = {_between(*window) for span in spans for window in _windows(span)}
    return frozenset({"aujourd’hui", "demain", *DAYS} | times | slots)


def _at(minute: int) -> str:
    return f"à {_clock(minute)}"


def _between(first: int, last: int) -> str:
    whole = all(not minute % 60 and minute // 60 % 12 for minute in (first, last))
    return f"entre {_feminine(first // 60) if whole else _clock(first)} et {_clock(last)}"


def _clock(minute: int) -> str:
    hours, minutes = divmod(minute % DAY, 60)
    name = {0: "minuit", 1: "une heure", 12: "midi"}.get(hours, f"{_feminine(hours)} heures")
    return f"{name} {_feminine(minutes)}" if minutes else name


def _feminine(number: int) -> str:
    """A number of hours or minutes: « une », « vingt et une »."""
    return re.sub(r"un$", "une", _number(number))


def _number(number: int) -> str:
    """A number below sixty in words: hours, minutes and days of the month need no more."""
    if number < 20:
        return _UNITS[number]
    tens, units = divmod(number, 10)
    joint = "" if not units else " et " if units == 1 else "-"
    return f"{_TENS[tens]}{joint}{_UNITS[units] if units else ''}"


_UNITS = (
    *("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze"),
    *("treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"),
)
_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante"}


# Telling people, for `ivr hours`


def report(hours: Hours, instant: float) -> str:
    """In French: open or closed and why, the next opening and call-back as they are said, and the next seven days."""
    days = [_day(instant) + timedelta(days=ahead) for ahead in range(7)]
    wide = max(len(_dated(day)) for day in days)
    table = [f"{_dated(day):{wide}}  {_listed(hours, day)}" for day in days]
    return "\n".join([*_now(hours, instant), "", *table])


def _now(hours: Hours, instant: float) -> Iterator[str]:
    day, state = _day(instant), "ouvert" if hours.is_open(instant) else "fermé"
    why = [_spans(hours, day), *_reasons(hours, day)] if hours.spans(day) else _reasons(hours, day)
    yield f"{_exact(instant)}, heure de Paris : {state} ({', '.join(why) or f'jamais le {DAYS[day.weekday()]}'})"
    opening, slot = hours.next_opening(instant), hours.next_slot(instant)
    if opening is None:
        yield "prochaine ouverture : aucune"
    elif opening > instant:
        said = f"{spoken_day(opening, instant)}, {spoken_time(opening)}"
        yield f"prochaine ouverture : {_exact(opening)}, dite « {said} »"
    if slot:
        said = f"{spoken_day(slot[0], instant)}, {spoken_slot(*slot)}"
        yield f"prochain rappel : {_exact(slot[0])}, dit « {said} »"


def _exact(instant: float) -> str:
    return f"{_dated(_day(instant))} {_day(instant).year} à {_hhmm(_minute(instant))}"


def _dated(day: date) -> str:
    return f"{DAYS[day.weekday()]} {'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]}"


def _listed(hours: Hours, day: date) -> str:
    return ", ".join([_spans(hours, day) or "fermé", *_reasons(hours, day)])


def _spans(hours: Hours, day: date) -> str:
    return ", ".join(map(_written, hours.spans(day)))


def _reasons(hours: Hours, day: date) -> list[str]:
    """Why a date is not like the others of the week."""
    exception = ["exception"] if day in hours.exceptions else []
    return exception + ([f"férié : {hours.holidays[day]}"] if day in hours.holidays else [])
