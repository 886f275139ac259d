"""One market's levels: replaced by a snapshot, then changed level by level. The hot path of the whole product.

Prices are YES prices in centi-cents, sizes centi-contracts. Whether the book is up to date is the source's business; a
crossed book is only told (`crossed`), never repaired.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping

from relayer.domain.feeds import Level
from relayer.domain.units import PRICE_MAX, Price, Size


class BookError(ValueError):
    """A change that cannot be: the book has missed something and needs a snapshot."""


class _Side:
    """Sizes by rank, best rank last: a bid's rank is its price, an ask's its negated price.

    Only ranks between `floor` and `ceiling` (both excluded) are prices; anything else is an empty side and not kept.
    """

    __slots__ = ("_ceiling", "_floor", "_ranks", "best", "sizes")

    def __init__(self, floor: int, ceiling: int) -> None:
        self._floor = floor
        self._ceiling = ceiling
        self.replace({})

    def replace(self, sizes: dict[int, int]) -> None:
        """Start anew; takes the dict over."""
        ranks = sorted(sizes)
        if ranks and not (self._floor < ranks[0] and ranks[-1] < self._ceiling and min(sizes.values()) > 0):
            return self.replace({rank: size for rank, size in sizes.items() if size > 0 and self._is_price(rank)})
        self.sizes = sizes
        self._ranks = ranks
        self.best = ranks[-1] if ranks else self._floor
        return None

    def change(self, rank: int, change: int) -> None:
        size = self.sizes.get(rank)
        if size is None:
            return self._open(rank, change)
        left = size + change
        if left > 0:
            self.sizes[rank] = left
        elif left == 0:
            self._close(rank)
        else:
            raise BookError(f"the level at {abs(rank)} would fall to {left}")
        return None

    def rank_for(self, size: int) -> int | None:
        """Best rank at which, better levels added up, at least `size` is offered."""
        for rank in reversed(self._ranks):
            size -= self.sizes[rank]
            if size <= 0:
                return rank
        return None

    def levels(self) -> list[Level]:
        return [(Price(abs(rank)), Size(self.sizes[rank])) for rank in reversed(self._ranks)]

    def _is_price(self, rank: int) -> bool:
        return self._floor < rank < self._ceiling

    def _open(self, rank: int, size: int) -> None:
        if not self._is_price(rank):
            return
        if size < 0:
            raise BookError(f"the level at {abs(rank)} is empty and would fall to {size}")
        if size:
            self.sizes[rank] = size
            insort(self._ranks, rank)
            self.best = self._ranks[-1]

    def _close(self, rank: int) -> None:
        del self.sizes[rank]
        del self._ranks[bisect_left(self._ranks, rank)]
        self.best = self._ranks[-1] if self._ranks else self._floor


class Book:
    """A `BookView`. A bid of 0 and an ask of 0 or 10000 are an empty side, never a level."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids = _Side(0, PRICE_MAX + 1)
        self._asks = _Side(-PRICE_MAX, 0)

    def replace(self, bids: Mapping[int, int], asks: Mapping[int, int]) -> bool:
        """Start anew from a snapshot: sizes by price. Tells whether that changed anything."""
        old = self._bids.sizes, self._asks.sizes
        self._bids.replace(dict(bids))
        self._asks.replace({-price: size for price, size in asks.items()})
        return old != (self._bids.sizes, self._asks.sizes)

    def change_bid(self, price: int, change: int) -> None:
        """Add `change` to the bid at `price`. Raises BookError where less than nothing would be left."""
        self._bids.change(price, change)

    def change_ask(self, price: int, change: int) -> None:
        """Add `change` to the ask at `price`. Raises BookError where less than nothing would be left."""
        self._asks.change(-price, change)

    @property
    def crossed(self) -> bool:
        """Best bid at or above best ask: a moment that is never told to anybody."""
        return self._bids.best + self._asks.best >= 0

    @property
    def best_bid(self) -> Price | None:
        return Price(self._bids.best) if self._bids.sizes else None

    @property
    def best_ask(self) -> Price | None:
        return Price(-self._asks.best) if self._asks.sizes else None

    @property
    def thinner_size(self) -> Size:
        if not (self._bids.sizes and self._asks.sizes):
            return Size(0)
        return Size(min(self._bids.sizes[self._bids.best], self._asks.sizes[self._asks.best]))

    def bid_for(self, size: Size) -> Price | None:
        rank = self._bids.rank_for(size)
        return None if rank is None else Price(rank)

    def ask_for(self, size: Size) -> Price | None:
        rank = self._asks.rank_for(size)
        return None if rank is None else Price(-rank)

    def bids(self) -> list[Level]:
        return self._bids.levels()

    def asks(self) -> list[Level]:
        return self._asks.levels()
