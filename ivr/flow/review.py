"""Where every choice of a script leads, as somebody has reviewed it: `relecture.toml`, compared with what it is now.

Two keys that are exchanged make a script that is sound in every other respect, and sends callers the wrong way. So the
ways are kept in a file once they have been read, with the words that offer them; a way that leads elsewhere is told
until it is put back or accepted (`ivr check --accept` writes the file). A script without the file is not compared.
Pure: the script's tables in, mistakes and text out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ivr.flow.mistakes import Mistake
from ivr.flow.model import Flow, Menu, Option, Run, Words
from ivr.flow.script import LINE, RESERVED, Tables

Ways = Mapping[str, str]
"""The ways out of one step: their names as a script writes them (« keys 1 »), and where they lead, with the words.

The phrases that the step inserts and the facts that it teaches are among them: they say where the call has been.
"""

Review = Mapping[str, Ways]
"""The ways of every step, by its id; those of ligne.toml by its tables."""

_ACCEPT = "put it back, or accept it with 'ivr check --accept'"
_READ = "read where it leads, then accept it with 'ivr check --accept'"
_SINGLE = ("next", "then", "beyond", "empty", "resume", "once", "waiting", "no_input_give_up", "no_match_give_up")
_STARTS = ("start", "menu", "person", "warning", "follow_up")
_TABLES = ("keys", "outcomes")
_KEY_SAID = re.compile(r"[\s\u00a0\u202f,]*\b[Tt]apez[\s\u00a0\u202f]+\w+[\s\u00a0\u202f.]*$")
_HEAD = """\
# Où mène chaque choix, tel que quelqu’un l’a relu. Ce fichier ne s’écrit pas à la main : `ivr check` dit ce qui a
# changé depuis, et `ivr check --accept` l’accepte. Sans ce fichier, rien n’est comparé.
"""


def reviewed(tables: Tables, flow: Flow) -> dict[str, dict[str, str]]:
    """The ways of the script as they are now. `tables` are its files as TOML gives them, by name."""
    found = {name: dict(ways) for name, ways in _line(tables.get(LINE, {}))}
    for file, chapter in tables.items():
        if file not in RESERVED:
            for name, step in chapter.items():
                if isinstance(step, dict):
                    step_id = f"{file.removesuffix('.toml')}.{name}"
                    found[step_id] = dict(_ways(flow, step_id, step))
    return {name: ways for name, ways in found.items() if ways}


def kept(table: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The ways that the parsed relecture.toml holds."""
    return dict(_flat(table, ""))


def _flat(table: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, str]]]:
    if ways := {way: leads for way, leads in table.items() if isinstance(leads, str)}:
        yield name, ways
    for inner, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.{inner}" if name else inner)


def findings(now: Review, before: Review, folder: str) -> Iterator[Mistake]:
    """Every way that is not as it was reviewed: it leads elsewhere, says something else, is new, or is gone."""
    for name in now.keys() | before.keys():
        chapter, _, step = name.partition(".")
        file = f"{folder}/{chapter}.toml"
        if name not in before:
            yield Mistake(file, step, f"is new, and nobody has reviewed it yet: {_READ}")
        elif name not in now:
            yield Mistake(file, step, f"is gone, or leads nowhere any more: {_ACCEPT}")
        else:
            yield from (Mistake(file, step, problem) for problem in _changes(now[name], before[name]))


def _changes(now: Ways, before: Ways) -> Iterator[str]:
    for way in now.keys() | before.keys():
        if way not in before:
            yield f"{way} is new: {now[way]}; {_READ}"
        elif way not in now:
            yield f"{way} is gone; when it was reviewed it was: {before[way]}; {_ACCEPT}"
        elif now[way] != before[way]:
            yield f"{way} is now: {now[way]}; when it was reviewed it was: {before[way]}; {_ACCEPT}"


def written(review: Review) -> str:
    """The text of relecture.toml."""
    tables = [
        "\n".join([f"[{name}]", *(f"{_key(way)} = {_text(leads)}" for way, leads in ways.items())])
        for name, ways in review.items()
    ]
    return "\n\n".join([_HEAD.rstrip(), *tables]) + "\n"


def _key(way: str) -> str:
    return way if re.fullmatch(r"[\w-]+", way, re.ASCII) else _text(way)


def _text(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)


# The ways of one table


def _line(line: Mapping[str, Any]) -> Iterator[tuple[str, Ways]]:
    """Where calls start, where the keys of everywhere lead, and each patience."""
    starts = line.get("line", {})
    yield "ligne.line", {name: str(starts[name]) for name in _STARTS if name in starts}
    for name, patience in line.get("patience", {}).items():
        if isinstance(patience, dict):
            yield f"ligne.patience.{name}", dict(_single(patience, ""))


def _ways(flow: Flow, step_id: str, step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    chapter = step_id.partition(".")[0]
    yield from _single(step, chapter)
    if "sets" in step:
        yield "sets", ", ".join(map(str, _list(step["sets"])))
    said = _said(flow, step_id)
    for table in _TABLES:
        ways = step.get(table)
        for name, way in ways.items() if isinstance(ways, dict) else ():
            words = said.get(name, "") if table == "keys" else ""
            yield f"{table} {name}", f"« {words} » : {_leads(way, chapter)}" if words else _leads(way, chapter)


def _single(table: Mapping[str, Any], chapter: str) -> Iterator[tuple[str, str]]:
    yield from ((name, _leads(table[name], chapter)) for name in _SINGLE if name in table)


def _leads(way: Any, chapter: str) -> str:
    """Where a way leads, in words: « a.b si ouvert, sinon a.c »."""
    branches = way if isinstance(way, list) else [way]
    return ", sinon ".join(_branch(branch, chapter) for branch in branches)


def _branch(branch: Any, chapter: str) -> str:
    if not isinstance(branch, dict):
        return _id(str(branch), chapter)
    when, unless, sets, fills = (_list(branch.get(key, ())) for key in ("when", "unless", "sets", "fills"))
    conditions = [*when, *(f"pas {fact}" for fact in unless)]
    effects = [*sets, *(f"{{{slot}}}" for slot in fills)]
    said = _id(str(branch.get("to", "")), chapter)
    said += f" si {' et '.join(map(str, conditions))}" if conditions else ""
    return said + (f" (retient {', '.join(map(str, effects))})" if effects else "")


def _list(value: Any) -> list[Any]:
    """The value as a list, whatever was written in its place."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _id(name: str, chapter: str) -> str:
    return name if not chapter or "." in name or name.startswith("@") else f"{chapter}.{name}"


def _said(flow: Flow, step_id: str) -> dict[str, str]:
    """For each key of a step the words that offer it, without the key itself; once each, cues included."""
    step = flow.steps.get(step_id)
    if not isinstance(step, Menu | Run):
        return {}
    said: dict[str, list[str]] = {}
    for prompt in (step.prompt, *(cue.prompt for cue in step.cues)):
        for option in prompt.options:
            said.setdefault(option.key, []).append(_offer(option))
    return {key: " / ".join(dict.fromkeys(words)) for key, words in said.items()}


def _offer(option: Option) -> str:
    words = " ".join(piece.text for piece in option.pieces if isinstance(piece, Words))
    return _KEY_SAID.sub("", words)
