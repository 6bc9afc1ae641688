"""The outbox: one text of a kind for a call, claimed by one sender, settled once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from ivr.store.database import open_database
from ivr.store.outbox import Job, Outbox, queue
from ivr.store.outbox_tables import outbox as table

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/ligne.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def outbox(engine: Engine) -> Outbox:
    return Outbox(engine)


def claimed(outbox: Outbox, at: float) -> Job:
    job = outbox.claim(at)
    assert job
    return job


def test_one_text_of_a_kind_for_a_call(outbox: Outbox) -> None:
    assert outbox.queue(CALL, "code", b"first", 10)
    assert not outbox.queue(CALL, "code", b"second", 11)
    assert outbox.queue(CALL, "succes", b"third", 12)
    assert outbox.queue(OTHER, "code", b"fourth", 13)
    assert [claimed(outbox, 20).payload for _ in range(3)] == [b"first", b"third", b"fourth"]
    assert outbox.claim(20) is None


def test_a_text_is_queued_with_the_transaction_or_not_at_all(engine: Engine, outbox: Outbox) -> None:
    with engine.connect() as connection:
        assert queue(connection, CALL, "code", b"x", 10)
        connection.rollback()
    assert outbox.state(CALL, "code") is None


def test_a_text_is_sending_before_anybody_sends_it(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    assert outbox.claim(9.9) is None
    assert claimed(outbox, 11) == Job(1, CALL, "code", 1, 10, 11, b"x")
    assert outbox.state(CALL, "code") == "sending"


@pytest.mark.parametrize("state", ["sent", "failed"])
def test_what_is_settled_loses_its_payload(engine: Engine, outbox: Outbox, state: str) -> None:
    outbox.queue(CALL, "code", b"a canary", 10)
    outbox.settle(claimed(outbox, 11), "sent" if state == "sent" else "failed", sid="SM1")
    with engine.begin() as connection:
        row = connection.execute(select(table)).one()
    assert (row.state, row.payload, row.sid) == (state, None, "SM1")


def test_what_surely_did_not_go_is_tried_again_later(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    outbox.settle(claimed(outbox, 11), "queued", not_before=15)
    assert outbox.claim(14.9) is None
    assert claimed(outbox, 15).attempts == 2


def test_a_text_whose_sender_died_is_unknown(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    claimed(outbox, 11)
    assert outbox.strand(before=11, at=70) == 0
    assert outbox.strand(before=11.1, at=70) == 1
    assert outbox.claim(1000) is None
    assert [(job.payload, job.tried_at) for job in outbox.unknown(70)] == [(b"x", 11)]
    assert outbox.unknown(69) == []


def test_a_sender_that_comes_late_changes_nothing_unless_it_went(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    late = claimed(outbox, 11)
    outbox.settle(late, "failed")
    outbox.settle(late, "queued")
    assert outbox.state(CALL, "code") == "failed"
    outbox.settle(late, "sent", sid="SM1")
    outbox.settle(late, "failed")
    assert outbox.state(CALL, "code") == "sent"


def test_a_sender_of_an_earlier_attempt_settles_nothing(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    first = claimed(outbox, 11)
    outbox.settle(first, "queued", not_before=12)
    claimed(outbox, 12)
    outbox.settle(first, "failed")
    assert outbox.state(CALL, "code") == "sending"


def test_many_senders_claim_each_text_once(outbox: Outbox) -> None:
    for n in range(40):
        outbox.queue(CALL, f"kind-{n}", b"x", 10)
    together, got = threading.Barrier(8), list[int]()

    def send() -> None:
        together.wait(timeout=10)
        while job := outbox.claim(20):
            got.append(job.id)

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(got) == list(range(1, 41))


def test_what_was_settled_long_ago_is_forgotten(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    outbox.queue(CALL, "succes", b"x", 10)
    outbox.settle(claimed(outbox, 11), "sent")
    assert outbox.forget(before=11) == 1
    assert (outbox.state(CALL, "code"), outbox.state(CALL, "succes")) == (None, "queued")


def test_a_job_shows_no_payload() -> None:
    assert "canary" not in repr(Job(1, CALL, "code", 1, 1, 1, b"canary"))
