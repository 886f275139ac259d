"""Methods that read accounts."""

from __future__ import annotations

from typing import Any

from solders.account import Account

from relayer.localnet import params
from relayer.localnet.bank import Localnet
from relayer.localnet.encoding import AccountEncoder, parse_filters, wrapped
from relayer.localnet.errors import invalid_params
from relayer.localnet.params import Config
from relayer.localnet.tokens import TOKEN_PROGRAMS, mint_decimals, mint_supply, token_account, ui_amount


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
    token = token_account(account)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if token is None:
        raise invalid_params("Invalid param: not a Token account")
    mint = node.accounts.at(token.mint, block.slot)
    return wrapped(block, ui_amount(token.amount, _decimals(mint)))


def get_token_supply(node: Localnet, address: Any, config: Any = None) -> Any:
    block = Config(config).block(node)
    mint = node.accounts.at(params.pubkey(address), block.slot)
    if mint is None:
        raise invalid_params("Invalid param: could not find account")
    return wrapped(block, ui_amount(mint_supply(mint), _decimals(mint)))


def _decimals(mint: Account | None) -> int:
    decimals = mint_decimals(mint)
    if decimals is None:
        raise invalid_params("Invalid param: mint could not be unpacked")
    return decimals


def get_token_accounts_by_owner(node: Localnet, owner: Any, which: Any, config: Any = None) -> Any:
    asked, key, wanted = Config(config), params.pubkey(owner), Config(which)
    mint = None if wanted.get("mint") is None else params.pubkey(wanted.get("mint"))
    programs = TOKEN_PROGRAMS if mint else (params.pubkey(wanted.get("programId")),)
    block, encode = asked.block(node), AccountEncoder(asked, default="binary")
    accounts = [pair for program in programs for pair in node.accounts.owned_by(program, block.slot)]
    found = [
        {"pubkey": str(address), "account": encode(account)}
        for address, account in accounts
        if (token := token_account(account)) and token.owner == key and mint in (None, token.mint)
    ]
    return wrapped(block, found)
