"""Base58 with Bitcoin's alphabet, as Solana prints keys, hashes and instruction data."""

from __future__ import annotations

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT = {character: value for value, character in enumerate(_ALPHABET)}


def encode(data: bytes) -> str:
    """`b"\\x00\\x01"` -> `"12"`: one leading `1` for each leading zero byte."""
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def decode(text: str) -> bytes:
    """The bytes of a base58 text. Raises ValueError for a character outside the alphabet."""
    number = 0
    for character in text:
        if character not in _DIGIT:
            raise ValueError(f"{character!r} is not a base58 character")
        number = number * 58 + _DIGIT[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)
