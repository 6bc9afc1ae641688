"""The register: numbers however they are written, files that are imported whole or refused with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.lines import Line, Lines, Made, NotMade
from ivr.desk.register import (
    FileError,
    Register,
    calls_from_itself,
    code_lengths,
    ending,
    line_number,
    mobile_number,
    read_codes,
    read_lines,
)
from tests.desk.house import LINE, MOBILE, UNKNOWN, House

HEADER = "ligne,mobile,modele\n"
ROW = "0199000107,0639980034,C590IP\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    house.add_lines({LINE: MOBILE})
    yield house
    house.engine.dispose()


def faults(data: bytes | str, read: object = read_lines) -> list[str]:
    assert callable(read)
    with pytest.raises(FileError) as refused:
        read(data.encode() if isinstance(data, str) else data)
    return [str(fault) for fault in refused.value.faults]


# Numbers.


@pytest.mark.parametrize(
    "written",
    ["0199000107", "01 99 00 01 07", "01.99.00.01.07", "+33199000107", "+33 (0)1 99 00 01 07", "0033199000107"],
)
def test_a_line_is_known_however_it_is_written(written: str) -> None:
    assert line_number(written) == LINE


@pytest.mark.parametrize(
    "written", ["", "0639980034", "0899000107", "199000107", "01990001077", "anonymous", "٠١٩٩٠٠٠١٠٧"]
)
def test_what_is_no_line_is_none(written: str) -> None:
    assert line_number(written) is None


@pytest.mark.parametrize(
    ("written", "mobile"),
    [
        ("06 39 98 00 34", "+33639980034"),
        ("+33639980034", "+33639980034"),
        ("0739980034", "+33739980034"),
        ("0692000034", "+262692000034"),
        ("+262 692 00 00 34", "+262692000034"),
        ("0639000034", "+262639000034"),
        ("+596 0696 00 00 34", "+596696000034"),
    ],
)
def test_a_mobile_is_known_however_it_is_written(written: str, mobile: str) -> None:
    assert mobile_number(written) == mobile


@pytest.mark.parametrize(
    "written",
    ["0199000107", "0700000034", "07000000000034", "+44639980034", "+266696687", "+262639980034", "06399800", ""],
)
def test_what_is_no_mobile_is_none(written: str) -> None:
    assert mobile_number(written) is None


@given(st.text(max_size=20))
def test_no_text_is_both_and_none_breaks(text: str) -> None:
    assert line_number(text) is None or mobile_number(text) is None


# The provider.


def test_the_register_is_a_provider_of_lines(house: House) -> None:
    with house.lines() as kept:
        register: Lines = Register(kept, {house_line.id: "007" for house_line in kept.by_mobile(MOBILE)}.get)
        line = register.by_number("0199000107")
        assert line is not None
        assert register.by_caller(MOBILE) == register.by_caller(LINE) == line
        assert register.has_our_phone(line)
        assert register.last_address(line) is None
        assert register.last_registration(line) is None
        assert register.request_code(line, "") == Made("007")
        assert register.request_code(Line("another", UNKNOWN), "") == NotMade("refused")
        assert (ending(line), calls_from_itself(line, LINE), calls_from_itself(line, MOBILE)) == ("0107", True, False)


def test_nothing_is_proposed_when_it_would_be_a_guess(house: House) -> None:
    house.add_lines({"+33199000108": MOBILE})
    with house.lines() as kept:
        register = Register(kept)
        assert [register.by_caller(caller) for caller in (MOBILE, "", "anonymous", "+33639980099")] == [None] * 4
        assert register.by_number("0199000999") is None


# Files.


@pytest.mark.parametrize(
    "data",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace(",", ";").replace("\n", "\r\n"),
        "Modèle;Mobile;Ligne\nc590ip;06 39 98 00 34;+33199000107\n;;\n\n",
        HEADER + '"0199000107","0639980034","C590IP"',
    ],
)
def test_a_good_file_is_read_whatever_wrote_it(data: str) -> None:
    [line] = read_lines(data.encode())
    assert (line.number, line.mobile, line.model) == (LINE, MOBILE, "C590IP")
    assert "0107" not in repr(line)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("0199000107,0199000107,C590IP", "c'est la ligne elle-même"),
        ("0199000107,0199000108,C590IP", "colonne mobile : « 0199****08 » n'est pas un mobile français (06 ou 07)"),
        ("0199000107,639980034,C590IP", "le zéro du début manque"),
        ("199000107,0639980034,C590IP", "le zéro du début manque"),
        (",0639980034,C590IP", "colonne ligne : vide"),
        ("0639980034,0639980034,C590IP", "n'est pas un numéro de ligne"),
        ("0199000107,0639980034,C530IP", "« C530IP » n'est pas dépanné"),
        ("0199000107,0639980034", "2 cellules au lieu de 3"),
        ("0199000107,0639980034,C590IP,", "4 cellules au lieu de 3"),
    ],
)
def test_a_wrong_row_says_where_what_and_the_mend(row: str, why: str) -> None:
    [said] = faults(HEADER + "0199000150,0639980034,C610IP\n" + row + "\n")
    assert said.startswith("ligne 3 : ")
    assert why in said
    assert not {"0199000107", "0639980034", "0199000108"} & set(said.replace("«", " ").split())


def test_every_fault_is_told_at_once() -> None:
    said = faults(HEADER + ROW + "x,y,z\n" + ROW + ",,C590IP\n")
    assert [fault.split(" : ")[0] for fault in said] == ["ligne 3", "ligne 4", "ligne 5"]
    assert "+331****07 est deux fois (déjà ligne 2)" in said[1]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "ligne 1 : la première ligne doit être l'en-tête « ligne,mobile,modele »"),
        (ROW, "ligne 1 : la première ligne doit être l'en-tête"),
        ("ligne,mobile\n0199000107,0639980034\n", "ligne 1 : la première ligne"),
        (HEADER, "rien à importer"),
        (
            "ligne,mobile,modèle\n0199000107,0639980034,C590IP é\n".encode("latin-1"),
            "ligne 1 : le fichier n'est pas en UTF-8",
        ),
        ((HEADER + ROW).encode() + "é".encode("cp1252"), "ligne 3 : le fichier n'est pas en UTF-8 (octet 0xE9"),
        ((HEADER + ROW).encode("utf-16"), "UTF-8"),
        ((HEADER + ROW).encode("utf-16-le"), "octets nuls"),
        (HEADER + '"0199000107,0639980034,C590IP\n', "guillemets mal fermés"),
    ],
)
def test_a_file_that_is_no_such_file_says_why(data: bytes | str, why: str) -> None:
    [said] = faults(data)
    assert why in said


def rows_or_faults(read: Callable[[bytes], Sequence[object]], data: bytes) -> Sequence[object]:
    try:
        return read(data)
    except FileError as error:
        return error.faults


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_lines, read_codes):
        for content in (data, HEADER.encode() + data, b"code\n" + data):
            assert rows_or_faults(read, content)


def test_a_pool_keeps_every_zero() -> None:
    assert [row.code for row in read_codes(b"code\n007103925604\n0\nA1\n\n")] == ["007103925604", "0", "A1"]
    assert code_lengths(read_codes(b"code\n12\n13\n1\n")) == {1: 1, 2: 2}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("", "le code est vide"),
        ('""', "le code est vide"),
        ("  ", "le code est vide"),
        ("4" * 33, "le code a 33 caractères, 32 au plus"),
        ("471 803", "contient un espace"),
        ("47180é", "contient un espace ou un accent"),
        ("4.71804E+11", "le tableur a arrondi"),
        ("111", "ce code est deux fois (déjà ligne 2)"),
        ("471803,925604", "2 cellules au lieu de 1"),
    ],
)
def test_a_pool_with_a_wrong_code_is_refused_and_the_code_not_repeated(row: str, why: str) -> None:
    [said] = faults(f"code\n111\n{row}\n222\n", read_codes)
    assert said.startswith("ligne 3 : ")
    assert why in said
    assert not row.strip() or row not in said


def test_a_pool_without_header_is_refused_and_its_first_code_not_repeated() -> None:
    [said] = faults("471803925604\n", read_codes)
    assert "471803925604" not in said
