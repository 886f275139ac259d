"""What of SPL tokens a node knows by itself: amounts of token accounts and mints (layouts of the Token program)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

TOKEN_PROGRAMS = (
    Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"),
    Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"),
)
_ACCOUNT_SIZE = 165
_MINT_SIZE = 82
_KIND_OF_ACCOUNT = 2
"""The byte after the base layout that Token-2022 marks token accounts with."""


@dataclass(frozen=True)
class TokenAccount:
    mint: Pubkey
    owner: Pubkey
    amount: int
    program: Pubkey


@dataclass(frozen=True)
class TokenBalance:
    """What one account of a transaction held, before or after it."""

    index: int
    account: TokenAccount
    decimals: int


def token_account(account: Account | None) -> TokenAccount | None:
    """The account read as a token account, None if it is not one."""
    if account is None or account.owner not in TOKEN_PROGRAMS:
        return None
    data = account.data
    if len(data) != _ACCOUNT_SIZE and data[_ACCOUNT_SIZE : _ACCOUNT_SIZE + 1] != bytes([_KIND_OF_ACCOUNT]):
        return None
    amount = int.from_bytes(data[64:72], "little")
    return TokenAccount(Pubkey(data[:32]), Pubkey(data[32:64]), amount, account.owner)


def mint_decimals(mint: Account | None) -> int | None:
    known = mint is not None and mint.owner in TOKEN_PROGRAMS and len(mint.data) >= _MINT_SIZE
    return mint.data[44] if mint is not None and known else None


def mint_supply(mint: Account) -> int:
    return int.from_bytes(mint.data[36:44], "little")


def token_balances(
    accounts: Mapping[Pubkey, Account | None], newest: Callable[[Pubkey], Account | None]
) -> list[TokenBalance]:
    """The token accounts among those of a transaction, by their index; `newest` finds their mints."""
    found = [(index, token) for index, one in enumerate(accounts.values()) if (token := token_account(one))]
    return [TokenBalance(index, token, mint_decimals(newest(token.mint)) or 0) for index, token in found]


def ui_amount(amount: int, decimals: int) -> dict[str, Any]:
    whole, fraction = divmod(amount, 10**decimals)
    text = f"{whole}.{fraction:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
    return {"amount": str(amount), "decimals": decimals, "uiAmount": float(text), "uiAmountString": text}
