"""The script on disk: a folder of TOML files becomes a proven flow, and its lexicon. The only place that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ivr.desk.hours import Hours
from ivr.desk.hours import read_hours as read_table
from ivr.desk.sms import Text, read_texts
from ivr.flow.mistakes import Mistake, ScriptError
from ivr.flow.model import Flow
from ivr.flow.script import HOURS, LEXICON, SMS, Tables, load, parsed
from ivr.speech.lexicon import Lexicon, read


def read_script(folder: Path) -> Flow:
    """The proven flow of a folder.

    Raises ScriptError with every mistake: files that cannot be read, mistakes of form, and what does not hold.
    """
    shown = shown_as(folder)
    return load(_texts(folder, shown), shown)


def read_tables(folder: Path) -> tuple[Tables, list[Mistake]]:
    """The folder's files as TOML gives them, and what is none.

    Raises ScriptError when the folder, or one of its files, cannot be read at all.
    """
    shown = shown_as(folder)
    return parsed(_texts(folder, shown), shown)


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


def _texts(folder: Path, shown: str) -> dict[str, str]:
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
