"""Methods that tell slots, heights, blockhashes, fees and blocks."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from solders.message import from_bytes_versioned

from relayer.localnet import params, transaction_json
from relayer.localnet.bank import Localnet
from relayer.localnet.chain import BLOCKHASH_AGE, Block, Commitment
from relayer.localnet.encoding import API_VERSION, wrapped
from relayer.localnet.errors import block_cleaned_up, block_not_available, invalid_params, node_unhealthy, slot_skipped
from relayer.localnet.params import Config

_MOST_BLOCKS = 500_000


def check_health(node: Localnet) -> None:
    """Raises RpcError (-32005) if the node says that it lags."""
    if node.slots_behind:
        raise node_unhealthy(node.slots_behind)


def get_health(node: Localnet) -> Any:
    check_health(node)
    return "ok"


def get_version(node: Localnet) -> Any:
    return {"solana-core": API_VERSION, "feature-set": 0}


def get_genesis_hash(node: Localnet) -> Any:
    return str(node.chain.genesis_hash)


def get_identity(node: Localnet) -> Any:
    return {"identity": str(node.identity)}


def get_slot_leader(node: Localnet, config: Any = None) -> Any:
    Config(config).block(node)
    return str(node.identity)


def get_cluster_nodes(node: Localnet) -> Any:
    return [{"pubkey": str(node.identity), "version": API_VERSION, "featureSet": 0, "shredVersion": 1}]


def get_slot(node: Localnet, config: Any = None) -> Any:
    return Config(config).block(node).slot


def get_block_height(node: Localnet, config: Any = None) -> Any:
    return Config(config).block(node).height


def get_transaction_count(node: Localnet, config: Any = None) -> Any:
    return Config(config).block(node).transactions


def get_epoch_info(node: Localnet, config: Any = None) -> Any:
    block = Config(config).block(node)
    epoch, index = node.schedule.get_epoch_and_slot_index(block.slot)
    return {
        "absoluteSlot": block.slot,
        "blockHeight": block.height,
        "epoch": epoch,
        "slotIndex": index,
        "slotsInEpoch": node.schedule.get_slots_in_epoch(epoch),
        "transactionCount": block.transactions,
    }


def get_epoch_schedule(node: Localnet) -> Any:
    schedule = node.schedule
    return {
        "slotsPerEpoch": schedule.slots_per_epoch,
        "leaderScheduleSlotOffset": schedule.leader_schedule_slot_offset,
        "warmup": schedule.warmup,
        "firstNormalEpoch": schedule.first_normal_epoch,
        "firstNormalSlot": schedule.first_normal_slot,
    }


def get_latest_blockhash(node: Localnet, config: Any = None) -> Any:
    block = Config(config).block(node)
    return wrapped(block, {"blockhash": str(block.blockhash), "lastValidBlockHeight": block.last_valid_height})


def is_blockhash_valid(node: Localnet, blockhash: Any, config: Any = None) -> Any:
    block = Config(config).block(node)
    return wrapped(block, node.chain.is_recent(params.blockhash(blockhash), at_height=block.height))


def get_fee_for_message(node: Localnet, message: Any, config: Any = None) -> Any:
    """Null for a message whose blockhash is not known, as on a node."""
    block = Config(config).block(node)
    return wrapped(block, node.fee(_message(message), at=block))


def get_recent_prioritization_fees(node: Localnet, addresses: Any = None) -> Any:
    keys = {params.pubkey(address) for address in params.items(addresses or [], at_most=128, what="inputs")}
    newest = node.chain.newest(BLOCKHASH_AGE)
    return [{"slot": block.slot, "prioritizationFee": node.lowest_price(block, keys)} for block in newest]


def get_block_time(node: Localnet, slot: Any) -> Any:
    return _block(node, params.unsigned(slot), Commitment.CONFIRMED).unix_time


def get_first_available_block(node: Localnet) -> Any:
    return node.chain.first.slot


def get_blocks(node: Localnet, start: Any, end: Any = None, config: Any = None) -> Any:
    first = params.unsigned(start)
    asked = Config(end if isinstance(end, dict) else config)
    newest = node.chain.at(asked.at_least_confirmed()).slot
    last = newest if end is None or isinstance(end, dict) else min(params.unsigned(end), newest)
    if last - first > _MOST_BLOCKS:
        raise invalid_params(f"Slot range too large; max {_MOST_BLOCKS}")
    return [block.slot for block in node.chain.blocks(first, last)]


def get_blocks_with_limit(node: Localnet, start: Any, limit: Any, config: Any = None) -> Any:
    count = params.unsigned(limit)
    if count > _MOST_BLOCKS:
        raise invalid_params(f"Limit too large; max {_MOST_BLOCKS}")
    newest = node.chain.at(Config(config).at_least_confirmed()).slot
    return [block.slot for block in node.chain.blocks(params.unsigned(start), newest)][:count]


def get_block(node: Localnet, slot: Any, config: Any = None) -> Any:
    asked = Config({"encoding": config} if isinstance(config, str) else config)
    block = _block(node, params.unsigned(slot), asked.at_least_confirmed())
    body = {
        "blockhash": str(block.blockhash),
        "previousBlockhash": str(block.parent_hash),
        "parentSlot": block.parent_slot,
        "blockHeight": block.height,
        "blockTime": block.unix_time,
    }
    if asked.flag("rewards", default=True):
        body["rewards"] = []
    details = asked.choice("transactionDetails", ("full", "signatures", "none"), "full")
    if details == "signatures":
        body["signatures"] = [str(signature) for signature in block.signatures]
    elif details == "full":
        encoding, newest_version = transaction_json.asked_form(asked)
        body["transactions"] = [
            transaction_json.with_meta(node.records[signature], encoding, newest_version)
            for signature in block.signatures
        ]
    return body


def _block(node: Localnet, slot: int, commitment: Commitment) -> Block:
    if slot < node.chain.first.slot:
        raise block_cleaned_up(slot, node.chain.first.slot)
    if slot > node.chain.at(commitment).slot:
        raise block_not_available(slot)
    block = node.chain.block(slot)
    if block is None:
        raise slot_skipped(slot)
    return block


def _message(text: Any) -> Any:
    try:
        return from_bytes_versioned(base64.b64decode(params.text(text), validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid_params(f"Invalid param: not a base64 encoded message: {error}") from error
