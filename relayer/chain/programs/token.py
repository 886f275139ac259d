"""The few instructions of the SPL token programs that tests, the demo and market creation need."""

from __future__ import annotations

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import CreateAccountParams, create_account
from solders.token import ID as TOKEN_PROGRAM
from solders.token.associated import get_associated_token_address

ASSOCIATED_TOKEN_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MINT_LEN = 82
_MINT_TO = 7
_INITIALIZE_MINT_2 = 20
_CREATE_IDEMPOTENT = 1


def token_account_address(owner: Pubkey, mint: Pubkey, token_program: Pubkey = TOKEN_PROGRAM) -> Pubkey:
    """The owner's associated token account."""
    return get_associated_token_address(owner, mint, token_program)


def create_mint(payer: Pubkey, mint: Pubkey, *, authority: Pubkey, decimals: int, lamports: int) -> list[Instruction]:
    """A new mint, for which `payer` and `mint` sign; `lamports` keep `MINT_LEN` bytes rent-exempt."""
    return [
        create_account(
            CreateAccountParams(
                from_pubkey=payer, to_pubkey=mint, lamports=lamports, space=MINT_LEN, owner=TOKEN_PROGRAM
            )
        ),
        Instruction(
            TOKEN_PROGRAM,
            struct.pack("<BB32sB", _INITIALIZE_MINT_2, decimals, bytes(authority), 0),
            [AccountMeta(mint, is_signer=False, is_writable=True)],
        ),
    ]


def create_token_account(payer: Pubkey, owner: Pubkey, mint: Pubkey) -> Instruction:
    """The owner's associated token account, if it is not there yet; `payer` signs."""
    accounts = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        AccountMeta(token_account_address(owner, mint), is_signer=False, is_writable=True),
        AccountMeta(owner, is_signer=False, is_writable=False),
        AccountMeta(mint, is_signer=False, is_writable=False),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
        AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
    ]
    return Instruction(ASSOCIATED_TOKEN_PROGRAM, bytes([_CREATE_IDEMPOTENT]), accounts)


def mint_to(mint: Pubkey, account: Pubkey, authority: Pubkey, amount: int) -> Instruction:
    """New tokens, in base units, into a token account; `authority` signs."""
    accounts = [
        AccountMeta(mint, is_signer=False, is_writable=True),
        AccountMeta(account, is_signer=False, is_writable=True),
        AccountMeta(authority, is_signer=True, is_writable=False),
    ]
    return Instruction(TOKEN_PROGRAM, struct.pack("<BQ", _MINT_TO, amount), accounts)
