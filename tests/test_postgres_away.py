"""PostgreSQL stops, or freezes, while callers are on the telephone, and comes back (B13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ivr.phone import Phone
from ivr.web.voice import LIMITED
from tests.line import ROOT, Line
from tests.postgres import Postgres
from tests.twiml_schema import complaints

IN_TIME = 5.0
"""Seconds within which every webhook is answered, and within which the line is as ever after the fault."""


@pytest.fixture
def line(tmp_path: Path, postgres_database: str) -> Iterator[Line]:
    line = Line(tmp_path / "var", ROOT / "prompts", database=postgres_database)
    yield line
    line.stop()


@contextmanager
def stopped(postgres: Postgres) -> Iterator[None]:
    """The server is stopped, as a machine without power is, and started again."""
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """The server is there, and says nothing."""
    postgres.freeze()
    try:
        yield
    finally:
        postgres.freeze(thaw=True)


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.parametrize("away", [stopped, frozen])
def test_callers_hear_the_guide_meanwhile_and_are_where_they_were_afterwards(
    away: Callable[[Postgres], AbstractContextManager[None]], line: Line, postgres: Postgres
) -> None:
    before, meanwhile = line.phone(), line.phone("+33639980002")
    before.dial()
    before.press("2")
    with away(postgres):
        assert timed(meanwhile.dial) < IN_TIME + 1  # the test's own machine is slow
        assert timed(lambda: meanwhile.press("2")) < IN_TIME + 1
        assert timed(lambda: before.press("1")) < IN_TIME + 1
        assert all(answered(phone) for phone in (before, meanwhile))
    after = kept_call(line)
    after.press("2")
    for phone in (before, meanwhile):
        phone.press("1")
        assert answered(phone)
    assert line.disposition(after.call_sid) == ""


def test_on_a_silent_server_one_caller_waits_and_those_after_him_do_not(line: Line, postgres: Postgres) -> None:
    callers = [line.phone(f"+3363998000{number}") for number in range(8)]
    callers[0].dial()
    with frozen(postgres):
        assert timed(lambda: callers[0].press("2")) < IN_TIME + 1
        assert timed(lambda: dialled(callers[1:])) < IN_TIME  # a new connection takes two seconds
        assert all(answered(caller) for caller in callers)
    kept_call(line)


def dialled(callers: list[Phone]) -> None:
    """They call, one after the other."""
    for caller in callers:
        caller.dial()


def kept_call(line: Line) -> Phone:
    """A call that the database keeps, begun as soon as it does so again."""
    until = time.monotonic() + IN_TIME
    while time.monotonic() < until:
        phone = line.phone("+33639980009")
        phone.dial()
        if LIMITED.encode() not in phone.last_answer:
            return phone
    raise TimeoutError("no call is kept again")


def answered(phone: Phone) -> bool:
    """Whether the last answer is TwiML that the carrier takes."""
    return complaints(phone.last_answer) == []
