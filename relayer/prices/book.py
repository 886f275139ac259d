"""One market's levels: replaced by a snapshot, then changed level by level. The hot path of the whole product.

Prices are YES prices in centi-cents, sizes centi-contracts. Whether the book is up to date is the source's business; a
crossed book is only told (`crossed`), never repaired.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from relayer.domain.feeds import Level
from relayer.domain.units import PRICE_MAX, Price, Size

_NO_BID, _NO_ASK = 0, PRICE_MAX + 1


class BookError(ValueError):
    """A change that cannot be: the book has missed something and needs a snapshot."""


class Side:
    """Sizes by price (`sizes`), and the best of them (`best`, 0 or 10001 when there is none, and `best_size`).

    A bid of 0 and an ask of 0 or 10000 are an empty side, never a level.
    """

    __slots__ = ("_best_at", "_ceiling", "_nothing", "_prices", "best", "best_size", "sizes")

    def __init__(self, *, bids: bool) -> None:
        self._nothing, self._ceiling, self._best_at = (_NO_BID, PRICE_MAX, -1) if bids else (_NO_ASK, PRICE_MAX - 1, 0)
        self.replace({})

    def replace(self, sizes: dict[int, int]) -> None:
        """Start anew; takes over the dict, whose sizes are above 0."""
        prices = sorted(sizes)
        if prices and not 0 < prices[0] <= prices[-1] <= self._ceiling:
            prices = [price for price in prices if 0 < price <= self._ceiling]
            sizes = {price: sizes[price] for price in prices}
        self.sizes = sizes
        self._prices = prices
        self._find_best()

    def change(self, price: int, change: int) -> None:
        """Add `change` to the level at `price`. Raises BookError where less than nothing would be left."""
        try:
            left = self.sizes[price] + change
        except KeyError:
            self._open(price, change)
            return
        if left > 0:
            self.resize(price, left)
        elif left == 0:
            self._close(price)
        else:
            raise BookError(f"the level at {price} would fall to {left}")

    def resize(self, price: int, size: int) -> None:
        """Set the size, above 0, of a level that there is."""
        self.sizes[price] = size
        if price == self.best:
            self.best_size = size

    def price_for(self, size: int) -> Price | None:
        """Best price at which, better levels added up, at least `size` is offered."""
        sizes = self.sizes
        for price in self._prices if self._best_at == 0 else reversed(self._prices):
            size -= sizes[price]
            if size <= 0:
                return Price(price)
        return None

    def levels(self) -> list[Level]:
        """Best first."""
        prices = self._prices if self._best_at == 0 else reversed(self._prices)
        return [(Price(price), Size(self.sizes[price])) for price in prices]

    def holds(self, sizes: dict[int, int]) -> bool:
        """Whether these are its levels."""
        return self.sizes == sizes

    def _open(self, price: int, size: int) -> None:
        if not 0 < price <= self._ceiling:
            return
        if size < 0:
            raise BookError(f"the level at {price} is empty and would fall to {size}")
        if size:
            self.sizes[price] = size
            insort(self._prices, price)
            self._find_best()

    def _close(self, price: int) -> None:
        del self.sizes[price]
        del self._prices[bisect_left(self._prices, price)]
        self._find_best()

    def _find_best(self) -> None:
        self.best = Price(self._prices[self._best_at] if self._prices else self._nothing)
        self.best_size = self.sizes.get(self.best, 0)


class Book:
    """A `BookView`, changed through its two sides."""

    __slots__ = ("ask_side", "bid_side")

    def __init__(self) -> None:
        self.bid_side = Side(bids=True)
        self.ask_side = Side(bids=False)

    def replace(self, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Start anew from a snapshot: sizes above 0 by price. Takes the dicts over."""
        self.bid_side.replace(bids)
        self.ask_side.replace(asks)

    def holds(self, bids: dict[int, int], asks: dict[int, int]) -> bool:
        """Whether these are its levels."""
        return self.bid_side.holds(bids) and self.ask_side.holds(asks)

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask: a moment that is never told to anybody."""
        return self.bid_side.best >= self.ask_side.best

    @property
    def best_bid(self) -> Price | None:
        best = self.bid_side.best
        return None if best == _NO_BID else best

    @property
    def best_ask(self) -> Price | None:
        best = self.ask_side.best
        return None if best == _NO_ASK else best

    @property
    def thinner_size(self) -> Size:
        return Size(min(self.bid_side.best_size, self.ask_side.best_size))

    def bid_for(self, size: Size) -> Price | None:
        side = self.bid_side
        return side.best if side.best_size >= size else side.price_for(size)

    def ask_for(self, size: Size) -> Price | None:
        side = self.ask_side
        return side.best if side.best_size >= size else side.price_for(size)

    def bids(self) -> list[Level]:
        return self.bid_side.levels()

    def asks(self) -> list[Level]:
        return self.ask_side.levels()
