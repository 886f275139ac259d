"""Addresses as an operator writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey


ProgramOption = Annotated[
    str | None, typer.Option("--program", metavar="ADDR", help="Oracle program; the file's if left out.")
]


def address_of(text: str) -> Pubkey:
    """Raises UsageError for what is not 32 bytes in base58."""
    from solders.pubkey import Pubkey

    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an address: give 32 bytes in base58.") from error
