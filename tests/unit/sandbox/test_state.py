"""The venue's memory: books in both price views, and tapes that contradict themselves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from relayer.domain.errors import UsageError
from relayer.sandbox.book import Book
from relayer.sandbox.state import VenueState
from tests.fakes.tapes import OPENING, A, B, Line, delta, frame, snapshot, write_tape


def played(folder: Path, *lines: Line) -> VenueState:
    state = VenueState()
    for record in write_tape(folder / "t.jsonl.gz", [*OPENING, *lines]).records():
        state.apply(record)
    return state


def test_levels_appear_grow_shrink_and_vanish() -> None:
    book = Book()
    book.change("yes", "0.4200", "5.25")
    book.change("yes", "0.4000", "1.00")
    book.change("yes", "0.42", "-2.25")
    assert book.levels("yes") == [["0.4000", "1.00"], ["0.4200", "3.00"]]
    book.change("yes", "0.4200", "-3.00")
    assert book.levels("yes") == [["0.4000", "1.00"]]
    assert book.best("yes") == (400_000, 100)
    assert book.best("no") is None


def test_finer_prices_keep_their_digits_and_turn_exactly() -> None:
    book = Book()
    book.replace("no", [["0.123456", "1.00"], ["0.0050", "2.00"]])
    assert book.levels("no") == [["0.0050", "2.00"], ["0.123456", "1.00"]]
    assert book.levels("no", yes_prices=True) == [["0.9950", "2.00"], ["0.876544", "1.00"]]


def test_crossed_books_are_told_from_touching_ones() -> None:
    book = Book()
    book.replace("yes", [["0.4500", "1.00"]])
    book.replace("no", [["0.5400", "1.00"]])
    assert not book.crossed
    book.change("no", "0.5500", "1.00")
    assert book.crossed


def test_a_snapshot_replaces_both_sides(tmp_path: Path) -> None:
    state = played(tmp_path, snapshot(10, A, no_dollars_fp=[["0.5000", "1.00"]]))
    assert msgspec.json.decode(state.snapshot_msg(A, yes_prices=True)) == {
        "market_ticker": A,
        "market_id": f"id-{A}",
        "no_dollars_fp": [["0.5000", "1.00"]],
    }
    assert state.top_moved


def test_only_a_moved_top_counts_as_moved(tmp_path: Path) -> None:
    assert not played(tmp_path, delta(10, A, "yes", "0.4000", "1.00")).top_moved
    assert played(tmp_path, delta(10, A, "yes", "0.4200", "1.00")).top_moved
    assert not played(tmp_path, delta(10, A, "yes", "0.4200", "1.00"), delta(20, B, "yes", "0.0100", "1.00")).top_moved


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (delta(10, A, "yes", "0.4200", "-130.01"), "orderbook_delta of 2025-12-20T15:00:00.010Z cannot be applied"),
        (delta(10, A, "yes", "0.4300", "-1.00"), "yes level 0.4300 falls below zero by -1.00"),
        (delta(10, A, "up", "0.4300", "1.00"), "side 'up' is neither yes nor no"),
        (delta(10, A, "yes", "x", "1.00"), "cannot be applied"),
        (frame(10, "ticker", market_ticker=A), "frame type 'ticker' is none of orderbook_snapshot, orderbook_delta"),
        (frame(10, "trade", market_ticker=A), "missing required field `trade_id`"),
        ({"t": OPENING[0]["t"], "rest": "/trade-api/v2/markets/X", "body": {}}, "markets/X of 2025-12-20T15:00:00Z"),
    ],
)
def test_a_contradiction_names_record_and_time(tmp_path: Path, line: Line, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        played(tmp_path, line)
    assert why in str(caught.value)
