"""Looks at what callers hear: the script, its clips, the hours of the people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from ivr.check import check
from ivr.desk.hours import PARIS, HoursError, spoken_day, spoken_time
from ivr.doctor import Finding, grave_if
from ivr.folder import read_hours
from ivr.settings import Settings

MANY = 3
"""Mistakes of a script that are told one by one."""

A_WEEK = 7 * 86_400.0


def script(settings: Settings) -> Iterator[Finding]:
    """Whether the script holds, as `ivr check` proves it, and every sentence has its clip."""
    report = check(settings)
    clips = [one for one in report.findings if one.file == settings.audio_dir.name]
    wrong = [one for one in report.findings if one not in clips]
    for one in wrong[:MANY]:
        yield Finding("script", "grave", str(one), "Corrigez le chapitre ; `ivr check` montre tout.")
    if rest := len(wrong[MANY:]):
        yield Finding("script", "grave", f"et {rest} autres fautes.", "`ivr check` montre tout.")
    if not wrong:
        yield Finding("script", "bien", f"{report.steps} étapes, {report.prompts} textes, tout tient.")
    if clips:
        what = f"{len(clips)} constats sur les clips : ce qui manque est dit par l'opérateur."
        yield Finding("audio", "avis", what, "ivr speak --prune")
    elif not wrong:
        yield Finding("audio", "bien", "chaque phrase a son clip.")


def hours(settings: Settings) -> Iterator[Finding]:
    """Whether people are there some day soon, and no exception is long past."""
    now = time.time()
    try:
        known = read_hours(settings.prompts_dir)
    except HoursError as error:
        yield Finding("horaires", "grave", str(error).splitlines()[0], "Corrigez prompts/horaires.toml.")
        return
    opens = known.next_opening(now)
    if opens is None or opens > now + A_WEEK:
        what = "Personne n'est là dans les sept jours qui viennent."
        yield Finding("horaires", grave_if(settings.agent), what, "Corrigez prompts/horaires.toml.")
    elif known.is_open(now):
        yield Finding("horaires", "bien", "les conseillers sont là.")
    else:
        when = f"{spoken_day(opens, now)} {spoken_time(opens)}"
        yield Finding("horaires", "bien", f"fermé ; les conseillers reviennent {when}.")
    today = datetime.fromtimestamp(now, PARIS).date()
    if known.exceptions and max(known.exceptions) < today:
        mend = "Ajoutez celles de l'année à prompts/horaires.toml, ou retirez les anciennes."
        yield Finding("horaires", "avis", "Toutes les exceptions sont passées.", mend)
