"""When people are there: agreed with another reckoning at every minute, told in words, and read with every mistake."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.cli import main
from ivr.desk.hours import (
    DAYS,
    LEAD,
    REGIONS,
    SHORTEST_WINDOW,
    WINDOW,
    YEARS,
    Hours,
    HoursError,
    Span,
    instant_at,
    public_holidays,
    read_hours,
    report,
    spoken_day,
    spoken_slot,
    spoken_time,
    vocabulary,
)
from ivr.folder import read_hours as hours_of
from ivr.folder import read_lexicon
from ivr.speech.lexicon import unreadable
from tests.desk import minutes
from tests.line import ROOT

SERVERS = {"UTC": "UTC0", "Europe/Paris": minutes.PARIS, "Pacific/Kiritimati": "<+14>-14"}
"""Server time zones, as rules: a machine without a file of zones would take a name that it does not know for UTC."""

OURS = read_hours(minutes.SHIPPED)
HOUR = 3600.0


def hours(**week: list[Span]) -> Hours:
    return Hours(tuple(tuple(week.get(day, [])) for day in DAYS))


def utc(wall: str) -> float:
    return datetime.strptime(wall, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp()


# Open or closed


def test_every_minute_of_twelve_years_is_as_the_c_library_says_whatever_the_servers_zone(tmp_path: Path) -> None:
    zones = {"theirs": minutes.PARIS, **SERVERS}
    running = {
        name: subprocess.Popen(  # noqa: S603
            [
                sys.executable,
                "-m",
                "tests.desk.minutes",
                "theirs" if name == "theirs" else "ours",
                str(tmp_path / str(at)),
            ],
            env={**os.environ, "TZ": zone},
            cwd=ROOT,
        )
        for at, (name, zone) in enumerate(zones.items())
    }
    assert {name: process.wait(timeout=250) for name, process in running.items()} == dict.fromkeys(zones, 0)
    theirs, *all_of_ours = (
        np.unpackbits(np.frombuffer((tmp_path / str(at)).read_bytes(), np.uint8)) for at in range(len(zones))
    )
    assert theirs.size == 2 * 6_311_520
    assert 0.3 < theirs.mean() < 0.4
    for name, mine in zip(SERVERS, all_of_ours, strict=True):
        differing = np.flatnonzero(theirs != mine)
        assert differing.size == 0, f"{name}: {differing.size} minutes, the first {differing[0]} after the beginning"


@pytest.mark.parametrize(
    ("wall", "is_open"),
    [
        ("2026-11-23 07:59", False),
        ("2026-11-23 08:00", True),
        ("2026-11-23 19:59", True),
        ("2026-11-23 20:00", False),
        ("2026-11-21 12:00", False),  # Saturday
        ("2026-11-11 12:00", False),  # Armistice, a Wednesday
        ("2027-03-29 12:00", False),  # Easter Monday
    ],
)
def test_our_own_hours_are_those_of_working_days(wall: str, is_open: bool) -> None:
    assert OURS.is_open(instant_at(wall)) is is_open


def test_an_hour_that_the_clock_jumps_over_is_never_open() -> None:
    night = hours(dimanche=[(120, 150), (170, 190)])
    assert night.stretches(date(2026, 3, 29)) == [(utc("2026-03-29 01:00"), utc("2026-03-29 01:10"))]
    assert not night.is_open(utc("2026-03-29 00:59"))
    assert night.is_open(utc("2026-03-29 01:00"))
    assert night.next_opening(utc("2026-03-28 22:00")) == utc("2026-03-29 01:00")


def test_an_hour_that_the_clock_shows_twice_is_open_twice() -> None:
    night = hours(dimanche=[(130, 150)])
    assert night.stretches(date(2026, 10, 25)) == [
        (utc("2026-10-25 00:10"), utc("2026-10-25 00:30")),
        (utc("2026-10-25 01:10"), utc("2026-10-25 01:30")),
    ]
    assert night.next_opening(utc("2026-10-25 00:30")) == utc("2026-10-25 01:10")
    assert night.next_opening(utc("2026-10-25 01:30")) == utc("2026-11-01 01:10")


@pytest.mark.parametrize("sunday", ["2026-03-29", "2026-10-25", "2027-03-28", "2027-10-31"])
def test_on_the_days_of_both_changes_it_opens_and_closes_as_the_clock_shows(sunday: str) -> None:
    day = hours(dimanche=[(480, 1200)])
    opens, closes = instant_at(f"{sunday} 08:00"), instant_at(f"{sunday} 20:00")
    assert closes - opens == 12 * HOUR
    assert [day.is_open(at) for at in (opens - 60, opens, closes - 60, closes)] == [False, True, True, False]
    assert day.next_opening(instant_at(f"{sunday} 00:00")) == opens


def test_an_exception_wins_over_the_week_and_over_a_holiday() -> None:
    table = read_hours(
        minutes.SHIPPED + '"2026-12-24" = ["08:00-16:00"]\n"2026-12-25" = ["10:00-11:00"]\n"2026-12-28" = []'
    )
    assert not table.is_open(instant_at("2026-12-24 16:00"))
    assert table.is_open(instant_at("2026-12-25 10:30"))
    assert table.is_holiday(instant_at("2026-12-25 10:30"))
    assert not table.is_holiday(instant_at("2026-12-28 10:00"))
    assert table.next_opening(instant_at("2026-12-25 11:00")) == instant_at("2026-12-29 08:00")


def test_without_a_table_nobody_is_ever_there(tmp_path: Path) -> None:
    nobody = hours_of(tmp_path)
    now = instant_at("2026-11-23 10:00")
    assert nobody == Hours()
    assert (nobody.is_open(now), nobody.next_opening(now), nobody.next_slot(now)) == (False, None, None)
    assert vocabulary(nobody) == frozenset()


def test_what_opens_once_a_year_is_found() -> None:
    once = Hours(exceptions={date(2027, 12, 30): ((480, 600),)})
    assert once.next_opening(instant_at("2026-12-01 00:00")) == instant_at("2027-12-30 08:00")


# Holidays


def named(region: str, year: int) -> set[minutes.Date]:
    return {day.timetuple()[:3] for day in public_holidays(region) if day.year == year}


def test_the_holidays_of_eighty_years_are_those_of_the_law() -> None:
    ours, alsace = public_holidays("métropole"), public_holidays("Alsace-Moselle")
    law = {date(*day[:3]) for year in YEARS for day in minutes.holidays(year)}
    more = {date(*day[:3]) for year in YEARS for day in minutes.alsatian(year)}
    assert ours.keys() == law
    assert alsace.keys() == law | more


OWN: dict[str, set[tuple[int, int]]] = {
    "métropole": set(),
    "Alsace-Moselle": {(4, 3), (12, 26)},
    "Guadeloupe": {(3, 12), (4, 3), (5, 27), (7, 21)},
    "Martinique": {(5, 22), (7, 21)},
    "Guyane": {(6, 10)},
    "La Réunion": {(12, 20)},
    "Mayotte": {(4, 27)},
    "Saint-Barthélemy": {(10, 9)},
    "Saint-Martin": {(5, 28), (7, 21)},
    "Saint-Pierre-et-Miquelon": set(),
    "Nouvelle-Calédonie": {(9, 24)},
    "Polynésie française": {(3, 5), (4, 3), (11, 20)},
    "Wallis-et-Futuna": {(4, 28), (6, 29), (7, 29)},
}
"""What each region adds in 2026, month and day."""


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_the_holidays_of_the_law_and_its_own(region: str) -> None:
    assert named(region, 2026) == minutes.holidays(2026) | {(2026, *day) for day in OWN[region]}


@pytest.mark.parametrize("written", ["La Réunion", "Réunion", "la reunion", "LA RÉUNION"])
def test_a_region_is_known_however_it_is_written(written: str) -> None:
    assert read_hours(f'[semaine]\n[feries]\nregion = "{written}"').is_holiday(instant_at("2026-12-20 12:00"))


@pytest.mark.parametrize("trap", ["GES", "67", "68", "57", "Zone A", "GF", "", "France"])
def test_a_region_that_adds_nothing_or_fails_is_refused_with_the_list(trap: str) -> None:
    with pytest.raises(HoursError, match="n’est pas une région connue ; écrivez métropole, Alsace-Moselle, Guadeloupe"):
        read_hours(f'[semaine]\n[feries]\nregion = "{trap}"')


# The next opening and the next call-back


@st.composite
def tables(draw: st.DrawFn) -> Hours:
    """Weeks of quarters of an hour, some days with an exception."""

    def spans() -> tuple[Span, ...]:
        ends = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
        return tuple((15 * first, 15 * last) for first, last in zip(ends[::2], ends[1::2], strict=False))

    exceptions = {date(2026, 10, 25): spans(), date(2027, 3, 28): spans()} if draw(st.booleans()) else {}
    return Hours(tuple(spans() for _ in DAYS), OURS.holidays, exceptions)


CHANGES = [utc("2026-03-29 01:00"), utc("2026-10-25 01:00"), utc("2027-03-28 01:00")]
INSTANTS = st.one_of(
    st.floats(instant_at("2024-01-01 00:00"), instant_at("2035-12-31 00:00")),
    st.builds(lambda change, away: change + 60.0 * away, st.sampled_from(CHANGES), st.integers(-3000, 600)),
)


def quarters(start: float, end: float) -> list[float]:
    """Every quarter of an hour in between: the tables above change at no other instant."""
    return [900.0 * at for at in range(int(start // 900) + 1, math.ceil(end / 900))]


@given(tables(), INSTANTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(table: Hours, now: float) -> None:
    opening = table.next_opening(now)
    assert opening is not None or not any(table.week)
    assert opening is None or table.is_open(opening)
    before = quarters(now, min(opening or math.inf, now + 7 * 24 * HOUR))
    assert opening == now or not any(map(table.is_open, [now, *before]))


@given(tables(), INSTANTS)
def test_a_call_back_is_promised_in_opening_hours_soon_but_not_at_once(table: Hours, now: float) -> None:
    slot = table.next_slot(now)
    if slot is None:
        return
    start, end = slot
    assert start - now >= LEAD * 60
    assert SHORTEST_WINDOW * 60 <= end - start <= WINDOW * 60
    assert all(map(table.is_open, [start, *quarters(start, end), end - 1]))
    later = table.next_slot(start)
    assert later is None or later[0] >= end


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ("2026-11-23 07:00", "2026-11-23 08:00", "2026-11-23 10:00"),
        ("2026-11-23 07:45", "2026-11-23 08:00", "2026-11-23 10:00"),
        ("2026-11-23 07:46", "2026-11-23 10:00", "2026-11-23 12:00"),
        ("2026-11-23 17:45", "2026-11-23 18:00", "2026-11-23 20:00"),
        ("2026-11-23 17:46", "2026-11-24 08:00", "2026-11-24 10:00"),
        ("2026-11-27 19:00", "2026-11-30 08:00", "2026-11-30 10:00"),
        ("2026-12-24 19:00", "2026-12-28 08:00", "2026-12-28 10:00"),
        ("2026-10-24 12:00", "2026-10-26 08:00", "2026-10-26 10:00"),
    ],
)
def test_the_next_call_back_of_our_own_hours(now: str, start: str, end: str) -> None:
    assert OURS.next_slot(instant_at(now)) == (instant_at(start), instant_at(end))


def test_what_is_left_of_a_span_is_a_window_if_it_is_long_enough() -> None:
    assert hours(lundi=[(480, 750)]).next_slot(instant_at("2026-11-23 09:50")) == (
        instant_at("2026-11-23 12:00"),
        instant_at("2026-11-23 12:30"),
    )
    assert hours(lundi=[(480, 749)]).next_slot(instant_at("2026-11-23 09:50")) == (
        instant_at("2026-11-30 08:00"),
        instant_at("2026-11-30 10:00"),
    )


def test_a_window_in_which_the_clock_is_changed_is_passed_over() -> None:
    always = Hours(((((0, 1440)),),) * 7)
    for sunday in ("2026-03-29", "2026-10-25"):
        assert always.next_slot(instant_at(f"{sunday} 01:00")) == (
            instant_at(f"{sunday} 04:00"),
            instant_at(f"{sunday} 06:00"),
        )


# Spoken


@pytest.mark.parametrize(
    ("wall", "now", "said"),
    [
        ("2026-12-28 08:00", "2026-12-28 00:00", "aujourd’hui"),
        ("2026-12-28 08:00", "2026-12-27 23:59", "demain"),
        ("2026-12-28 08:00", "2026-12-26 12:00", "lundi"),
        ("2026-12-28 08:00", "2026-12-22 12:00", "lundi"),
        ("2026-12-28 08:00", "2026-12-21 12:00", "lundi vingt-huit décembre"),
        ("2027-01-04 08:00", "2026-12-24 12:00", "lundi quatre janvier"),
        ("2027-01-01 08:00", "2026-12-01 12:00", "vendredi premier janvier"),
        ("2026-08-21 08:00", "2026-08-01 12:00", "vendredi vingt et un août"),
        ("2026-08-31 08:00", "2026-08-01 12:00", "lundi trente et un août"),
        ("2026-12-27 08:00", "2026-12-28 12:00", "dimanche vingt-sept décembre"),
        ("2026-10-26 00:30", "2026-10-25 00:30", "demain"),  # 25 hours later
        ("2026-03-30 00:30", "2026-03-29 23:45", "demain"),
    ],
)
def test_a_day_is_said_as_people_say_it(wall: str, now: str, said: str) -> None:
    assert spoken_day(instant_at(wall), instant_at(now)) == said


@pytest.mark.parametrize(
    ("wall", "said"),
    [
        ("08:00", "à huit heures"),
        ("08:30", "à huit heures trente"),
        ("12:00", "à midi"),
        ("12:15", "à midi quinze"),
        ("00:00", "à minuit"),
        ("00:05", "à minuit cinq"),
        ("01:00", "à une heure"),
        ("01:01", "à une heure une"),
        ("21:21", "à vingt et une heures vingt et une"),
        ("18:45", "à dix-huit heures quarante-cinq"),
        ("11:59", "à onze heures cinquante-neuf"),
    ],
)
def test_an_hour_is_said_in_words(wall: str, said: str) -> None:
    assert spoken_time(instant_at(f"2026-11-23 {wall}")) == said
    assert spoken_time(instant_at(f"2026-07-23 {wall}")) == said


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("23 08:00", "23 10:00", "entre huit et dix heures"),
        ("23 10:00", "23 12:00", "entre dix heures et midi"),
        ("23 12:00", "23 14:00", "entre midi et quatorze heures"),
        ("23 08:30", "23 10:30", "entre huit heures trente et dix heures trente"),
        ("23 08:00", "23 08:30", "entre huit heures et huit heures trente"),
        ("23 22:00", "24 00:00", "entre vingt-deux heures et minuit"),
        ("23 00:00", "23 01:00", "entre minuit et une heure"),
        ("23 01:00", "23 03:00", "entre une et trois heures"),
        ("23 21:00", "23 23:00", "entre vingt et une et vingt-trois heures"),
    ],
)
def test_a_window_is_said_in_words(start: str, end: str, said: str) -> None:
    assert spoken_slot(instant_at(f"2026-11-{start}"), instant_at(f"2026-11-{end}")) == said


def test_what_our_hours_may_have_to_say_is_little() -> None:
    assert vocabulary(OURS) == {
        *("aujourd’hui", "demain", *DAYS, "à huit heures"),
        *("entre huit et dix heures", "entre dix heures et midi", "entre midi et quatorze heures"),
        *("entre quatorze et seize heures", "entre seize et dix-huit heures", "entre dix-huit et vingt heures"),
    }


def is_change(instant: float) -> bool:
    """Whether the clock of Paris is changed at this instant: a span that begins in the gap opens then."""
    before, after = (datetime.fromtimestamp(at, ZoneInfo("Europe/Paris")).utcoffset() for at in (instant - 1, instant))
    return before != after


@given(tables(), INSTANTS)
def test_everything_said_within_six_days_can_be_recorded(table: Hours, now: float) -> None:
    words = vocabulary(table)
    opening, slot = table.next_opening(now), table.next_slot(now)
    if opening and opening > now and not is_change(opening):
        assert spoken_time(opening) in words
        assert spoken_day(opening, now) in words or opening - now > 5 * 24 * HOUR
    if slot:
        assert spoken_slot(*slot) in words
        assert spoken_day(slot[0], now) in words or slot[0] - now > 5 * 24 * HOUR


def test_what_is_said_is_in_words_that_every_voice_says_right() -> None:
    lexicon = read_lexicon(ROOT / "prompts")
    times = {spoken_time(instant_at("2026-11-23 00:00") + 60.0 * at) for at in range(1440)}
    days = {spoken_day(instant_at("2027-01-01 12:00") + 24 * HOUR * ahead, 0.0) for ahead in range(365)}
    said = times | days | vocabulary(read_hours(minutes.NIGHTS))
    assert len(times) == 1440
    assert len(days) == 365
    assert [words for words in said if unreadable(words, lexicon) or set(words) & set("0123456789'.,|")] == []


# Reading


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[", "ce n’est pas du TOML"),
        ("", "[semaine] : manque : écrivez les heures de chaque jour"),
        ("semaine = 3", "semaine : doit être une partie : écrivez [semaine]"),
        ("[[exceptions]]\n[semaine]", "exceptions : doit être une partie"),
        ("[semaine]\nlundy = []", "[semaine] lundy : n’est pas un jour ; les jours sont lundi, mardi"),
        ("[semaine]\nlundi = '08:00-20:00'", "[semaine] lundi : écrivez une liste entre crochets"),
        ("[semaine]\nlundi = ['8h-20h']", "[semaine] lundi : '8h-20h' : écrivez l’ouverture et la fermeture comme"),
        ("[semaine]\nlundi = [8]", "[semaine] lundi : 8 : écrivez l’ouverture et la fermeture comme"),
        ("[semaine]\nlundi = ['08:00-24:01']", "'08:00-24:01' : écrivez l’ouverture"),
        ("[semaine]\nlundi = ['24:00-24:00']", "'24:00-24:00' : écrivez l’ouverture"),
        ("[semaine]\nlundi = ['08:60-09:00']", "'08:60-09:00' : écrivez l’ouverture"),
        ("[semaine]\nlundi = ['08:00-08:00']", "'08:00-08:00' finit avant de commencer"),
        ("[semaine]\nlundi = ['22:00-06:30']", 'écrivez ici "22:00-24:00", et "00:00-06:30" le lendemain'),
        ("[semaine]\nlundi = ['10:00-12:00', '08:00-10:01']", "08:00-10:01 et 10:00-12:00 se chevauchent"),
        ("[semaine]\n[feries]\nregion = 57", "[feries] region = 57 : n’est pas une région connue"),
        ("[semaine]\n[feries]\nzone = 'A'", "[feries] zone : n’est pas lu ici ; le seul réglage est region"),
        ("[semaine]\n[exceptions]\n'24/12' = []", "[exceptions] 24/12 : n’est pas une date : écrivez"),
        ("[semaine]\n[exceptions]\n2026-1-4 = []", "[exceptions] 2026-1-4 : n’est pas une date"),
        ("[semaine]\n[exceptions]\n20260104 = []", "[exceptions] 20260104 : n’est pas une date"),
        ("[semaine]\n[exceptions]\n2026-02-30 = []", "[exceptions] 2026-02-30 : n’est pas une date"),
        ("[semaine]\n[exceptions]\n2026-02-28 = 'fermé'", "[exceptions] 2026-02-28 : écrivez une liste"),
        ("[semaine]\n[vacances]", "vacances : n’est pas lu ici ; les parties sont [semaine], [feries] et [exceptions]"),
    ],
)
def test_a_mistake_says_where_and_how_to_mend_it(toml: str, told: str) -> None:
    with pytest.raises(HoursError) as error:
        read_hours(toml, "prompts/horaires.toml")
    assert told in str(error.value)
    assert str(error.value).startswith("prompts/horaires.toml : ")
    assert "\n" not in str(error.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(HoursError) as error:
        read_hours("x = 1\n[semaine]\nlundi = [1, 2]\nlundy = []\n[feries]\nregion = 'GES'\n[exceptions]\nhier = 3")
    assert str(error.value).count("\n") == 6


def test_spans_may_be_written_in_any_order_and_touch() -> None:
    table = read_hours("[semaine]\nlundi = ['14:00-18:00', '08:00-14:00', '23:00-24:00']")
    assert table.week[0] == ((480, 840), (840, 1080), (1380, 1440))


# The commands


def test_the_hours_are_shown_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hours", "--at", "2026-12-25 09:00"]) == 0
    assert capsys.readouterr().out.splitlines()[:6] == [
        "vendredi 25 décembre 2026 à 09:00, heure de Paris : fermé (férié : Noël)",
        "prochaine ouverture : lundi 28 décembre 2026 à 08:00, dite « lundi, à huit heures »",
        "prochain rappel : lundi 28 décembre 2026 à 08:00, dit « lundi, entre huit et dix heures »",
        "",
        "vendredi 25 décembre  fermé, férié : Noël",
        "samedi 26 décembre    fermé",
    ]
    assert main(["hours"]) == 0
    assert len(capsys.readouterr().out.splitlines()) in (10, 11)


@pytest.mark.parametrize(
    ("wall", "told"),
    [
        ("2026-12-28 10:00", "lundi 28 décembre 2026 à 10:00, heure de Paris : ouvert (08:00-20:00)"),
        ("2026-12-28 20:00", "fermé (08:00-20:00)"),
        ("2026-12-26 10:00", "fermé (jamais le samedi)"),
        ("2026-12-31 10:00", "fermé (exception)"),
        ("2027-01-01 10:00", "vendredi 1er janvier 2027 à 10:00, heure de Paris : fermé (férié : Jour de l’an)"),
        ("2026-12-25 10:00", "ouvert (10:00-11:00, exception, férié : Noël)"),
    ],
)
def test_the_reason_is_told(wall: str, told: str) -> None:
    table = read_hours(minutes.SHIPPED + "2026-12-31 = []\n2026-12-25 = ['10:00-11:00']")
    assert told in report(table, instant_at(wall)).splitlines()[0]


def test_while_it_is_open_the_next_opening_is_not_told() -> None:
    told = report(OURS, instant_at("2026-12-28 10:30")).splitlines()
    assert (
        told[1]
        == "prochain rappel : lundi 28 décembre 2026 à 12:00, dit « aujourd’hui, entre midi et quatorze heures »"
    )


def test_that_nobody_ever_comes_is_told() -> None:
    assert "prochaine ouverture : aucune" in report(Hours(), 0.0)


@pytest.mark.parametrize("wall", ["hier", "2026-12-24", "2026-02-30 10:00", "2026-12-24T10:00"])
def test_an_instant_that_is_none_is_told(wall: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["hours", "--at", wall])
    assert f'« {wall} » : écrivez "2026-12-24 17:00"' in capsys.readouterr().err


def test_the_check_of_the_script_tells_the_mistakes_of_hours_texts_and_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (ROOT / "prompts").glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    assert main(["check", str(tmp_path)]) == 0
    (tmp_path / "horaires.toml").write_text("[semaine]\nlundi = ['8h']")
    (tmp_path / "sms.toml").write_text("[code]\ntext = 'ê'")
    (tmp_path / "lexique.toml").write_text("[mots]\n'X' = 'Y1'")
    capsys.readouterr()
    assert main(["check", str(tmp_path)]) == 1
    told = capsys.readouterr().err.splitlines()
    for name in ("horaires", "sms", "lexique"):
        assert any(f"{name}.toml" in line for line in told)
    monkeypatch.setenv("IVR_PROMPTS_DIR", str(tmp_path))
    assert main(["hours"]) == 1
    assert "horaires.toml : [semaine] lundi" in capsys.readouterr().err
