"""OVH's API through the real package against a real little server: what it says, and every way that it fails."""

from __future__ import annotations

import contextlib
import logging
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ivr.demo import loopback
from ivr.demo.loopback import Fault, answers
from ivr.demo.ovh import APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY, DemoLine
from ivr.demo.ovh import Ovh as FakeOvh
from ivr.desk.lines import Line, Lines, LinesError, Made, NotMade, NotNeeded, Seen, Trouble, Unknown
from ivr.desk.ovh import Breaker, Credentials, Ovh, Patience, number_of, service_name
from ivr.phone import Clock

NUMBER = "+33199000007"
SERVICE = "0033199000007"
ADDRESS = "203.0.113.7"
LINE = Line(f"ab12345-ovh-1/{SERVICE}", NUMBER)
QUICK = Patience(connect=0.3, read=0.15, total=0.3, reset=0.3)
LATEST = 1.0
"""Seconds after which an answer of the quick provider is late."""

KEYS = Credentials(APPLICATION_KEY, APPLICATION_SECRET, CONSUMER_KEY)


@pytest.fixture
def line() -> DemoLine:
    return DemoLine(SERVICE)


@pytest.fixture
def fake(line: DemoLine) -> Iterator[FakeOvh]:
    with FakeOvh([line, DemoLine("0033199000008", brand=None)]) as fake:
        yield fake


@pytest.fixture
def ovh(fake: FakeOvh) -> Ovh:
    return Ovh(KEYS, fake.endpoint, QUICK)


def trouble_of(work: Callable[[], object]) -> Trouble:
    with pytest.raises(LinesError) as error:
        work()
    return error.value.trouble


# What it says


def test_ovh_is_a_provider_of_lines(ovh: Ovh) -> None:
    provider: Lines = ovh
    assert provider.by_number("0199000007") == LINE
    assert provider.by_number(NUMBER) == LINE


def test_a_number_that_is_none_of_the_customers_is_no_line(ovh: Ovh) -> None:
    assert ovh.by_number("0199000009") is None


@pytest.mark.parametrize("typed", ["", "19900000", "0099000007", "abc", "0199000007 "])
def test_what_is_no_number_is_not_even_asked_for(fake: FakeOvh, ovh: Ovh, typed: str) -> None:
    assert ovh.by_number(typed) is None
    assert fake.asked == []


def test_a_number_that_only_begins_alike_is_not_taken_for_the_line(fake: FakeOvh, ovh: Ovh) -> None:
    fake.faults["searchServices"] = answers(
        [
            {"billingAccount": "ab", "domain": f"{SERVICE}0", "type": "line"},
            {"billingAccount": None, "domain": SERVICE, "type": "line"},
            {"billingAccount": "ab", "domain": SERVICE, "type": "trunk"},
        ]
    )
    assert ovh.by_number(NUMBER) is None


def test_a_caller_is_known_by_the_line_alone(ovh: Ovh) -> None:
    assert ovh.by_caller(NUMBER) == LINE
    assert ovh.by_caller("+33639980001") is None
    assert ovh.by_caller("") is None


@pytest.mark.parametrize(
    ("brand", "ours"),
    [
        ("phone.siemens.c610ip", True),
        ("phone.siemens.c590ip", True),
        ("phone.gigaset.c530ip", False),
        ("phone.cisco.spa112", False),
        (None, False),
    ],
)
def test_only_a_c590ip_or_a_c610ip_is_ours(line: DemoLine, ovh: Ovh, brand: str | None, ours: bool) -> None:
    line.brand = brand
    assert ovh.has_our_phone(LINE) is ours


def test_the_newest_address_counts_in_whatever_order_they_come(line: DemoLine, ovh: Ovh) -> None:
    line.registrations = [("203.0.113.1", 1000.0), ("203.0.113.3", 3000.0), ("203.0.113.2", 2000.0)]
    assert ovh.last_address(LINE) == Seen("203.0.113.3", 3000.0)
    assert ovh.last_registration(LINE) == 3000.0


def test_an_address_of_the_new_kind_is_passed_over(line: DemoLine, ovh: Ovh) -> None:
    line.registrations = [("203.0.113.1", 1000.0), ("2001:db8::1", 3000.0)]
    assert ovh.last_address(LINE) == Seen("203.0.113.1", 1000.0)
    assert ovh.last_registration(LINE) == 3000.0


def test_without_registrations_the_list_of_addresses_counts(line: DemoLine, ovh: Ovh) -> None:
    line.ips = [("203.0.113.1", 1000.0), (None, 3000.0), ("203.0.113.2", 2000.0)]
    assert ovh.last_address(LINE) == Seen("203.0.113.2", 2000.0)
    assert ovh.last_registration(LINE) is None


def test_a_line_that_never_registered_has_no_address(ovh: Ovh) -> None:
    assert ovh.last_address(LINE) is None


def test_a_code_is_made_for_the_address(line: DemoLine, ovh: Ovh) -> None:
    line.code = "007"
    assert ovh.request_code(LINE, ADDRESS) == Made("007")
    assert line.resets == [ADDRESS]


def test_a_telephone_that_fetches_its_configuration_needs_no_code(line: DemoLine, ovh: Ovh) -> None:
    line.method = "http"
    assert ovh.request_code(LINE, ADDRESS) == NotNeeded()


@pytest.mark.parametrize("code", [None, "", "x" * 33, "12 34", "12\n34"])
def test_a_code_that_cannot_be_one_leaves_the_outcome_unknown(line: DemoLine, ovh: Ovh, code: str | None) -> None:
    line.code = code
    assert ovh.request_code(LINE, ADDRESS) == Unknown("garbled")
    assert line.resets == [ADDRESS]


def test_names_of_lines_are_numbers_spelt_in_another_way() -> None:
    assert service_name("+33199000007") == SERVICE
    assert number_of(SERVICE) == "+33199000007"
    assert number_of("trunk-of-somebody") == ""


# How it fails

READ_FAULTS: list[tuple[Fault, Trouble]] = [
    (loopback.HANG, "late"),
    (loopback.DRIP, "late"),
    (loopback.RESET, "down"),
    (loopback.HALF, "down"),
    (loopback.GARBAGE, "garbled"),
    (loopback.HUGE, "garbled"),
    (answers({"message": "Internal server error"}, 500), "down"),
    (answers({"message": "Too many requests"}, 429), "busy"),
    (answers({"errorCode": "NOT_GRANTED_CALL", "message": "no"}, 403), "refused"),
    (answers({"errorCode": "QUOTA", "message": "no"}, 403), "refused"),
    (answers({"message": "[axiom] wrong"}, 400), "refused"),
    (answers(["not an object"], 400), "garbled"),
    (answers({"brand": "phone.siemens.c610ip"}), "garbled"),
    (answers("text"), "garbled"),
    (answers([1, 2]), "garbled"),
]


@pytest.mark.parametrize(("fault", "trouble"), READ_FAULTS)
@pytest.mark.parametrize("operation", ["searchServices", "lastRegistrations"])
def test_every_failure_of_a_read_has_a_name_and_comes_in_time(
    fake: FakeOvh, line: DemoLine, ovh: Ovh, operation: str, fault: Fault, trouble: Trouble
) -> None:
    line.registrations = [(ADDRESS, 1000.0)]
    fake.faults[operation] = fault
    begun = time.monotonic()
    read = ovh.by_number if operation == "searchServices" else lambda _: ovh.last_registration(LINE)
    assert trouble_of(lambda: read(NUMBER)) == trouble
    assert time.monotonic() - begun < LATEST


RESET_FAULTS: list[tuple[Fault, NotMade | Unknown]] = [
    (loopback.HANG, Unknown("late")),
    (Fault("hang", done=True), Unknown("late")),
    (loopback.DRIP, Unknown("late")),
    (loopback.RESET, Unknown("down")),
    (Fault("reset", done=True), Unknown("down")),
    (loopback.HALF, Unknown("down")),
    (loopback.GARBAGE, Unknown("garbled")),
    (loopback.HUGE, Unknown("garbled")),
    (answers({"message": "Internal server error"}, 500), Unknown("down")),
    (answers({"message": "Too many requests"}, 429), NotMade("busy")),
    (answers({"errorCode": "NOT_GRANTED_CALL", "message": "no"}, 403), NotMade("refused")),
    (answers({"message": "[ip] wrong"}, 400), NotMade("refused")),
    (answers({"message": "no phone"}, 404), NotMade("refused")),
    (answers({"resetPhoneMethod": "code", "resetCodeInfo": None}), Unknown("garbled")),
    (answers({"resetPhoneMethod": "code", "resetCodeInfo": {"activationCode": 471}}), Unknown("garbled")),
    (answers({"resetPhoneMethod": "smoke"}), Unknown("garbled")),
    (answers(None), Unknown("garbled")),
]


@pytest.mark.parametrize(("fault", "outcome"), RESET_FAULTS)
def test_every_failure_of_a_reset_says_whether_it_was_made_and_is_asked_once(
    fake: FakeOvh, ovh: Ovh, fault: Fault, outcome: NotMade | Unknown
) -> None:
    fake.faults["resetConfig"] = fault
    begun = time.monotonic()
    assert ovh.request_code(LINE, ADDRESS) == outcome
    assert time.monotonic() - begun < LATEST
    assert [fake.operation(asked) for asked in fake.asked].count("resetConfig") == 1


@pytest.mark.parametrize("fault", [loopback.HANG, loopback.RESET, loopback.GARBAGE, answers({}), answers({}, 503)])
def test_without_the_servers_time_nothing_is_asked_for(fake: FakeOvh, ovh: Ovh, fault: Fault) -> None:
    fake.faults["time"] = fault
    assert isinstance(ovh.request_code(LINE, ADDRESS), NotMade)
    assert isinstance(trouble_of(lambda: ovh.by_number(NUMBER)), str)
    assert {fake.operation(asked) for asked in fake.asked} == {"time"}


def test_a_server_that_is_not_there_is_down_and_nothing_was_made(fake: FakeOvh, ovh: Ovh) -> None:
    assert ovh.by_number(NUMBER) == LINE
    ovh.request_code(LINE, ADDRESS)
    gone = fake.endpoint
    fake.stop()
    again = Ovh(KEYS, gone, QUICK)
    assert trouble_of(lambda: again.by_number(NUMBER)) == "down"
    assert again.request_code(LINE, ADDRESS) == NotMade("down")
    assert ovh.request_code(LINE, ADDRESS) == NotMade("down")


class _Plain(socketserver.BaseRequestHandler):
    """A server that speaks, but not TLS."""

    def handle(self) -> None:
        self.request.recv(1)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_that_cannot_encrypt_is_down_and_nothing_was_made() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Plain) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        bad = Ovh(KEYS, f"https://127.0.0.1:{server.server_address[1]}/1.0", QUICK)
        assert trouble_of(lambda: bad.by_number(NUMBER)) == "down"
        assert bad.request_code(LINE, ADDRESS) == NotMade("down")
        server.shutdown()
        thread.join()


def test_keys_that_are_refused_are_told_as_such(fake: FakeOvh) -> None:
    for keys in (
        Credentials(APPLICATION_KEY, "other", CONSUMER_KEY),
        Credentials("other", APPLICATION_SECRET, CONSUMER_KEY),
        Credentials(APPLICATION_KEY, APPLICATION_SECRET, ""),
    ):
        wrong = Ovh(keys, fake.endpoint, QUICK)
        assert trouble_of(lambda wrong=wrong: wrong.by_number(NUMBER)) == "refused"  # type: ignore[misc]
        assert wrong.request_code(LINE, ADDRESS) == NotMade("refused")


def test_a_line_id_leads_to_no_other_address(fake: FakeOvh, ovh: Ovh) -> None:
    assert ovh.has_our_phone(Line("a?b/../../me?x=/y", NUMBER)) is False
    assert fake.asked[-1].path == "/1.0/telephony/a%3Fb/line/..%2F..%2Fme%3Fx%3D%2Fy/phone"


def test_many_callers_at_once_get_each_their_own_line(fake: FakeOvh) -> None:
    patient = Ovh(KEYS, fake.endpoint)
    numbers = [f"+3319900{n:04}" for n in range(100, 124)]
    fake.lines |= {service_name(number): DemoLine(service_name(number)) for number in numbers}
    with ThreadPoolExecutor(12) as callers:
        found = list(callers.map(patient.by_number, numbers))
    assert [line and line.number for line in found] == numbers


# The breaker


def test_after_five_failures_ovh_is_asked_once_a_second_until_it_is_back(fake: FakeOvh) -> None:
    clock = Clock()
    ovh = Ovh(KEYS, fake.endpoint, QUICK, clock.now)
    fake.faults["searchServices"] = answers({}, 500)
    for _ in range(5):
        assert trouble_of(lambda: ovh.by_number(NUMBER)) == "down"
    asked = len(fake.asked)
    assert trouble_of(lambda: ovh.by_number(NUMBER)) == "resting"
    assert ovh.request_code(LINE, ADDRESS) == NotMade("resting")
    assert len(fake.asked) == asked

    clock.advance(1)
    assert trouble_of(lambda: ovh.by_number(NUMBER)) == "down"
    assert trouble_of(lambda: ovh.by_number(NUMBER)) == "resting"

    clock.advance(1)
    fake.faults.clear()
    assert ovh.by_number(NUMBER) == LINE
    assert ovh.by_number(NUMBER) == LINE


def test_after_the_rest_one_question_alone_goes_out() -> None:
    clock = Clock()
    breaker = Breaker(clock.now)
    for _ in range(5):
        breaker.heard(well=False)
    clock.advance(1)
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]


def test_a_question_that_hangs_keeps_the_next_one_waiting_for_four_seconds_at_most() -> None:
    clock = Clock()
    breaker = Breaker(clock.now)
    for _ in range(5):
        breaker.heard(well=False)
    clock.advance(1)
    assert breaker.lets_through()
    clock.advance(3.9)
    assert not breaker.lets_through()
    clock.advance(0.1)
    assert breaker.lets_through()
    breaker.heard(well=True)
    assert breaker.lets_through()


def test_a_refusal_is_an_answer_and_keeps_nobody_away(fake: FakeOvh, ovh: Ovh) -> None:
    fake.faults["searchServices"] = answers({"message": "no"}, 403)
    assert [trouble_of(lambda: ovh.by_number(NUMBER)) for _ in range(7)] == ["refused"] * 7


# Secrets


@pytest.mark.parametrize(
    "fault", [None, loopback.HANG, loopback.RESET, loopback.GARBAGE, answers({"message": "x"}, 500)]
)
def test_no_number_address_code_or_key_is_logged(
    fake: FakeOvh, line: DemoLine, ovh: Ovh, fault: Fault | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    line.registrations = [(ADDRESS, 1000.0)]
    if fault:
        fake.faults |= {"resetConfig": fault, "lastRegistrations": fault, "phone": fault}
    for work in (ovh.has_our_phone, ovh.last_address):
        with contextlib.suppress(LinesError):
            work(LINE)
    answer = ovh.request_code(LINE, ADDRESS)
    logged = " ".join(str(record.__dict__) for record in caplog.records) + repr(answer) + repr(KEYS)
    assert caplog.records != []
    for secret in (ADDRESS, "99000007", "471803925604", "canary", APPLICATION_SECRET, CONSUMER_KEY, "Traceback"):
        assert secret not in logged
