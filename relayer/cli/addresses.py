"""Addresses and hashes as an operator writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey


def address_of(text: str) -> Pubkey:
    """Raises UsageError for what is not 32 bytes in base58."""
    from solders.pubkey import Pubkey

    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an address: give 32 bytes in base58.") from error


def digest_of(option: str, text: str) -> bytes:
    """32 bytes of 64 hexadecimal digits. Raises UsageError naming the option."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise UsageError(f"{option} {text!r} is not a SHA-256: give 64 hexadecimal digits.")
    return digest
