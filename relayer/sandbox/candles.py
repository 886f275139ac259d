"""Minute candles of best bid, best ask and trades, collected while the tape plays.

A minute in which nothing happened has no candle. The first and last values count from the state in force: a minute's
open is what stood in its first millisecond. Once a market has closed, candles without any price follow for a while.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from relayer.sandbox.book import DOLLAR, dollars

MINUTE_MS = 60_000
_SHOWN_CLOSED_MS = 60 * MINUTE_MS
Best = tuple[int, int] | None
"""Price in micro-dollars and size, or an empty side."""


class Range:
    """Open, low, high and close of one series of prices."""

    __slots__ = ("close", "high", "low", "open")

    def __init__(self, first: int) -> None:
        self.open = self.low = self.high = self.close = first

    def add(self, price: int) -> None:
        self.low, self.high, self.close = min(self.low, price), max(self.high, price), price

    def wire(self) -> dict[str, str]:
        return {f"{name}_dollars": dollars(getattr(self, name)) for name in ("open", "low", "high", "close")}


@dataclass(slots=True)
class _Minute:
    end_ms: int
    bid: Range
    ask: Range
    previous: int | None
    price: Range | None = None
    volume: Decimal = field(default_factory=Decimal)


@dataclass(slots=True)
class _Market:
    bid: int = 0
    ask: int = DOLLAR
    last: int | None = None
    minutes: list[_Minute] = field(default_factory=list)

    def minute(self, at_ms: int) -> _Minute:
        end_ms = (at_ms // MINUTE_MS + 1) * MINUTE_MS
        if not self.minutes or self.minutes[-1].end_ms < end_ms:
            self.minutes.append(_Minute(end_ms, Range(self.bid), Range(self.ask), self.last))
        return self.minutes[-1]


class Candles:
    """All markets' minutes."""

    def __init__(self) -> None:
        self._markets: dict[str, _Market] = {}
        self._closed_ms: dict[str, int] = {}

    def quote(self, ticker: str, at_ms: int, yes: Best, no: Best) -> None:
        """The best bids of both sides from `at_ms` on."""
        bid, ask = (yes[0] if yes else 0), (DOLLAR - no[0] if no else DOLLAR)
        market = self._markets.setdefault(ticker, _Market(bid, ask))
        if (bid, ask) == (market.bid, market.ask):
            return
        if at_ms % MINUTE_MS == 0:
            market.bid, market.ask = bid, ask
        minute = market.minute(at_ms)
        minute.bid.add(bid)
        minute.ask.add(ask)
        market.bid, market.ask = bid, ask

    def set_trading(self, ticker: str, at_ms: int, *, trading: bool) -> None:
        """The market trades, or has closed, from `at_ms` on."""
        if trading:
            self._closed_ms.pop(ticker, None)
        else:
            self._closed_ms.setdefault(ticker, at_ms)

    def trade(self, ticker: str, at_ms: int, price: str, count: str) -> None:
        market = self._markets.setdefault(ticker, _Market())
        micros = int(Decimal(price) * DOLLAR)
        minute = market.minute(at_ms)
        if minute.price is None:
            minute.price = Range(micros)
        minute.price.add(micros)
        minute.volume += Decimal(count)
        market.last = micros

    def wire(self, ticker: str, start_s: int, end_s: int, now_ms: int) -> list[dict[str, Any]]:
        """Finished minutes whose end lies in `[start_s, end_s]`, in the shape of the live endpoints."""
        market = self._markets.get(ticker, _Market())
        return [
            _wire(minute)
            for minute in (*market.minutes, *self._after_close(ticker, now_ms))
            if start_s <= minute.end_ms // 1000 <= end_s and minute.end_ms <= now_ms
        ]

    def _after_close(self, ticker: str, now_ms: int) -> Iterator[_Minute]:
        if ticker in self._closed_ms:
            first = -(-self._closed_ms[ticker] // MINUTE_MS) * MINUTE_MS + MINUTE_MS
            for end_ms in range(first, min(now_ms, first + _SHOWN_CLOSED_MS) + 1, MINUTE_MS):
                yield _Minute(end_ms, Range(0), Range(DOLLAR), None)


def _wire(minute: _Minute) -> dict[str, Any]:
    price = minute.price.wire() if minute.price else {}
    if minute.previous is not None:
        price["previous_dollars"] = dollars(minute.previous)
    return {
        "end_period_ts": minute.end_ms // 1000,
        "yes_bid": minute.bid.wire(),
        "yes_ask": minute.ask.wire(),
        "price": price,
        "volume_fp": f"{minute.volume:.2f}",
        "open_interest_fp": "0.00",
    }
