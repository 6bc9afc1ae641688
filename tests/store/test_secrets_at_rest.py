"""A stolen disk: no number, password, PIN or code in any byte of the database, nor in what is logged or printed."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.desk import codes as rules
from ivr.desk.codes import Issued
from ivr.operators import Operators
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

CODE = "471803925604"


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it might lie about: raw, in groups, in base64, in hex, as UTF-16."""
    raw = secret.encode()
    spaced = " ".join(secret[i : i + 3] for i in range(0, len(secret), 3)).encode()
    pairs = " ".join(secret[i : i + 2] for i in range(0, len(secret), 2)).encode()
    yield from (raw, spaced, pairs, base64.b64encode(raw).rstrip(b"="), raw.hex().encode(), secret.encode("utf-16-le"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def test_the_disk_and_the_log_hold_no_secret(house: House, caplog: pytest.LogCaptureFixture) -> None:
    printed = io.StringIO()
    caplog.set_level(logging.DEBUG)
    operators = Operators(house.engine, house.vault, "operator lea", lambda: NOON)
    (house.folder / "lignes.csv").write_text(f"ligne,mobile,modele\n0{LINE[3:]},{MOBILE},C590IP\n")
    (house.folder / "codes.csv").write_text(f"code\n{CODE}\n111111111111\n")
    for report in (
        operators.import_lines(house.folder / "lignes.csv"),
        operators.import_codes(house.folder / "codes.csv"),
        operators.import_codes(house.folder / "codes.csv"),
    ):
        printed.write(report.text)
    given = operators.make_pin(LINE).text
    pin = "".join(filter(str.isdecimal, given.partition(" : ")[2]))
    passwords = []
    for i in range(3):
        call = call_id(i)
        house.begin_call(call)
        house.send(call)
        passwords.append(house.posted[call][1])
        house.verify_wrong(call)
        assert house.identity.verify(call, passwords[-1], NOON) == "verified"
    with house.codes() as codes:
        issued = rules.issue(codes, call_id(0), house_account(house, codes), NOON)
        assert isinstance(issued, Issued)
        assert rules.read(codes, call_id(0), issued.id, NOON) == CODE
    for report in (operators.list_lines(), operators.list_codes(), operators.audit()):
        printed.write(report.text)

    assert len(pin) == 8
    secrets = [CODE, pin, *passwords, LINE, LINE[3:], MOBILE, MOBILE[3:]]
    everywhere = house.raw_bytes() + printed.getvalue().encode() + caplog.text.encode() + repr(issued).encode()
    assert len(house.raw_bytes()) > 50_000
    assert [(secret, form) for secret in secrets for form in forms(secret) if form in everywhere] == []


def house_account(house: House, codes: object) -> str:
    """The line's id, within the transaction that is open."""
    from ivr.store.lines import Lines

    line = Lines(codes._connection, house.vault).by_number(LINE)  # type: ignore[attr-defined]
    assert line is not None
    return line.id


def test_the_scan_can_find(house: House) -> None:
    (house.folder / "ligne.sqlite-note").write_bytes(b"471 803 925 604")
    assert any(form in house.raw_bytes() for form in forms(CODE))
