"""A `PathListener` that keeps what it is told, as plain tuples in the order of telling."""

from __future__ import annotations

from typing import Any

from relayer.domain.feeds import BookView, Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis


class PathLog:
    """`told`: `(what, ...)` of each call, without the market."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def of(self, what: str) -> list[tuple[Any, ...]]:
        return [line for line in self.told if line[0] == what]

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.told.append(("book", at_ms, book.best_bid, book.best_ask))

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self.told.append(("trade", trade.at_ms, trade.trade_id))

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self.told.append(("status", at_ms, status.name, since_ms))

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self.told.append(("result", at_ms, result, final))

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        self.told.append(("gap", from_ms, to_ms, trades))

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        self.told.append(("candle", candle.at_ms, candle.to_ms))

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self.told.append(("watermark", at_ms))
