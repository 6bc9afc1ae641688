"""People behind the line, through the front door: handovers, call-backs placed, the repaired telephone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.demo.handover import SECRET, SupportTeam
from ivr.demo.twilio_rest import Placed
from ivr.phone import Phone
from ivr.phone.agent import ACCEPTS, NO_ANSWER, VOICEMAIL, Agent
from ivr.phone.transcript import parse, play
from ivr.store.callbacks import Callback, Callbacks
from ivr.store.messages import Message
from tests.line import AGENT, ROOT, Line, book_of

CUSTOMER = "+33639980001"
MONDAY_TEN, MONDAY_NIGHT = 1795424400.0, 1795466400.0  # 2026-11-23 10:00 and 21:40 in Paris

Open = Callable[..., Line]


@pytest.fixture
def line_with(tmp_path: Path) -> Iterator[Open]:
    """Starts a line with these settings beside the usual ones."""
    lines: list[Line] = []

    def started(**environment: str) -> Line:
        lines.append(Line(tmp_path / "var", ROOT / "prompts", environment=environment))
        lines[-1].clock.set(MONDAY_TEN)
        return lines[-1]

    yield started
    for line in lines:
        line.stop()


def heard(phone: Phone) -> str:
    """What is heard up to where the phone waits, or to the end."""
    return " ".join(one.title or one.what for one in phone.hear_out())


def asks_for_a_person(phone: Phone) -> None:
    """A call that has checked the power, and then presses 0."""
    phone.dial()
    for key in ("2", "2", "0"):
        phone.press(key)


def booked(line: Line) -> list[Callback]:
    """The call-backs that are booked."""
    with line.services.ground.engine.begin() as connection:
        return Callbacks(connection, line.services.ground.vault).shown()


def books(line: Line) -> Callback:
    """A call at night that books a call-back."""
    line.clock.advance(MONDAY_NIGHT - line.clock.now())
    phone = line.phone()
    phone.dial()
    for key in ("0", "1", "1"):
        phone.press(key)
    heard(phone)
    return booked(line)[0]


def rings(line: Line, caller: str, placed: Placed, answers: dict[str, Agent] | None = None) -> Phone:
    """The telephone that the line has placed a call to, answered."""
    phone = Phone(
        placed.url,
        caller=caller,
        called="+33199000000",
        account=line.phone().account,
        token=line.phone().token,
        clock=line.clock,
        answers=answers,
    )
    phone.answer_call(placed.url, call_sid=placed.sid, status_url=placed.status_url)
    return phone


def test_the_support_teams_own_system_is_told_what_was_done_signed_and_once(line_with: Open) -> None:
    with SupportTeam(clock=lambda: MONDAY_TEN) as team:
        line = line_with(IVR_HANDOVER_URL=team.url, IVR_HANDOVER_SECRET=SECRET.decode())
        phone = line.phone()
        phone.agent = ACCEPTS
        asks_for_a_person(phone)
        line.work("send")
        line.work("send")
        (told,) = team.bodies
    assert told["symptom"] == "le bouton de la base n’est pas bleu"
    assert told["steps"][-1]["step"] == "vérifier les câbles"
    assert (told["caller"], told["language"]) == (CUSTOMER, "fr")


def test_who_hangs_up_while_he_talks_with_the_person_was_transferred(line_with: Open) -> None:
    line = line_with()
    phone = line.phone()
    phone.agent = Agent(presses=("1",), talks=600)
    asks_for_a_person(phone)
    phone.wait(120)
    phone.drop()
    assert line.disposition(phone.call_sid) == "transferred"


def test_a_voicemail_that_picks_up_hears_no_customer(line_with: Open) -> None:
    line = line_with()
    phone = line.phone()
    phone.agent = VOICEMAIL
    asks_for_a_person(phone)
    said = heard(phone) + heard(phone)
    assert "Aucun conseiller n’est disponible" in said
    assert line.disposition(phone.call_sid) == ""


def test_a_call_back_is_placed_in_its_slot_the_person_first_and_then_the_customer(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    booking = books(line)
    line.work("callbacks", "send")
    assert line.carrier.calls == []
    line.clock.advance(booking.start - line.clock.now() + 60)
    line.work("callbacks", "send")
    line.work("callbacks", "send")
    (placed,) = line.carrier.calls
    assert placed.to == AGENT
    person = rings(line, AGENT, placed, {CUSTOMER: Agent(talks=90)})
    assert "Rappel d’un client du dépannage Gigaset." in heard(person)
    person.press("1")
    person.wait(120)
    assert [each.state for each in booked(line)] == ["done"]


def test_a_customer_who_does_not_answer_stays_on_the_list(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    booking = books(line)
    line.clock.advance(booking.start - line.clock.now() + 60)
    line.work("callbacks", "send")
    person = rings(line, AGENT, line.carrier.calls[0], {CUSTOMER: NO_ANSWER})
    heard(person)
    person.press("1")
    person.wait(60)
    assert [each.state for each in booked(line)] == ["placed"]


def test_no_call_is_placed_where_that_is_not_switched_on(line_with: Open) -> None:
    line = line_with()
    booking = books(line)
    line.clock.advance(booking.start - line.clock.now() + 60)
    line.work("callbacks", "send")
    assert line.carrier.calls == []


def test_a_leg_that_the_line_never_placed_is_refused(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    booking = books(line)
    wrong = Placed("CA" + "1" * 32, "", AGENT, f"{line.url}/voice/rappel/{booking.id}/{'0' * 16}", "", 30, 0.0)
    with pytest.raises(Exception, match="403"):
        rings(line, AGENT, wrong)


def promised(line: Line) -> str:
    """A call by OVH up to the promise that the repaired telephone will ring; its sid."""
    text = (ROOT / "tests" / "calls" / "s3o-code-par-ovh.call").read_text()
    until = text[: text.index("hear entrer-code.cinq-minutes-surveillees")]
    rest = "hear entrer-code.cinq-minutes-sonnerie\npress 3\nhear entrer-code.sonnerie-promise\n"
    transcript = parse(until + rest, "sonnerie.call")
    phone = line.phone()
    play(transcript, phone, book_of(line), line)
    return phone.call_sid


def test_the_repaired_telephone_rings_and_the_call_counts_as_solved(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    call = promised(line)
    assert line.disposition(call) == "follow-up"
    line.at_operator.registrations.append(("203.0.113.7", line.clock.now() + 60))
    line.clock.advance(70)
    line.work()
    line.work()
    (placed,) = line.carrier.calls
    assert placed.to == "+33199000007"
    assert "Votre téléphone Gigaset sonne" in heard(rings(line, "+33199000007", placed))
    assert line.disposition(call) == "solved"
    assert not any("Gigaset est" in message.body for message in line.sent())


def test_a_telephone_that_does_not_come_back_is_told_by_text_instead(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    promised(line)
    line.clock.advance(310)
    line.work()
    assert line.carrier.calls == []
    assert "n'est pas encore connectée" in line.sent()[-1].body


def test_two_workers_tell_the_caller_once(line_with: Open) -> None:
    line = line_with(IVR_CALLBACKS="1")
    promised(line)
    line.clock.advance(310)
    at, watching = line.clock.now(), line.services.watching
    watching.look(at, line.services.ring)
    watching.look(at + 10, line.services.ring)
    assert sum("pas encore" in message.body for message in line.sent()) == 1


@pytest.mark.parametrize("jump", [3600, -3600])
def test_a_clock_that_jumps_an_hour_neither_breaks_the_promise_nor_keeps_it_twice(line_with: Open, jump: int) -> None:
    line = line_with(IVR_CALLBACKS="1")
    promised(line)
    line.clock.advance(310)
    line.work("watch")
    line.clock.set(line.clock.now() + jump)
    line.work()
    line.clock.set(line.clock.now() + 3600 - jump)
    line.work()
    line.work()
    assert sum("pas encore" in message.body for message in line.carrier.messages) == 1


def test_a_message_is_fetched_from_the_carrier_by_its_id_and_deleted_there(line_with: Open) -> None:
    line = line_with()
    line.clock.advance(MONDAY_NIGHT - line.clock.now())
    phone = line.phone()
    phone.dial()
    for key in ("0", "2"):
        phone.press(key)
    heard(phone)
    phone.wait(1)
    phone.speak(8)
    phone.drop()
    assert line.disposition(phone.call_sid) == "message"
    line.work("recordings")
    assert line.carrier.recordings == {}
    ground, people = line.services.ground, line.services.people
    with ground.engine.begin() as connection:
        message: Message = people.messages(connection).shown()[0]
        sound = people.messages(connection).sound(message.id)
    assert (message.seconds, message.state, (sound or b"")[:4]) == (8.0, "kept", b"RIFF")


def test_a_call_whose_end_nobody_told_is_ended_by_the_sweep(line_with: Open) -> None:
    line = line_with()
    phone = line.phone()
    phone.status_url = None
    phone.dial()
    phone.press("2")
    phone.drop()
    assert line.disposition(phone.call_sid) == ""
    line.clock.advance(5 * 3600)
    line.work("sweep")
    assert line.disposition(phone.call_sid) == "cut"
