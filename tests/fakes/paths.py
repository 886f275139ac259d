"""Stands between a source and a judge: tells of the markets needed, what stands first, and fills no gap."""

from __future__ import annotations

from collections.abc import Callable

from relayer.domain.feeds import BookView, FeedListener, Remembered, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.services.feeds import FeedTable


class Telling:
    """A FeedListener that tells `feeds` of all markets and then, of those in `wanted`, `listeners`."""

    def __init__(self, feeds: FeedListener) -> None:
        self.wanted: set[MarketId] = set()
        self.listeners: list[FeedListener] = []
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
        return self.listeners if market in self.wanted else []


class FakePaths:
    """The `Paths` of a judge. `told` is what the source tells; `needed` what the judge asked for, with how far back."""

    def __init__(self, feeds: FeedTable, watch: Callable[[list[MarketId]], None] = lambda markets: None) -> None:
        self.told = Telling(feeds)
        self.needed: list[tuple[MarketId, Millis, Remembered]] = []
        self._feeds = feeds
        self._watch = watch

    def need(self, market: MarketId, from_ms: Millis, remembered: Remembered) -> None:
        self._watch([market])
        self.needed.append((market, from_ms, remembered))
        if market not in self.told.wanted:
            self.told.wanted.add(market)
            self._catch_up(market, remembered)

    def remembered(self, market: MarketId) -> Remembered:
        watermark_ms = self._feeds.feed(market).watermark_ms
        return Remembered(watermark_ms, watermark_ms)

    def _catch_up(self, market: MarketId, remembered: Remembered) -> None:
        feed = self._feeds.feed(market)
        for listener in self.told.listeners if feed.watermark_ms else []:
            listener.on_gap(market, remembered.book_ms, feed.watermark_ms, "start")
            listener.on_status(market, feed.watermark_ms, feed.status, None)
            if feed.book and feed.book_stands:
                listener.on_book(market, feed.watermark_ms, feed.book)
            listener.on_watermark(market, feed.watermark_ms)
