"""Signatures: public vectors, and the same verdict as twilio's own validator on anything.

Rule: https://www.twilio.com/docs/usage/security#validating-requests
"""

from __future__ import annotations

import hmac
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from ivr.telephony.signature import is_signed, signature, spellings
from ivr.telephony.webhook import parameters

VECTORS = json.loads((Path(__file__).parent / "signature-vectors.json").read_text())["vectors"]
FORMS = [vector for vector in VECTORS if vector["kind"] == "form"]

OUR_VERDICT = {
    "quote-in-query": False,  # signed over %27, which is how it travels; our addresses hold no quotes
    "neg-null": False,  # a missing header is an empty one: twilio's validator raises instead
}
"""Where our verdict is not what the vector's source expects, with the reason; see the file's « disagreements »."""

ELSEWHERE = {
    "json": "webhooks of a call are forms: any other content type is refused before a signature is computed",
    "java-only": "a rendering of null that a form cannot carry",
}


@pytest.mark.parametrize("vector", FORMS, ids=lambda vector: vector["id"])
def test_public_vector(vector: dict[str, object]) -> None:
    params = tuple((name, value) for name, value in vector["params"])  # type: ignore[attr-defined]
    given_header = str(vector["signature"] or "")
    verdict = is_signed(given_header, [str(vector["auth_token"])], spellings(str(vector["url"])), params)
    assert verdict is OUR_VERDICT.get(str(vector["id"]), vector["expect_valid"])


def test_every_vector_is_used_or_has_its_reason() -> None:
    assert {vector["kind"] for vector in VECTORS} == {"form", *ELSEWHERE}
    assert len(FORMS) >= 45


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
PARAMS = st.lists(st.tuples(NAMES, NAMES | st.just("")), max_size=8)
URLS = st.sampled_from(
    [
        "https://ligne.example.com/voice",
        "https://ligne.example.com:8443/voice/1/aa/key?b=1",
        "http://127.0.0.1:5000/voice",
        "http://ligne.example.com/voice",
    ]
)


@given(URLS, PARAMS, st.text("abc019", min_size=1))
def test_the_signature_is_twilios(url: str, params: list[tuple[str, str]], token: str) -> None:
    params = list(dict(params).items())
    theirs = RequestValidator(token).compute_signature(url, dict(params))
    assert signature(token, url, params) == theirs


@given(URLS, PARAMS, st.booleans())
def test_the_verdict_is_twilios(url: str, params: list[tuple[str, str]], spoil: bool) -> None:
    params = list(dict(params).items())
    validator = RequestValidator("token")
    header = validator.compute_signature(url, dict(params)) + ("x" if spoil else "")
    assert is_signed(header, ["token"], spellings(url), params) == validator.validate(url, dict(params), header)


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://a.example.com/v", {"https://a.example.com/v", "https://a.example.com:443/v"}),
        ("http://a.example.com/v", {"http://a.example.com/v", "http://a.example.com:80/v"}),
        ("https://a.example.com:8443/v", {"https://a.example.com:8443/v", "https://a.example.com/v"}),
        ("https://me:pw@a.example.com:8443/v?b=1", {"https://me:pw@a.example.com:8443/v?b=1", "https://me:pw@a.example.com/v?b=1"}),
    ],
)  # fmt: skip
def test_an_address_is_spelled_with_its_own_port_and_without_and_in_no_other_way(url: str, spelled: set[str]) -> None:
    assert set(spellings(url)) == spelled


def test_either_of_two_tokens_signs_while_one_is_being_replaced() -> None:
    header = signature("new", "https://ligne.example.com/voice", [("a", "1")])
    assert is_signed(header, ["old", "new"], ["https://ligne.example.com/voice"], [("a", "1")])
    assert not is_signed(header, ["old"], ["https://ligne.example.com/voice"], [("a", "1")])


def test_who_is_refused_was_held_against_every_candidate_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who measures how long a refusal takes learns nothing of a signature: no `==`, and no end before the last one.

    The comparison itself is Python's (docs.python.org/3/library/hmac.html#hmac.compare_digest).
    """
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def noted(header: bytes, candidate: bytes) -> bool:
        compared.append(candidate)
        return compare(header, candidate)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    urls, params = spellings("https://ligne.example.com/voice"), [("a", "1")]
    right = signature("new", urls[0], params)
    for header in ("", right[:-2] + "A=", right.lower()):
        compared.clear()
        assert not is_signed(header, ["new", "old"], urls, params)
        assert compared == [signature(token, url, params).encode() for token in ("new", "old") for url in urls]


@pytest.mark.parametrize("header", ["", "é", "\udcff", "=", "A" * 10_000])
def test_no_header_and_hostile_headers_are_refused_without_a_word(header: str) -> None:
    assert not is_signed(header, ["token"], ["https://ligne.example.com/voice"], [("a", "1")])


@given(PARAMS)
def test_a_form_is_read_as_it_was_signed(params: list[tuple[str, str]]) -> None:
    assert parameters(urlencode(params).encode()) == tuple(params)
