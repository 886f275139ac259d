"""The reader crate in a program of its own: one fresh price, or the median of several publishers' boards."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedUpdate
from relayer.domain.units import Millis, Price
from tests.svm.chain import START_S, TEST_PROGRAMS, Chain
from tests.svm.rig import NOW_MS, STATE, Rig, make_rig

MAX_AGE_MS = 30_000
NOT_A_BOARD, BAD_INDEX, GONE, STALE, ONE_SIDED, SAME_PUBLISHER, TOO_MANY, NO_QUORUM = range(1, 9)


@pytest.fixture
def consumer(chain: Chain) -> Pubkey:
    key = Keypair().pubkey()
    chain.svm.add_program(key, (TEST_PROGRAMS / "oracle_consumer.so").read_bytes())
    return key


def priced(chain: Chain, bid: int, ask: int, as_of_ms: int = NOW_MS) -> Rig:
    rig = make_rig(chain)
    state = replace(STATE, bid=Price(bid), ask=Price(ask), as_of_ms=Millis(as_of_ms))
    chain.ok(rig.publish(FeedUpdate(0, state)), rig.publisher)
    return rig


def read(chain: Chain, consumer: Pubkey, board: Pubkey, *, index: int = 0, generation: int = 0) -> Instruction:
    data = struct.pack("<BIHH", 0, MAX_AGE_MS, index, generation)
    return Instruction(consumer, data, [AccountMeta(key, False, False) for key in (chain.oracle, board)])


def median(chain: Chain, consumer: Pubkey, boards_read: list[Pubkey], quorum: int) -> Instruction:
    data = struct.pack("<BIB", 1, MAX_AGE_MS, quorum) + bytes(4 * len(boards_read))
    return Instruction(consumer, data, [AccountMeta(key, False, False) for key in (chain.oracle, *boards_read)])


def test_a_fresh_price_is_read_and_a_stale_one_refused(chain: Chain, consumer: Pubkey) -> None:
    rig = priced(chain, 6900, 7100)
    made = read(chain, consumer, rig.board)
    chain.set_time(START_S + 30)
    assert chain.ok(made).return_data == struct.pack("<HH", 6900, 7100)
    chain.set_time(START_S + 31)
    assert chain.send(made).custom == STALE


def test_refusals_name_their_reason(chain: Chain, consumer: Pubkey) -> None:
    rig = priced(chain, 6900, 7100)
    assert chain.send(read(chain, consumer, rig.board, index=1)).custom == STALE, "listed, never published"
    assert chain.send(read(chain, consumer, rig.board, index=4)).custom == BAD_INDEX
    assert chain.send(read(chain, consumer, rig.board, generation=1)).custom == GONE
    assert chain.send(read(chain, consumer, boards.ids_address(chain.oracle, rig.board))).custom == NOT_A_BOARD
    forged = Keypair().pubkey()
    chain.put(forged, chain.data(rig.board), chain.pnp)
    assert chain.send(read(chain, consumer, forged)).error == {"InstructionError": [0, "InvalidAccountOwner"]}
    chain.ok(boards.retire_feeds(chain.oracle, rig.authority.pubkey(), rig.board, [0]), rig.authority)
    assert chain.send(read(chain, consumer, rig.board)).custom == GONE


def test_the_median_wants_a_quorum_of_fresh_prices(chain: Chain, consumer: Pubkey) -> None:
    rigs = [priced(chain, bid, bid + 200) for bid in (7000, 6000, 9000)]
    rigs.append(priced(chain, 0, 7100))
    rigs.append(priced(chain, 100, 200, as_of_ms=NOW_MS - MAX_AGE_MS - 10))
    keys = [rig.board for rig in rigs]
    assert chain.ok(median(chain, consumer, keys, 3)).return_data == struct.pack("<I", 14_200)
    assert chain.send(median(chain, consumer, keys, 4)).custom == NO_QUORUM
    assert chain.ok(median(chain, consumer, keys[:2], 2)).return_data == struct.pack("<I", 12_200)


def test_one_publisher_counts_once(chain: Chain, consumer: Pubkey) -> None:
    rig, other = priced(chain, 7000, 7200), priced(chain, 6000, 6200)
    assert chain.send(median(chain, consumer, [rig.board, rig.board], 1)).custom == SAME_PUBLISHER
    take_over = boards.set_publisher(chain.oracle, other.authority.pubkey(), other.board, rig.publisher.pubkey())
    chain.ok(take_over, other.authority)
    assert chain.send(median(chain, consumer, [rig.board, other.board], 1)).custom == SAME_PUBLISHER
