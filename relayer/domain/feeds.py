"""What a source tells about a market while it watches: the seam between sources and everything behind them.

A source owns one `Book` per market and calls a `FeedListener` synchronously, in order of exchange time per market;
listeners must not block and must not keep the book (it changes under them). Who judges or records hears the same as a
`PathListener`, which also hears what filled a gap afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import msgspec

from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import NEVER, Millis, Price, Size

Level = tuple[Price, Size]
"""Price of YES and the contracts offered there."""


class BookView(Protocol):
    """One market's levels, YES prices; asks are NO bids turned round."""

    @property
    def best_bid(self) -> Price | None:
        """Highest bid, None for an empty side."""

    @property
    def best_ask(self) -> Price | None:
        """Lowest ask, None for an empty side."""

    @property
    def thinner_size(self) -> Size:
        """Contracts at the best price of the thinner side; 0 where a side is empty."""

    def bid_for(self, size: Size) -> Price | None:
        """Highest price at which at least `size` is bid, better levels added up; None where the book is thinner."""

    def ask_for(self, size: Size) -> Price | None:
        """Lowest price at which at least `size` is asked, better levels added up; None where the book is thinner."""

    def bids(self) -> list[Level]:
        """All bid levels, best first."""

    def asks(self) -> list[Level]:
        """All ask levels, best first."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade as the venue reports it; `block` trades are negotiated off the book and never count."""

    trade_id: str
    at_ms: Millis
    price: Price
    size: Size
    block: bool


Ohlc = tuple[int, int, int, int]
Side = Ohlc | msgspec.UnsetType | None
"""Open, low, high, close; None: without any price throughout; UNSET: proves nothing."""


class Candle(msgspec.Struct, frozen=True, gc=False):
    """What the venue says of the best prices of a stretch of time, in centi-cents (`conditions.md` section 2)."""

    at_ms: Millis
    """Its start."""
    to_ms: Millis
    bid: Side
    ask: Side
    trades: tuple[int, int] | msgspec.UnsetType | None
    """Low and high of the trades; None: nothing traded; UNSET: proves nothing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Nothing of the book is proven in `[from_ms, to_ms)`; `trades`: every trade inside is, or will be, told."""

    from_ms: Millis
    to_ms: Millis
    trades: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """How far an earlier process told of a market.

    book_ms: no book before it is missing. trades_ms: no trade, and no filling of a gap before it, is. gaps: those that
    were told and may still be filled.
    """

    book_ms: Millis = NEVER
    trades_ms: Millis = NEVER
    gaps: tuple[Gap, ...] = ()


class FeedListener(Protocol):
    """Receives what a source can prove. All times are exchange time (`conditions.md` section 2)."""

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        """The book from `at_ms` on. Of several calls with one `at_ms` the last counts. Never crossed."""

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        """One trade, block trades included (their ids count)."""

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        """Status from `at_ms` on; `since_ms` is the last moment at which the old one is sure, where they differ."""

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        """The venue's result in the venue's word; `final` once the venue calls it irrevocable."""

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; always told before the event at or after `to_ms` that ends it."""

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        """Everything before `at_ms` has been told. Advances in steps, not on every frame."""


class PathListener(FeedListener, Protocol):
    """Hears of gaps, and later what fills them: until that has come, no watermark passes the start of the gap."""

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        """`trades`: every trade inside will be told before the watermark passes, or the gap told again without it."""

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        """A venue candle that overlaps a gap told before; each once."""
