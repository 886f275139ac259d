"""The REST history of a `FakeVenue`: its trades, and minute candles of its books, as the client returns them."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from msgspec import UNSET

from relayer.domain.errors import TransientError
from relayer.domain.feeds import Candle, Side, Trade
from relayer.domain.units import Millis, Price, Size
from relayer.sources.kalshi.client import KalshiClient
from tests.fakes.kalshi_venue import FakeVenue, Sides

MINUTE_MS = 60_000


class TradingVenue(FakeVenue):
    """Trades at many prices, some of them blocks, and remembers them."""

    def __init__(self, rng: Random, tickers: list[str], start_ms: int, *, lines: int = 1) -> None:
        super().__init__(rng, tickers, start_ms, lines=lines)
        self.traded: dict[str, list[Trade]] = {ticker: [] for ticker in tickers}

    def _trade(self, ticker: str) -> dict[str, Any]:
        price, block = self.rng.randrange(100, 10_000, 100), self.rng.random() < 0.1
        frame = super()._trade(ticker)
        trade = Trade(frame["trade_id"], Millis(frame["ts_ms"]), Price(price), Size(100), block)
        self.traded[ticker].append(trade)
        return {**frame, "yes_price_dollars": f"{price / 10_000:.4f}", "is_block_trade": block}


class VenueHistory(KalshiClient):
    """failure_rate: chance that a call fails. lost: tickers never answered. Some quiet minutes have no candle."""

    def __init__(self, venue: TradingVenue, *, failure_rate: float = 0.0, lost: frozenset[str] = frozenset()) -> None:
        self._venue = venue
        self._failure_rate = failure_rate
        self._lost = lost

    async def trades(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Trade]:
        self._fail(ticker)
        return [trade for trade in self._venue.traded[ticker] if from_ms <= trade.at_ms < to_ms]

    async def candles(self, tickers: Iterable[str], *, from_ms: int, to_ms: int) -> dict[str, list[Candle]]:
        (ticker,) = tickers
        self._fail(ticker)
        first, last = from_ms // MINUTE_MS + 1, to_ms // MINUTE_MS
        minutes = (self._minute(ticker, end * MINUTE_MS) for end in range(first, last + 1))
        return {ticker: [minute for minute in minutes if minute is not None]}

    async def past_candles(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Candle]:
        return []

    def _fail(self, ticker: str) -> None:
        if ticker in self._lost or self._venue.rng.random() < self._failure_rate:
            raise TransientError("Kalshi has trouble of its own.")

    def _minute(self, ticker: str, end_ms: int) -> Candle | None:
        market, start_ms = self._venue.markets[ticker], end_ms - MINUTE_MS
        changes = [sides for at_ms, sides in market.history if start_ms < at_ms < end_ms]
        if not changes and end_ms // MINUTE_MS % 3:
            return None
        books = [market.at(start_ms), *changes]
        bid = _side([max(bids, default=0) for bids, _ in books], empty=0)
        ask = _side([min(asks, default=10_000) for _, asks in books], empty=10_000)
        return Candle(Millis(start_ms), Millis(end_ms), bid, ask, UNSET)


def _side(prices: list[int], *, empty: int) -> Side:
    if set(prices) == {empty}:
        return None
    return prices[0], min(prices), max(prices), prices[-1]


def best(sides: Sides) -> tuple[int, int]:
    """Best bid and best ask, 0 and 10000 for an empty side."""
    return max(sides[0], default=0), min(sides[1], default=10_000)
