"""Between sources and feeds: what concerns an armed condition is on its way to the tape before anybody judges it."""

from __future__ import annotations

from relayer.domain.feeds import BookView, FeedListener, PathListener, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis

_NOBODY: list[FeedListener] = []


class Taping:
    """A FeedListener that tells `feeds` of all markets and then, of those in `wanted`, `listeners` in their order."""

    def __init__(self, feeds: FeedListener, *listeners: PathListener) -> None:
        self.wanted: set[MarketId] = set()
        self.listeners: list[FeedListener] = list(listeners)
        self._feeds = feeds

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self._feeds.on_book(market, at_ms, book)
        for listener in self._told(market):
            listener.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self._feeds.on_trade(market, trade)
        for listener in self._told(market):
            listener.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self._feeds.on_status(market, at_ms, status, since_ms)
        for listener in self._told(market):
            listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._feeds.on_result(market, at_ms, result, final)
        for listener in self._told(market):
            listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self._feeds.on_gap(market, from_ms, to_ms, reason)
        for listener in self._told(market):
            listener.on_gap(market, from_ms, to_ms, reason)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._feeds.on_watermark(market, at_ms)
        for listener in self._told(market):
            listener.on_watermark(market, at_ms)

    def _told(self, market: MarketId) -> list[FeedListener]:
        return self.listeners if market in self.wanted else _NOBODY
