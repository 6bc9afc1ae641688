"""What an operator reads and gets: files imported whole or not at all, everything masked, an exit code that is true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ivr.operators import DOES_NOT_HOLD, DONE, WRONG_USAGE, Operators
from tests.desk.house import LINE, MOBILE, NOON, House, call_id

HEADER = "ligne,mobile,modele\n"
GOOD = HEADER + "0199000107,0639980034,C590IP\n0199000108,0639980099,C610IP\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.engine.dispose()


@pytest.fixture
def operators(house: House) -> Operators:
    return Operators(house.engine, house.vault, "operator lea", lambda: NOON, house.dice.randrange)


def file(house: House, content: str | bytes) -> Path:
    path = house.folder / "un fichier.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def counts(house: House) -> list[int]:
    with house.engine.begin() as connection:
        tables = ("lines", "codes", "audit")
        return [connection.execute(text(f"SELECT count(*) FROM {t}")).scalar_one() for t in tables]  # noqa: S608


def test_lines_are_imported_and_listed_masked(house: House, operators: Operators) -> None:
    report = operators.import_lines(file(house, GOOD))
    assert (report.text, report.code) == (
        "un fichier.csv : 2 lignes (2 nouvelles, 0 modifiée, 0 à l'identique).",
        DONE,
    )
    again = operators.import_lines(file(house, GOOD.replace("0639980099", "0639980098")))
    assert "(0 nouvelle, 1 modifiée, 1 à l'identique)" in again.text
    assert operators.list_lines().text.splitlines() == [
        "+331****07  mobile +336****34  C590IP",
        "+331****08  mobile +336****98  C610IP",
        "2 lignes.",
    ]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(house: House, operators: Operators) -> None:
    for report in (
        operators.import_lines(file(house, GOOD), dry_run=True),
        operators.import_codes(file(house, "code\n111\n"), dry_run=True),
    ):
        assert report.code == DONE
        assert "Essai à blanc : rien n'a changé." in report.text
    assert counts(house) == [0, 0, 0]


@pytest.mark.parametrize(
    "content",
    [GOOD + "x,y,z\n", GOOD + GOOD.split("\n")[1], GOOD.encode() + b"\xe9", "code\n111\n", "", GOOD.encode("utf-16")],
)
def test_a_bad_file_of_lines_changes_nothing(house: House, operators: Operators, content: str | bytes) -> None:
    report = operators.import_lines(file(house, content))
    assert report.code == DOES_NOT_HOLD
    assert report.text.startswith("un fichier.csv refusé, rien n'a changé.\nligne ")
    assert counts(house) == [0, 0, 0]


def test_a_file_with_very_many_faults_is_told_in_twenty_lines(house: House, operators: Operators) -> None:
    report = operators.import_lines(file(house, HEADER + "x,y,z\n" * 100_000))
    assert len(report.text.splitlines()) == 22
    assert report.text.endswith("… et 99980 autres fautes.")


def test_a_hundred_thousand_lines_are_imported_within_seconds(house: House, operators: Operators) -> None:
    rows = "".join(f"01990{i:05},06399800{i % 100:02},C590IP\n" for i in range(100_000))
    began = time.monotonic()
    assert operators.import_lines(file(house, HEADER + rows)).code == DONE
    assert time.monotonic() - began < 30
    assert counts(house)[0] == 100_000


def test_a_file_that_is_not_there_is_wrong_usage(house: House, operators: Operators) -> None:
    for report in (operators.import_lines(house.folder / "rien.csv"), operators.import_codes(house.folder)):
        assert report.code == WRONG_USAGE
        assert "ne peut pas être lu" in report.text


def test_codes_are_imported_counted_and_doubted_when_their_lengths_differ(house: House, operators: Operators) -> None:
    assert operators.import_codes(file(house, "code\n0042\n0043\n")).text == "un fichier.csv : 2 codes en réserve."
    doubtful = operators.import_codes(file(house, "code\n44\n0045\n")).text
    assert "1 de 2 caractères, 1 de 4 caractères" in doubtful
    assert operators.list_codes().text == "4 en réserve, 0 attribué, 0 lu, 0 expiré, 0 révoqué."


@pytest.mark.parametrize("content", ["code\n\n0043\n", "code\n0043\n0042\n", "code\n" + "4" * 33, "0043\n"])
def test_a_bad_pool_changes_nothing(house: House, operators: Operators, content: str) -> None:
    operators.import_codes(file(house, "code\n0042\n"))
    before = counts(house)
    report = operators.import_codes(file(house, content))
    assert report.code == DOES_NOT_HOLD
    assert "ligne" in report.text
    assert not {"0042", "0043", "4" * 33} & set(report.text.split())
    assert counts(house) == before


def test_a_code_is_revoked_by_the_beginning_of_its_id(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042", "0043")
    call = call_id(1)
    house.issue(call, house.prove(call))
    [shown] = operators.list_codes().text.splitlines()[1:]
    assert shown.endswith(f"active  {call}")
    assert operators.revoke_code(shown[:8]).code == DONE
    assert operators.list_codes().text.startswith("1 en réserve, 0 attribué, 0 lu, 0 expiré, 1 révoqué.")
    assert "code.revoked" in operators.audit().text
    for wrong in ("zz", "", "%"):
        assert operators.revoke_code(wrong).code == DOES_NOT_HOLD


def test_a_pin_is_shown_once_and_works(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    text_shown = operators.make_pin("0199000107").text
    pin = text_shown.splitlines()[0].partition(" : ")[2].replace(" ", "")
    assert house.identity.check_pin(call_id(1), LINE, pin, NOON) == "verified"
    assert "PIN" in operators.list_lines().text
    assert pin not in operators.list_lines().text + operators.audit().text


def test_an_operator_unlocks(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    account = house.account()
    with house.accounts() as accounts:
        accounts.keep_standing(account, NOON, failures=10, locked_until=0, hard_locked=True)
    assert operators.unlock("01 99 00 01 07").text == "+331****07 débloquée (10 échecs de suite effacés)."
    assert house.send(call_id(1)).outcome == "sent"


def test_a_line_that_is_not_there_is_said(operators: Operators) -> None:
    for report in (operators.unlock("0199000999"), operators.make_pin("0199000999"), operators.unlock("x")):
        assert report.code == DOES_NOT_HOLD
        assert report.text.startswith("Aucune ligne ")


def test_the_audit_says_who_did_what_and_when_its_chain_is_broken(house: House, operators: Operators) -> None:
    operators.import_codes(file(house, "code\n0042\n"))
    operators.import_lines(file(house, GOOD))
    assert operators.audit().text.splitlines() == [
        "     1  2027-01-15 09:00:00  operator lea  codes.imported  1 codes",
        "     2  2027-01-15 09:00:00  operator lea  lines.imported  2 new, 0 changed, 0 same",
    ]
    with house.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET who = 'nobody' WHERE seq = 1"))
    report = operators.audit()
    assert report.code == DOES_NOT_HOLD
    assert "LA CHAÎNE EST ROMPUE à la ligne 1" in report.text


def test_renewing_seals_with_the_newest_key(house: House, operators: Operators) -> None:
    house.add_lines({LINE: MOBILE})
    house.add_codes("0042")
    assert operators.renew().text == "Rechiffrés : 0 ligne, 0 code."
