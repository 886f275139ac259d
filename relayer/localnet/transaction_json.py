"""Transactions, their meta and simulations as JSON, in the forms of `solana-transaction-status-client-types`."""

from __future__ import annotations

import base64
from typing import Any

from solders.instruction import CompiledInstruction
from solders.message import MessageV0, MessageV1
from solders.pubkey import Pubkey

from relayer.localnet import base58
from relayer.localnet.bank import Record, Simulation
from relayer.localnet.errors import unsupported_version
from relayer.localnet.machine import Outcome
from relayer.localnet.params import Config
from relayer.localnet.tokens import TokenBalance, ui_amount
from relayer.localnet.wire import Keys, Signed

_ENCODINGS = ("json", "jsonParsed", "base58", "base64", "binary")
_MEMO_PROGRAMS = {
    Pubkey.from_string("Memo1UhkJRfHyvLMcVucJwxXeuD728EqVDDwQDxFMNo"),
    Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"),
}


def asked_form(config: Config) -> tuple[str, int | None]:
    """Encoding and newest version that a call's config asks for."""
    return config.choice("encoding", _ENCODINGS, "json"), config.number("maxSupportedTransactionVersion")


def status(err: Any) -> dict[str, Any]:
    return {"Ok": None} if err is None else {"Err": err}


def with_meta(record: Record, encoding: str, newest_version: int | None) -> dict[str, Any]:
    """`{transaction, meta, version}`. Raises RpcError (-32015) for a version the client does not say it reads."""
    version = record.signed.version
    if version != "legacy" and (newest_version is None or version > newest_version):
        raise unsupported_version(version)
    body = {"transaction": _transaction(record.signed, record.keys, encoding), "meta": _meta(record, encoding)}
    return body if newest_version is None else body | {"version": version}


def _transaction(signed: Signed, keys: Keys, encoding: str) -> Any:
    if encoding == "base64":
        return [base64.b64encode(signed.raw).decode(), "base64"]
    if encoding in ("base58", "binary"):
        text = base58.encode(signed.raw)
        return [text, "base58"] if encoding == "base58" else text
    message = _parsed_message(signed, keys) if encoding == "jsonParsed" else _raw_message(signed)
    return {"signatures": [str(one) for one in signed.transaction.signatures], "message": message}


def _raw_message(signed: Signed) -> dict[str, Any]:
    header = signed.message.header
    return {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": [str(key) for key in signed.message.account_keys],
        "recentBlockhash": str(signed.blockhash),
        "instructions": [_instruction(one, 1) for one in signed.instructions],
        **_version_parts(signed),
    }


def _version_parts(signed: Signed) -> dict[str, Any]:
    message = signed.message
    if isinstance(message, MessageV0):
        lookups = [
            {
                "accountKey": str(lookup.account_key),
                "writableIndexes": list(lookup.writable_indexes),
                "readonlyIndexes": list(lookup.readonly_indexes),
            }
            for lookup in message.address_table_lookups
        ]
        return {"addressTableLookups": lookups}
    if isinstance(message, MessageV1):
        config = message.config
        return {
            "transactionConfig": {
                "priorityFee": config.priority_fee,
                "computeUnitLimit": config.compute_unit_limit,
                "loadedAccountsDataSizeLimit": config.loaded_accounts_data_size_limit,
                "heapSize": config.heap_size,
            }
        }
    return {}


def _parsed_message(signed: Signed, keys: Keys) -> dict[str, Any]:
    """The jsonParsed form; no program has a parser here, so every instruction is partially decoded."""
    signers = signed.message.header.num_required_signatures
    static = [
        {"pubkey": str(key), "signer": index < signers, "writable": writable, "source": "transaction"}
        for index, (key, writable) in enumerate(zip(keys.static, keys.static_writable, strict=True))
    ]
    loaded = [
        {"pubkey": str(key), "signer": False, "writable": writable, "source": "lookupTable"}
        for part, writable in ((keys.loaded_writable, True), (keys.loaded_readonly, False))
        for key in part
    ]
    return {
        "accountKeys": static + loaded,
        "recentBlockhash": str(signed.blockhash),
        "instructions": [_decoded(one, keys.all, 1) for one in signed.instructions],
        **_version_parts(signed),
    }


def _instruction(instruction: CompiledInstruction, stack_height: int | None) -> dict[str, Any]:
    return {
        "programIdIndex": instruction.program_id_index,
        "accounts": list(instruction.accounts),
        "data": base58.encode(instruction.data),
        "stackHeight": stack_height,
    }


def _decoded(instruction: CompiledInstruction, keys: list[Pubkey], stack_height: int | None) -> dict[str, Any]:
    return {
        "programId": str(keys[instruction.program_id_index]),
        "accounts": [str(keys[index]) for index in instruction.accounts],
        "data": base58.encode(instruction.data),
        "stackHeight": stack_height,
    }


def _meta(record: Record, encoding: str) -> dict[str, Any]:
    outcome, keys = record.outcome, record.keys
    meta = {
        "err": outcome.err,
        "status": status(outcome.err),
        "fee": outcome.fee,
        "preBalances": record.pre_balances,
        "postBalances": record.post_balances,
        "innerInstructions": _inner(outcome, keys, parsed=encoding == "jsonParsed"),
        "logMessages": list(outcome.logs),
        "preTokenBalances": [_token_balance(one) for one in record.pre_tokens],
        "postTokenBalances": [_token_balance(one) for one in record.post_tokens],
        "rewards": [],
        "computeUnitsConsumed": outcome.units,
    }
    if encoding != "jsonParsed":
        meta["loadedAddresses"] = _loaded(keys)
    data = _return_data(outcome)
    return meta if data is None else meta | {"returnData": data}


def _token_balance(balance: TokenBalance) -> dict[str, Any]:
    token = balance.account
    return {
        "accountIndex": balance.index,
        "mint": str(token.mint),
        "owner": str(token.owner),
        "programId": str(token.program),
        "uiTokenAmount": ui_amount(token.amount, balance.decimals),
    }


def _loaded(keys: Keys) -> dict[str, Any]:
    return {
        "writable": [str(key) for key in keys.loaded_writable],
        "readonly": [str(key) for key in keys.loaded_readonly],
    }


def _inner(outcome: Outcome, keys: Keys, *, parsed: bool) -> list[dict[str, Any]]:
    every = keys.all
    return [
        {
            "index": index,
            "instructions": [
                _decoded(one.instruction(), every, one.stack_height())
                if parsed
                else _instruction(one.instruction(), one.stack_height())
                for one in instructions
            ],
        }
        for index, instructions in enumerate(outcome.inner)
        if instructions
    ]


def _return_data(outcome: Outcome) -> dict[str, Any] | None:
    if not outcome.return_data:
        return None
    return {
        "programId": str(outcome.return_program),
        "data": [base64.b64encode(outcome.return_data).decode(), "base64"],
    }


def simulation(simulated: Simulation, *, inner: bool = False) -> dict[str, Any]:
    outcome = simulated.outcome
    return {
        "err": outcome.err,
        "logs": list(outcome.logs),
        "accounts": None,
        "unitsConsumed": outcome.units,
        "loadedAccountsDataSize": outcome.loaded_size,
        "returnData": _return_data(outcome),
        "innerInstructions": _inner(outcome, simulated.keys, parsed=True) if inner else None,
        "fee": outcome.fee,
        "loadedAddresses": _loaded(simulated.keys),
    }


def memo(record: Record) -> str | None:
    """The memos of a transaction as getSignaturesForAddress shows them: `[5] hello; [2] hi`."""
    keys = record.keys.all
    texts = [
        instruction.data.decode(errors="replace")
        for instruction in record.signed.instructions
        if keys[instruction.program_id_index] in _MEMO_PROGRAMS
    ]
    return "; ".join(f"[{len(text.encode())}] {text}" for text in texts) or None
