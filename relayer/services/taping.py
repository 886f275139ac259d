"""What concerns an armed condition is on its way to the tape before anybody judges it."""

from __future__ import annotations

from relayer.domain.feeds import BookView, Candle, PathListener, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis


class Taping:
    """A PathListener that tells `listeners` in their order: the tape, if there is one, and then the judge."""

    def __init__(self, *listeners: PathListener) -> None:
        self.listeners: list[PathListener] = list(listeners)

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        for listener in self.listeners:
            listener.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        for listener in self.listeners:
            listener.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        for listener in self.listeners:
            listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        for listener in self.listeners:
            listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        for listener in self.listeners:
            listener.on_gap(market, from_ms, to_ms, reason, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        for listener in self.listeners:
            listener.on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        for listener in self.listeners:
            listener.on_watermark(market, at_ms)
