"""Kalshi's recorded order-book frames through the daemon's own session: decoded, in sequence, booked, best prices read.

The baseline reads the same texts with `json.loads` and does nothing with them.
"""

from __future__ import annotations

import json

from relayer.bench.recording import Replay, recorded_frames
from relayer.bench.row import Effort, Measured, Row
from relayer.bench.timing import Job, cost_ratio, in_turns
from relayer.domain.feeds import BookView, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price, Size

_SIZE = Size(100_00)
"""Centi-contracts at which best prices are read: 100 contracts."""
_PASSES = 20


class BestPrices:
    """A listener that reads from each book what a condition with `min_size` would; the newest stands here."""

    def __init__(self) -> None:
        self.bid: Price | None = None
        self.ask: Price | None = None

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.bid, self.ask = book.bid_for(_SIZE), book.ask_for(_SIZE)

    def on_trade(self, market: MarketId, trade: Trade) -> None: ...

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None: ...

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None: ...

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None: ...

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None: ...


def _measure(effort: Effort) -> Measured:
    frames = recorded_frames()
    texts = frames.all
    messages = [json.loads(text)["msg"] for text in frames.opening]
    tickers = [message["market_ticker"] for message in messages if "market_ticker" in message]
    passes = range(effort.of(_PASSES))

    def candidate() -> Job:
        replays = [Replay(tickers, BestPrices()) for _ in passes]

        def receive_all() -> None:
            for replay in replays:
                replay.open(frames.opening)
                replay.take(frames.changes)

        return receive_all

    def baseline() -> Job:
        def load_all() -> None:
            loads = json.loads
            for _ in passes:
                for text in texts:
                    loads(text)

        return load_all

    rounds = in_turns(candidate, baseline, rounds=effort.rounds)
    return cost_ratio(rounds, units=len(passes) * len(texts), unit="frame")


ROW = Row(
    id="wire_to_book",
    what="recorded order-book frames into books and best prices at size, over json.loads of the same text",
    goal=0.5,
    unit="ratio",
    measure=_measure,
)
