"""Sabotages can be done, and the tests that must notice them are there; `python -m tests.sabotage` runs them all."""

from __future__ import annotations

import ast

import pytest

from tests import sabotage
from tests.line import ROOT


@pytest.mark.parametrize("name", sabotage.SABOTAGES)
def test_the_test_that_notices_a_sabotage_exists(name: str) -> None:
    file, _, test = sabotage.SABOTAGES[name].test.partition("::")
    tests = [node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    assert test in tests


def test_a_sabotage_turns_its_test_red() -> None:
    assert sabotage.is_red(sabotage.SABOTAGES["no-mac"].test, "no-mac")
