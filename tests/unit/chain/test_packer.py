"""Packing loses no update, tells no false time, and fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relayer.chain.packer import Batch, Room, batched, packed
from relayer.chain.programs.board import ENTRY_LEN, MAX_AGE_MS
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.units import Millis

NOW = 1_766_000_000_000
ROOM = Room(space=850, instruction=31)


def update(index: int, as_of_ms: int) -> FeedUpdate:
    return FeedUpdate(index, FeedState(as_of_ms=Millis(as_of_ms)))


def times(batches: list[Batch]) -> dict[int, Millis]:
    return {index: at for batch in batches for index, at in batch.shown()}


def test_one_base_serves_all_recent_times_and_rounds_down() -> None:
    [batch] = batched([update(1, NOW - 25), update(2, NOW), update(3, NOW - 30)], {})
    assert batch.base_ms == NOW
    assert dict(batch.shown()) == {1: NOW - 30, 2: NOW, 3: NOW - 30}


def test_a_time_too_old_for_the_base_takes_another() -> None:
    batches = batched([update(1, NOW), update(2, NOW - MAX_AGE_MS), update(3, NOW - MAX_AGE_MS - 1)], {})
    assert [batch.base_ms for batch in batches] == [NOW, NOW - MAX_AGE_MS - 1]
    assert times(batches) == {1: NOW, 2: NOW - MAX_AGE_MS, 3: NOW - MAX_AGE_MS - 1}


def test_a_step_of_less_than_10_ms_is_not_lost_in_rounding() -> None:
    """Against the base NOW the time NOW - 3 would become NOW - 10, which the slot shows already."""
    batches = batched([update(1, NOW), update(2, NOW - 3)], {2: Millis(NOW - 10)})
    assert times(batches) == {1: NOW, 2: NOW - 3}


def test_what_is_not_newer_is_left_out() -> None:
    assert batched([update(1, NOW), update(2, NOW - 1)], {1: Millis(NOW), 2: Millis(NOW)}) == []


def test_a_full_transaction_is_followed_by_another() -> None:
    fits = (ROOM.space - ROOM.instruction) // ENTRY_LEN
    whole = batched([update(index, NOW) for index in range(fits + 1)], {})
    first, second = packed(whole, ROOM)
    assert [len(batch.updates) for batch in first] == [fits]
    assert [len(batch.updates) for batch in second] == [1]


def test_batches_share_a_transaction_while_there_is_room() -> None:
    old = NOW - 2 * MAX_AGE_MS
    [only] = packed(batched([update(1, NOW), update(2, old)], {}), ROOM)
    assert [batch.base_ms for batch in only] == [NOW, old]


@given(
    st.dictionaries(
        st.integers(0, 1023),
        st.tuples(st.integers(1, 3 * MAX_AGE_MS), st.one_of(st.none(), st.integers(-20, 20))),
        max_size=200,
    )
)
def test_every_newer_update_goes_out_once_later_than_its_slot_and_in_room(
    feeds: dict[int, tuple[int, int | None]],
) -> None:
    updates = [update(index, as_of) for index, (as_of, _) in feeds.items()]
    shown = {index: Millis(max(as_of + ahead, 0)) for index, (as_of, ahead) in feeds.items() if ahead is not None}
    transactions = packed(batched(updates, shown), ROOM)
    sent = [entry for transaction in transactions for batch in transaction for entry in batch.shown()]
    newer = {index: as_of for index, (as_of, _) in feeds.items() if as_of > shown.get(index, 0)}
    assert sorted(index for index, _ in sent) == sorted(newer)
    for index, at in sent:
        assert shown.get(index, 0) < at <= newer[index]
        assert newer[index] - at < 10
    for transaction in transactions:
        used = sum(ROOM.instruction + ENTRY_LEN * len(batch.updates) for batch in transaction)
        assert 0 < used <= ROOM.space
