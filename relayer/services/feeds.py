"""The present state of every watched market: sources write it, the publisher reads it.

Holds the newest value only. Whether to push it is `prices.policy`, what it means is `conditions`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from relayer.domain.board import FeedState
from relayer.domain.clock import Clock
from relayer.domain.feeds import BookView, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import NEVER, NO_ASK, NO_BID, Millis, Price
from relayer.telemetry.metrics import Metrics

_GAPS_KEPT = 100


@dataclass(frozen=True, slots=True)
class GapTold:
    """A stretch in which the feed proved nothing."""

    from_ms: Millis
    to_ms: Millis
    reason: str


class Feed:
    """One market as last told by its source."""

    __slots__ = (
        "book",
        "book_stands",
        "changes",
        "gap_count",
        "gaps",
        "last",
        "market",
        "result",
        "status",
        "watermark_ms",
    )

    def __init__(self, market: MarketId) -> None:
        self.market = market
        self.book: BookView | None = None
        self.book_stands = False
        """Whether the book is the present one: no gap, and no end of trading, was told since."""
        self.changes = 0
        """How often anything was told that a board slot may show; the watermark by itself is none."""
        self.last: Price | None = None
        self.status = MarketStatus.UNKNOWN
        self.result: tuple[Millis, str, bool] | None = None
        self.watermark_ms = NEVER
        self.gaps: deque[GapTold] = deque(maxlen=_GAPS_KEPT)
        self.gap_count = 0

    def state(self) -> FeedState:
        """The value for a board slot; a market that is not trading has no prices."""
        book = self.book if self.status is MarketStatus.ACTIVE else None
        bid, ask = (book.best_bid, book.best_ask) if book else (None, None)
        return FeedState(
            bid=NO_BID if bid is None else bid,
            ask=NO_ASK if ask is None else ask,
            last=NO_BID if self.last is None else self.last,
            status=self.status,
            size_bits=(book.thinner_size // 100).bit_length() if book else 0,
            as_of_ms=self.watermark_ms,
        )


class FeedTable:
    """All feeds; a `FeedListener` for the sources."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._feeds: dict[MarketId, Feed] = {}

    def __iter__(self) -> Iterator[Feed]:
        return iter(self._feeds.values())

    def feed(self, market: MarketId) -> Feed:
        """The market's feed, made on first use."""
        found = self._feeds.get(market)
        if found is None:
            found = self._feeds[market] = Feed(market)
        return found

    def ages(self) -> dict[str, Iterable[float]]:
        """Seconds since each feed last proved its value, by venue; feeds never heard of are left out."""
        now = self._clock.now_ms()
        by_venue: dict[str, list[float]] = {}
        for feed in self:
            if feed.watermark_ms:
                by_venue.setdefault(feed.market.venue, []).append(max(0, now - feed.watermark_ms) / 1000)
        return dict(by_venue)

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        feed = self.feed(market)
        feed.book = book
        feed.book_stands = True
        feed.changes += 1
        feed.watermark_ms = max(feed.watermark_ms, at_ms)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        feed = self.feed(market)
        if not trade.block:
            feed.last = trade.price
            feed.changes += 1

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        feed = self.feed(market)
        feed.status = status
        feed.changes += 1
        feed.book_stands = feed.book_stands and status is MarketStatus.ACTIVE
        feed.watermark_ms = max(feed.watermark_ms, at_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self.feed(market).result = (at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self._metrics.gaps.labels(market.venue, reason).inc()
        feed = self.feed(market)
        feed.gaps.append(GapTold(from_ms, to_ms, reason))
        feed.gap_count += 1
        feed.book_stands = False

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        feed = self.feed(market)
        feed.watermark_ms = max(feed.watermark_ms, at_ms)
