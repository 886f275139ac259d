"""Stands between a source and a judge: tells of the markets needed, what stands first, and fills no gap."""

from __future__ import annotations

from collections.abc import Callable

from relayer.domain.feeds import Remembered
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis
from relayer.services.feeds import FeedTable
from relayer.services.taping import Taping


class FakePaths:
    """The `Paths` of a judge. `told` is what the source tells; `needed` what the judge asked for, with how far back."""

    def __init__(self, feeds: FeedTable, watch: Callable[[list[MarketId]], None] = lambda markets: None) -> None:
        self.told = Taping(feeds)
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
