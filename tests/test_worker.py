"""The worker: rounds at their time, and a round that fails keeps no other one from running."""

from __future__ import annotations

import threading

import pytest

from ivr.worker import Round, Worker


class Clock:
    """A clock that is put on by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Now."""
        return self.now


def test_each_round_is_run_at_its_own_time() -> None:
    clock, done = Clock(), list[str]()
    worker = Worker(
        [Round("often", 5, lambda: done.append("often")), Round("later", 60, lambda: done.append("later"), first=20)],
        clock,
    )
    for clock.now in (0.0, 4.9, 5.0, 19.0, 20.0, 21.0):
        worker.run_due()
    assert done == ["often", "often", "often", "later"]


def test_a_round_that_fails_is_told_by_its_name_alone_and_run_again(caplog: pytest.LogCaptureFixture) -> None:
    clock, tries, done = Clock(), list[int](), list[str]()

    def fails() -> None:
        tries.append(1)
        raise ConnectionError("to +33639980001")

    worker = Worker([Round("send", 1, fails), Round("watch", 1, lambda: done.append("watch"))], clock)
    worker.run_due()
    clock.now = 1.0
    worker.run_due()
    assert (len(tries), done) == (2, ["watch", "watch"])
    assert [record.__dict__["why"] for record in caplog.records] == ["ConnectionError"] * 2
    assert "+33639980001" not in caplog.text


def test_it_runs_in_the_background_until_it_is_stopped() -> None:
    ran = threading.Event()
    worker = Worker([Round("send", 0.01, ran.set)])
    worker.start()
    assert ran.wait(5)
    worker.stop()
    ran.clear()
    assert not ran.wait(0.05)
