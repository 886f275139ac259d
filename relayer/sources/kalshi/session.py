"""The conversation on one WebSocket connection, without the socket: frames in, commands out, markets kept true.

Each subscription (`sid`) has one sequence for all its markets, and everything that carries `seq` counts in it. A hole
loses all of them: they come back with snapshots, failing that with a new subscription, failing that (TransientError)
with a new connection. What a market tells is `market`'s business, sockets are `stream`'s.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.units import millis_from_rfc3339
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.market import GapReason, WatchedMarket
from relayer.sources.kalshi.pair import Hearing
from relayer.sources.kalshi.parse import CHANGES, PRICES
from relayer.sources.kalshi.questions import Questions
from relayer.sources.kalshi.subscription import BOOK, LIFECYCLE, TICKER, TRADE, Command, Subscription, Subscriptions
from relayer.sources.kalshi.ticker import TickerCheck
from relayer.sources.kalshi.venue_time import VenueTime
from relayer.sources.kalshi.wire import UNREADABLE, Delta, decode_frame

log = logging.getLogger(__name__)

_AHEAD_MS = 5_000
"""How far ahead of our own clock a frame's time is still believed."""
_CROSSED_MS = 2_000
"""Clock time after which a crossed book is no passing moment but a wrong book."""
_STEP_MS = 500
"""Least step of the watermark: it is told of every market, thousands of times more often than anybody looks."""
_LOOK_EVERY_S = 0.5
"""Wall time between two looks at all markets that no step asks for: frames wait meanwhile."""
_TERMINAL = frozenset({10, 17, 25})
"""Error codes that end one subscription while the socket lives."""

_UNKNOWN_SID = 7


class Session:
    """One connection's subscriptions.

    markets: by ticker, shared with later sessions. refresh: is told the tickers of which REST now knows more.
    best_prices: where given, ticker frames are subscribed for it. frames: counts by type since last cleared.
    """

    def __init__(
        self,
        *,
        markets: Mapping[str, WatchedMarket | Hearing],
        clock: Clock,
        venue_time: VenueTime,
        refresh: Callable[[Iterable[str]], None],
        reply_timeout_s: float,
        best_prices: TickerCheck | None = None,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.frames: Counter[str] = Counter()
        self._markets = markets
        self._clock = clock
        self._venue_time = venue_time
        self._refresh = refresh
        self._best_prices = best_prices
        self._wall_s = wall_s
        self._subscriptions = Subscriptions(
            with_ticker=best_prices is not None,
            now_ms=lambda: venue_time.earliest(clock.now_ms()),
            wall_s=wall_s,
        )
        self._by_sid = self._subscriptions.by_sid
        self._by_channel = self._subscriptions.by_channel
        self._tickers = self._subscriptions.tickers
        self._questions = Questions(
            subscriptions=self._subscriptions,
            markets=markets,
            resubscribe=self._resubscribe,
            reply_timeout_s=reply_timeout_s,
            wall_s=wall_s,
        )
        self._advanced_ms = 0
        self._look_from_s = 0.0
        self._ceiling_ms = 0
        self._deltas = 0
        self._ending: str | None = None
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            wire.Snapshot: self._on_snapshot,
            wire.TradeFrame: self._on_trade,
            wire.Ticker: self._on_ticker,
            wire.Lifecycle: self._on_lifecycle,
            wire.Subscribed: self._on_subscribed,
            wire.Ok: self._on_ok,
            wire.Unsubscribed: self._on_unsubscribed,
            wire.Error: self._on_error,
        }

    @property
    def outbox(self) -> list[Command]:
        """Commands to send, in order."""
        return self._subscriptions.outbox

    @property
    def subscribed(self) -> bool:
        """The books are subscribed; their snapshots may still be on their way."""
        return BOOK in self._by_channel

    @property
    def sequence(self) -> int | None:
        """Number of the newest frame of the books' subscription."""
        book = self._by_channel.get(BOOK)
        return book.next_seq - 1 if book and book.next_seq else None

    def watch(self, tickers: Iterable[str]) -> None:
        """Watch (more) markets."""
        self._subscriptions.watch(tickers)

    # Frames

    def receive(self, text: str | bytes) -> None:
        """Take one text frame. Raises TransientError where only a new connection helps.

        What follows is the usual change of a book, in as few steps as Python can: in no table unknown, next in
        sequence, of a sane time. Everything else goes the general way.
        """
        try:
            frame = decode_frame(text)
        except UNREADABLE as error:
            self._on_unreadable(text, error)
            return
        if type(frame) is not Delta:
            self._on_other(frame)
            return
        self._deltas += 1
        msg = frame.msg
        try:
            subscription = self._by_sid[frame.sid]
            market = self._markets[msg.market_ticker]
            price = PRICES[msg.price_dollars]
            change = CHANGES[msg.delta_fp]
        except KeyError:
            self._on_unusual_delta(frame, text)
            return
        at_ms = msg.ts_ms
        if frame.seq != subscription.next_seq or not 0 < at_ms <= self._ceiling_ms:
            self._on_unusual_delta(frame, text)
            return
        subscription.next_seq = frame.seq + 1
        if at_ms > subscription.newest_ms:
            subscription.newest_ms = at_ms
        market.change(msg.side == "yes", price, change, at_ms)

    def _on_other(self, frame: wire.KnownFrame) -> None:
        self.frames[wire.FRAME_TYPES[type(frame)]] += 1
        self._handlers[type(frame)](frame)

    def _on_unusual_delta(self, frame: Delta, text: str | bytes) -> None:
        subscription = self._in_sequence(frame)
        market = self._markets.get(frame.msg.market_ticker)
        if subscription is None or market is None:
            return
        try:
            at_ms = self._believed_ms(frame.msg.ts_ms or millis_from_rfc3339(wire.time_of_change(text)))
            is_bid, price, change = parse.change(frame.msg)
        except ValueError as error:
            self._on_malformed(subscription, frame.msg.market_ticker, error)
            return
        subscription.newest_ms = max(subscription.newest_ms, at_ms)
        market.change(is_bid, price, change, at_ms)

    def _on_snapshot(self, frame: wire.Snapshot) -> None:
        subscription = self._in_sequence(frame)
        market = self._markets.get(frame.msg.market_ticker)
        if subscription is None or market is None:
            return
        try:
            bids = parse.sizes_by_price(frame.msg.yes_dollars_fp, parse.bid_price)
            asks = parse.sizes_by_price(frame.msg.no_dollars_fp, parse.ask_price)
            at_ms = self._sent_ms(frame)
        except ValueError as error:
            self._on_malformed(subscription, frame.msg.market_ticker, error)
            return
        market.snapshot(bids, asks, at_ms)
        self._subscriptions.asked_s.pop(frame.msg.market_ticker, None)
        self._on_answer(subscription, frame)

    def _on_trade(self, frame: wire.TradeFrame) -> None:
        subscription = self._in_sequence(frame)
        market = self._markets.get(frame.msg.market_ticker)
        if subscription is None or market is None:
            return
        try:
            trade = parse.trade(frame.msg)
            subscription.newest_ms = max(subscription.newest_ms, self._believed_ms(trade.at_ms))
        except ValueError as error:
            self._on_malformed(subscription, frame.msg.market_ticker, error)
            return
        market.trade(trade)

    def _on_ticker(self, frame: wire.Ticker) -> None:
        if self._best_prices is None or frame.sid not in self._by_sid or frame.msg.market_ticker not in self._tickers:
            return
        try:
            self._best_prices.take(frame.msg)
        except ValueError as error:
            self._on_malformed(self._by_sid[frame.sid], frame.msg.market_ticker, error)

    def _on_lifecycle(self, frame: wire.Lifecycle) -> None:
        self._in_sequence(frame)
        msg = frame.msg
        market = self._markets.get(msg.market_ticker)
        if market is None:
            return
        log.info("lifecycle", extra={"market": str(market.market), "event": msg.event_type, "result": msg.result})
        if msg.event_type == "deactivated":
            market.pause(self._sent_ms(frame))
        if msg.event_type == "close_date_updated" and msg.close_ts is not None:
            market.reschedule(msg.close_ts * 1000)
        self._refresh([msg.market_ticker])

    def _on_subscribed(self, frame: wire.Subscribed) -> None:
        opened = self._subscriptions.opened(frame, heard_ms=self._clock.now_ms())
        if opened is not None and opened.channel == LIFECYCLE:
            self._refresh(self._tickers)

    def _on_ok(self, frame: wire.Ok) -> None:
        self._subscriptions.additions.pop(frame.id, None)
        subscription = self._in_sequence(frame)
        if subscription is not None:
            self._on_answer(subscription, frame)

    def _on_unsubscribed(self, frame: wire.Unsubscribed) -> None:
        """Only subscriptions that were given up are unsubscribed; nobody waits for this."""

    def _on_answer(self, subscription: Subscription, frame: wire.Frame) -> None:
        question = subscription.question
        if question is not None and question.id == frame.id:
            subscription.question = None
            subscription.newest_ms = max(subscription.newest_ms, question.sent_ms)

    def _on_error(self, frame: wire.Error) -> None:
        code, text = frame.msg.code, frame.msg.msg
        log.warning("Kalshi reports an error", extra={"code": code, "text": text, "sid": frame.sid})
        request = self._subscriptions.requests.pop(frame.id, None)
        if request is not None:
            if request.channel != TICKER:
                raise TransientError(f"Kalshi refused the subscription to {request.channel} (error {code}: {text}).")
            return
        if self._subscriptions.additions.pop(frame.id, TICKER) != TICKER:
            raise TransientError(
                f"Kalshi refused to add markets to a subscription (error {code}: {text}), which would go on in "
                "sequence without them. If this lasts, raise kalshi.connections."
            )
        if code in _TERMINAL and frame.sid in self._by_sid:
            self._resubscribe(self._by_sid[frame.sid], True)
            return
        if frame.seq:
            self._in_sequence(frame)
        refused = self._questions.refused(frame.id)
        if refused is not None and code == _UNKNOWN_SID:
            self._resubscribe(refused, True)

    def _on_unreadable(self, text: str | bytes, error: Exception) -> None:
        """A blank line, a type unknown to us, or a frame that is not what its type says."""
        if not text.strip():
            return
        frame = wire.what_can_be_read(text)
        subscription = self._in_sequence(frame) if frame.seq else self._by_sid.get(frame.sid)
        if frame.type and frame.type not in wire.FRAME_TYPES.values():
            self.frames["unknown"] += 1
        elif subscription is not None:
            self._on_malformed(subscription, frame.msg.market_ticker if frame.msg else "", error)
        else:
            self.frames["malformed"] += 1
            log.error("Kalshi sent a frame that cannot be read; if it mattered, its sequence shows a hole.",
                      extra={"error": str(error)})  # fmt: skip

    def _on_malformed(self, subscription: Subscription, ticker: str, error: Exception) -> None:
        """Isolate what the frame was about: one market if it says which, else the subscription."""
        self.frames["malformed"] += 1
        log.error(
            "Kalshi sent a malformed frame: the market is unproven until its next snapshot.",
            extra={"market": ticker or "unknown", "channel": subscription.channel, "error": str(error)},
        )
        if subscription.channel == TICKER:
            return
        if ticker not in self._tickers:
            self._lose(subscription, GapReason.MALFORMED)
        else:
            self._markets[ticker].lose(self._proven_ms(), GapReason.MALFORMED)

    def _believed_ms(self, at_ms: int) -> int:
        """The time itself, unless it lies ahead of any clock (then ValueError)."""
        if at_ms > self._ceiling_ms:
            self._ceiling_ms = self._venue_time.latest(self._clock.now_ms()) + _AHEAD_MS
            if at_ms > self._ceiling_ms:
                raise ValueError(f"time {at_ms} is in the future")
        return at_ms

    def _sent_ms(self, frame: wire.Frame) -> int:
        """When the venue sent it: its own word, else the latest that it can have been."""
        if frame.sending_ts_ms is not None:
            return self._believed_ms(frame.sending_ts_ms)
        return self._venue_time.latest(self._clock.now_ms())

    # Sequence

    def _in_sequence(self, frame: wire.Frame | Delta | wire.AnyFrame) -> Subscription | None:
        """Count a frame in; None for one that is old, repeated, or of no subscription of ours.

        Books are always numbered. Older builds do not number trades and lifecycle events: those are taken as they come.
        After a hole the frame itself still counts: what it changes is ignored until the snapshots come.
        """
        subscription = self._by_sid.get(frame.sid)
        if subscription is None or (not frame.seq and subscription.channel != BOOK):
            return subscription
        expected = frame.seq if subscription.next_seq is None else subscription.next_seq
        if frame.seq < expected:
            self.frames["repeated"] += 1
            return None
        subscription.next_seq = frame.seq + 1
        if frame.seq > expected:
            log.warning(
                "frames missed",
                extra={"channel": subscription.channel, "sid": frame.sid, "expected": expected, "got": frame.seq},
            )
            self._lose(subscription, GapReason.SEQUENCE)
        return subscription

    def _proven_ms(self) -> int:
        """Everything before this has been heard, of books and of trades."""
        book, trade = self._by_channel.get(BOOK), self._by_channel.get(TRADE)
        if book is None or trade is None:
            return 0
        return min(book.proven_ms, trade.proven_ms, self._venue_time.latest(self._clock.now_ms()))

    def _lose(self, subscription: Subscription, reason: GapReason) -> None:
        if subscription.channel == LIFECYCLE:
            self._refresh(self._tickers)
        elif subscription.channel != TICKER:
            self._lose_all(reason)

    def _lose_all(self, reason: GapReason) -> None:
        proven_ms = self._proven_ms()
        for ticker in self._tickers:
            self._markets[ticker].lose(proven_ms, reason)

    def _resubscribe(self, subscription: Subscription, dead: bool) -> None:
        log.warning("subscribing anew", extra={"channel": subscription.channel, "sid": subscription.sid})
        self._lose(subscription, GapReason.SUBSCRIPTION)
        self._subscriptions.renew(subscription, dead=dead)

    def end(self, reason: str) -> None:
        """Have the connection given up at the next tick."""
        self._ending = reason

    def close(self) -> None:
        """The connection is gone: all its markets are unproven from here."""
        self._lose_all(GapReason.DISCONNECTED)

    def proven_ms(self, ticker: str) -> int:
        """How far the stream of this market is complete; 0 if this connection does not prove it."""
        return self._proven_ms() if ticker in self._tickers and self._markets[ticker].proves else 0

    # Time

    def tick(self) -> None:
        """Move watermarks, ask for snapshots and signs of completeness, chase answers. Raises TransientError."""
        if self._ending is not None:
            raise TransientError(self._ending)
        now, wall = self._clock.now_ms(), self._wall_s()
        self.frames["orderbook_delta"] += self._deltas
        self._deltas = 0
        self._questions.chase(wall)
        self._questions.ask(self._advance(now, wall), now, wall)

    def _advance(self, now: int, wall: float) -> list[str]:
        """Move the watermarks; returns the tickers whose books are awaited, as far as it was time to look."""
        proven_ms = self._proven_ms()
        step = proven_ms >= self._advanced_ms + _STEP_MS
        if not step and wall < self._look_from_s:
            return []
        self._look_from_s = wall + _LOOK_EVERY_S
        if step:
            self._advanced_ms = proven_ms
            if self._best_prices is not None:
                self._best_prices.compare(self._markets, proven_ms)
        waiting = []
        for ticker in self._tickers:
            market = self._markets[ticker]
            if step:
                market.advance(proven_ms)
            crossed_since = market.crossed_since()
            if crossed_since is not None and now - crossed_since > _CROSSED_MS:
                market.lose(proven_ms, GapReason.CROSSED)
            if market.wants_snapshot:
                waiting.append(ticker)
        return waiting
