"""The texts of SMS: each fits one message with its longest values, and a mistake says what and how to mend it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.desk.address import TOKEN_LETTERS
from ivr.desk.sms import BASIC, EXTENDED, MOST, SmsError, Text, length, read_texts, stray
from tests.line import ROOT


@pytest.fixture(scope="module")
def ours() -> dict[str, Text]:
    """The texts that are shipped."""
    return dict(read_texts((ROOT / "prompts" / "sms.toml").read_text()))


def test_our_texts_fit_one_message_each(ours: dict[str, Text]) -> None:
    assert set(ours) == {"verification", "adresse", "code", "chemin", "pause", "pas-encore", "succes"}
    for text in ours.values():
        body = text.filled(**text.longest)
        assert stray(body) == ""
        assert (length(body) or 0) <= MOST


def test_the_longest_values_are_those_that_the_line_may_give(ours: dict[str, Text]) -> None:
    assert ours["adresse"].longest["lien"].rpartition("/i/")[2] == "0" * TOKEN_LETTERS
    assert ours["code"].longest["code"].replace(" ", "") == "0" * 32
    assert ours["verification"].longest["code"] == "0" * 6


def test_a_link_is_the_last_word(ours: dict[str, Text]) -> None:
    assert ours["adresse"].words.endswith(" {lien}")


def test_the_gsm_alphabet_has_128_places(ours: dict[str, Text]) -> None:
    assert len(BASIC) == 127  # and the escape, which leads to the second table
    assert len(EXTENDED) == 10
    assert not BASIC & EXTENDED


@pytest.mark.parametrize(
    ("body", "taken", "strange"),
    [
        ("", 0, ""),
        ("éèàùÉÇ", 6, ""),
        ("10 €", 5, ""),
        ("[~]", 6, ""),
        ("l’ê", None, "’ê"),
        ("œuf", None, "œ"),
        ("\u00a0", None, "\u00a0"),
        ("`", None, "`"),
    ],
)
def test_a_text_is_counted_as_the_network_counts(body: str, taken: int | None, strange: str) -> None:
    assert (length(body), stray(body)) == (taken, strange)


def test_a_text_is_filled_with_its_slots_alone() -> None:
    text = Text("code", "Code : {code}.", {"code": "000"})
    assert text.filled(code="471") == "Code : 471."
    for wrong in ({}, {"code": "1", "more": "2"}, {"other": "1"}):
        with pytest.raises(SmsError, match="slots"):
            text.filled(**wrong)


@pytest.mark.parametrize("value", ["0" * 200, "ê", "’"])
def test_a_value_that_does_not_fit_is_refused(value: str) -> None:
    with pytest.raises(SmsError):
        Text("code", "Code : {code}.", {"code": "000"}).filled(code=value)


def test_a_value_with_braces_is_no_slot() -> None:
    assert Text("code", "Code : {code}.", {"code": "000"}).filled(code="{x}") == "Code : {x}."


@given(st.text())
def test_whatever_is_filled_in_fits_or_is_refused(value: str) -> None:
    try:
        body = Text("code", "Code : {code}.", {"code": "000"}).filled(code=value)
    except SmsError:
        return
    assert (length(body) or 0) <= MOST


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[", "is not TOML"),
        ("a = 1", "write text"),
        ("[a]\nword = 'x'", "write text"),
        ("[a]\ntext = 'x'\nother = 1", "write text"),
        ("[A]\ntext = 'x'", "lower-case"),
        ("[a-name-that-is-too-long]\ntext = 'x'", "18"),
        ("[a]\ntext = 'x {y'", "braces"),
        ("[a]\ntext = 'x {y}'", "['y']"),
        ("[a]\ntext = 'x'\nlongest = { y = '1' }", "['y']"),
        ("[a]\ntext = 'x {y}'\nlongest = { y = 1 }", "in quotes"),
        ("[a]\ntext = 'x {y}'\nlongest = 3", "in quotes"),
        ("[a]\ntext = 'être'", "'ê' is not in the SMS alphabet"),
        (f"[a]\ntext = '{'x' * 161}'", "shorten it by 1"),
        (f"[a]\ntext = '{'x' * 158}{{y}}'\nlongest = {{ y = '€€' }}", "shorten it by 2"),
    ],
)
def test_a_mistake_says_where_and_how_to_mend_it(toml: str, says: str) -> None:
    with pytest.raises(SmsError) as error:
        read_texts(toml)
    assert says in str(error.value)
    assert "sms.toml" in str(error.value)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(SmsError) as error:
        read_texts("[a]\ntext = 'ê'\n[b]\ntext = 'ô'")
    assert str(error.value).count("\n") == 1
