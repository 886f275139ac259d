"""Methods that send, simulate and look up transactions."""

from __future__ import annotations

from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature

from relayer.localnet import params, transaction_json
from relayer.localnet.bank import Localnet, Record, Simulation
from relayer.localnet.chain import Commitment
from relayer.localnet.encoding import AccountEncoder, wrapped
from relayer.localnet.errors import invalid_params, preflight_failure, signature_failure
from relayer.localnet.methods.cluster import check_health
from relayer.localnet.params import Config
from relayer.localnet.wire import Signed, decode_transaction

_MOST_SIGNATURES = 256
_MOST_FOR_ADDRESS = 1_000


def send_transaction(node: Localnet, wire: Any, config: Any = None) -> Any:
    asked = Config(config)
    skip, commitment = asked.flag("skipPreflight"), asked.preflight_commitment()
    signed = _decode(node, wire, asked)
    block = asked.block(node, Commitment.PROCESSED if skip else commitment)
    if not skip:
        if not signed.signatures_verify():
            raise signature_failure()
        check_health(node)
        simulation = node.simulate(signed, at=block)
        if simulation.outcome.err is not None:
            raise preflight_failure(simulation.outcome.err, transaction_json.simulation(simulation))
    node.submit(signed)
    return str(signed.signature)


def simulate_transaction(node: Localnet, wire: Any, config: Any = None) -> Any:
    asked = Config(config)
    verify, replace = asked.flag("sigVerify"), asked.flag("replaceRecentBlockhash")
    if verify and replace:
        raise invalid_params("sigVerify may not be used with replaceRecentBlockhash")
    signed = _decode(node, wire, asked)
    block = asked.block(node)
    if verify and not signed.signatures_verify():
        raise signature_failure()
    addresses, encode = _accounts_wanted(asked, signed)
    simulation = node.simulate(signed, at=block, check_age=not replace)
    value = transaction_json.simulation(simulation, inner=asked.flag("innerInstructions"))
    if addresses is not None:
        value["accounts"] = _accounts_after(simulation, addresses, encode)
    if replace:
        value["replacementBlockhash"] = {
            "blockhash": str(block.blockhash),
            "lastValidBlockHeight": block.last_valid_height,
        }
    return wrapped(block, value)


def _decode(node: Localnet, wire: Any, config: Config) -> Signed:
    return decode_transaction(params.text(wire), config.text("encoding", "base58"), allow_v1=node.v1)


def _accounts_wanted(config: Config, signed: Signed) -> tuple[list[Pubkey] | None, AccountEncoder]:
    wanted = config.get("accounts")
    accounts = Config(wanted)
    encode = AccountEncoder(accounts, default="base64")
    if wanted is None:
        return None, encode
    if accounts.get("encoding") in ("base58", "binary"):
        raise invalid_params("base58 encoding not supported")
    most = len(signed.message.account_keys)
    addresses = params.items(accounts.get("addresses") or [], at_most=most, what="accounts")
    return [params.pubkey(address) for address in addresses], encode


def _accounts_after(simulation: Simulation, addresses: list[Pubkey], encode: AccountEncoder) -> list[Any]:
    if simulation.outcome.err is not None:
        return [None] * len(addresses)
    after = [simulation.accounts.get(address) for address in addresses]
    return [None if account is None or account.lamports == 0 else encode(account) for account in after]


def request_airdrop(node: Localnet, address: Any, lamports: Any, config: Any = None) -> Any:
    block = Config(config).block(node, Commitment.PROCESSED)
    signed = node.faucet_transfer(params.pubkey(address), params.unsigned(lamports), block)
    node.submit(signed)
    return str(signed.signature)


def get_signature_statuses(node: Localnet, signatures: Any, config: Any = None) -> Any:
    wanted = params.items(signatures, at_most=_MOST_SIGNATURES, what="inputs")
    history = Config(config).flag("searchTransactionHistory")
    statuses = [_status(node, params.signature(one), history=history) for one in wanted]
    return wrapped(node.chain.tip, statuses)


def _status(node: Localnet, signature: Signature, *, history: bool) -> Any:
    record = node.record(signature, Commitment.PROCESSED)
    if record is None or not (history or node.in_status_cache(record)):
        return None
    level, depth = node.level(record), node.chain.tip.height - node.block_of(record).height
    return {
        "slot": record.slot,
        "confirmations": None if level is Commitment.FINALIZED else depth,
        "err": record.outcome.err,
        "status": transaction_json.status(record.outcome.err),
        "confirmationStatus": level.name.lower(),
    }


def get_transaction(node: Localnet, signature: Any, config: Any = None) -> Any:
    asked = Config({"encoding": config} if isinstance(config, str) else config)
    encoding, newest_version = transaction_json.asked_form(asked)
    record = node.record(params.signature(signature), asked.at_least_confirmed())
    if record is None:
        return None
    return {
        "slot": record.slot,
        "blockTime": node.block_of(record).unix_time,
        **transaction_json.with_meta(record, encoding, newest_version),
    }


def get_signatures_for_address(node: Localnet, address: Any, config: Any = None) -> Any:
    asked = Config(config)
    key = params.pubkey(address)
    before, until = (_optional_signature(asked, name) for name in ("before", "until"))
    limit = _MOST_FOR_ADDRESS if asked.get("limit") is None else asked.number("limit")
    if not limit or limit > _MOST_FOR_ADDRESS:
        raise invalid_params(f"Invalid limit; max {_MOST_FOR_ADDRESS}")
    commitment = asked.at_least_confirmed()
    asked.block(node, commitment)
    records = _between(node.records_of(key, commitment), before, until)
    return [_entry(node, record) for record in records[:limit]]


def _optional_signature(config: Config, name: str) -> Signature | None:
    value = config.get(name)
    return None if value is None else params.signature(value)


def _between(records: list[Record], before: Signature | None, until: Signature | None) -> list[Record]:
    """Records older than `before` and newer than `until`, given newest first."""
    signatures = [record.signed.signature for record in records]
    first = signatures.index(before) + 1 if before in signatures else 0
    last = signatures.index(until) if until in signatures else len(records)
    return records[first:last]


def _entry(node: Localnet, record: Record) -> dict[str, Any]:
    return {
        "signature": str(record.signed.signature),
        "slot": record.slot,
        "err": record.outcome.err,
        "memo": transaction_json.memo(record),
        "blockTime": node.block_of(record).unix_time,
        "confirmationStatus": node.level(record).name.lower(),
    }
