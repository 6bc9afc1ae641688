"""The sender against a real Twilio on loopback: every text goes once at most, wherever a process dies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from ivr import sender as rules
from ivr.demo import loopback
from ivr.demo.loopback import Fault, answers
from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.phone import Clock
from ivr.sender import Sender, sealed_sms, send_due
from ivr.store.database import open_database
from ivr.store.outbox import Outbox
from ivr.store.vault import Vault
from ivr.telephony.rest import Sms, Texts

CALL = "CA" + "1" * 32
SMS = Sms("+33639980001", "Votre code : 482913.")


class KilledError(BaseException):
    """The process dies here."""


class House:
    """A database, a carrier, a clock, and a process that sends and may die."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.engine = open_database(f"sqlite:///{folder}/ligne.sqlite")
        self.outbox = Outbox(self.engine)
        self.vault = Vault([b"a secret of thirty-two characters"])
        self.carrier = TwilioRest(clock=self.clock.now).start()

    def queue(self, kind: str = "code", sms: Sms = SMS) -> None:
        """Queue one text now."""
        self.outbox.queue(CALL, kind, sealed_sms(self.vault, CALL, kind, sms), self.clock.now())

    def send(self, seconds: float = 0.3, clock: Callable[[], float] | None = None) -> int:
        """One round of a process that was just started."""
        texts = Texts(ACCOUNT, ACCOUNT, SECRET, "+33199000000", base=self.carrier.address, seconds=seconds)
        return send_due(self.outbox, texts, self.vault, clock or self.clock.now)

    def send_until_settled(self, longest: float = 600) -> None:
        """Rounds, second by second, until every text is settled."""
        until = self.clock.now() + longest
        while self.state() not in ("sent", "failed") and self.clock.now() < until:
            self.send()
            self.clock.advance(1)

    def state(self, kind: str = "code") -> str | None:
        """How it stands with the text."""
        return self.outbox.state(CALL, kind)

    @property
    def bodies(self) -> list[str]:
        """What the carrier was given, as often as it was."""
        return [message.body for message in self.carrier.messages]

    def stop(self) -> None:
        """Close everything."""
        self.carrier.stop()
        self.engine.dispose()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.stop()


def test_a_text_goes_once(house: House) -> None:
    house.queue()
    assert [house.send() for _ in range(3)] == [1, 0, 0]
    assert (house.state(), house.bodies) == ("sent", [SMS.body])


@pytest.mark.parametrize("fault", [answers({"code": 20429, "message": "x"}, 429), "gone"])
def test_what_surely_did_not_go_is_tried_again(house: House, fault: Fault | str) -> None:
    house.queue()
    port = int(house.carrier.address.rpartition(":")[2])
    if isinstance(fault, Fault):
        house.carrier.faults["create"] = fault
    else:
        house.carrier.stop()
    house.send()
    assert house.state() == "queued"
    assert house.send() == 0
    house.carrier.faults.clear()
    if fault == "gone":
        house.carrier = TwilioRest(port, house.clock.now).start()
    house.clock.advance(rules.FIRST_PAUSE)
    house.send()
    assert (house.state(), house.bodies) == ("sent", [SMS.body])


def test_after_some_tries_it_is_given_up(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = answers({"code": 20429, "message": "x"}, 429)
    house.send_until_settled()
    assert (house.state(), len(house.carrier.asked)) == ("failed", rules.MOST_ATTEMPTS)


def test_a_refusal_is_final(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = answers({"code": 21610, "message": "x"}, 400)
    house.send()
    assert house.state() == "failed"


def test_a_text_that_is_too_old_does_not_go(house: House) -> None:
    house.queue()
    house.clock.advance(rules.USEFUL_SECONDS + 1)
    house.send()
    assert (house.state(), house.bodies) == ("failed", [])


def test_a_text_sealed_for_another_call_does_not_go(house: House) -> None:
    house.outbox.queue(CALL, "code", sealed_sms(house.vault, "CA" + "2" * 32, "code", SMS), house.clock.now())
    house.send()
    assert (house.state(), house.bodies) == ("failed", [])


UNKNOWN = [Fault("hang", done=True), Fault("reset", done=True), loopback.HALF, loopback.DRIP]


@pytest.mark.parametrize("fault", UNKNOWN)
def test_a_text_that_may_have_gone_is_looked_for_and_found(house: House, fault: Fault) -> None:
    house.queue()
    house.carrier.faults["create"] = fault
    house.send()
    assert house.state() == "unknown"
    house.carrier.faults.clear()
    house.send_until_settled()
    assert (house.state(), house.bodies) == ("sent", [SMS.body])


@pytest.mark.parametrize("fault", [loopback.HANG, loopback.RESET, loopback.GARBAGE, answers({}, 500)])
def test_a_text_that_may_have_gone_and_is_not_found_is_never_sent_again(house: House, fault: Fault) -> None:
    house.queue()
    house.carrier.faults["create"] = fault
    house.send()
    house.carrier.faults.clear()
    house.send_until_settled()
    assert (house.state(), house.bodies) == ("failed", [])


def test_while_the_carrier_cannot_say_nothing_is_concluded(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = Fault("reset", done=True)
    house.carrier.faults["list"] = answers({}, 500)
    house.send_until_settled(longest=3 * rules.LOOK_FOR)
    assert house.state() == "unknown"
    house.carrier.faults.clear()
    house.send_until_settled()
    assert (house.state(), house.bodies) == ("sent", [SMS.body])


def test_a_carrier_that_never_says_is_given_up_after_a_day(house: House) -> None:
    house.queue()
    house.carrier.faults["*"] = loopback.RESET
    house.send()
    house.clock.advance(rules.GIVE_UP_LOOKING + 1)
    house.send()
    assert house.state() == "failed"


class DyingAt:
    """Kills the process at the n-th thing that it does: a statement, a commit, a look at the clock between them."""

    def __init__(self, house: House, n: int) -> None:
        self._house, self._left = house, n

    def step(self, *_: Any) -> None:
        """One thing is about to be done."""
        self._left -= 1
        if self._left == 0:
            raise KilledError

    def clock(self) -> float:
        """The time, or the end."""
        self.step()
        return self._house.clock.now()

    def live(self) -> None:
        """Two rounds, or fewer."""
        for _ in range(2):
            self._house.send(clock=self.clock)
            self._house.clock.advance(rules.LOOK_EVERY)

    def __enter__(self) -> DyingAt:
        event.listen(self._house.engine, "before_cursor_execute", self.step)
        event.listen(self._house.engine, "commit", self.step)
        return self

    def __exit__(self, *about: object) -> None:
        event.remove(self._house.engine, "before_cursor_execute", self.step)
        event.remove(self._house.engine, "commit", self.step)


STEPS = {"answered": 18, "lost": 22}
"""How many things a process does to settle one text: answered at once, or found after its answer was lost."""


@pytest.mark.parametrize(("answer", "n"), [(answer, n) for answer, most in STEPS.items() for n in range(1, most + 1)])
def test_a_process_that_dies_anywhere_sends_once_at_most(house: House, answer: str, n: int) -> None:
    house.queue()
    if answer == "lost":
        house.carrier.faults["create"] = Fault("reset", done=True)
    with DyingAt(house, n) as dying, pytest.raises(KilledError):
        dying.live()
    house.carrier.faults.clear()
    house.clock.advance(rules.STRANDED_SECONDS + 1)
    house.send_until_settled()
    assert len(house.bodies) <= 1
    assert house.state() == ("sent" if house.bodies else "failed")


def test_many_processes_send_each_text_once(house: House) -> None:
    for n in range(30):
        house.queue(f"kind-{n}", Sms(SMS.to, f"text {n}"))
    together = threading.Barrier(6)

    def process() -> None:
        together.wait(timeout=10)
        house.send(seconds=5)

    processes = [threading.Thread(target=process) for _ in range(6)]
    for one in processes:
        one.start()
    for one in processes:
        one.join()
    assert sorted(house.bodies) == sorted(f"text {n}" for n in range(30))


def test_the_sender_works_in_the_background_until_it_is_stopped(house: House) -> None:
    texts = Texts(ACCOUNT, ACCOUNT, SECRET, "+33199000000", base=house.carrier.address)
    sender = Sender(house.outbox, texts, house.vault, house.clock.now, every=600)
    arrived = threading.Event()
    answer = house.carrier.answer

    def noted(request: loopback.Request) -> loopback.Reply:
        arrived.set()
        return answer(request)

    house.carrier.answer = noted  # type: ignore[method-assign]
    sender.start()
    house.queue()
    sender.nudge()
    assert arrived.wait(5)
    sender.stop()
    assert (house.state(), house.bodies) == ("sent", [SMS.body])
    house.queue("succes")
    assert house.state("succes") == "queued"


def test_the_sender_outlives_its_database(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox RENAME TO away"))
    texts = Texts(ACCOUNT, ACCOUNT, SECRET, "+33199000000", base=house.carrier.address)
    sender = Sender(house.outbox, texts, house.vault, house.clock.now, every=0.01)
    failed, sent = threading.Event(), threading.Event()

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            (failed if record.getMessage() == "mishap" else sent).set()

    logger, seen = logging.getLogger("ivr.sender"), Seen()
    logger.addHandler(seen)
    caplog.set_level(logging.INFO)
    sender.start()
    assert failed.wait(5)
    with house.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO outbox"))
    house.queue()
    assert sent.wait(5)
    sender.stop()
    logger.removeHandler(seen)
    assert house.bodies == [SMS.body]


def test_no_number_and_no_text_is_logged_or_kept(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.queue()
    house.queue("verification")
    house.carrier.faults["create"] = Fault("reset", done=True)
    house.send()
    house.carrier.faults.clear()
    house.send_until_settled()
    ours = (record for record in caplog.records if record.name.startswith("ivr"))
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    logged = " ".join(str(record.__dict__) for record in ours)
    for secret in (SMS.to, "39980001", "482913"):
        assert secret not in logged
        assert secret.encode() not in kept
