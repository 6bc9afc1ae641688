"""`ivr check`: the whole proof of a script, every finding in one run: form, graph, limits, words, texts, hours, clips.

Beside the rooms, like `speak`: it knows the folder and the clips, and hands them to what judges them without any
(`ivr.flow.proof`, `ivr.flow.bars`). Seconds are those of the recordings; where there is none, of words at their pace.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ivr.desk.commands import LINE
from ivr.desk.hours import HoursError
from ivr.desk.sms import SmsError
from ivr.flow import bars, contracts, review
from ivr.flow.bars import Measure
from ivr.flow.limits import BARS, LIMITS, Limits, usual
from ivr.flow.limits import read as read_limits
from ivr.flow.measures import Seconds, estimated
from ivr.flow.mistakes import Mistake, ScriptError
from ivr.flow.model import Clip, Flow, Piece, Words
from ivr.flow.script import REVIEW, SMS, Tables, read
from ivr.folder import read_hours, read_lexicon, read_sms, read_tables, shown_as
from ivr.settings import Settings, settings, without_secrets
from ivr.speak import ready_words
from ivr.speech import SpeechError
from ivr.speech.clips import human, wanted
from ivr.speech.lexicon import Lexicon, unreadable
from ivr.speech.making import stock
from ivr.speech.shelf import read_shelf
from ivr.speech.speaker import Speaker
from ivr.speech.voices import CARRIER, preferred

MOST_CLIPS = 20
"""More clips than this that are missing are told in one line: nobody has made them yet."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a script: nothing, when it holds; and how it measures."""

    folder: str
    steps: int
    prompts: int
    findings: tuple[Mistake, ...]
    measures: tuple[Measure, ...]

    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def as_json(self) -> str:
        """The report for programs."""
        found = [
            {"file": one.file, "line": one.line or None, "step": one.step, "problem": one.problem}
            for one in self.findings
        ]
        measures = [
            {"rule": m.rule, "value": round(m.value, 2), "limit": m.limit, "unit": unit(m), "step": m.step or None}
            for m in self.measures
        ]
        counts = {"folder": self.folder, "steps": self.steps, "prompts": self.prompts, "holds": self.holds()}
        return json.dumps({**counts, "findings": found, "measures": measures}, ensure_ascii=False, indent=1)

    def table(self) -> str:
        """What was measured, in columns: the worst of each, its limit, and the step."""
        rows = [
            (m.rule, f"{m.value:.1f}", f"{m.limit:g}" if m.limit is not None else "–", unit(m), m.step)
            for m in self.measures
        ]
        return "\n".join(
            f"{rule:<18}{value:>7}{limit:>7} {of:<8}{step}".rstrip() for rule, value, limit, of, step in rows
        )


def unit(measure: Measure) -> str:
    """What a measure is counted in."""
    return BARS[measure.rule].unit if measure.rule in BARS else "s"


def script_settings(folder: str = "", audio: str = "") -> Settings:
    """The settings of this machine as far as a script needs them; its secrets are not asked for.

    `folder` and `audio` take the place of IVR_PROMPTS_DIR and IVR_AUDIO_DIR. Raises SettingsError.
    """
    found = settings({**without_secrets(os.environ), "IVR_ENV": "", "IVR_SECRET_KEY": "-" * 32})
    prompts = Path(folder) if folder else found.prompts_dir
    return replace(found, prompts_dir=prompts, audio_dir=Path(audio) if audio else found.audio_dir)


def check(chosen: Settings, *, clips: bool = True, orphans: bool = True) -> Report:
    """Everything that is wrong with the script of these settings; with `clips`, with its recordings too.

    Without `orphans`, clips that this script does not play may be there: another one plays them.
    """
    folder = chosen.prompts_dir
    shown = shown_as(folder)
    tables, flow, mistakes = _script(folder)
    limits, wrong = _limits(tables, f"{shown}/{LIMITS}")
    mistakes += wrong
    lexicon, wrong = _beside(folder, shown)
    mistakes += wrong
    measures: list[Measure] = []
    if flow:
        seconds = seconds_heard(chosen, flow, lexicon)
        taken = bars.measured(flow, limits, seconds)
        mistakes += bars.findings(flow, limits, taken, seconds, tables)
        measures = bars.worst(taken)
        mistakes += _unsayable(flow, lexicon)
        mistakes += contracts.findings(flow, LINE, tables.get(SMS, {}))
        mistakes += _reviewed(flow, tables, shown)
        mistakes += _clips(chosen, flow, lexicon, orphans=orphans) if clips else []
    prompts = sum(1 for _, prompt in flow.texts() if prompt.body or prompt.options) if flow else 0
    steps = len(flow.steps) if flow else 0
    return Report(str(folder), steps, prompts, tuple(sorted(set(mistakes))), tuple(measures))


def accept(chosen: Settings) -> Path:
    """Keep where every choice of the script leads now, as reviewed; the file.

    Raises ScriptError when the script cannot be read.
    """
    folder = chosen.prompts_dir
    tables, mistakes = read_tables(folder)
    now = review.reviewed(tables, read(tables, mistakes, shown_as(folder)))
    kept = folder / REVIEW
    kept.write_text(review.written(now), encoding="utf-8")
    return kept


def seconds_heard(chosen: Settings, flow: Flow, lexicon: Lexicon) -> Seconds:
    """Seconds as callers of the line with these settings hear them."""
    return recorded(Speaker(flow, read_shelf(chosen.audio_dir), lexicon, _voices(chosen)))


def recorded(speaker: Speaker) -> Seconds:
    """Seconds as they are heard: of the clip that holds the words, where there is one (and the index knows it)."""
    known, shelf = frozenset(speaker.shelf.words.values()), speaker.shelf

    @cache
    def seconds(piece: Piece) -> float:
        if not isinstance(piece, Words) or (piece.text not in known and shelf.seconds(human(piece.text)) is None):
            return estimated(piece)
        match next(iter(speaker.spoken((piece,), {})), None):
            case Clip(seconds=length):
                return length
            case None:
                return 0.0
            case _:
                return estimated(piece)

    return seconds


# Reading, mistakes and all


def _script(folder: Path) -> tuple[Tables, Flow | None, list[Mistake]]:
    """The files as TOML gives them, the flow as far as it could be read, and what is wrong with it."""
    tables: Tables = {}
    try:
        tables, unparsed = read_tables(folder)
        return tables, read(tables, unparsed, shown_as(folder)), []
    except ScriptError as wrong:
        return tables, wrong.draft, [_placed(one, folder) for one in wrong.mistakes]


def _limits(tables: Tables, file: str) -> tuple[Limits, list[Mistake]]:
    """The limits: those of the script, or the usual."""
    return read_limits(tables[LIMITS], file) if LIMITS in tables else (usual(file), [])


def _placed(mistake: Mistake, folder: Path) -> Mistake:
    """The mistake of a line that TOML cannot read, with the step that the line belongs to, and the mend."""
    if not mistake.line:
        return mistake
    above = (folder / Path(mistake.file).name).read_text(encoding="utf-8").splitlines()[: mistake.line]
    headers = [found[1] for row in above if (found := re.match(r"\[+([^\]]+)\]", row))]
    mend = "a key is written twice: take one of them off" if "overwrite" in mistake.problem else "mend this line"
    return replace(mistake, step=headers[-1] if headers else "", problem=f"{mistake.problem}; {mend}")


def _beside(folder: Path, shown: str) -> tuple[Lexicon, list[Mistake]]:
    """The lexicon (an empty one, when it cannot be read); what is wrong with it, with the texts, with the hours."""
    lexicon, mistakes = Lexicon({}), []
    for reader in (read_lexicon, read_sms, read_hours):
        try:
            found = reader(folder)
        except (SpeechError, SmsError, HoursError) as wrong:
            mistakes += [_told(line, folder, shown) for line in str(wrong).splitlines()]
        except UnicodeDecodeError:
            continue  # told with the script
        else:
            lexicon = found if isinstance(found, Lexicon) else lexicon
    return lexicon, mistakes


def _told(line: str, folder: Path, shown: str) -> Mistake:
    """A mistake that was told as text: `prompts/sms.toml [code]: …`."""
    found = re.match(r"([^\s:]+\.toml)(?:\s*:)?(?: \[([^\]]+)\])?\s*:?\s*(.*)", line)
    if not found:
        return Mistake(f"{shown}/*.toml", "", line)
    return Mistake(f"{shown}/{Path(found[1]).name}", found[2] or "", found[3])


def _reviewed(flow: Flow, tables: Tables, shown: str) -> list[Mistake]:
    """The ways that are not as somebody has reviewed them; none, where nobody has."""
    if REVIEW not in tables:
        return []
    return list(review.findings(review.reviewed(tables, flow), review.kept(tables[REVIEW]), shown))


# Words and clips


def _voices(chosen: Settings) -> tuple[Any, ...]:
    return tuple(preferred(chosen.voice)) if chosen.voice != CARRIER else ()


def _unsayable(flow: Flow, lexicon: Lexicon) -> Iterator[Mistake]:
    """What no voice would say right: an acronym that the lexicon does not know, an address, a sign (U20)."""
    for name, prompt in flow.texts():
        for piece in prompt.pieces():
            for word in unreadable(piece.text, lexicon) if isinstance(piece, Words) else ():
                step = name.partition("@")[0]
                problem = f"« {word} » would be said wrong: say in lexique.toml how it is spoken, or write it in words"
                yield Mistake(flow.files[step], name.partition(".")[2], problem)


def _clips(chosen: Settings, flow: Flow, lexicon: Lexicon, *, orphans: bool) -> list[Mistake]:
    """Clips that are missing or stale, and those that nothing plays (as `ivr speak --check` tells them)."""
    if chosen.voice == CARRIER:
        return []
    folder = chosen.audio_dir
    wants = wanted(flow, lexicon, _voices(chosen), ready_words(read_hours(chosen.prompts_dir)))
    found = stock(folder, wants, read_shelf(folder).words)
    if len(found.missing) > MOST_CLIPS:
        return [Mistake(folder.name, "", f"{len(found.missing)} clips are missing: run 'ivr speak'")]
    where = {piece.text: name for name, prompt in flow.texts() for piece in prompt.pieces() if isinstance(piece, Words)}
    missing = [
        Mistake(
            f"{folder.name}/{clip.name}",
            where.get(clip.words, ""),
            f"« {clip.words} » has {'an old' if clip in found.stale else 'no'} clip: run 'ivr speak'",
        )
        for clip in found.missing
    ]
    gone = [
        Mistake(f"{folder.name}/{name}", "", "nothing plays it: run 'ivr speak --prune'") for name in found.orphaned
    ]
    return missing + (gone if orphans else [])
