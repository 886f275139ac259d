"""Kalshi's recorded order-book frames through the daemon's own session: decoded, in sequence, booked, best prices read.

The frames, and where they come from, are in `relayer/data/bench`. The baseline reads the same texts with `json.loads`
and does nothing with them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from relayer.bench.row import Effort, Measured, Row
from relayer.bench.timing import Job, cost_ratio, in_turns
from relayer.domain.clock import Clock
from relayer.domain.feeds import BookView, Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.venue_time import VenueTime

_FRAMES = resources.files("relayer") / "data" / "bench" / "kalshi-books-2026-08-07.jsonl.gz"
_OPENED_MS, _ENDED_MS = Millis(1_786_085_188_500), Millis(1_786_085_245_000)
"""All snapshots were received by the first, all changes between the two."""
_BOOK_SID, _LIFECYCLE_SID, _TRADE_SID = 1, 2, 3
_SIZE = Size(100_00)
"""Centi-contracts at which best prices are read: 100 contracts."""
_PASSES = 20


@dataclass(frozen=True, slots=True)
class Frames:
    """The texts of one subscription in order: snapshots with the replies between them, then changes."""

    opening: Sequence[str]
    changes: Sequence[str]

    @property
    def all(self) -> Sequence[str]:
        return (*self.opening, *self.changes)


def recorded_frames() -> Frames:
    texts = gzip.decompress(_FRAMES.read_bytes()).decode().splitlines()
    first = next(at for at, text in enumerate(texts) if '"orderbook_delta"' in text)
    return Frames(texts[:first], texts[first:])


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


class Replay:
    """A session that waits for the first frame. Its clock stands at the snapshots, then at the end of the changes."""

    def __init__(self, tickers: Sequence[str], listener: BestPrices) -> None:
        self._now_ms = _OPENED_MS
        self.session = Session(
            markets={ticker: _trading(ticker, listener) for ticker in tickers},
            clock=Clock(wall=lambda: self._now_ms),
            venue_time=VenueTime(),
            refresh=lambda tickers: None,
            reply_timeout_s=5,
        )
        self.session.watch(tickers)
        channels = (("market_lifecycle_v2", _LIFECYCLE_SID), ("trade", _TRADE_SID), ("orderbook_delta", _BOOK_SID))
        for number, (channel, sid) in enumerate(channels, start=1):
            reply = {"type": "subscribed", "id": number, "msg": {"channel": channel, "sid": sid}}
            self.session.receive(json.dumps(reply))

    def run(self, frames: Frames) -> None:
        receive = self.session.receive
        for frame in frames.opening:
            receive(frame)
        self._now_ms = _ENDED_MS
        for frame in frames.changes:
            receive(frame)


def _trading(ticker: str, listener: BestPrices) -> WatchedMarket:
    facts = MarketFacts(
        market=MarketId(Venue.KALSHI, ticker),
        title=ticker,
        event="",
        status=MarketStatus.ACTIVE,
        open_ms=Millis(0),
        close_ms=Millis(_ENDED_MS + 1),
        result="",
        final=False,
        settled_ms=None,
        rules_hash="",
        provisional=False,
    )
    market = WatchedMarket(facts.market, listener)
    market.learn(facts, asked_ms=_OPENED_MS, answered_ms=_OPENED_MS, proven_ms=0)
    return market


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
                replay.run(frames)

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
