"""A stolen disk: no number, password, PIN or code in any byte of the database, nor in what is logged or printed.

What is said of one desk here is said of every test by the watch (`tests/canaries.py`), which looks at disk and log.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.desk import codes as rules
from ivr.desk.codes import Issued
from ivr.operators import Operators
from tests.canaries import Watch, traces
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

CODE = "471803925604"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.engine.dispose()


def test_the_disk_the_log_and_the_screen_hold_no_secret(house: House, watch: Watch) -> None:
    printed = io.StringIO()
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
    for call in map(call_id, range(3)):
        house.begin_call(call)
        house.send(call)
        watch.secrets.add("password", house.posted[call][1])
        house.verify_wrong(call)
        assert house.identity.verify(call, house.posted[call][1], NOON) == "verified"
    line = house.account(LINE)
    with house.codes() as codes:
        issued = rules.issue(codes, call_id(0), line, NOON)
        assert isinstance(issued, Issued)
        assert rules.read(codes, call_id(0), issued.id, NOON) == CODE
    for report in (operators.list_lines(), operators.list_codes(), operators.audit()):
        printed.write(report.text)

    assert len(pin) == 8
    assert {kind: list(known) for kind, known in watch.secrets.by_kind.items() if kind != "password"} == {
        "code": [CODE], "pin": [pin], "line": [LINE], "mobile": [MOBILE]
    }  # fmt: skip
    assert watch.found() == []
    assert len(house.raw_bytes()) > 50_000
    assert traces(watch.secrets, [printed.getvalue().encode(), repr(issued).encode()]) == []


def test_the_screen_can_be_read(watch: Watch) -> None:
    watch.secrets.add("code", CODE)
    assert traces(watch.secrets, [b"471 803 925 604"]) == ["code 471…"]
