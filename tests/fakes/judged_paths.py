"""A `PathListener` that can say of any instant what it was told of it, and holds that against the truth."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from relayer.domain.feeds import BookView, Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis

Best = tuple[int, int]
"""Best bid and best ask, 0 and 10000 for an empty side."""


@dataclass
class Judged:
    """What was told of one market; what was before `needed_ms` does not matter."""

    needed_ms: int
    books: list[tuple[int, Best]] = field(default_factory=list)
    gaps: list[tuple[int, int, bool]] = field(default_factory=list)
    candles: list[Candle] = field(default_factory=list)
    trades: dict[str, Trade] = field(default_factory=dict)
    watermark_ms: int = 0
    statuses: list[tuple[int, MarketStatus]] = field(default_factory=list)

    def in_gap(self, at_ms: int) -> bool:
        return any(start <= at_ms < end for start, end, _ in self.gaps)

    def trades_complete(self, at_ms: int) -> bool:
        return not any(start <= at_ms < end for start, end, trades in self.gaps if not trades)

    def candle(self, at_ms: int) -> Candle | None:
        return next((one for one in self.candles if one.at_ms <= at_ms < one.to_ms), None)

    def book(self, at_ms: int) -> Best | None:
        """The observed best prices, None where they are not known."""
        place = bisect_right(self.books, at_ms, key=lambda told: told[0])
        if not place or self.in_gap(at_ms):
            return None
        since, found = self.books[place - 1]
        lost = any(since < end and start <= at_ms for start, end, _ in self.gaps)
        return None if lost else found

    def assert_books(self, best: Callable[[int], Best], moments: Iterable[int], *, lost: bool = False) -> int:
        """Observed books are the truth, candles contain it, nothing else is in a gap unless `lost`.

        best: the truth at a moment. Returns at how many moments a candle was all there was.
        """
        edges = {edge + step for gap in self.gaps for edge in gap[:2] for step in (-1, 0, 1)}
        bounded = 0
        for at_ms in sorted({*moments, *edges}):
            if not self.needed_ms <= at_ms < self.watermark_ms:
                continue
            truth, candle = best(at_ms), self.candle(at_ms)
            if (found := self.book(at_ms)) is not None:
                assert found == truth, f"at {at_ms}"
            elif self.in_gap(at_ms) and candle is not None:
                bounded += 1
                assert contains(candle, truth), f"at {at_ms}: {candle} and {truth}"
            elif self.in_gap(at_ms):
                assert lost, f"{at_ms} is unknown"
        return bounded

    def assert_trades(self, traded: Iterable[Trade]) -> None:
        """Each trade of a time in which trades are complete was told, and no other."""
        wanted = list(traded)
        for trade in wanted:
            if self.needed_ms <= trade.at_ms < self.watermark_ms and self.trades_complete(trade.at_ms):
                assert self.trades.get(trade.trade_id) == trade, f"at {trade.at_ms}"
        assert set(self.trades.values()) <= set(wanted)


def contains(candle: Candle, truth: Best) -> bool:
    bid, ask = candle.bid, candle.ask
    within_bid = bid[1] <= truth[0] <= bid[2] if isinstance(bid, tuple) else truth[0] == 0
    within_ask = ask[1] <= truth[1] <= ask[2] if isinstance(ask, tuple) else truth[1] == 10_000
    return within_bid and within_ask


class JudgedPaths:
    """Asserts that nothing is told of a time that the watermark has passed."""

    def __init__(self, *, needed_ms: int) -> None:
        self.markets: defaultdict[str, Judged] = defaultdict(lambda: Judged(needed_ms))

    def __getitem__(self, ticker: str) -> Judged:
        return self.markets[ticker]

    def _told(self, market: MarketId, at_ms: int) -> Judged:
        judged = self.markets[market.ticker]
        assert at_ms >= judged.watermark_ms, f"{market}: {at_ms} is told after the watermark {judged.watermark_ms}"
        return judged

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self._told(market, at_ms).books.append((at_ms, (book.best_bid or 0, book.best_ask or 10_000)))

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self._told(market, trade.at_ms).trades[trade.trade_id] = trade

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        judged = self._told(market, at_ms)
        judged.statuses.append((at_ms, status))
        if since_ms is not None:
            judged.gaps.append((since_ms, at_ms, True))

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._told(market, at_ms)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        assert from_ms < to_ms
        self._told(market, from_ms).gaps.append((from_ms, to_ms, trades))

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        judged = self._told(market, candle.to_ms)
        assert not any(one.at_ms < candle.to_ms and candle.at_ms < one.to_ms for one in judged.candles)
        judged.candles.append(candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        judged = self.markets[market.ticker]
        assert at_ms > judged.watermark_ms
        judged.watermark_ms = at_ms
