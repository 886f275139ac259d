"""One watched market: its book, and what of it has been proven and told. No I/O and no clock.

Tells the listener in the order that `conditions.md` section 2 asks of writers: a gap before whatever ends it, never a
crossed book, no watermark past anything still open. Who hears frames and asks for snapshots is `session`; what REST
says comes from `source`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from enum import StrEnum

from relayer.domain.feeds import FeedListener, Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.prices.book import Book, BookError
from relayer.sources.kalshi.path import Standing

log = logging.getLogger(__name__)

_ENDED = frozenset(
    {
        MarketStatus.CLOSED,
        MarketStatus.DETERMINED,
        MarketStatus.DISPUTED,
        MarketStatus.AMENDED,
        MarketStatus.FINAL,
    }
)


class GapReason(StrEnum):
    """Why a stretch is unproven; a metric label, so the list is closed."""

    START = "start"
    DISCONNECTED = "disconnected"
    SUBSCRIPTION = "subscription"
    SEQUENCE = "sequence"
    MALFORMED = "malformed"
    MISSED = "missed"
    OUT_OF_ORDER = "out_of_order"
    CROSSED = "crossed"
    REOPENED = "reopened"
    DISAGREED = "disagreed"
    CROSS_CHECK = "cross_check"


class WatchedMarket:
    """State of one market across connections; it is the same object for all of them.

    awaiting: the book is useless until a snapshot comes. told_ms: the newest book, status or result told. floor_ms: the
    newer of told_ms and watermark_ms, nothing older may be told. known_from_ms: when the unbroken book began.
    A gap is open exactly while the market is thought to be trading and its book is awaited or crossed.
    """

    __slots__ = (
        "_gap_from",
        "_gap_reason",
        "_rest_proven_ms",
        "_result",
        "_tell_before",
        "awaiting",
        "book",
        "facts",
        "floor_ms",
        "known_from_ms",
        "listener",
        "market",
        "status",
        "told_ms",
        "watermark_ms",
    )

    def __init__(self, market: MarketId, listener: FeedListener) -> None:
        self.market = market
        self.facts: MarketFacts | None = None
        self.status = MarketStatus.UNKNOWN
        self.awaiting = True
        self.told_ms = 0
        self.watermark_ms = 0
        self.listener = listener
        self.book = Book()
        self.floor_ms = 0
        self._tell_before = 0  # changes before this time are told at once; 0 while there is a reason not to
        self.known_from_ms = 0
        self._gap_from: int | None = 0
        self._gap_reason = GapReason.START
        self._rest_proven_ms = 0
        self._result = ("", False)

    @property
    def final(self) -> bool:
        """Nothing more can come."""
        return self._result[1]

    @property
    def standing(self) -> Standing | None:
        """What is known of it now; None before anything is."""
        if self.facts is None:
            return None
        known = self.status is MarketStatus.ACTIVE and self._gap_from is None
        return Standing(Millis(self.floor_ms), self.book if known else None, self.facts.open_ms)

    @property
    def proves(self) -> bool:
        """The stream tells this market's book."""
        return not self.awaiting

    @property
    def wants_snapshot(self) -> bool:
        return self.awaiting and self.status is MarketStatus.ACTIVE

    def crossed_since(self) -> int | None:
        """Start of the crossed moment that lasts still."""
        return self._gap_from if self._gap_reason is GapReason.CROSSED and not self.awaiting else None

    def due(self, now_ms: float) -> bool:
        """Its scheduled opening or close has come, and REST has not yet said what became of it."""
        if self.facts is None:
            return True
        if self.status is MarketStatus.INITIALIZED:
            return now_ms >= self.facts.open_ms
        return self.status not in _ENDED and now_ms >= self.facts.close_ms

    # Book and trades, from the stream

    def change(self, is_bid: bool, price: int, change: int, at_ms: int) -> None:
        """Apply one change of one level."""
        book = self.book
        side = book.bid_side if is_bid else book.ask_side
        left = side.sizes.get(price, 0) + change
        if left > 0 and left != change and self.floor_ms <= at_ms < self._tell_before:
            # The usual case, without a call: a level stays, so the best prices do, and an uncrossed book uncrossed.
            side.sizes[price] = left
            if price == side.best:
                side.best_size = left
            self.told_ms = self.floor_ms = at_ms
            self.listener.on_book(self.market, at_ms, book)  # type: ignore[arg-type] # no call for a NewType here
            return
        try:
            side.change(price, change)
        except BookError as error:
            self._lost(GapReason.MISSED, error)
            return
        self._changed(at_ms)

    def snapshot(self, bids: dict[int, int], asks: dict[int, int], at_ms: int) -> None:
        """The whole book as of `at_ms`: ends a gap there. An unbroken book it only confirms, or convicts."""
        if not self.awaiting:
            if self.book.holds(bids, asks):
                return
            self._lost(GapReason.MISSED, "a snapshot in sequence differs from the book")
        self.book.replace(bids, asks)
        self.awaiting = False
        self.known_from_ms = max(at_ms, self.floor_ms)
        self._changed(self.known_from_ms)

    def trade(self, trade: Trade) -> None:
        """Tell a trade. Trades keep an order of their own, but none is older than the watermark."""
        if trade.at_ms < self.watermark_ms:
            self._lost(GapReason.OUT_OF_ORDER, f"trade {trade.trade_id} comes after its time was proven complete")
        elif trade.at_ms < self._tell_before:
            self.listener.on_trade(self.market, trade)

    def lose(self, proven_ms: int, reason: GapReason) -> None:
        """The stream may have missed something after `proven_ms`: all is unknown until the next snapshot."""
        if self.awaiting:
            return
        self.advance(proven_ms)
        self.awaiting = True
        self._tell_before = 0
        if self.status is MarketStatus.ACTIVE and (self._gap_from is None or self._gap_reason is GapReason.CROSSED):
            # From the newest telling itself: more of its millisecond may be among what was missed.
            self._open_gap(self.floor_ms, reason)

    def advance(self, proven_ms: int) -> None:
        """The stream is complete before `proven_ms`: move the watermark as far as nothing else is open.

        Without trading the stream proves nothing: then the last REST answer does, which knows results.
        """
        if self.status is not MarketStatus.ACTIVE:
            proven_ms = self._rest_proven_ms
        elif self.awaiting:
            return  # trades from before the newest book may be among what was missed
        elif self.facts is not None:
            proven_ms = min(proven_ms, self.facts.close_ms)
        if self._gap_from is not None:
            proven_ms = min(proven_ms, self._gap_from)
        if proven_ms > self.watermark_ms:
            self.watermark_ms = proven_ms
            self.floor_ms = max(self.floor_ms, proven_ms)
            self.listener.on_watermark(self.market, Millis(proven_ms))

    def _lost(self, reason: GapReason, why: object) -> None:
        if not self.awaiting:
            log.warning("book lost", extra={"market": str(self.market), "reason": reason, "why": str(why)})
            self.lose(self.watermark_ms, reason)

    def _changed(self, at_ms: int) -> None:
        """The rarer ways of a change: in a gap, crossed, not trading, past the close, older than what was told."""
        if self.awaiting:
            return
        if at_ms < self.floor_ms and self.known_from_ms < self.floor_ms:
            self._lost(GapReason.OUT_OF_ORDER, f"a change of {at_ms} comes after {self.floor_ms}")
            return
        at_ms = max(at_ms, self.floor_ms)  # older than the snapshot that began what is known: part of its instant
        if self.status is not MarketStatus.ACTIVE:
            return
        if self.book.crossed:
            self._tell_before = 0
            self._open_gap(at_ms, GapReason.CROSSED)
            return
        self._tell_gap(at_ms)
        self._gap_from = None
        self._tell_before = self.facts.close_ms if self.facts else 0
        if at_ms < self._tell_before:
            self.told_ms = self.floor_ms = at_ms
            self.listener.on_book(self.market, Millis(at_ms), self.book)

    def _open_gap(self, from_ms: int, reason: GapReason) -> None:
        if self._gap_from is None:
            self._gap_from = from_ms
        self._gap_reason = reason

    def _tell_gap(self, to_ms: int) -> None:
        """Tell the open gap up to something that comes after its start; it stays open from there."""
        if self._gap_from is not None and self._gap_from < to_ms:
            self.listener.on_gap(self.market, Millis(self._gap_from), Millis(to_ms), self._gap_reason)
            self._gap_from = to_ms

    # Status and result, from REST and the lifecycle channel

    def pause(self, sure_ms: int) -> None:
        """Trading was stopped, surely by `sure_ms`; for how long, and whether for good, REST will say."""
        if self.status is MarketStatus.ACTIVE:
            self._change_status(MarketStatus.PAUSED, sure_ms, exact=False)

    def reschedule(self, close_ms: int) -> None:
        """The venue moved the close."""
        if self.facts is not None:
            self.facts = replace(self.facts, close_ms=Millis(close_ms))
            if self._tell_before:
                self._tell_before = close_ms

    def learn(self, facts: MarketFacts, *, asked_ms: int, answered_ms: int, proven_ms: int) -> None:
        """What REST says, asked and answered between these exchange times, the stream being proven to `proven_ms`."""
        if self.facts and self.facts.close_ms <= answered_ms < facts.close_ms:
            self.lose(proven_ms, GapReason.REOPENED)  # changes past the supposed close were not told
        self.facts = facts
        if self._tell_before:
            self._tell_before = facts.close_ms
        if self._stream_lags(facts, answered_ms, proven_ms):
            return
        self._rest_proven_ms = max(self._rest_proven_ms, asked_ms)
        if facts.status is not self.status:
            self._follow(facts, asked_ms, answered_ms)
        if facts.result and (facts.result, facts.final) != self._result:
            self._tell_result(facts, asked_ms)
        self.advance(proven_ms)

    def _stream_lags(self, facts: MarketFacts, answered_ms: int, proven_ms: int) -> bool:
        """A close is told only once the stream is proven up to it, so that its last second is not cut off."""
        if self.status is not MarketStatus.ACTIVE or self.awaiting or facts.close_ms > answered_ms:
            return False
        return facts.status is MarketStatus.ACTIVE or (facts.status in _ENDED and proven_ms < facts.close_ms)

    def _follow(self, facts: MarketFacts, asked_ms: int, answered_ms: int) -> None:
        if facts.status in _ENDED:
            if self.status not in _ENDED:
                scheduled = facts.close_ms <= answered_ms
                at_ms = facts.close_ms if scheduled else answered_ms
                self._change_status(MarketStatus.CLOSED, at_ms, exact=scheduled)
            if facts.status is not MarketStatus.CLOSED:
                self._change_status(facts.status, facts.settled_ms or asked_ms, exact=True)
        elif self.status is MarketStatus.INITIALIZED and facts.open_ms <= answered_ms:
            self._change_status(facts.status, facts.open_ms, exact=True)
        else:
            self._change_status(facts.status, answered_ms, exact=self.status is MarketStatus.UNKNOWN)

    def _change_status(self, status: MarketStatus, at_ms: int, *, exact: bool) -> None:
        at_ms = max(at_ms, self.floor_ms)
        since_ms = max(self.told_ms + 1, self.watermark_ms)
        since = None if exact or since_ms >= at_ms else Millis(since_ms)
        self._tell_gap(at_ms)
        was_trading, self.status = self.status is MarketStatus.ACTIVE, status
        self.told_ms = self.floor_ms = at_ms
        self.listener.on_status(self.market, Millis(at_ms), status, since)
        if status is MarketStatus.ACTIVE:
            self.awaiting = True  # venue orders do not outlive a pause
            self._open_gap(at_ms, GapReason.START if self._gap_from is not None else GapReason.REOPENED)
        elif was_trading or self._gap_from is not None:
            self._gap_from = None
            self._tell_before = 0

    def _tell_result(self, facts: MarketFacts, asked_ms: int) -> None:
        settled_ms = facts.settled_ms if facts.final else None
        at_ms = max(settled_ms or asked_ms, self.floor_ms)
        self._tell_gap(at_ms)
        self._result = (facts.result, facts.final)
        self.told_ms = self.floor_ms = at_ms
        self.listener.on_result(self.market, Millis(at_ms), facts.result, facts.final)
