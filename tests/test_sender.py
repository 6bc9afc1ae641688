"""The sender against a real Twilio and a real support team on loopback.

Every text and call goes once at most, and everything handed over arrives once, wherever a process dies.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from ivr import sender as rules
from ivr.demo import handover as demo
from ivr.demo import loopback
from ivr.demo.loopback import Fault, answers
from ivr.demo.twilio_rest import ACCOUNT, SECRET, TwilioRest
from ivr.desk.handover import Handover, Team, body
from ivr.phone import Clock
from ivr.sender import sealed_call, sealed_handover, sealed_sms, send_due
from ivr.store.database import open_database
from ivr.store.outbox import Caps, Outbox, Queued
from ivr.store.vault import Vault
from ivr.telephony.outgoing import Outgoing, Sms, is_mobile
from ivr.telephony.rest import CLOCKS_APART, Twilio
from tests.conftest import DATABASES

CALL = "CA" + "1" * 32
SMS = Sms("+33639980001", "Votre code : 482913.")
RING = Outgoing("+33639980001", "https://ligne.example.com/rappel/7f3a", "https://ligne.example.com/rappel/fin", 25)
TOLD = Handover(CALL, 1_700_000_000.0, "+33639980001", "pas de tonalité")
KINDS = {"sms": "code", "call": "rappel", "handover": "relais"}
"""One kind for each channel."""


class KilledError(BaseException):
    """The process dies here."""


class House:
    """A database, a carrier, a clock, and a process that sends and may die."""

    def __init__(self, database: str) -> None:
        self.clock = Clock()
        self.engine = open_database(database)
        self.outbox = Outbox(self.engine)
        self.vault = Vault([b"a secret of thirty-two characters"])
        self.carrier = TwilioRest(clock=self.clock.now).start()
        self.team = demo.SupportTeam(clock=self.clock.now).start()

    def wish(self, channel: str, call: str = CALL) -> None:
        """Queue one thing for a channel, now."""
        at, kind = self.clock.now(), KINDS[channel]
        match channel:
            case "sms":
                self.outbox.queue(call, kind, sealed_sms(self.vault, call, kind, SMS), at)
            case "call":
                self.outbox.queue(call, kind, sealed_call(self.vault, call, kind, RING), at, channel="call")
            case "handover":
                sealed = sealed_handover(self.vault, call, kind, body(TOLD))
                self.outbox.queue(call, kind, sealed, at, channel="handover")

    def queue(self, kind: str = "code", sms: Sms = SMS) -> None:
        """Queue one text now."""
        self.outbox.queue(CALL, kind, sealed_sms(self.vault, CALL, kind, sms), self.clock.now())

    def send(self, seconds: float = 0.3, clock: Callable[[], float] | None = None) -> int:
        """One round of a process that was just started."""
        own, base = "+33199000000", self.carrier.address
        twilio = Twilio(ACCOUNT, ACCOUNT, SECRET, own, voice_from=own, base=base, seconds=seconds)
        team = Team(self.team.url, demo.SECRET, self.clock.now, seconds=seconds)
        return send_due(self.outbox, twilio, self.vault, clock or self.clock.now, calls=twilio, handover=team)

    def send_until_settled(self, longest: float = 600, channel: str = "sms", call: str = CALL, step: float = 1) -> None:
        """Rounds, `step` seconds apart, until what was wished for is settled."""
        until = self.clock.now() + longest
        while self.outbox.state(call, KINDS[channel]) not in ("sent", "failed") and self.clock.now() < until:
            self.send()
            self.clock.advance(step)

    def state(self, kind: str = "code") -> str | None:
        """How it stands with the text."""
        return self.outbox.state(CALL, kind)

    @property
    def bodies(self) -> list[str]:
        """What the carrier was given, as often as it was."""
        return [message.body for message in self.carrier.messages]

    def gone(self, channel: str) -> int:
        """How often somebody got what was wished for on a channel."""
        carrier, team = self.carrier, self.team
        return {"sms": len(carrier.messages), "call": len(carrier.calls), "handover": len(team.bodies)}[channel]

    def fails(self, channel: str, fault: Fault) -> None:
        """Who carries the channel fails like this from now on."""
        if channel == "handover":
            self.team.faults["post"] = fault
        else:
            self.carrier.faults["create" if channel == "sms" else "place"] = fault

    def mend(self) -> None:
        """Nothing fails any more."""
        self.carrier.faults.clear()
        self.team.faults.clear()

    def stop(self) -> None:
        """Close everything."""
        self.carrier.stop()
        self.team.stop()
        self.engine.dispose()


on_both = pytest.mark.parametrize("house", DATABASES, indirect=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """On SQLite; on PostgreSQL what is a matter of transactions."""
    is_served = getattr(request, "param", "sqlite") == "postgresql"
    database = request.getfixturevalue("postgres_database") if is_served else f"sqlite:///{tmp_path}/ligne.sqlite"
    house = House(database)
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


def test_it_is_tried_less_and_less_often_and_given_up_when_it_is_of_no_more_use(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = answers({"code": 20429, "message": "x"}, 429)
    house.send_until_settled(longest=1000)
    assert (house.state(), len(house.carrier.asked)) == ("failed", 38)


def test_after_half_a_minute_away_a_carrier_has_its_texts_within_five_seconds(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = answers({"code": 20429, "message": "x"}, 429)
    for _ in range(30):
        house.send()
        house.clock.advance(1)
    house.carrier.faults.clear()
    back = house.clock.now()
    house.send_until_settled()
    assert (house.bodies, house.carrier.messages[0].at - back <= 5) == ([SMS.body], True)


def test_a_refusal_is_final(house: House) -> None:
    house.queue()
    house.carrier.faults["create"] = answers({"code": 21610, "message": "x"}, 400)
    house.send()
    assert house.state() == "failed"


def test_a_text_that_is_too_old_does_not_go(house: House) -> None:
    house.queue()
    house.clock.advance(600 + 1)
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


STEPS = {"answered": range(1, 99), "lost": range(8, 99)}
"""What a process does to settle one thing, counted: answered at once, or in the second round, the answer lost.

Until it has asked, which is the eighth at the earliest, both are the same.
"""


@on_both
@pytest.mark.parametrize("answer", STEPS)
@pytest.mark.parametrize("channel", KINDS)
def test_a_process_that_dies_anywhere_sends_once_at_most(house: House, channel: str, answer: str) -> None:
    every = 1 if house.engine.dialect.name == "sqlite" else 5
    for n in STEPS[answer][::every]:
        call, gone_before = f"CA{n:032x}", house.gone(channel)
        house.wish(channel, call)
        if answer == "lost":
            house.fails(channel, Fault("reset", done=True))
        with DyingAt(house, n) as dying, suppress(KilledError):
            dying.live()
            assert n > 12, "a life has more than twelve moments to die at"
            break
        house.mend()
        house.clock.advance(rules.STRANDED_SECONDS + 1)
        house.send_until_settled(channel=channel, call=call)
        house.clock.advance(CLOCKS_APART)  # so that the next one is not taken for this one
        gone, state = house.gone(channel) - gone_before, house.outbox.state(call, KINDS[channel])
        assert (gone, state) in ([(1, "sent")] if channel == "handover" else [(1, "sent"), (0, "failed")]), n


def at_once(count: int, work: Callable[[int], object]) -> None:
    """Do the work in so many threads together, each with its number."""
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait(timeout=10)
        work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@on_both
def test_many_processes_send_each_text_once(house: House) -> None:
    for n in range(30):
        house.queue(f"kind-{n}", Sms(SMS.to, f"text {n}"))
    at_once(6, lambda _number: house.send(seconds=5))
    assert sorted(house.bodies) == sorted(f"text {n}" for n in range(30))


# Calls


@on_both
def test_a_call_is_placed_once_when_it_is_due(house: House) -> None:
    at = house.clock.now() + 600
    sealed = sealed_call(house.vault, CALL, "rappel", RING)
    house.outbox.queue(CALL, "rappel", sealed, house.clock.now(), channel="call", not_before=at)
    house.clock.advance(599)
    assert house.send() == 0
    house.clock.advance(1)
    assert [house.send() for _ in range(2)] == [1, 0]
    placed = house.carrier.calls[0]
    assert (placed.to, placed.url, placed.status_url, placed.timeout) == (RING.to, RING.url, RING.status_url, 25)
    assert (placed.sender, placed.at, house.state("rappel")) == ("+33199000000", at, "sent")


@on_both
def test_calls_leave_one_a_second(house: House) -> None:
    for n in range(3):
        kind = f"rappel-{n}"
        sealed = sealed_call(house.vault, CALL, kind, RING)
        house.outbox.queue(CALL, kind, sealed, house.clock.now(), channel="call")
    begun = house.clock.now()
    for _ in range(30):
        house.send()
        house.clock.advance(0.25)
    assert [call.at - begun for call in house.carrier.calls] == [0, 1.25, 2.5]


@pytest.mark.parametrize("fault", [Fault("hang", done=True), Fault("reset", done=True), loopback.HALF])
def test_a_call_that_may_have_rung_is_looked_for_and_found(house: House, fault: Fault) -> None:
    house.wish("call")
    house.fails("call", fault)
    house.send()
    assert house.state("rappel") == "unknown"
    house.mend()
    house.send_until_settled(channel="call")
    assert (house.state("rappel"), house.gone("call")) == ("sent", 1)


def test_a_call_that_may_have_rung_and_is_not_found_is_never_placed_again(house: House) -> None:
    house.wish("call")
    house.fails("call", loopback.RESET)
    house.send()
    house.mend()
    house.send_until_settled(channel="call")
    assert (house.state("rappel"), house.gone("call")) == ("failed", 0)


def test_a_call_rings_within_a_quarter_of_an_hour_or_not_at_all(house: House) -> None:
    house.wish("call")
    house.clock.advance(900 + 1)
    house.send()
    assert (house.state("rappel"), house.gone("call")) == ("failed", 0)


def test_a_withdrawn_call_does_not_ring(house: House) -> None:
    house.wish("call")
    house.outbox.withdraw(CALL, "rappel")
    assert (house.send(), house.gone("call"), house.state("rappel")) == (0, 0, "failed")


# Handovers


def test_what_is_handed_over_arrives_once(house: House) -> None:
    house.wish("handover")
    assert [house.send() for _ in range(2)] == [1, 0]
    assert [told["symptom"] for told in house.team.bodies] == ["pas de tonalité"]
    assert house.state("relais") == "sent"


@pytest.mark.parametrize("fault", [loopback.HANG, loopback.RESET, Fault("reset", done=True), answers({}, 503)])
def test_what_may_not_have_arrived_is_handed_over_again(house: House, fault: Fault) -> None:
    house.wish("handover")
    house.fails("handover", fault)
    for pause in (2, 2, 2):
        house.send()
        house.clock.advance(pause - 0.1)
        assert house.send() == 0
        house.clock.advance(0.1)
    assert house.state("relais") == "queued"
    house.mend()
    house.send()
    assert (house.state("relais"), house.gone("handover")) == ("sent", 1)


def test_a_team_that_is_away_for_a_day_is_given_up(house: House) -> None:
    house.wish("handover")
    house.fails("handover", answers({}, 503))
    begun = house.clock.now()
    house.send_until_settled(2 * 86_400, "handover", step=600)
    assert house.state("relais") == "failed"
    assert 24 <= len(house.team.asked) <= 48
    assert 86_400 < house.clock.now() - begun < 86_400 + 2 * rules.LONGEST_PAUSE


def test_a_team_that_refuses_is_asked_once(house: House) -> None:
    house.wish("handover")
    house.fails("handover", answers({}, 422))
    house.send()
    assert (house.state("relais"), len(house.team.asked)) == ("failed", 1)


# What has no way out


def test_what_nobody_carries_waits(house: House) -> None:
    for channel in KINDS:
        house.wish(channel)
    job = house.outbox.claim(house.clock.now())
    assert job is not None
    house.outbox.settle(job, "unknown")
    assert send_due(house.outbox, None, house.vault, house.clock.now) == 0
    assert [house.state(kind) for kind in KINDS.values()] == ["unknown", "queued", "queued"]


@pytest.mark.parametrize("channel", KINDS)
def test_what_is_sealed_for_another_channel_does_not_leave(house: House, channel: str) -> None:
    for other in KINDS.keys() - {channel}:
        house.wish(other)
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET channel = :channel"), {"channel": channel})
    for _ in range(3):
        house.send()
        house.clock.advance(2)
    assert {house.state(kind) for other, kind in KINDS.items() if other != channel} == {"failed"}
    assert house.gone("sms") == house.gone("call") == 0


# Caps (facts/reliability.md B8)


@on_both
def test_wishes_from_the_whole_world_send_what_the_caps_allow_and_only_to_french_mobiles(house: House) -> None:
    abroad = [f"+{code}63998{code:04}" for code in range(200, 400) if code not in (262, 263)]
    french = [f"+3363998{n:04}" for n in range(1, 21)]
    wished = [*abroad, *french * 10]
    results = list[tuple[str, Queued]]()

    def wish(number: int) -> None:
        for place in range(number, len(wished), 12):
            to, call = wished[place], f"CA{place:032x}"
            sealed = sealed_sms(house.vault, call, "coupure", Sms(to, "Nous avons été coupés."))
            key, at, caps = house.vault.key("recipient", to), house.clock.now(), Caps(all_an_hour=250)
            results.append((to, house.outbox.queue(call, "coupure", sealed, at, to_key=key, unproven=True, caps=caps)))

    at_once(12, wish)
    house.send()
    taken = Counter(to for to, result in results if result == "queued")
    left = Counter(message.to for message in house.carrier.messages)
    assert (len(results), taken.total(), max(taken.values())) == (len(wished), 250, 3)
    assert left == Counter({to: count for to, count in taken.items() if to in french})
    assert all(is_mobile(to) for to in left)


def test_no_number_and_no_text_is_logged_or_kept(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for channel in KINDS:
        house.wish(channel)
        house.fails(channel, Fault("reset", done=True))
    house.send()
    house.mend()
    for channel in KINDS:
        house.send_until_settled(channel=channel)
    ours = (record for record in caplog.records if record.name.startswith("ivr"))
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    logged = " ".join(str(record.__dict__) for record in ours)
    for secret in (SMS.to, "39980001", "482913", "tonalité", "7f3a"):
        assert secret not in logged
        assert secret.encode() not in kept
