"""`publish` on the SVM: newest wins entry by entry, what is skipped, what is refused, what it costs."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from dataclasses import replace

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.units import Millis, Price
from tests.svm.chain import START_S, Chain, Sent
from tests.svm.rig import NOW_MS, STATE, Rig, entry, make_rig

PUBLISHED = hashlib.sha256(b"event:Published").digest()[:8]


@pytest.fixture
def rig(chain: Chain) -> Rig:
    return make_rig(chain)


def counts(rig: Rig, sent: Sent) -> tuple[int, int, int]:
    """Written, stale and malformed entries, from the event."""
    (line,) = (log for log in sent.logs if log.startswith("Program data: "))
    event = base64.b64decode(line.removeprefix("Program data: "))
    assert event[:40] == PUBLISHED + bytes(rig.board)
    written, stale, malformed = struct.unpack("<HHH", event[44:])
    return written, stale, malformed


def at(ms: int, **changes: object) -> FeedState:
    return replace(STATE, as_of_ms=Millis(ms), **changes)  # type: ignore[arg-type]


def test_an_entry_lands_in_its_slot(rig: Rig) -> None:
    sent = rig.chain.ok(rig.publish(FeedUpdate(3, STATE)), rig.publisher)
    board = rig.read()
    assert board.slots[3] == boards.BoardSlot(STATE, updates=1, generation=0)
    assert board.slots[2].state == FeedState()
    assert (board.header.updates, board.header.last_publish_ms, board.header.length) == (1, NOW_MS, 4)
    assert board.header.slot == rig.chain.svm.get_clock().slot
    assert counts(rig, sent) == (1, 0, 0)


def test_newest_wins_entry_by_entry(rig: Rig) -> None:
    rig.chain.ok(rig.publish(FeedUpdate(0, at(NOW_MS - 100)), FeedUpdate(1, at(NOW_MS - 300))), rig.publisher)
    later = [FeedUpdate(0, at(NOW_MS - 200, bid=Price(1))), FeedUpdate(1, at(NOW_MS - 200, bid=Price(2)))]
    assert counts(rig, rig.chain.ok(rig.publish(*later), rig.publisher)) == (1, 1, 0)
    slots = rig.read().slots
    assert (slots[0].state, slots[1].state) == (at(NOW_MS - 100), at(NOW_MS - 200, bid=Price(2)))
    assert (slots[0].updates, slots[1].updates) == (1, 1 + 1)


def test_an_entry_as_new_as_its_slot_is_stale(rig: Rig) -> None:
    rig.chain.ok(rig.publish(FeedUpdate(0, STATE)), rig.publisher)
    sent = rig.chain.ok(rig.publish(FeedUpdate(0, replace(STATE, bid=Price(1)))), rig.publisher)
    assert counts(rig, sent) == (0, 1, 0)
    assert rig.read().slots[0].state == STATE


def test_of_two_entries_for_one_slot_the_newer_stays_in_either_order(rig: Rig) -> None:
    old, new = FeedUpdate(0, at(NOW_MS - 50)), FeedUpdate(0, at(NOW_MS, bid=Price(5)))
    rig.chain.ok(rig.publish(new, old), rig.publisher)
    assert rig.read().slots[0].state == new.state
    older, newer = FeedUpdate(1, old.state), FeedUpdate(1, new.state)
    rig.chain.ok(rig.publish(older, newer), rig.publisher)
    assert rig.read().slots[1].state == newer.state


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_transactions_does_not_matter(rig: Rig, seed: int) -> None:
    chance = random.Random(seed)
    batches = [
        [FeedUpdate(index, at(NOW_MS - 10 * chance.randrange(1_000), bid=Price(n + 1))) for index in range(4)]
        for n in range(6)
    ]
    want = [max((batch[index].state for batch in batches), key=lambda state: state.as_of_ms) for index in range(4)]
    chance.shuffle(batches)
    for batch in batches:
        rig.chain.ok(rig.publish(*batch), rig.publisher)
    assert [slot.state for slot in rig.read().slots] == want


@pytest.mark.parametrize(
    "bad",
    [
        entry(4),
        entry(7),
        entry(0xFFFF),
        entry(0, bid=7101),
        entry(0, bid=0, ask=10_001),
        entry(0, last=10_001),
        entry(0, status=9),
        entry(0, status=255),
    ],
    ids=["not listed", "last of the capacity", "beyond", "crossed", "ask", "last", "status 9", "status 255"],
)
def test_a_malformed_entry_is_skipped_and_the_rest_is_written(rig: Rig, bad: bytes) -> None:
    before = rig.chain.data(rig.board)
    sent = rig.chain.ok(rig.raw_publish(bad, entry(1)), rig.publisher)
    assert counts(rig, sent) == (1, 0, 1)
    after = rig.chain.data(rig.board)
    assert after[192 : 192 + 24] == before[192 : 192 + 24]
    assert after[192 + 2 * 24 :] == before[192 + 2 * 24 :]
    assert rig.read().slots[1].state == STATE


def test_prices_at_their_bounds_are_good(rig: Rig) -> None:
    edges = [entry(0, bid=0, ask=10_000, last=0), entry(1, bid=10_000, ask=10_000, last=10_000, status=8, size=255)]
    assert counts(rig, rig.chain.ok(rig.raw_publish(*edges), rig.publisher)) == (2, 0, 0)


def test_an_entry_for_a_retired_slot_is_skipped(rig: Rig) -> None:
    rig.chain.ok(rig.publish(FeedUpdate(0, at(NOW_MS - 1_000))), rig.publisher)
    rig.chain.ok(boards.retire_feeds(rig.chain.oracle, rig.authority.pubkey(), rig.board, [0]), rig.authority)
    assert counts(rig, rig.chain.ok(rig.publish(FeedUpdate(0, STATE)), rig.publisher)) == (0, 0, 1)
    assert rig.read().slots[0] == boards.BoardSlot(None, updates=1, generation=0)


def test_ages_count_in_tens_of_milliseconds(rig: Rig) -> None:
    oldest = at(NOW_MS - boards.MAX_AGE_MS)
    rig.chain.ok(rig.publish(FeedUpdate(0, oldest), FeedUpdate(1, at(NOW_MS - 15))), rig.publisher)
    slots = rig.read().slots
    assert slots[0].state == oldest
    assert slots[1].state == at(NOW_MS - 20)
    assert boards.encoded_as_of(NOW_MS, NOW_MS - 15) == NOW_MS - 20


@pytest.mark.parametrize(
    ("ahead_ms", "age", "shown_ms"),
    [(5_000, 0, 5_000), (5_010, 0, 5_000), (60_000, 1, 5_000), (60_000, 5_600, 4_000), (boards.MAX_AGE_MS, 0, 5_000)],
)
def test_no_entry_is_stored_further_ahead_than_five_seconds(rig: Rig, ahead_ms: int, age: int, shown_ms: int) -> None:
    rig.chain.ok(rig.raw_publish(entry(0, age=age), base_ms=NOW_MS + ahead_ms), rig.publisher)
    state = rig.read().slots[0].state
    assert state is not None
    assert state.as_of_ms == NOW_MS + shown_ms


def test_the_largest_base_is_clamped_too(rig: Rig) -> None:
    rig.chain.ok(rig.raw_publish(entry(0, age=0xFFFF), base_ms=2**64 - 1), rig.publisher)
    state = rig.read().slots[0].state
    assert state is not None
    assert state.as_of_ms == NOW_MS + 5_000


def test_an_epoch_below_the_boards_is_refused_and_a_higher_one_taken_over(rig: Rig) -> None:
    assert rig.read().header.epoch == 1
    rig.chain.ok(rig.publish(FeedUpdate(0, at(NOW_MS - 20)), epoch=7), rig.publisher)
    assert rig.read().header.epoch == 7
    assert rig.chain.send(rig.publish(FeedUpdate(0, STATE), epoch=6), rig.publisher).custom == 6011
    assert rig.read().slots[0].state == at(NOW_MS - 20)
    rig.chain.ok(rig.publish(FeedUpdate(0, STATE), epoch=7), rig.publisher)


def test_an_empty_batch_takes_over_the_epoch(rig: Rig) -> None:
    rig.chain.ok(rig.publish(epoch=9), rig.publisher)
    assert rig.read().header.epoch == 9


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<BBHIQQ", 2, 0, 1, 1, 0, NOW_MS),
        struct.pack("<BBHIQQ", 2, 0, 1, 1, 0, NOW_MS) + entry(0)[:-1],
        struct.pack("<BBHIQQ", 2, 0, 1, 1, 0, NOW_MS) + entry(0) + b"\0",
        struct.pack("<BBHIQQ", 2, 0, 0, 1, 0, NOW_MS) + entry(0),
        struct.pack("<BBHIQQ", 2, 1, 1, 1, 0, NOW_MS) + entry(0),
        struct.pack("<BBHIQQ", 2, 0, 1, 1, 1, NOW_MS) + entry(0),
        struct.pack("<BBHIQQ", 2, 0, 1, 1, 0, boards.MAX_AGE_MS - 1) + entry(0),
        struct.pack("<BBHIQ", 2, 0, 0, 1, 0) + b"\0" * 7,
        b"\x02",
    ],
    ids=["no entry", "short", "long", "uncounted", "version", "reserved", "base", "cut header", "tag alone"],
)
def test_malformed_batches_are_refused(rig: Rig, data: bytes) -> None:
    made = Instruction(rig.chain.oracle, data, rig.raw_publish().accounts)
    assert rig.chain.send(made, rig.publisher).custom == 6000


def test_the_lowest_base_is_good(rig: Rig) -> None:
    rig.chain.ok(rig.raw_publish(entry(0, age=0xFFFE), base_ms=boards.MAX_AGE_MS), rig.publisher)
    state = rig.read().slots[0].state
    assert state is not None
    assert state.as_of_ms == 10


def test_wrong_accounts_are_refused_by_number(rig: Rig) -> None:
    chain, good = rig.chain, rig.publish(FeedUpdate(0, STATE))
    publisher, board = good.accounts
    stranger = chain.funded()
    ids = boards.ids_address(chain.oracle, rig.board)
    foreign = Keypair().pubkey()
    chain.put(foreign, chain.data(rig.board), chain.pnp)
    short = Keypair().pubkey()
    chain.put(short, chain.data(rig.board)[:191], chain.oracle)
    tiny = Keypair().pubkey()
    chain.put(tiny, b"board", chain.oracle)

    def refusal(*accounts: AccountMeta, signer: Keypair = rig.publisher) -> int | None:
        signers = [signer] if any(meta.is_signer for meta in accounts) else []
        return chain.send(Instruction(chain.oracle, good.data, list(accounts)), *signers).custom

    def writable(key: Pubkey) -> AccountMeta:
        return AccountMeta(key, False, True)

    assert refusal(publisher) == 6001
    assert refusal(publisher, board, board) == 6001
    assert refusal(AccountMeta(publisher.pubkey, True, True), writable(publisher.pubkey)) == 6007
    assert refusal(AccountMeta(publisher.pubkey, False, False), board) == 6002
    assert refusal(publisher, AccountMeta(rig.board, False, False)) == 6003
    assert refusal(publisher, writable(foreign)) == 6004
    assert refusal(publisher, writable(ids)) == 6005
    assert refusal(publisher, writable(short)) == 6005
    assert refusal(publisher, writable(tiny)) == 6005
    assert refusal(AccountMeta(stranger.pubkey(), True, False), board, signer=stranger) == 6010
    assert refusal(AccountMeta(rig.authority.pubkey(), True, False), board, signer=rig.authority) == 6010
    assert refusal(publisher, board) is None


@pytest.mark.parametrize("kept", [0, 8, 16, 24])
def test_a_key_that_differs_in_one_word_is_not_the_publisher(rig: Rig, kept: int) -> None:
    chain, data = rig.chain, bytearray(rig.chain.data(rig.board))
    data[72 + kept] ^= 1
    chain.put(rig.board, bytes(data), chain.oracle)
    assert chain.send(rig.publish(FeedUpdate(0, STATE)), rig.publisher).custom == 6010


def test_a_publisher_account_with_data_is_as_good(rig: Rig) -> None:
    rig.chain.put(rig.publisher.pubkey(), bytes(13), rig.chain.pnp)
    rig.chain.ok(rig.publish(FeedUpdate(0, STATE)), rig.publisher)
    assert rig.read().slots[0].state == STATE


def test_sixty_entries_cost_at_most_45_cu_each(chain: Chain) -> None:
    rig = make_rig(chain, capacity=64, feeds=60)
    for late_ms in (0, 6_000):
        updates = [FeedUpdate(index, at(NOW_MS + late_ms)) for index in range(60)]
        sent = rig.chain.ok(rig.publish(*updates, base_ms=NOW_MS + late_ms), rig.publisher)
        assert counts(rig, sent) == (60, 0, 0)
        assert sent.compute_units <= 45 * 60
    assert all(slot.state == at(NOW_MS + 5_000) for slot in rig.read().slots)


def test_seventy_entries_and_more_fit_in_a_v0_transaction(chain: Chain) -> None:
    rig = make_rig(chain, capacity=80, feeds=80)
    most = max(count for count in range(60, 81) if wire_size(rig, count) <= 1232)
    assert most >= 70
    updates = [FeedUpdate(index, STATE) for index in range(most)]
    chain.ok([set_compute_unit_limit(4_000), set_compute_unit_price(1), rig.publish(*updates)], rig.publisher)
    assert sum(slot.state == STATE for slot in rig.read().slots) == most


def wire_size(rig: Rig, count: int) -> int:
    """Bytes of a v0 transaction with a separate payer, a compute limit and a priority fee."""
    updates = [FeedUpdate(index, STATE) for index in range(count)]
    together = [set_compute_unit_limit(4_000), set_compute_unit_price(1), rig.publish(*updates)]
    message = MessageV0.try_compile(rig.chain.payer.pubkey(), together, [], Hash.default())
    return len(bytes(VersionedTransaction(message, [rig.chain.payer, rig.publisher])))


def test_the_clock_moves_what_is_stored(rig: Rig) -> None:
    rig.chain.set_time(START_S + 3_600)
    rig.chain.ok(rig.publish(FeedUpdate(0, at(NOW_MS + 3_600_000)), base_ms=NOW_MS + 3_600_000), rig.publisher)
    board = rig.read()
    assert board.slots[0].state == at(NOW_MS + 3_600_000)
    assert board.header.last_publish_ms == NOW_MS + 3_600_000
