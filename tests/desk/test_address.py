"""The public address: what counts as one, why another does not, and links that catch it once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.address import LETTERS, TOKEN_LETTERS, Links, Opened, Reason, Refused, Taken, public_ipv4
from ivr.store.vault import VaultError
from tests.desk.links import stored_links

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32
HOME = "203.0.113.7"


@pytest.fixture
def links(tmp_path: Path) -> Iterator[Links]:
    with stored_links(tmp_path) as store:
        yield Links(store, fiction=True)


@pytest.mark.parametrize(
    "keyed", ["1.1.1.1", "91.121.129.159", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1"]
)
def test_a_public_address_is_taken_as_it_was_keyed(keyed: str) -> None:
    assert public_ipv4(keyed) == keyed


@pytest.mark.parametrize(
    ("keyed", "reason"),
    [
        ("", "malformed"),
        ("91.121.129", "malformed"),
        ("91.121.129.159.1", "malformed"),
        ("91..129.159", "malformed"),
        (".91.121.129.159", "malformed"),
        ("91.121.129.256", "malformed"),
        ("91.121.129.1590", "malformed"),
        ("91121129159", "malformed"),
        ("91.121.129.159\n", "malformed"),
        ("९१.121.129.159", "malformed"),
        ("2001:db8::1", "malformed"),
        ("091.121.129.159", "leading-zero"),
        ("91.121.129.00", "leading-zero"),
        ("0.1.2.3", "reserved"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "shared"),
        ("100.127.255.255", "shared"),
        ("127.0.0.1", "loopback"),
        ("169.254.1.1", "link-local"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.7", "documentation"),
        ("198.18.0.1", "reserved"),
        ("192.0.0.1", "reserved"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
    ],
)
def test_what_is_no_public_address_is_refused_for_a_reason(keyed: str, reason: Reason) -> None:
    assert public_ipv4(keyed) == Refused(reason)


def test_one_range_of_fiction_counts_where_it_is_allowed() -> None:
    assert public_ipv4(HOME, fiction=True) == HOME
    assert public_ipv4("192.0.2.1", fiction=True) == Refused("documentation")


@given(st.integers(0, 2**32 - 1))
def test_python_agrees_about_what_is_public(number: int) -> None:
    address = IPv4Address(number)
    if public_ipv4(str(address)) == str(address):
        assert address.is_global
        assert not address.is_multicast


@given(st.text(alphabet="0123456789.", max_size=20))
def test_whatever_is_keyed_is_an_address_or_refused(keyed: str) -> None:
    assert public_ipv4(keyed) == keyed or isinstance(public_ipv4(keyed), Refused)


def test_a_link_catches_the_address_of_whoever_opens_it(links: Links) -> None:
    token = links.offer(CALL, 100)
    assert links.address_of(CALL, 101) is None
    assert links.standing(token, 101) == "fresh"
    assert links.opened(token, HOME, 102) == Taken(HOME)
    assert links.address_of(CALL, 103) == HOME
    assert links.address_of(OTHER, 103) is None


def test_a_link_opens_once(links: Links) -> None:
    token = links.offer(CALL, 100)
    links.opened(token, HOME, 101)
    assert links.opened(token, "203.0.113.8", 102) == "used"
    assert links.standing(token, 102) == "used"
    assert links.address_of(CALL, 103) == HOME


def test_of_many_who_open_it_together_one_is_first(links: Links) -> None:
    token = links.offer(CALL, 100)
    together, outcomes = Barrier(8), list[Opened]()

    def open_it(n: int) -> None:
        together.wait(timeout=10)
        outcomes.append(links.opened(token, f"203.0.113.{n}", 101))

    people = [Thread(target=open_it, args=(n,)) for n in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(str(outcome) for outcome in outcomes) == ["Taken()"] + ["used"] * 7


def test_a_link_opens_for_ten_minutes(links: Links) -> None:
    token = links.offer(CALL, 100)
    assert links.standing(token, 699.9) == "fresh"
    assert links.opened(token, HOME, 700) == "expired"
    assert links.address_of(CALL, 701) is None


def test_an_address_is_believed_for_ten_minutes(links: Links) -> None:
    links.opened(links.offer(CALL, 100), HOME, 200)
    assert links.address_of(CALL, 799.9) == HOME
    assert links.address_of(CALL, 800) is None


def test_an_address_of_no_use_leaves_the_link_open(links: Links) -> None:
    token = links.offer(CALL, 100)
    assert links.opened(token, "100.64.3.4", 101) == Refused("shared")
    assert links.opened(token, HOME, 102) == Taken(HOME)


def test_the_last_link_used_counts(links: Links) -> None:
    first, second = links.offer(CALL, 100), links.offer(CALL, 100)
    links.opened(second, "203.0.113.8", 101)
    links.opened(first, HOME, 102)
    assert links.address_of(CALL, 103) == HOME


@pytest.mark.parametrize("token", ["", "a", "A" * TOKEN_LETTERS, "a" * TOKEN_LETTERS, "a" * 15, "../" * 5, "é" * 14])
def test_a_token_that_was_never_offered_is_unknown(links: Links, token: str) -> None:
    links.offer(CALL, 100)
    assert links.opened(token, HOME, 101) == "unknown"


def test_no_two_tokens_are_alike_and_none_can_be_guessed(links: Links) -> None:
    tokens = {links.offer(CALL, 100) for _ in range(50)}
    assert {len(token) for token in tokens} == {TOKEN_LETTERS}
    assert len(tokens) == 50
    assert len(LETTERS) ** TOKEN_LETTERS > 2**64


def test_neither_token_nor_address_is_on_the_disk_or_in_a_repr(links: Links, tmp_path: Path) -> None:
    token = links.offer(CALL, 100)
    opened = links.opened(token, HOME, 101)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert token.encode() not in kept
    assert HOME.encode() not in kept
    assert HOME not in repr(opened)


def test_a_row_that_was_changed_gives_no_address(links: Links, tmp_path: Path) -> None:
    links.opened(links.offer(CALL, 100), HOME, 101)
    links.opened(links.offer(OTHER, 100), "203.0.113.8", 101)
    with closing(sqlite3.connect(tmp_path / "links.sqlite")) as database, database:
        database.execute("UPDATE links SET address = (SELECT max(address) FROM links)")
    answers = [_address_or_none(links, call) for call in (CALL, OTHER)]
    assert answers.count(None) == 1


def test_the_store_notes_the_first_address_alone(tmp_path: Path) -> None:
    with stored_links(tmp_path) as store:
        store.keep("0" * 64, CALL, 700)
        assert [store.use("0" * 64, address, 101) for address in (HOME, "203.0.113.8")] == [True, False]
        assert store.caught(CALL) == (HOME, 101)


def test_old_links_are_forgotten(tmp_path: Path) -> None:
    with stored_links(tmp_path) as store:
        links = Links(store, fiction=True)
        old, new = links.offer(CALL, 100), links.offer(CALL, 200)
        assert store.forget(before=800) == 1
        assert (links.standing(old, 300), links.standing(new, 300)) == ("unknown", "fresh")


def _address_or_none(links: Links, call: str) -> str | None:
    try:
        return links.address_of(call, 102)
    except VaultError:
        return None
