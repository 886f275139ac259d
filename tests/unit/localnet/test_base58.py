from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from relayer.localnet import base58


@given(st.binary(max_size=80))
def test_decoding_undoes_encoding(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@given(st.binary(min_size=32, max_size=32))
def test_keys_print_as_solders_prints_them(data: bytes) -> None:
    assert base58.encode(data) == str(Pubkey(data))


def test_each_leading_zero_byte_is_a_one() -> None:
    assert base58.encode(b"\0\0\x01") == "112"
    assert base58.decode("11") == b"\0\0"


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "ab+c"])
def test_characters_outside_the_alphabet_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a base58 character"):
        base58.decode(text)
