"""Methods that read accounts."""

from __future__ import annotations

from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from relayer.localnet import params
from relayer.localnet.bank import Localnet
from relayer.localnet.encoding import AccountEncoder, parse_filters, wrapped
from relayer.localnet.errors import invalid_params
from relayer.localnet.params import Config

_TOKEN_PROGRAMS = {
    Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"),
    Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"),
}
_TOKEN_ACCOUNT_SIZE = 165
_MINT_SIZE = 82


def get_balance(node: Localnet, address: Any, config: Any = None) -> Any:
    block = Config(config).block(node)
    account = node.accounts.at(params.pubkey(address), block.slot)
    return wrapped(block, 0 if account is None else account.lamports)


def get_account_info(node: Localnet, address: Any, config: Any = None) -> Any:
    asked = Config(config)
    block, encode = asked.block(node), AccountEncoder(asked, default="binary")
    account = node.accounts.at(params.pubkey(address), block.slot)
    return wrapped(block, None if account is None else encode(account))


def get_multiple_accounts(node: Localnet, addresses: Any, config: Any = None) -> Any:
    asked = Config(config)
    keys = [params.pubkey(address) for address in params.items(addresses, at_most=100, what="inputs")]
    block, encode = asked.block(node), AccountEncoder(asked, default="base64")
    accounts = [node.accounts.at(key, block.slot) for key in keys]
    return wrapped(block, [None if account is None else encode(account) for account in accounts])


def get_program_accounts(node: Localnet, program: Any, config: Any = None) -> Any:
    asked = Config(config)
    key, matches = params.pubkey(program), parse_filters(asked.get("filters"))
    block, encode = asked.block(node), AccountEncoder(asked, default="binary")
    found = [
        {"pubkey": str(address), "account": encode(account)}
        for address, account in node.accounts.owned_by(key, block.slot)
        if matches(account)
    ]
    return wrapped(block, found) if asked.flag("withContext") else found


def get_minimum_balance_for_rent_exemption(node: Localnet, size: Any, config: Any = None) -> Any:
    Config(config)
    return node.rent_exempt(params.unsigned(size))


def get_token_account_balance(node: Localnet, address: Any, config: Any = None) -> Any:
    block = Config(config).block(node)
    account = node.accounts.at(params.pubkey(address), block.slot)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if account.owner not in _TOKEN_PROGRAMS or len(account.data) < _TOKEN_ACCOUNT_SIZE:
        raise invalid_params("Invalid param: not a Token account")
    mint = node.accounts.at(Pubkey(account.data[:32]), block.slot)
    return wrapped(block, _ui_amount(int.from_bytes(account.data[64:72], "little"), _decimals(mint)))


def get_token_supply(node: Localnet, address: Any, config: Any = None) -> Any:
    block = Config(config).block(node)
    mint = node.accounts.at(params.pubkey(address), block.slot)
    if mint is None:
        raise invalid_params("Invalid param: could not find account")
    return wrapped(block, _ui_amount(int.from_bytes(mint.data[36:44], "little"), _decimals(mint)))


def _decimals(mint: Account | None) -> int:
    if mint is None or mint.owner not in _TOKEN_PROGRAMS or len(mint.data) < _MINT_SIZE:
        raise invalid_params("Invalid param: mint could not be unpacked")
    return mint.data[44]


def _ui_amount(amount: int, decimals: int) -> dict[str, Any]:
    whole, fraction = divmod(amount, 10**decimals)
    text = f"{whole}.{fraction:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)
    return {"amount": str(amount), "decimals": decimals, "uiAmount": float(text), "uiAmountString": text}
