"""The room itself: it is a client, and cheap to import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ivr.phone

MODULES = sorted(Path(ivr.phone.__file__).parent.glob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module):
                yield module or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_phone_knows_nothing_of_the_line(path: Path) -> None:
    ours = {name for name in imported(ast.parse(path.read_text())) if name.partition(".")[0] == "ivr"}
    assert {name for name in ours if not name.startswith("ivr.phone")} == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_twilio_is_imported_where_it_signs_and_not_before(path: Path) -> None:
    tree = ast.parse(path.read_text())
    at_import = {name for node in tree.body for name in imported(ast.Module([node], [])) if not _is_within(node)}
    assert not any(name.startswith(("twilio", "rich")) for name in at_import)


def _is_within(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef)
