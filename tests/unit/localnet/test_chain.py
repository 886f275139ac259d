from __future__ import annotations

import pytest
from solders.hash import Hash

from relayer.localnet.chain import Chain, Commitment


def chain(*, skip_every: int = 0, keep: int = 1_000) -> Chain:
    return Chain(unix_time=0, confirm_after=1, finalize_after=31, skip_every=skip_every, keep=keep)


def closed(blocks: int, **options: int) -> Chain:
    made = chain(**options)
    for _ in range(blocks):
        made.close(0)
    return made


def slots(of: Chain) -> tuple[int, int, int]:
    processed, confirmed, finalized = (of.at(level).slot for level in Commitment)
    return processed, confirmed, finalized


def test_the_levels_follow_each_other() -> None:
    assert slots(chain()) == (0, 0, 0)
    assert slots(closed(1)) == (1, 0, 0)
    assert slots(closed(40)) == (40, 39, 9)


def test_no_block_reaches_a_level_twice() -> None:
    made = chain()
    reached = []
    for _ in range(40):
        made.close(0)
        reached.append(made.reached(Commitment.FINALIZED))
    assert [block.height for block in reached if block] == list(range(10))
    assert reached[:30] == [None] * 30


def test_skipped_slots_leave_the_height_behind() -> None:
    made = closed(8, skip_every=5)
    assert (made.tip.slot, made.tip.height) == (9, 8)
    assert made.block(5) is None
    assert [block.slot for block in made.blocks(3, 7)] == [3, 4, 6, 7]


def test_a_blockhash_is_good_for_150_blocks_whatever_the_slots() -> None:
    made = closed(1, skip_every=2)
    block = made.tip
    while made.tip.height < block.last_valid_height:
        assert made.is_recent(block.blockhash, at_height=made.tip.height + 1)
        made.close(0)
    assert not made.is_recent(block.blockhash, at_height=made.tip.height + 1)
    assert made.tip.slot - block.slot == 300


def test_a_bank_does_not_know_the_hashes_of_later_blocks() -> None:
    made = closed(3)
    assert not made.is_recent(made.tip.blockhash, at_height=2)
    assert not made.is_recent(Hash.new_unique(), at_height=3)


def test_two_chains_share_no_blockhash() -> None:
    assert chain().genesis_hash != chain().genesis_hash


def test_old_blocks_are_cleaned_up_one_by_one() -> None:
    made = closed(10, keep=10)
    oldest = made.clean_up()
    assert oldest is not None
    assert oldest.slot == 0
    assert made.clean_up() is None
    assert made.first.slot == 1
    assert made.block(0) is None


@pytest.mark.parametrize(("count", "expected"), [(3, [8, 9, 10]), (50, list(range(11)))])
def test_the_newest_blocks_come_oldest_first(count: int, expected: list[int]) -> None:
    assert [block.slot for block in closed(10).newest(count)] == expected
