"""What `ivr check` takes the line to have is what its desks do: the same commands, the same outcomes."""

from __future__ import annotations

import ast
from pathlib import Path

from ivr.desk.commands import LINE
from ivr.flow.contracts import findings
from ivr.flow.model import Flow
from ivr.folder import read_sms
from tests.line import ROOT, Line

AUTHORS = (ROOT / "prompts" / "README.md").read_text()


def test_every_command_has_its_desk_and_every_desk_its_command(line: Line) -> None:
    assert line.services.desks().keys() == LINE.commands.keys()


def test_every_outcome_of_the_table_is_given_by_a_desk() -> None:
    words = {word for path in (ROOT / "ivr" / "services").glob("*.py") for word in _words(path)}
    outcomes = {outcome for contract in LINE.commands.values() for outcome in contract.outcomes}
    assert outcomes - words == set()


def test_no_desk_gives_an_outcome_that_is_not_in_the_table() -> None:
    given = {word for path in (ROOT / "ivr" / "services").glob("*.py") for word in _outcomes(path)}
    outcomes = {outcome for contract in LINE.commands.values() for outcome in contract.outcomes}
    assert len(given) > 20
    assert given - outcomes == set()


def test_authors_are_told_every_command() -> None:
    assert [name for name in LINE.commands if f"`{name}`" not in AUTHORS] == []


def test_the_script_asks_for_nothing_that_the_line_has_not(flow: Flow) -> None:
    assert list(findings(flow, LINE, read_sms(ROOT / "prompts"))) == []


def _words(path: Path) -> set[str]:
    """Every text in the module."""
    texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str)}


def _outcomes(path: Path) -> set[str]:
    """Every outcome that the module names where it gives one: `Outcome(at, "sent")`, or either of two."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    named = (call.args[1] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Outcome")
    found = set()
    for node in named:
        either = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
        found |= {one.value for one in either if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return found
