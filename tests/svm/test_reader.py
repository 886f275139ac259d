"""The reader crate in a program of its own: one price that trades now, or the median of several publishers' boards.

What every reader refuses is in `tests/vectors/reader.json`; here is what reaches a program, and what a stranger can do.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedUpdate
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price
from tests.svm.chain import START_S, TEST_PROGRAMS, Chain, Sent
from tests.svm.rig import NOW_MS, STATE, Rig, make_rig

MAX_AGE_MS = 30_000
WRONG_BOARD, WRONG_OWNER, NOT_A_BOARD, WRONG_AUTHORITY, BAD_INDEX, GONE, NO_PRICE, STALE, NOT_TRADING = range(1, 10)
NO_QUORUM = 12
CONFIGURE, READ, MEDIAN = (bytes([tag]) for tag in range(3))


@dataclass
class Consumer:
    """The example program and its configuration."""

    chain: Chain
    program: Pubkey
    config: Keypair

    def configure(self, sources: Sequence[bytes], *, quorum: int = 1) -> Sent:
        data = struct.pack("<32sIB", bytes(self.chain.oracle), MAX_AGE_MS, quorum) + b"".join(sources)
        payer, config = self.chain.payer.pubkey(), self.config.pubkey()
        made = CreateAccountParams(
            from_pubkey=payer, to_pubkey=config, lamports=10**8, space=len(data), owner=self.program
        )
        written = Instruction(self.program, CONFIGURE + data, [AccountMeta(config, True, True)])
        return self.chain.ok([create_account(made), written], self.config)

    def send(self, call: bytes, *accounts: Pubkey) -> Sent:
        metas = [AccountMeta(key, False, False) for key in (self.config.pubkey(), *accounts)]
        return self.chain.send(Instruction(self.program, call, metas))

    def median(self, *accounts: Pubkey) -> int | None:
        """Twice the middle; None for want of a quorum."""
        sent = self.send(MEDIAN, *accounts)
        assert sent.custom in (None, NO_QUORUM)
        return None if sent.custom else int.from_bytes(sent.return_data, "little")


@pytest.fixture
def consumer(chain: Chain) -> Consumer:
    program = Keypair().pubkey()
    chain.svm.add_program(program, (TEST_PROGRAMS / "oracle_consumer.so").read_bytes())
    return Consumer(chain, program, Keypair())


def publish(rig: Rig, bid: int, ask: int, *, as_of_ms: int = NOW_MS, status: MarketStatus = STATE.status) -> None:
    state = replace(STATE, bid=Price(bid), ask=Price(ask), as_of_ms=Millis(as_of_ms), status=status)
    rig.chain.ok(rig.publish(FeedUpdate(0, state), base_ms=as_of_ms), rig.publisher)


def priced(chain: Chain, bid: int, ask: int, *, as_of_ms: int = NOW_MS) -> Rig:
    rig = make_rig(chain)
    publish(rig, bid, ask, as_of_ms=as_of_ms)
    return rig


def source(rig: Rig, *, index: int = 0, generation: int = 0, authority: Pubkey | None = None) -> bytes:
    key = authority or rig.authority.pubkey()
    return struct.pack("<32s32sHH", bytes(key), bytes(rig.board), index, generation)


def test_a_fresh_price_is_read_and_a_stale_one_refused(chain: Chain, consumer: Consumer) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig)])
    chain.set_time(START_S + 30)
    sent = consumer.send(READ, rig.board)
    assert sent.return_data == struct.pack("<HH", 6900, 7100)
    assert sent.compute_units < 700
    chain.set_time(START_S + 31)
    assert consumer.send(READ, rig.board).custom == STALE


@pytest.mark.parametrize("status", [status for status in MarketStatus if status is not MarketStatus.ACTIVE])
def test_a_market_that_does_not_trade_has_no_price(chain: Chain, consumer: Consumer, status: MarketStatus) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig)])
    assert consumer.send(READ, rig.board).error is None
    publish(rig, 6900, 7100, as_of_ms=NOW_MS + 1_000, status=status)
    assert consumer.send(READ, rig.board).custom == NOT_TRADING
    publish(rig, 6900, 7100, as_of_ms=NOW_MS + 2_000)
    assert consumer.send(READ, rig.board).error is None, "trading again"


def test_another_authority_is_refused(chain: Chain, consumer: Consumer) -> None:
    """A stranger's board, and the very board once it is somebody else's."""
    rig, stranger, buyer = priced(chain, 6900, 7100), priced(chain, 1, 2), chain.funded()
    consumer.configure([source(rig)])
    assert consumer.send(READ, stranger.board).custom == WRONG_BOARD
    given = boards.propose_authority(chain.oracle, rig.authority.pubkey(), rig.board, buyer.pubkey())
    chain.ok(given, rig.authority)
    assert consumer.send(READ, rig.board).error is None, "proposed is not handed over"
    chain.ok(boards.accept_authority(chain.oracle, buyer.pubkey(), rig.board), buyer)
    assert consumer.send(READ, rig.board).custom == WRONG_AUTHORITY


def test_accounts_that_are_not_the_programs_are_refused(chain: Chain, consumer: Consumer) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig)])
    data = chain.data(rig.board)
    chain.put(rig.board, data, chain.pnp)
    assert consumer.send(READ, rig.board).custom == WRONG_OWNER
    chain.put(rig.board, data[:100], chain.oracle)
    assert consumer.send(READ, rig.board).custom == NOT_A_BOARD


@pytest.mark.parametrize(
    ("index", "generation", "refusal"), [(1, 0, NO_PRICE), (4, 0, BAD_INDEX), (0, 1, GONE), (65_535, 0, BAD_INDEX)]
)
def test_a_slot_without_the_feed_is_refused(
    chain: Chain, consumer: Consumer, index: int, generation: int, refusal: int
) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig, index=index, generation=generation)])
    assert consumer.send(READ, rig.board).custom == refusal


def test_a_retired_and_a_closed_board_give_nothing(chain: Chain, consumer: Consumer) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig)])
    chain.ok(boards.retire_feeds(chain.oracle, rig.authority.pubkey(), rig.board, [0]), rig.authority)
    assert consumer.send(READ, rig.board).custom == GONE
    chain.ok(boards.close_board(chain.oracle, rig.authority.pubkey(), rig.board), rig.authority)
    assert consumer.send(READ, rig.board).custom == NOT_A_BOARD


def test_the_median_wants_a_quorum_of_prices(chain: Chain, consumer: Consumer) -> None:
    rigs = [priced(chain, bid, bid + 200) for bid in (7000, 6000, 9000)]
    rigs.append(priced(chain, 0, 7100))
    rigs.append(priced(chain, 100, 200, as_of_ms=NOW_MS - MAX_AGE_MS - 10))
    consumer.configure([source(rig) for rig in rigs], quorum=3)
    keys = [rig.board for rig in rigs]
    assert consumer.median(*keys) == 14_200
    assert consumer.median(*reversed(keys)) == 14_200
    assert consumer.median(*keys[1:]) is None
    publish(rigs[0], 7000, 7200, as_of_ms=NOW_MS + 1_000, status=MarketStatus.PAUSED)
    assert consumer.median(*keys) is None, "a paused market does not count"


def test_a_bad_account_neither_stops_nor_swings_the_median(chain: Chain, consumer: Consumer) -> None:
    rigs = [priced(chain, bid, bid + 200) for bid in (7000, 6000, 9000)]
    consumer.configure([source(rig) for rig in rigs], quorum=3)
    keys = [rig.board for rig in rigs]
    forged, garbage = Keypair().pubkey(), Keypair().pubkey()
    chain.put(forged, chain.data(keys[0]), chain.pnp)
    chain.put(garbage, b"garbage", chain.oracle)
    strangers = [priced(chain, 1, 2).board for _ in range(5)]
    ids = boards.ids_address(chain.oracle, keys[0])
    for bad in (forged, garbage, ids, Keypair().pubkey(), keys[0], *strangers):
        assert consumer.median(bad, *keys) == consumer.median(*keys, bad) == 14_200
    assert consumer.median(*strangers, *keys) == 14_200
    assert consumer.median(*strangers) is None
    assert consumer.median(keys[0], keys[0], keys[0]) is None, "one authority is one voice"


def test_a_closed_board_takes_one_voice_away_and_no_more(chain: Chain, consumer: Consumer) -> None:
    rigs = [priced(chain, bid, bid + 200) for bid in (7000, 6000, 9000, 100)]
    consumer.configure([source(rig) for rig in rigs], quorum=3)
    keys = [rig.board for rig in rigs]
    assert consumer.median(*keys) == 12_200
    chain.ok(boards.close_board(chain.oracle, rigs[3].authority.pubkey(), keys[3]), rigs[3].authority)
    assert consumer.median(*keys) == 14_200
    chain.ok(boards.close_board(chain.oracle, rigs[2].authority.pubkey(), keys[2]), rigs[2].authority)
    assert consumer.median(*keys) is None


def test_two_publishers_keys_in_one_hand_are_one_voice_if_the_authority_is(chain: Chain, consumer: Consumer) -> None:
    """A voice is an authority's: who shares a publisher's key with another authority still answers for its own."""
    rig, other = priced(chain, 7000, 7200), priced(chain, 6000, 6200)
    take_over = boards.set_publisher(chain.oracle, other.authority.pubkey(), other.board, rig.publisher.pubkey())
    chain.ok(take_over, other.authority)
    consumer.configure([source(rig), source(other)], quorum=2)
    assert consumer.median(rig.board, other.board) == 12_200


def test_sixteen_sources_and_more_accounts_fit_a_program(chain: Chain, consumer: Consumer) -> None:
    rigs = [priced(chain, bid, bid + 2) for bid in range(1000, 2600, 100)]
    consumer.configure([source(rig) for rig in rigs], quorum=16)
    keys = [rig.board for rig in rigs]
    sent = consumer.send(MEDIAN, *keys, *keys[:3])
    assert int.from_bytes(sent.return_data, "little") == 2 * 1700 + 2
    assert sent.compute_units < 12_000


def test_the_configuration_is_written_once_and_by_its_maker(chain: Chain, consumer: Consumer) -> None:
    rig = priced(chain, 6900, 7100)
    consumer.configure([source(rig)])
    config = consumer.config.pubkey()
    again = CONFIGURE + chain.data(config)
    signed = Instruction(consumer.program, again, [AccountMeta(config, True, True)])
    assert chain.send(signed, consumer.config).error == {"InstructionError": [0, "AccountAlreadyInitialized"]}
    unsigned = Instruction(consumer.program, again, [AccountMeta(config, False, True)])
    assert chain.send(unsigned).error == {"InstructionError": [0, "MissingRequiredSignature"]}
    forged = Keypair().pubkey()
    chain.put(forged, chain.data(config), chain.pnp)
    call = Instruction(consumer.program, READ, [AccountMeta(key, False, False) for key in (forged, rig.board)])
    assert chain.send(call).error == {"InstructionError": [0, "InvalidAccountOwner"]}
