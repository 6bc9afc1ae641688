"""The script on disk: a folder of TOML files becomes a proven flow, and its lexicon. The only place that reads it.

The files of a folder are its content, whose hash names it: a revision. Kept elsewhere (`ivr.store.revisions`), they are
read from there in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ivr.desk.hours import Hours
from ivr.desk.hours import read_hours as read_table
from ivr.desk.sms import Text, read_texts
from ivr.flow.mistakes import Mistake, ScriptError
from ivr.flow.model import Flow
from ivr.flow.script import HOURS, LEXICON, SMS, Tables, load, parsed
from ivr.speech.lexicon import Lexicon, read

REVISION_DIGITS = 12
"""Hex digits that name a revision."""


@dataclass(frozen=True)
class Script:
    """A script read whole: what its files say, and which revision they are."""

    revision: str
    flow: Flow
    lexicon: Lexicon
    texts: Mapping[str, Text]
    hours: Hours


def read_script(folder: Path) -> Flow:
    """The proven flow of a folder.

    Raises ScriptError with every mistake: files that cannot be read, mistakes of form, and what does not hold.
    """
    return load(read_files(folder), shown_as(folder))


def whole_script(files: Mapping[str, str], shown: str = "prompts") -> Script:
    """The script that these files are, by file name; `shown` is what mistakes call their folder.

    Raises ScriptError, SpeechError, SmsError or HoursError with what is wrong.
    """
    return Script(
        revision_of(files),
        load(files, shown),
        read(files[LEXICON], f"{shown}/{LEXICON}") if LEXICON in files else Lexicon({}),
        read_texts(files[SMS], f"{shown}/{SMS}") if SMS in files else {},
        read_table(files[HOURS], f"{shown}/{HOURS}") if HOURS in files else Hours(),
    )


def revision_of(files: Mapping[str, str]) -> str:
    """The name of this content: the same files are the same revision, whoever reads them, wherever."""
    return sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:REVISION_DIGITS]


def read_tables(folder: Path) -> tuple[Tables, list[Mistake]]:
    """The folder's files as TOML gives them, and what is none.

    Raises ScriptError when the folder, or one of its files, cannot be read at all.
    """
    return parsed(read_files(folder), shown_as(folder))


def shown_as(folder: Path) -> str:
    """The folder as it is named in mistakes: by its own name, or as it was given."""
    return folder.name if folder.is_absolute() else str(folder)


def read_lexicon(folder: Path) -> Lexicon:
    """How the folder's words are said; nothing special when it has no lexicon.

    Raises SpeechError naming the word that cannot be read.
    """
    path = folder / LEXICON
    return read(path.read_text(encoding="utf-8"), str(path)) if path.exists() else Lexicon({})


def read_sms(folder: Path) -> Mapping[str, Text]:
    """The texts (SMS) of the folder, by kind; none when it has none.

    Raises SmsError with every one that does not fit.
    """
    path = folder / SMS
    return read_texts(path.read_text(encoding="utf-8"), str(path)) if path.exists() else {}


def read_hours(folder: Path) -> Hours:
    """When people are there; never, when the folder does not say.

    Raises HoursError with every mistake.
    """
    path = folder / HOURS
    return read_table(path.read_text(encoding="utf-8"), str(path)) if path.exists() else Hours()


def read_files(folder: Path) -> dict[str, str]:
    """The files of a script, by name.

    Raises ScriptError when there is no such folder, and with every file that is no text.
    """
    shown = shown_as(folder)
    if not folder.is_dir():
        raise ScriptError([Mistake(str(folder), "", "is no folder: set IVR_PROMPTS_DIR to the folder of the script")])
    texts, unreadable = {}, []
    for path in sorted(folder.glob("*.toml")):
        try:
            texts[path.name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(Mistake(f"{shown}/{path.name}", "", f"cannot be read as UTF-8: {error}"))
    if unreadable:
        raise ScriptError(unreadable)
    return texts
