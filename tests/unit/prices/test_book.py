"""The book against the plainest model there is: a dict of levels, searched anew each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayer.domain.units import Price, Size
from relayer.prices.book import Book, BookError

prices = st.integers(0, 10_000)
sizes = st.integers(1, 500)
sides = st.dictionaries(prices, sizes, max_size=12)
changes = st.lists(st.tuples(st.booleans(), prices, st.integers(-500, 500)), max_size=40)


class Model:
    """Levels by price; everything else is worked out on demand."""

    def __init__(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        self.bids = {price: size for price, size in bids.items() if price > 0}
        self.asks = {price: size for price, size in asks.items() if 0 < price < 10_000}

    def change(self, is_bid: bool, price: int, change: int) -> bool:
        """False where a level would fall below nothing."""
        if price == 0 or (price == 10_000 and not is_bid):
            return True
        side = self.bids if is_bid else self.asks
        left = side.get(price, 0) + change
        if left < 0:
            return False
        side.pop(price, None)
        if left:
            side[price] = left
        return True

    def bid_for(self, size: int) -> int | None:
        enough = [p for p in self.bids if sum(s for q, s in self.bids.items() if q >= p) >= size]
        return max(enough, default=None)

    def ask_for(self, size: int) -> int | None:
        enough = [p for p in self.asks if sum(s for q, s in self.asks.items() if q <= p) >= size]
        return min(enough, default=None)


def assert_same(book: Book, model: Model, size: int) -> None:
    assert book.bids() == sorted(model.bids.items(), reverse=True)
    assert book.asks() == sorted(model.asks.items())
    assert book.best_bid == max(model.bids, default=None)
    assert book.best_ask == min(model.asks, default=None)
    assert book.bid_for(Size(size)) == model.bid_for(size)
    assert book.ask_for(Size(size)) == model.ask_for(size)
    both = bool(model.bids and model.asks)
    assert book.crossed == (both and max(model.bids) >= min(model.asks))
    assert book.thinner_size == (min(model.bids[max(model.bids)], model.asks[min(model.asks)]) if both else 0)


@given(sides, sides, changes, st.integers(1, 2_000))
def test_book_is_what_the_model_says_after_every_change(
    bids: dict[int, int], asks: dict[int, int], steps: list[tuple[bool, int, int]], size: int
) -> None:
    book, model = Book(), Model(bids, asks)
    book.replace(dict(bids), dict(asks))
    assert_same(book, model, size)
    for is_bid, price, change in steps:
        side = book.bid_side if is_bid else book.ask_side
        if model.change(is_bid, price, change):
            side.change(price, change)
        else:
            with pytest.raises(BookError, match=f"the level at {price} .*would fall to -"):
                side.change(price, change)
        assert_same(book, model, size)


def test_price_at_size_adds_up_better_levels() -> None:
    book = Book()
    book.replace({7000: 50, 6900: 60, 6800: 500}, {7200: 40, 7300: 70})
    assert [book.bid_for(Size(size)) for size in (50, 51, 110, 111, 610, 611)] == [7000, 6900, 6900, 6800, 6800, None]
    assert [book.ask_for(Size(size)) for size in (40, 41, 110, 111)] == [7200, 7300, 7300, None]


def test_prices_that_mean_an_empty_side_are_no_levels() -> None:
    book = Book()
    book.replace({0: 100}, {0: 100, 10_000: 100})
    book.bid_side.change(0, 5)
    book.ask_side.change(10_000, -5)
    assert (book.best_bid, book.best_ask, book.bids(), book.asks()) == (None, None, [], [])
    assert not book.crossed


def test_a_bid_at_the_top_is_a_price() -> None:
    book = Book()
    book.replace({10_000: 100}, {})
    assert book.best_bid == Price(10_000)
    assert not book.crossed


def test_a_snapshot_replaces_everything() -> None:
    book = Book()
    book.replace({7000: 50}, {7200: 40})
    book.replace({6000: 10}, {})
    assert (book.bids(), book.asks()) == ([(6000, 10)], [])
    assert book.bid_side.holds({6000: 10})
    assert not book.bid_side.holds({7000: 50})
