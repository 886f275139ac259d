"""Slots, blocks and blockhashes: what a bank knows of time, and which block each commitment level has reached.

One block is open at a time; transactions execute in it and nobody sees them until it is closed. The newest closed
block is `processed`; a fixed number of blocks deeper lie `confirmed` and `finalized`. Slots may be skipped: heights
count blocks, slots count time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from solders.hash import Hash
from solders.signature import Signature

BLOCKHASH_AGE = 150
"""A transaction may land while the block height is at most its blockhash's height plus this."""


class Commitment(IntEnum):
    """Ordered: a later level includes the earlier ones."""

    PROCESSED = 0
    CONFIRMED = 1
    FINALIZED = 2


@dataclass(frozen=True, slots=True)
class Block:
    slot: int
    height: int
    blockhash: Hash
    parent_slot: int
    parent_hash: Hash
    unix_time: int
    signatures: tuple[Signature, ...] = ()
    transactions: int = 0
    """Transactions from genesis through this block."""

    @property
    def last_valid_height(self) -> int:
        return self.height + BLOCKHASH_AGE


@dataclass(slots=True)
class OpenBlock:
    slot: int
    signatures: list[Signature] = field(default_factory=list)


class Chain:
    """The blocks of one cluster, newest last.

    confirm_after, finalize_after: depth in blocks below the newest one at which a block is confirmed and finalized.
    skip_every: every slot whose number it divides has no block; 0 skips none.
    keep: blocks remembered, with their transactions; older ones are cleaned up.
    """

    def __init__(
        self,
        *,
        unix_time: int,
        confirm_after: int = 1,
        finalize_after: int = 31,
        skip_every: int = 0,
        keep: int,
    ) -> None:
        self._depth = {
            Commitment.PROCESSED: 0,
            Commitment.CONFIRMED: confirm_after,
            Commitment.FINALIZED: finalize_after,
        }
        self._skip_every, self._keep = skip_every, keep
        self._seed = os.urandom(32)
        genesis = Block(0, 0, self._hash(0), 0, Hash.default(), unix_time)
        self.genesis_hash = genesis.blockhash
        self._by_height = {0: genesis}
        self._height_by_slot = {0: 0}
        self._height_by_hash = {genesis.blockhash: 0}
        self.tip = genesis
        self.open = OpenBlock(self._slot_after(0))

    def _hash(self, slot: int) -> Hash:
        # Seeded at random: two runs never share a blockhash, so a signature of one run means nothing in the next.
        return Hash(hashlib.sha256(self._seed + slot.to_bytes(8)).digest())

    def _slot_after(self, slot: int) -> int:
        following = slot + 1
        skipped = self._skip_every > 1 and following % self._skip_every == 0
        return following + 1 if skipped else following

    def close(self, unix_time: int) -> Block:
        """Close the open block as the new tip and open the next."""
        tip, slot = self.tip, self.open.slot
        signatures = tuple(self.open.signatures)
        total = tip.transactions + len(signatures)
        block = Block(slot, tip.height + 1, self._hash(slot), tip.slot, tip.blockhash, unix_time, signatures, total)
        self._by_height[block.height] = block
        self._height_by_slot[slot] = block.height
        self._height_by_hash[block.blockhash] = block.height
        self.tip, self.open = block, OpenBlock(self._slot_after(slot))
        return block

    def clean_up(self) -> Block | None:
        """Forget and return the oldest block, if there are more than are kept."""
        if len(self._by_height) <= self._keep:
            return None
        oldest = self._by_height.pop(self.tip.height + 1 - len(self._by_height))
        del self._height_by_slot[oldest.slot], self._height_by_hash[oldest.blockhash]
        return oldest

    @property
    def first(self) -> Block:
        """The oldest block remembered."""
        return self._by_height[self.tip.height + 1 - len(self._by_height)]

    def at(self, commitment: Commitment) -> Block:
        """The newest block that has reached the level; the oldest one remembered while none has."""
        height = self.tip.height - self._depth[commitment]
        return self._by_height.get(height, self.first)

    def reached(self, commitment: Commitment) -> Block | None:
        """The block that reached the level when the tip was closed, if one did."""
        return self._by_height.get(self.tip.height - self._depth[commitment])

    def block(self, slot: int) -> Block | None:
        height = self._height_by_slot.get(slot)
        return None if height is None else self._by_height[height]

    def blocks(self, first_slot: int, last_slot: int) -> Iterator[Block]:
        """Blocks of the slots first..last that exist, oldest first."""
        for slot in range(max(first_slot, self.first.slot), min(last_slot, self.tip.slot) + 1):
            if block := self.block(slot):
                yield block

    def newest(self, count: int) -> list[Block]:
        """The newest blocks, oldest first."""
        return [
            self._by_height[height]
            for height in range(max(self.first.height, self.tip.height + 1 - count), self.tip.height + 1)
        ]

    def is_recent(self, blockhash: Hash, *, at_height: int) -> bool:
        """Whether a transaction with this blockhash may land in the block of that height."""
        height = self._height_by_hash.get(blockhash)
        return height is not None and height <= at_height <= height + BLOCKHASH_AGE
