"""Between sources and feeds: what concerns an armed condition is written to the tape before anybody acts on it."""

from __future__ import annotations

from relayer.domain.feeds import BookView, FeedListener, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis


class Taping:
    """A FeedListener that tells `tape` of the markets in `wanted`, and then `feeds` of all."""

    def __init__(self, feeds: FeedListener, tape: FeedListener) -> None:
        self._feeds = feeds
        self._tape = tape
        self.wanted: set[MarketId] = set()

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        for listener in self._listeners(market):
            listener.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        for listener in self._listeners(market):
            listener.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        for listener in self._listeners(market):
            listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        for listener in self._listeners(market):
            listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        for listener in self._listeners(market):
            listener.on_gap(market, from_ms, to_ms, reason)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        for listener in self._listeners(market):
            listener.on_watermark(market, at_ms)

    def _listeners(self, market: MarketId) -> tuple[FeedListener, ...]:
        return (self._tape, self._feeds) if market in self.wanted else (self._feeds,)
