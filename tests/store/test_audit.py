"""The audit: appended only, and a chain that shows what was changed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from ivr.store.audit import Audit
from ivr.store.database import open_database
from ivr.store.vault import Vault
from tests.desk.house import unguard_audit

OLD, NEW = b"the key of last year, replaced since then", b"the key of this year, which encrypts now"


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database)
    yield engine
    engine.dispose()


def note(engine: Engine, what: str, key: bytes = NEW) -> None:
    with engine.begin() as connection:
        Audit(connection, Vault([key])).note(1.5, "operator lea", what, "a subject")


def broken_at(engine: Engine, *keys: bytes) -> int | None:
    with engine.begin() as connection:
        return Audit(connection, Vault(keys or [NEW])).broken_at()


def test_notes_come_back_in_order_and_the_chain_holds(engine: Engine) -> None:
    for what in ("one", "two", "three"):
        note(engine, what)
    with engine.begin() as connection:
        latest = Audit(connection, Vault([NEW])).latest(2)
    assert [(row.seq, row.what) for row in latest] == [(2, "two"), (3, "three")]
    assert broken_at(engine) is None


def test_many_at_once_make_one_chain(engine: Engine) -> None:
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda i: note(engine, f"note {i}"), range(50)))
    assert broken_at(engine) is None


@pytest.mark.parametrize("change", ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_database_refuses_to_change_it(engine: Engine, change: str) -> None:
    note(engine, "one")
    with pytest.raises(DBAPIError, match=r"append-only|near \"TRUNCATE\""), engine.begin() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET who = 'nobody' WHERE seq = 2",
        "UPDATE audit SET at = 2.5 WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seal = (SELECT seal FROM audit WHERE seq = 1) WHERE seq = 2",
    ],
)
def test_what_a_thief_changed_shows(engine: Engine, change: str) -> None:
    for what in ("one", "two", "three"):
        note(engine, what)
    with engine.begin() as connection:
        unguard_audit(connection)
        for statement in change.split("; "):
            connection.execute(text(statement))
    assert broken_at(engine) == 2


def test_the_chain_holds_across_a_change_of_key_and_not_without_one(engine: Engine) -> None:
    note(engine, "one", OLD)
    note(engine, "two", NEW)
    assert broken_at(engine, NEW, OLD) is None
    assert broken_at(engine, NEW) == 1
