"""The vault: what is sealed opens in its place alone, with the keys we have, and not when it was touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.store.vault import Vault, VaultError

OLD, NEW = b"the key of last year, replaced since then", b"the key of this year, which encrypts now"
PLACE = "codes|cipher|1"


@given(st.text(max_size=40), st.text(max_size=20))
def test_what_is_sealed_opens_in_its_place(value: str, place: str) -> None:
    vault = Vault([NEW])
    assert vault.opened(vault.sealed(value, place), place) == value


def test_it_opens_nowhere_else() -> None:
    vault = Vault([NEW])
    for place in ("codes|cipher|2", "codes|other|1", "lines|cipher|1"):
        with pytest.raises(VaultError, match="does not open"):
            vault.opened(vault.sealed("0042", PLACE), place)


@given(st.data())
def test_a_changed_bit_is_found(data: st.DataObject) -> None:
    vault = Vault([NEW])
    cipher = bytearray(vault.sealed("0042", PLACE))
    bit = data.draw(st.integers(0, len(cipher) * 8 - 1))
    cipher[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VaultError):
        vault.opened(bytes(cipher), PLACE)


@given(st.binary(max_size=40))
def test_no_bytes_break_it(cipher: bytes) -> None:
    with pytest.raises(VaultError):
        Vault([NEW]).opened(cipher, PLACE)


def test_the_same_value_never_looks_the_same() -> None:
    vault = Vault([NEW])
    assert len({vault.sealed("0042", PLACE) for _ in range(100)}) == 100


def test_a_replaced_key_still_opens_and_the_new_one_seals() -> None:
    sealed, both = Vault([OLD]).sealed("0042", PLACE), Vault([NEW, OLD])
    assert both.opened(sealed, PLACE) == "0042"
    assert not both.is_current(sealed)
    assert both.is_current(both.sealed("0042", PLACE))
    with pytest.raises(VaultError, match="IVR_SECRET_KEY"):
        Vault([NEW]).opened(sealed, PLACE)


def test_a_keyed_hash_depends_on_kind_value_and_key() -> None:
    old, new, both = Vault([OLD]), Vault([NEW]), Vault([NEW, OLD])
    assert new.key("line", "1") == new.key("line", "1")
    assert len({new.key("line", "1"), new.key("mobile", "1"), new.key("line", "2"), old.key("line", "1")}) == 4
    assert both.keys("line", "1") == (new.key("line", "1"), old.key("line", "1"))
    assert len({new.pepper("a"), new.pepper("b"), old.pepper("a")}) == 3


@pytest.mark.parametrize("keys", [[], [b""], [NEW, b""]])
def test_there_is_no_vault_without_a_key(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="IVR_SECRET_KEY"):
        Vault(keys)
