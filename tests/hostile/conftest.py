"""The ground that attacks are played on, made once: each attack puts it back to its beginning."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ivr.hostile.attack import Attack
from ivr.hostile.storm import Ground, Where, ground
from tests.line import ROOT

HERE = Where(ROOT / "prompts", ROOT / "audio")


@pytest.fixture(scope="package")
def arena() -> Iterator[Ground]:
    """Where attacks are played."""
    with ground(HERE) as made:
        yield made


@pytest.fixture
def attack(arena: Ground) -> Attack:
    """An attack that begins."""
    return Attack(arena.stand())
