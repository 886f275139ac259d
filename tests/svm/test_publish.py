"""`publish` on the SVM: bytes, newest wins, refusals, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price
from tests.svm.chain import START_S, Chain

NOW_MS = START_S * 1000
STATE = FeedState(Price(6900), Price(7100), Price(7000), MarketStatus.ACTIVE, 9, Millis(NOW_MS))


@dataclass
class Rig:
    chain: Chain
    authority: Keypair
    publisher: Keypair
    board: Pubkey

    def read(self) -> boards.Board:
        return boards.decode_board(self.chain.data(self.board))

    def publish(self, *updates: FeedUpdate, epoch: int = 1, base_ms: int = NOW_MS) -> Instruction:
        return boards.publish(
            self.chain.oracle, self.publisher.pubkey(), self.board, epoch=epoch, base_ms=base_ms, updates=updates
        )


@pytest.fixture
def rig(chain: Chain) -> Rig:
    return make_rig(chain, capacity=64, feeds=60)


def make_rig(chain: Chain, *, capacity: int, feeds: int) -> Rig:
    authority, publisher = chain.funded(), Keypair()
    key = authority.pubkey()
    board = boards.board_address(chain.oracle, key, 0)
    init = boards.init_board(chain.oracle, key, index=0, capacity=capacity, publisher=publisher.pubkey(), name="test")
    for _ in range(boards.init_calls(capacity)):
        chain.ok(init, authority)
    listed = [(index, bytes([index % 256]) * 32) for index in range(feeds)]
    for at in range(0, feeds, 20):
        chain.ok(boards.list_feeds(chain.oracle, key, board, listed[at : at + 20]), authority)
    rig = Rig(chain, authority, publisher, board)
    assert rig.read().header.epoch == -(-feeds // 20)
    return rig


def test_an_entry_lands_in_its_slot(rig: Rig) -> None:
    rig.chain.ok(rig.publish(FeedUpdate(3, STATE), epoch=3), rig.publisher)
    board = rig.read()
    assert board.slots[3] == boards.BoardSlot(STATE, updates=1, generation=0)
    assert board.slots[2].state == FeedState()
    assert (board.header.updates, board.header.last_publish_ms, board.header.length) == (1, NOW_MS, 60)


def test_sixty_entries_cost_at_most_45_cu_each(rig: Rig) -> None:
    updates = [FeedUpdate(index, STATE) for index in range(60)]
    sent = rig.chain.ok(rig.publish(*updates, epoch=3), rig.publisher)
    assert sent.compute_units <= 45 * 60
    assert all(slot.state == STATE for slot in rig.read().slots)
