"""Slots, heights, blockhashes, fees and blocks."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solders.compute_budget import set_compute_unit_price
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import to_bytes_versioned
from solders.pubkey import Pubkey

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, methods
from relayer.localnet.chain import BLOCKHASH_AGE
from tests.transactions import legacy, pay, text, v0
from tests.unit.localnet.conftest import NOON_MS, Call, newest
from tests.unit.localnet.test_accounts_methods import fails

PROCESSED = {"commitment": "processed"}
CONFIRMED = {"commitment": "confirmed"}


def test_the_node_says_who_it_is(call: Call, node: Localnet) -> None:
    assert call("getHealth") == "ok"
    assert call("getVersion") == {"solana-core": "4.2.0", "feature-set": 0}
    assert call("getGenesisHash") == str(node.chain.genesis_hash)
    assert call("getIdentity")["identity"] == call("getSlotLeader") == call("getClusterNodes")[0]["pubkey"]


def test_slots_and_heights_by_level(call: Call, node: Localnet) -> None:
    node.advance(40)
    for method in ("getSlot", "getBlockHeight"):
        levels: tuple[Any, ...] = (PROCESSED, CONFIRMED, {"commitment": "finalized"}, None)
        assert [call(method, level) for level in levels] == [40, 39, 9, 9]
        assert call(method) == 9


def test_a_word_that_is_no_commitment_counts_as_finalized(call: Call, node: Localnet) -> None:
    node.advance(40)
    assert call("getSlot", {"commitment": "max", "unknown": 1}) == 9


def test_skipped_slots_show_in_heights_and_blocks() -> None:
    node = Localnet(clock=Clock(), skip_every=5)
    node.advance(40)

    def call(method: str, *params: Any) -> Any:
        return methods.call(node, method, list(params))

    info = call("getEpochInfo", PROCESSED)
    assert (info["absoluteSlot"], info["blockHeight"], info["slotIndex"]) == (49, 40, 49)
    assert call("getBlocks", 3, 7, CONFIRMED) == [3, 4, 6, 7]
    error = fails(call, "getBlock", 5, CONFIRMED)
    assert (error.code, error.message) == (
        -32007,
        "Slot 5 was skipped, or missing due to ledger jump to recent snapshot",
    )


def test_a_blockhash_lives_for_150_blocks(call: Call, node: Localnet) -> None:
    answer = call("getLatestBlockhash", PROCESSED)["value"]
    assert answer["lastValidBlockHeight"] == BLOCKHASH_AGE
    node.advance(BLOCKHASH_AGE)
    assert call("getBlockHeight", PROCESSED) == answer["lastValidBlockHeight"]
    assert call("isBlockhashValid", answer["blockhash"], PROCESSED)["value"] is True
    node.advance()
    assert call("isBlockhashValid", answer["blockhash"], PROCESSED)["value"] is False
    assert call("isBlockhashValid", answer["blockhash"])["value"] is True


def test_a_blockhash_is_known_from_its_own_block_on(call: Call, node: Localnet) -> None:
    node.advance(2)
    blockhash = call("getLatestBlockhash", PROCESSED)["value"]["blockhash"]
    assert call("isBlockhashValid", blockhash, CONFIRMED)["value"] is False
    node.advance()
    assert call("isBlockhashValid", blockhash, CONFIRMED)["value"] is True
    assert fails(call, "isBlockhashValid", "abc").message == "Invalid param: WrongSize"


def test_fees_of_a_message(call: Call, node: Localnet, payer: Keypair) -> None:
    def fee(blockhash: Hash) -> Any:
        message = v0(payer, [set_compute_unit_price(1_000_000), pay(payer, Pubkey.new_unique())], blockhash).message
        return call("getFeeForMessage", base64.b64encode(to_bytes_versioned(message)).decode(), PROCESSED)["value"]

    assert fee(newest(node)) == 5_000 + 2 * 3_000
    assert fee(Hash.new_unique()) is None
    assert fails(call, "getFeeForMessage", "!").code == -32602


def test_recent_fees_are_the_lowest_price_of_each_block(call: Call, node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    for price in (900, 500):
        wire = v0(payer, [set_compute_unit_price(price), pay(payer, to, 1_000_000 + price)], newest(node))
        call("sendTransaction", text(wire), {"encoding": "base64", "skipPreflight": True})
    node.advance()
    assert call("getRecentPrioritizationFees", [str(to)])[-1] == {"slot": 1, "prioritizationFee": 500}
    assert call("getRecentPrioritizationFees", [str(Pubkey.new_unique())])[-1]["prioritizationFee"] == 0
    node.advance(200)
    fees = call("getRecentPrioritizationFees")
    assert [fees[0]["slot"], fees[-1]["slot"], len(fees)] == [52, 201, 150]


def test_a_block_with_its_transactions(call: Call, node: Localnet, payer: Keypair) -> None:
    transaction = legacy(payer, [pay(payer, Pubkey.new_unique())], newest(node))
    signature = call("sendTransaction", text(transaction), {"encoding": "base64"})
    node.advance(2)
    block = call("getBlock", 1, CONFIRMED)
    assert (block["parentSlot"], block["blockHeight"], block["blockTime"]) == (0, 1, NOON_MS // 1000)
    assert block["previousBlockhash"] == str(node.chain.genesis_hash)
    assert [one["transaction"]["signatures"] for one in block["transactions"]] == [[signature]]
    assert call("getBlock", 1, CONFIRMED | {"transactionDetails": "signatures"})["signatures"] == [signature]
    bare = call("getBlock", 1, CONFIRMED | {"transactionDetails": "none", "rewards": False})
    assert {"transactions", "signatures", "rewards"} & bare.keys() == set()
    assert call("getTransactionCount", CONFIRMED) == 1
    assert call("getTransactionCount") == 0


def test_a_block_that_is_not_there(call: Call, node: Localnet) -> None:
    node.advance(40)
    error = fails(call, "getBlock", 41, CONFIRMED)
    assert (error.code, error.message) == (-32004, "Block not available for slot 41")
    assert fails(call, "getBlock", 10).code == -32004
    assert call("getBlock", 10, CONFIRMED)["blockHeight"] == 10
    assert call("getBlockTime", 10) == NOON_MS // 1000
    assert call("getBlocksWithLimit", 3, 2) == [3, 4]
    assert call("getBlocks", 38, 10**6, CONFIRMED) == [38, 39]


def test_a_block_that_is_cleaned_up() -> None:
    node = Localnet(clock=Clock(), keep_blocks=200)
    node.advance(250)

    def call(method: str, *params: Any) -> Any:
        return methods.call(node, method, list(params))

    first = call("getFirstAvailableBlock")
    assert first == call("minimumLedgerSlot") == 51
    error = fails(call, "getBlock", 50)
    assert (error.code, error.message) == (
        -32001,
        "Block 50 cleaned up, does not exist on node. First available block: 51",
    )


def test_the_epoch_schedule_has_no_warm_up(call: Call, node: Localnet) -> None:
    schedule = call("getEpochSchedule")
    assert (schedule["slotsPerEpoch"], schedule["warmup"]) == (432_000, False)
    assert call("getEpochInfo")["slotsInEpoch"] == 432_000


@pytest.mark.parametrize(
    ("method", "params", "code", "message"),
    [
        ("getNothing", [], -32601, "Method not found"),
        ("getSlot", [None, None], -32602, "Invalid parameters: Expected from 0 to 1 parameters."),
        ("getHealth", [1], -32602, "Invalid parameters: No parameters were expected"),
        ("getBlock", ["one"], -32602, 'Invalid params: invalid type: string "one", expected u64.'),
        ("getBlock", [1.5], -32602, "Invalid params: invalid type: floating point `1.5`, expected u64."),
    ],
)
def test_calls_that_cannot_be(call: Call, method: str, params: list[Any], code: int, message: str) -> None:
    error = fails(call, method, *params)
    assert (error.code, error.message) == (code, message)


def test_params_are_an_array(node: Localnet) -> None:
    error = fails(lambda method, params: methods.call(node, method, params), "getSlot", {"commitment": "processed"})
    assert (error.code, error.message) == (-32602, "`params` should be an array")
