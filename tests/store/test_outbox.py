"""The outbox: one thing of a kind for a call, capped when it is a text, claimed by one sender, settled once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import Engine, select

from ivr.store.database import open_database
from ivr.store.outbox import Caps, Job, Outbox, Queued, queue, withdraw
from ivr.store.outbox_tables import outbox as table

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32
SOMEBODY, SOMEBODY_ELSE = "a" * 32, "b" * 32


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = open_database(database)
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
    assert outbox.queue(CALL, "code", b"first", 10) == "queued"
    assert outbox.queue(CALL, "code", b"second", 11) == "again"
    assert outbox.queue(CALL, "succes", b"third", 12) == "queued"
    assert outbox.queue(OTHER, "code", b"fourth", 13) == "queued"
    assert [claimed(outbox, 20).payload for _ in range(3)] == [b"first", b"third", b"fourth"]
    assert outbox.claim(20) is None


def test_a_text_is_queued_with_the_transaction_or_not_at_all(engine: Engine, outbox: Outbox) -> None:
    with engine.connect() as connection:
        assert queue(connection, CALL, "code", b"x", 10) == "queued"
        connection.rollback()
    assert outbox.state(CALL, "code") is None


def test_a_text_is_sending_before_anybody_sends_it(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    assert outbox.claim(9.9) is None
    assert claimed(outbox, 11) == Job(1, CALL, "code", "sms", 1, 10, 11, b"x")
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


def together(count: int, work: Callable[[int], None]) -> None:
    """Do the work in so many threads at once, each with its number."""
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait(timeout=10)
        work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_senders_claim_each_text_once(outbox: Outbox) -> None:
    for n in range(40):
        outbox.queue(CALL, f"kind-{n}", b"x", 10)
    got = list[int]()

    def send(_number: int) -> None:
        while job := outbox.claim(20):
            got.append(job.id)

    together(8, send)
    assert sorted(got) == list(range(1, 41))


def test_what_was_settled_long_ago_is_forgotten(outbox: Outbox) -> None:
    outbox.queue(CALL, "code", b"x", 10)
    outbox.queue(CALL, "succes", b"x", 10)
    outbox.settle(claimed(outbox, 11), "sent")
    assert outbox.forget(before=11) == 1
    assert (outbox.state(CALL, "code"), outbox.state(CALL, "succes")) == (None, "queued")


def test_a_job_shows_no_payload() -> None:
    assert "canary" not in repr(Job(1, CALL, "code", "sms", 1, 1, 1, b"canary"))


# Three channels


def test_what_is_for_later_leaves_later(outbox: Outbox) -> None:
    outbox.queue(CALL, "rappel", b"x", 10, channel="call", not_before=500)
    assert outbox.claim(499.9) is None
    job = claimed(outbox, 501)
    assert (job.channel, job.due_at) == ("call", 500)
    outbox.settle(job, "queued", not_before=600)
    assert claimed(outbox, 600).due_at == 500


def test_texts_go_before_calls_and_calls_before_handovers(outbox: Outbox) -> None:
    outbox.queue(CALL, "relais", b"x", 10, channel="handover")
    outbox.queue(CALL, "rappel", b"x", 11, channel="call")
    outbox.queue(CALL, "code", b"x", 12)
    assert [claimed(outbox, 20).channel for _ in range(3)] == ["sms", "call", "handover"]


def test_a_sender_takes_only_what_it_can_carry(outbox: Outbox) -> None:
    outbox.queue(CALL, "relais", b"x", 10, channel="handover")
    outbox.queue(CALL, "rappel", b"x", 10, channel="call")
    assert outbox.claim(20, ["sms"]) is None
    assert outbox.claim(20, []) is None
    job = outbox.claim(20, ["sms", "handover"])
    assert job is not None
    assert job.kind == "relais"
    outbox.settle(job, "unknown", not_before=21)
    assert outbox.unknown(30, ["sms", "call"]) == []
    assert [one.kind for one in outbox.unknown(30, ["handover"])] == ["relais"]


def test_calls_leave_one_a_second_and_hold_no_text_up(outbox: Outbox) -> None:
    for kind in ("rappel-1", "rappel-2"):
        outbox.queue(CALL, kind, b"x", 10, channel="call")
    assert claimed(outbox, 20).kind == "rappel-1"
    assert outbox.claim(20) is None
    assert outbox.claim(20.99) is None
    outbox.queue(CALL, "code", b"x", 10)
    assert claimed(outbox, 20.99).kind == "code"
    assert claimed(outbox, 21.01).kind == "rappel-2"


def test_many_senders_place_one_call_a_second(outbox: Outbox) -> None:
    for n in range(8):
        outbox.queue(CALL, f"rappel-{n}", b"x", 10, channel="call")
    got = list[Job | None]()
    together(8, lambda _number: got.append(outbox.claim(20)))
    assert len([job for job in got if job]) == 1


def test_a_handover_whose_sender_died_is_handed_over_again(outbox: Outbox) -> None:
    outbox.queue(CALL, "relais", b"x", 10, channel="handover")
    outbox.queue(CALL, "rappel", b"x", 10, channel="call")
    claimed(outbox, 11)
    claimed(outbox, 11)
    assert outbox.strand(before=12, at=70) == 2
    assert (outbox.state(CALL, "relais"), outbox.state(CALL, "rappel")) == ("queued", "unknown")
    assert outbox.claim(69) is None
    assert claimed(outbox, 70).attempts == 2


# What is not wanted any more


def test_what_is_withdrawn_never_leaves(engine: Engine, outbox: Outbox) -> None:
    outbox.queue(CALL, "coupure", b"a canary", 10, not_before=100)
    assert outbox.withdraw(CALL, "coupure")
    assert outbox.claim(200) is None
    with engine.begin() as connection:
        row = connection.execute(select(table)).one()
    assert (row.state, row.why, row.payload) == ("failed", "withdrawn", None)
    assert not outbox.withdraw(CALL, "coupure")
    assert not outbox.withdraw(CALL, "another")


@pytest.mark.parametrize("state", ["sending", "unknown", "sent"])
def test_what_left_is_not_withdrawn(outbox: Outbox, state: str) -> None:
    outbox.queue(CALL, "coupure", b"x", 10)
    job = claimed(outbox, 11)
    if state != "sending":
        outbox.settle(job, "sent" if state == "sent" else "unknown")
    assert not outbox.withdraw(CALL, "coupure")
    assert outbox.state(CALL, "coupure") == state


def test_it_is_withdrawn_with_the_transaction_or_not_at_all(engine: Engine, outbox: Outbox) -> None:
    outbox.queue(CALL, "coupure", b"x", 10)
    with engine.connect() as connection:
        assert withdraw(connection, CALL, "coupure")
        connection.rollback()
    assert claimed(outbox, 11).payload == b"x"


def test_what_was_withdrawn_may_be_wished_for_again(outbox: Outbox) -> None:
    outbox.queue(CALL, "rappel", b"first", 10, channel="call", not_before=100)
    outbox.withdraw(CALL, "rappel")
    assert outbox.queue(CALL, "rappel", b"second", 20, channel="call", not_before=200) == "queued"
    assert outbox.claim(150) is None
    job = claimed(outbox, 200)
    assert (job.payload, job.due_at, job.attempts) == (b"second", 200, 1)


# Caps


class Wishes:
    """Wishes for texts, each of a call of its own."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._lock, self._made = threading.Lock(), 0

    def text(
        self, at: float, to: str = SOMEBODY, *, unproven: bool = True, most: int = 300, payload: bytes = b"x"
    ) -> Queued:
        """Wish for one."""
        with self._lock:
            self._made += 1
            call = f"CA{self._made:032x}"
        caps = Caps(all_an_hour=most)
        return self._outbox.queue(call, "verification", payload, at, to_key=to, unproven=unproven, caps=caps)


@pytest.fixture
def wishes(outbox: Outbox) -> Wishes:
    return Wishes(outbox)


def test_who_proved_nothing_gets_three_texts_an_hour(wishes: Wishes) -> None:
    assert [wishes.text(at) for at in (0, 1000, 3000, 3599)] == ["queued", "queued", "queued", "capped"]
    assert wishes.text(3599, SOMEBODY_ELSE) == "queued"
    assert [wishes.text(at) for at in (3600, 3601)] == ["queued", "capped"]


def test_who_proved_nothing_gets_five_texts_a_day(wishes: Wishes) -> None:
    got = [wishes.text(at) for at in (0, 10_000, 20_000, 30_000, 40_000, 50_000, 86_399, 86_400, 86_401)]
    assert got == ["queued"] * 5 + ["capped"] * 2 + ["queued", "capped"]


def test_who_proved_a_right_is_not_capped_alone(wishes: Wishes) -> None:
    assert [wishes.text(0, unproven=False) for _ in range(10)] == ["queued"] * 10
    assert [wishes.text(0) for _ in range(4)] == ["queued"] * 3 + ["capped"]
    assert wishes.text(0, unproven=False) == "queued"


def test_all_together_are_capped_whoever_they_are(outbox: Outbox, wishes: Wishes) -> None:
    outbox.queue(CALL, "rappel", b"x", 0, channel="call")
    outbox.queue(CALL, "relais", b"x", 0, channel="handover")
    got = [wishes.text(at, f"{at:032x}", unproven=at % 2 == 0, most=4) for at in (0, 1, 2, 3, 4, 5, 3599, 3600)]
    assert got == ["queued"] * 4 + ["capped"] * 3 + ["queued"]
    assert outbox.queue(OTHER, "rappel", b"x", 3601, channel="call", caps=Caps(all_an_hour=0)) == "queued"


def test_a_capped_text_is_noted_without_its_words_and_never_leaves(
    engine: Engine, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    none = Caps(unproven_an_hour=0)
    assert outbox.queue(CALL, "code", b"a canary", 10, to_key=SOMEBODY, unproven=True, caps=none) == "capped"
    assert outbox.claim(1000) is None
    with engine.begin() as connection:
        row = connection.execute(select(table)).one()
    assert (row.state, row.why, row.payload) == ("failed", "capped", None)
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    assert "recipient an hour" in logged
    assert SOMEBODY not in logged
    assert "canary" not in logged


def test_a_capped_text_may_be_wished_for_again(outbox: Outbox) -> None:
    def wish(most: int) -> Queued:
        return outbox.queue(CALL, "code", b"x", 10, caps=Caps(all_an_hour=most))

    assert [wish(0), wish(0), wish(1), wish(1), wish(0)] == ["capped", "capped", "queued", "again", "again"]
    assert claimed(outbox, 11).payload == b"x"


def test_what_never_left_counts_for_no_cap(outbox: Outbox, wishes: Wishes) -> None:
    for n in range(4):
        outbox.queue(CALL, f"coupure-{n}", b"x", 10, to_key=SOMEBODY, unproven=True)
        assert outbox.withdraw(CALL, f"coupure-{n}")
    assert [wishes.text(11) for _ in range(4)] == ["queued"] * 3 + ["capped"]


def test_an_unproven_text_needs_to_say_whose_cap_it_is(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match=r"code: .* give its to_key"):
        outbox.queue(CALL, "code", b"x", 10, unproven=True)


def test_caps_are_exact_however_many_wish_at_once(outbox: Outbox, wishes: Wishes) -> None:
    results = list[tuple[str, Queued]]()

    def wish(recipients: Sequence[str]) -> None:
        for to in recipients:
            results.append((to, wishes.text(10, to, most=25)))

    people = [f"{n:032x}" for n in range(10)]
    together(12, lambda number: wish(people if number % 2 else people[::-1]))
    taken = Counter(to for to, result in results if result == "queued")
    assert len(results) == 120
    assert taken.total() == 25
    assert max(taken.values()) == 3
