"""A board with its keys and feeds."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
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

    def publish(self, *updates: FeedUpdate, epoch: int | None = None, base_ms: int = NOW_MS) -> Instruction:
        at = self.read().header.epoch if epoch is None else epoch
        return boards.publish(
            self.chain.oracle, self.publisher.pubkey(), self.board, epoch=at, base_ms=base_ms, updates=updates
        )

    def raw_publish(self, *entries: bytes, epoch: int = 1, base_ms: int = NOW_MS) -> Instruction:
        """A batch of entries as they are, right or wrong."""
        data = struct.pack("<BBHIQQ", 2, 0, len(entries), epoch, 0, base_ms) + b"".join(entries)
        accounts = [AccountMeta(self.publisher.pubkey(), True, False), AccountMeta(self.board, False, True)]
        return Instruction(self.chain.oracle, data, accounts)


def make_rig(chain: Chain, *, capacity: int = 8, feeds: int = 4, index: int = 0) -> Rig:
    authority, publisher = chain.funded(), Keypair()
    rig = grow_rig(chain, authority, publisher, capacity=capacity, index=index)
    listed = [(number, bytes([number % 256]) * 32) for number in range(feeds)]
    for at in range(0, feeds, 20):
        chain.ok(boards.list_feeds(chain.oracle, authority.pubkey(), rig.board, listed[at : at + 20]), authority)
    return rig


def grow_rig(chain: Chain, authority: Keypair, publisher: Keypair, *, capacity: int, index: int = 0) -> Rig:
    """A board of full size without feeds."""
    key = authority.pubkey()
    init = boards.init_board(
        chain.oracle, key, index=index, capacity=capacity, publisher=publisher.pubkey(), name="test"
    )
    for _ in range(boards.init_calls(capacity)):
        chain.ok(init, authority)
    return Rig(chain, authority, publisher, boards.board_address(chain.oracle, key, index))


def entry(
    index: int, *, bid: int = 6900, ask: int = 7100, last: int = 7000, status: int = 2, size: int = 9, age: int = 0
) -> bytes:
    return struct.pack("<HHHBBHH", bid, ask, last, status, size, index, age)


def change(made: Instruction, at: int, meta: AccountMeta) -> Instruction:
    """The instruction with another account in one place."""
    accounts = list(made.accounts)
    accounts[at] = meta
    return Instruction(made.program_id, made.data, accounts)
