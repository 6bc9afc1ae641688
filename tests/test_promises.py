"""What a caller was given is on the disk before he hears of it: the power may go the moment after (F9)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canaries import Watch
from tests.faults import SCENARIOS, Heard, House


class Noting(House):
    """Notes with each answer whether something was put on the disk before it was given."""

    def __init__(self, folder: Path, flushed: list[int]) -> None:
        super().__init__(folder)
        self.flushed, self.said = flushed, list[tuple[str, bool]]()

    def _ask(self, heard: Heard, sid: str, path: str, **about: str) -> str:
        before = len(self.flushed)
        answer = super()._ask(heard, sid, path, **about)
        self.said.append((answer, len(self.flushed) > before))
        return answer


@pytest.fixture
def house(tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Noting]:
    watch.spared = {"code"}
    flushed: list[int] = []
    flush = os.fsync

    def noted(file: int) -> None:
        flushed.append(file)
        flush(file)

    monkeypatch.setattr(os, "fsync", noted)
    house = Noting(tmp_path, flushed)
    yield house
    house.stop()


def test_what_is_given_is_on_the_disk_before_it_is_said(house: Noting) -> None:
    """A password, a code and a text are promised in turns whose commit is flushed; a menu is not worth the wait."""
    house.place(SCENARIOS["code"])
    is_flushed = {words: done for said, done in house.said for words in PROMISES if words in said}
    assert is_flushed == dict.fromkeys(PROMISES, True)
    assert not all(done for _, done in house.said), "every turn is flushed: this test tells nothing"


PROMISES = ("Tapez les six chiffres reçus.", "Votre code est prêt.", "C’est envoyé.")
