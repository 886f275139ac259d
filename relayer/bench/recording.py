"""Kalshi's recorded order-book frames, and a session of the daemon that takes them.

The frames are those of `relayer/data/bench`: all of one subscription from its first snapshot on, recorded in production
on 2026-08-07, with NO levels in YES prices.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from relayer.domain.clock import Clock
from relayer.domain.feeds import FeedListener
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Venue
from relayer.domain.units import Millis
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.venue_time import VenueTime

_FRAMES = resources.files("relayer") / "data" / "bench" / "kalshi-books-2026-08-07.jsonl.gz"
OPENED_MS, ENDED_MS = Millis(1_786_085_188_500), Millis(1_786_085_245_000)
"""All snapshots were received by the first, all changes between the two."""
_BOOK_SID, _LIFECYCLE_SID, _TRADE_SID = 1, 2, 3


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


class Replay:
    """A session that waits for the first frame. Its clock stands at the snapshots, then at the end of the changes."""

    def __init__(self, tickers: Sequence[str], listener: FeedListener) -> None:
        self._now_ms = OPENED_MS
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

    def open(self, frames: Sequence[str]) -> None:
        """Take snapshots, and replies between them."""
        self.take(frames)
        self._now_ms = ENDED_MS

    def take(self, frames: Sequence[str]) -> None:
        """Take frames of any kind."""
        receive = self.session.receive
        for frame in frames:
            receive(frame)


def _trading(ticker: str, listener: FeedListener) -> WatchedMarket:
    facts = MarketFacts(
        market=MarketId(Venue.KALSHI, ticker),
        title=ticker,
        event="",
        status=MarketStatus.ACTIVE,
        open_ms=Millis(0),
        close_ms=Millis(ENDED_MS + 1),
        result="",
        final=False,
        settled_ms=None,
        rules_hash="",
        provisional=False,
    )
    market = WatchedMarket(facts.market, listener)
    market.learn(facts, asked_ms=OPENED_MS, answered_ms=OPENED_MS, proven_ms=0)
    return market
