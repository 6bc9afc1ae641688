"""Who may import whom (design/architecture.md, Rooms): downwards only, and the flow imports nothing of ours."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from tests.line import ROOT

ROWS = [{"cli"}, {"web"}, {"calls"}, {"desk", "store", "telephony", "speech", "drawing"}, {"flow", "settings"}]
BESIDE = {
    "recipe": "calls",
    "folder": "calls",
    "scripts": "calls",
    "speak": "cli",
    "operators": "cli",
    "publishing": "cli",
    "replaying": "cli",
    "transcribing": "cli",
    "keeper": "cli",
    "sender": "calls",
    "check": "cli",
    "new": "cli",
    "draw": "cli",
    "paths": "cli",
    "hostile": "cli",
    "explain": "cli",
    "worker": "calls",
    "services": "calls",
    "asking": "settings",
    "bounds": "settings",
    "alone": "calls",
    "doctor": "cli",
}
"""Modules that stand beside the rooms, with the room whose row they belong to."""

ALONE = {"phone": set[str](), "demo": {"phone", "desk", "store"}}
"""Rooms outside the rows, with what they may import of ours: they are clients and stand-ins."""

MAY_ALSO = {("web", "phone"): "the browser phone follows TwiML with the telephone's own reader"}


def room(name: str) -> str:
    return BESIDE.get(name, name)


def imports() -> Iterator[tuple[str, str, str]]:
    """Every import inside `ivr`: the file, its room, and the module imported."""
    for path in sorted((ROOT / "ivr").rglob("*.py")):
        where = path.relative_to(ROOT / "ivr")
        own = where.parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((str(where), own, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{where}: imports are absolute"
                yield str(where), own, node.module or ""


def ours() -> Iterator[tuple[str, str, str]]:
    """The imports of ours: the file, the room that imports, the room imported."""
    for where, own, module in imports():
        if module.startswith("ivr.") and own != "__init__":
            yield where, room(own), room(module.split(".")[1])


def row(name: str) -> int:
    return next(i for i, rooms in enumerate(ROWS) if name in rooms)


def test_imports_go_downwards_and_never_to_the_next_door() -> None:
    wrong = []
    for where, own, target in ours():
        if own == target or own == "cli" or (own, target) in MAY_ALSO:
            continue
        if own in ALONE or target in ALONE:
            if target not in ALONE.get(own, set()):
                wrong.append(f"{where} imports {target}")
        elif row(target) <= row(own):
            wrong.append(f"{where} imports {target}")
    assert wrong == []


def test_the_flow_imports_the_standard_library_alone() -> None:
    modules = {module for _, own, module in imports() if own == "flow" and not module.startswith("ivr.flow")}
    assert {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names} == set()
    assert modules & {"os", "time", "random", "socket", "pathlib", "sqlite3", "urllib.request", "secrets"} == set()


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [p for p in (ROOT / "ivr").rglob("*.py") if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == []
